"""Sheets of stated hours: the template comes back, everything wrong is said, and written once."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from credits import claim_decisions, claim_sheets, claims_in, verification
from credits.claim_rows import NotReadable
from credits.models import ClaimBatch, HoursClaim
from portal import workbooks
from portal.models import Upload
from portal.people_in import staging
from portal.people_in.staging import Changed, Over
from portal.refusals import Refusal
from tests.cast import NOW
from tests.credits.conftest import standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
HEADING = "党员编号,姓名,来源,学习方式,历史时期,截至日期,学时,依据"


@pytest.fixture
def secretary(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def stage(city, programme, secretary):
    def act(*rows, name="期初.csv", branch=None):
        data = "\n".join([HEADING, *rows]).encode() if name.endswith("csv") else rows[0]
        return claims_in.stage(programme, branch or city.jia, data, name, by=secretary, at=NOW)

    return act


@pytest.fixture
def confirm(secretary):
    def act(upload, *, seen=""):
        seen = seen or claims_in.look(upload, at=NOW).fingerprint
        return claims_in.confirm(upload, seen=seen, by=secretary, at=NOW)

    return act


def row(member, hours="4", **values):
    fields = {"number": member.number, "name": member.name, "kind": "期初学时", "form": "集体研讨",
              "period": "改革开放新时期", "day": "2021-02-20", "hours": hours,
              "proof": "学时登记簿"} | values  # fmt: skip
    return ",".join(fields.values())


def said(upload):
    return [(p.row, p.column, p.message) for p in claims_in.look(upload, at=NOW).problems]


def filled(city, programme, secretary, **lines):
    """The template as it goes out, filled in like in an office; lines: by member's name."""
    data = claim_sheets.template(programme, city.jia, by=secretary, at=NOW).data()
    book = openpyxl.load_workbook(BytesIO(data))
    sheet = book.active
    for cells in sheet.iter_rows():
        if cells[1].value in lines:
            for cell, value in zip(cells[3:], lines[cells[1].value], strict=True):
                cell.value = value
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_mistake_32_the_template_comes_back_with_whole_numbers(
    city, programme, secretary, stage, confirm, lin
):
    line = ("个人自学", "党的十八大以来", "2021-02-20", 1.5, "第 3 页")
    data = filled(city, programme, secretary, 林小满=line)
    assert lin.number.startswith("0")

    upload = stage(data, name="期初.xlsx")
    assert said(upload) == []
    batch = confirm(upload)

    claim = batch.claims.get()  # 周明远's row was not filled in
    assert (claim.member, claim.hours, claim.form) == (lin, 150, "self")
    assert (claim.period, claim.kind, claim.proof) == ("new-era", "opening", "第 3 页")
    assert (batch.file_name, len(batch.digest)) == ("期初.xlsx", 64)


def test_a_template_that_was_not_filled_in_says_so(city, programme, secretary, stage):
    with pytest.raises(NotReadable, match="没有填写学时的行"):
        stage(filled(city, programme, secretary), name="期初.xlsx")
    with pytest.raises(NotReadable, match="没有找到表头"):
        stage("姓名,签到\n林小满,√".encode(), name="签到.CSV")


def test_everything_wrong_is_said_by_row_and_column_and_nothing_is_written(
    city, stage, confirm, lin, zhou, wu
):
    upload = stage(
        row(wu),
        row(lin, number="99999999"),
        row(lin, name="林小曼"),
        row(lin, kind="其他"),
        row(lin, form="下棋"),
        row(lin, period="石器时代"),
        row(lin, day="二月"),
        row(lin, "四个"),
        row(lin, "1.33"),
        row(lin, proof=""),
        row(zhou, "30"),
        row(zhou, "2"),
        row(zhou, number="", name=""),
    )

    found = said(upload)

    assert [(n, column) for n, column, _ in found] == [
        (2, "党员编号"), (3, "党员编号"), (4, "党员编号"), (5, "来源"), (6, "学习方式"),
        (7, "历史时期"), (8, "截至日期"), (9, "学时"), (10, "学时"), (11, "依据"), (13, "学时"),
        (14, "党员编号"),
    ]  # fmt: skip
    assert "没有编号为" in found[0][2]  # of another branch nothing more is said
    assert "吴远舟" not in found[0][2]
    assert "与姓名“林小曼”不符" in found[2][2]
    assert "集体研讨" in found[4][2]
    assert "与第 12 行重复" in found[10][2]
    with pytest.raises(Refusal, match="12 处要改"):
        confirm(upload)
    assert not HoursClaim.objects.exists()


def test_more_hours_than_a_day_has_and_several_lines_a_member_are_fine(stage, confirm, lin):
    batch = confirm(
        stage(row(lin, "30"), row(lin, "2.5学时", period=""), row(lin, form="专家讲课"))
    )

    assert sorted(batch.claims.values_list("hours", flat=True)) == [250, 400, 3000]


def test_mistake_31_namesakes_doubled_rows_and_strangers_are_all_named_in_one_list(
    city, stage, lin, wu
):
    twin = city.enrol(city.jia, "林小满")

    upload = stage(row(lin, number=""), row(wu, number=""), row(lin), row(lin, "6"), row(twin))

    messages = [message for _, _, message in said(upload)]
    assert len(messages) == 3
    assert f"有 2 位党员叫“林小满”（{lin.number}、{twin.number}）" in messages[0]
    assert "没有叫“吴远舟”的党员" in messages[1]
    assert "与第 4 行重复" in messages[2]


def test_a_name_that_only_one_bears_is_enough_and_lost_zeros_are_found(
    programme, city, secretary, stage, confirm, lin, zhou
):
    book = openpyxl.Workbook()
    for values in (HEADING.split(","), row(lin).split(","), row(zhou, number="").split(",")):
        book.active.append(values)
    book.active["A2"] = int(lin.number)
    buffer = BytesIO()
    book.save(buffer)

    batch = confirm(stage(buffer.getvalue(), name="期初.xlsx"))

    assert {c.member for c in batch.claims.all()} == {lin, zhou}


def test_totals_and_notes_below_are_passed_over_and_said(stage, lin):
    upload = stage(row(lin), "合计,,,,,,4,")

    assert said(upload) == []
    assert claims_in.look(upload, at=NOW).warnings == ["第 3 行是“合计”，没有读取。"]


def test_mistake_30_confirming_twice_or_uploading_again_writes_each_row_once(stage, confirm, lin):
    first, second = stage(row(lin)), stage(row(lin))
    confirm(first)

    for _ in range(2):
        with pytest.raises(Over):
            confirm(first)
    with pytest.raises(Changed):
        confirm(second, seen="x")
    assert "已经申报过" in said(second)[0][2]
    with pytest.raises(Refusal):
        confirm(second)
    with pytest.raises(Refusal, match="同一个文件"):
        stage(row(lin))
    assert HoursClaim.objects.count() == 1


def test_what_changed_since_the_preview_is_not_written_unseen(city, stage, confirm, lin, secretary):
    upload = stage(row(lin))
    seen = claims_in.look(upload, at=NOW).fingerprint
    city.enrol(city.jia, "新来人")
    confirm(stage(row(lin), ""), seen="")  # somebody else hands the same line in

    with pytest.raises(Changed):
        confirm(upload, seen=seen)
    assert ClaimBatch.objects.count() == 1


def test_undone_the_same_file_may_come_again_and_every_total_is_as_before(
    city, programme, stage, confirm, lin, zhou, secretary
):
    batch = confirm(stage(row(lin), row(zhou)))
    claims = list(batch.claims.all())
    claim_decisions.approve(claims[:1], by=city.actor("gao", "official"), at=NOW)
    assert standing_of(programme, lin).recognised == 400

    claim_decisions.undo(batch, by=secretary, at=NOW)

    assert standing_of(programme, lin).recognised == 0
    assert confirm(stage(row(lin), row(zhou))).claims.count() == 2
    assert verification.verify(at=NOW).problems == []


def test_a_staged_sheet_holds_no_id_card_number_and_goes_after_a_day(stage, lin):
    upload = stage(row(lin, proof="11010519491231002X"))
    assert "19491231" not in str(upload.table)

    staging.expire(at=NOW + staging.KEPT * 2)

    assert not Upload.objects.exists()


def test_a_sheet_of_too_many_rows_is_refused_whole(stage, lin, monkeypatch):
    monkeypatch.setattr(claims_in, "MOST", 1)
    with pytest.raises(Refusal, match="最多 1 行"):
        stage(row(lin), row(lin, form="专家讲课"))


def test_the_template_reads_as_text_and_says_what_may_be_chosen(city, programme, secretary):
    data = claim_sheets.template(programme, city.jia, by=secretary, at=NOW).data()
    grid = workbooks.read(data, "a.xlsx").sheets[0]

    heading = next(n for n, cells in enumerate(grid.rows) if "党员编号" in cells)
    people = {cells[1]: cells[0] for cells in grid.rows[heading + 1 :]}
    assert people["林小满"] == city.people["lin"].number
    assert set(people) == {"林小满", "周明远"}
    above = "".join(str(v) for cells in grid.rows[:heading] for v in cells)
    assert "个人自学" in above
    assert "党的十八大以来" in above
