"""manage.py read_sheet: the specimens come out as written, and nothing is written."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal import members, organizations
from portal.audit import Actor
from portal.members import Enrolment
from portal.models import AuditEvent, Organization
from portal.organizations import Founding
from tests.cast import BEFORE, NOW
from tests.courses.sheet_reading.world import CASES, SPECIMENS

ATTENDANCE = [case for case in CASES["cases"] if case["kind"] == "attendance"]
KINDS = {
    "city": Organization.Kind.CITY,
    "county": Organization.Kind.COUNTY,
    "work": Organization.Kind.WORK,
    "grass-roots": Organization.Kind.COMMITTEE,
    "general": Organization.Kind.GENERAL,
    "branch": Organization.Kind.BRANCH,
}
COMMAND = Actor(None, "import")  # type: ignore[arg-type] # the very first act has nobody


@pytest.fixture
def world(db):
    """The invented town of the specimens, entered when the portal was new: after the sheets."""
    codes, first = {}, date(2022, 1, 4)
    for at, row in enumerate(CASES["world"]["organisations"]):
        kind = KINDS[row["kind"].split()[0]]
        parent = Organization.objects.filter(name=row["parent"]).first()
        founding = Founding(f"YC{at:02d}", row["name"], kind, parent, first)
        organizations.found(founding, by=COMMAND, at=BEFORE)
        codes[row["name"]] = f"YC{at:02d}"
    branches = {o.name: o for o in Organization.objects.all()}
    at = NOW.replace(year=2022)
    enrolments = [
        Enrolment(
            number=row["number"],
            name=row["name"],
            branch=branches[row["branch"]],
            day=first,
            group=row["group"] or "",
            status=row["kind"],
            phone=row["phone"],
            joined_on=date.fromisoformat(row["joined_on"]),
        )
        for row in CASES["world"]["members"]
    ]
    members.enrol_many(enrolments, by=COMMAND, at=at, audited=False)
    return codes


def run(*arguments):
    out = StringIO()
    call_command("read_sheet", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("case", ATTENDANCE, ids=lambda case: case["id"])
def test_specimens_come_out_of_the_command_as_a_careful_person_reads_them(world, case):
    expect = case["expect"]

    out = run(
        str(SPECIMENS / case["file"]),
        *("--branch", world[case["branch"]], "--json", "--at", "2021-12-31"),
    )

    found = json.loads(out)
    assert found["outcome"] == {"read_and_warn": "read"}.get(expect["outcome"], expect["outcome"])
    assert found["questions"] == []
    assert len(found["sessions"]) == len(expect["sessions"])
    for session, wanted in zip(found["sessions"], expect["sessions"], strict=True):
        facts = {key: wanted[key] for key in wanted if key not in ("rows", "evidence")}
        assert {key: session[key] for key in facts} == facts
        rows = [{k: v for k, v in want.items() if k != "cells"} for want in wanted["rows"]]
        got = [
            {key: row[key] for key in want} for row, want in zip(session["rows"], rows, strict=True)
        ]
        assert got == rows


def test_the_command_writes_nothing_not_even_an_audit_row(world, django_assert_max_num_queries):
    before = AuditEvent.objects.count()

    with django_assert_max_num_queries(8) as queries:
        run(str(SPECIMENS / ATTENDANCE[0]["file"]), "--branch", world[ATTENDANCE[0]["branch"]])

    assert all(q["sql"].upper().startswith("SELECT") for q in queries.captured_queries)
    assert AuditEvent.objects.count() == before


def test_without_json_the_reading_is_told_in_chinese(world):
    case = ATTENDANCE[0]

    text = run(str(SPECIMENS / case["file"]), "--branch", world[case["branch"]])

    assert "读出 1 次活动，共 24 条考勤。" in text
    assert "第 4 行 佟砚秋（00110001）出席" in text


def test_a_file_that_is_no_spreadsheet_is_refused_with_the_reason(world, tmp_path):
    (tmp_path / "表.xlsx").write_bytes(b"%PDF-1.4 not a sheet")

    out = run(str(tmp_path / "表.xlsx"), "--branch", "YC02", "--json")

    assert json.loads(out)["outcome"] == "refuse"
    assert "PDF" in json.loads(out)["message"]


KEYS = {"outcome", "message", "sessions", "questions", "warnings"}
SESSION = {"sheet", "title", "date", "start", "end", "place", "host", "rows"}
ROW = {"row", "name", "member", "status", "leave", "remark"}
QUESTION = {"row", "column", "value", "about", "candidates"}


def test_the_json_has_the_stated_keys_and_nothing_else_is_printed(world, tmp_path, capfd):
    file = tmp_path / "签到.csv"
    lines = ["签到表", "6月2日", "姓名,签到", "方砚雪,√", "鲍棠溪,√", "顾停云,☆"]
    file.write_bytes("\n".join(lines).encode("gb18030"))
    school = world["云川市第三中学第一党支部"]

    call_command("read_sheet", str(file), "--branch", school, "--json")

    printed, complaints = capfd.readouterr()
    found = json.loads(printed)
    assert (complaints, set(found), found["outcome"]) == ("", KEYS, "ask")
    [session] = found["sessions"]
    assert set(session) >= SESSION
    assert all(set(row) >= ROW for row in session["rows"])
    assert [row["row"] for row in session["rows"]] == [4, 5, 6]
    assert all(set(question) >= QUESTION for question in found["questions"])
    asked = [(q["row"], q["column"], q["value"], q["about"]) for q in found["questions"]]
    assert asked == [
        (2, "A", "6月2日", "year"),
        (5, "A", "鲍棠溪", "other_branch"),
        (6, "B", "☆", "mark"),
    ]
    assert [c["member"] for c in found["questions"][1]["candidates"]] == ["00110002"]


def test_a_refusal_has_the_same_keys_and_no_sessions(world, tmp_path):
    (tmp_path / "空.xlsx").write_bytes(b"")

    found = json.loads(run(str(tmp_path / "空.xlsx"), "--branch", "YC02", "--json"))

    assert set(found) == KEYS
    assert (found["outcome"], found["sessions"], found["questions"]) == ("refuse", [], [])
    assert "空的" in found["message"]


def test_the_day_of_reading_only_warns(world, tmp_path):
    file = tmp_path / "签到.csv"
    file.write_text("签到表\n2021年6月2日\n姓名,签到\n方砚雪,√\n顾停云,√\n", "utf-8")
    school = world["云川市第三中学第一党支部"]

    early, late = (
        json.loads(run(str(file), "--branch", school, "--json", "--at", day))
        for day in ("2021-06-01", "2021-06-03")
    )

    assert early["sessions"] == late["sessions"]
    assert (early["outcome"], late["warnings"]) == ("read", [])
    assert "晚于" in early["warnings"][0]
    with pytest.raises(CommandError):
        run(str(file), "--branch", school, "--at", "tomorrow")


def test_unknown_branches_and_missing_files_are_named(world, tmp_path):
    with pytest.raises(CommandError, match="没有编码为 NOWHERE"):
        run(str(SPECIMENS / ATTENDANCE[0]["file"]), "--branch", "NOWHERE")
    with pytest.raises(CommandError, match="打不开文件"):
        run(str(tmp_path / "none.xlsx"), "--branch", "YC02")


def test_a_member_list_is_previewed_by_the_same_command_and_writes_nothing(world):
    [case] = [case for case in CASES["cases"] if case["id"] == "B01"]
    before = AuditEvent.objects.count()

    found = json.loads(run(str(SPECIMENS / case["file"]), "--kind", "members", "--json"))
    text = run(str(SPECIMENS / case["file"]), "--kind", "members")

    assert found["outcome"] == case["expect"]["outcome"]
    wanted = case["expect"]["rows"]
    keys = set(wanted[0]) & set(found["rows"][0])
    assert {"row", "name", "number"} <= keys
    assert [{k: r[k] for k in keys} for r in found["rows"]] == [
        {k: r[k] for k in keys} for r in wanted
    ]
    assert found["message"] in text
    assert AuditEvent.objects.count() == before
