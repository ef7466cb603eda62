"""Certificates of a closing: every branch, drawn up once, superseded, never changed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from credits import (
    claim_decisions,
    claims,
    closings,
    exemptions,
    programmes,
    registers,
    rule_changes,
    verification,
)
from credits.claims import Stated
from credits.models import BranchClosing, Programme, Standing
from credits.stages import NotNow
from portal import members
from portal.audit import Actor
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import PERIODS, branch_row, earn
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both]
END = moment(date(2021, 12, 31), 18)
LATER = moment(date(2022, 1, 14))


@pytest.fixture
def close(city):
    def act(programme, at=LATER):
        programme.refresh_from_db()
        if programme.state == Programme.State.RUNNING:
            programmes.close_study(programme, by=city.by, at=END)
        return programmes.close_books(programme, by=city.by, at=at)

    return act


def exempt(programme, member, city, **values):
    asked = exemptions.ask(
        programme, member, since=TODAY, until=None, reason="长期病假",
        by=city.actor("zhou"), at=NOW, **{"target": None} | values,
    )  # fmt: skip
    return exemptions.decide(asked, approve=True, answer="", by=city.actor("gao"), at=NOW)


def state_all(programme, member, city):
    """Six hours in each period, from a paper register."""
    lines = [Stated(member, "opening", "seminar", p, days_ago(5), 600, "登记簿") for p in PERIODS]
    batch = claims.hand_in(
        programme, member.branch, lines, key="paper", by=city.actor("zhou"), at=LATER
    )
    claim_decisions.approve(list(batch.claims.all()), by=city.actor("gao"), at=LATER)


def lines_of(closing):
    return {line["name"]: line for line in closing.lines}


def test_closing_the_books_certifies_each_branch_with_who_is_short_and_why(
    city, programme, complete, post, close, lin, zhou
):
    complete(programme, lin)
    for number, period in enumerate(PERIODS[:3], 1):  # 24 hours, nothing of the fourth period
        post(programme, earn(zhou, 360, day=days_ago(number), period=period, hour=14))
    exempt(programme, city.people["wu"], city)
    exempt(programme, city.people["zheng"], city, target=1200)

    close(programme)

    jia = BranchClosing.objects.get(branch=city.jia)
    assert (jia.number, jia.branch_name, jia.unit_name, jia.turn, jia.rules) == (
        "dsxx-2021-YL-QC-1-1", "青川县甲支部", "青川县", 1, 1
    )  # fmt: skip
    assert (jia.due, jia.exempt, jia.completed, jia.short) == (2, 0, 1, 1)
    assert jia.hours == branch_row(programme, city.jia).hours
    assert lines_of(jia)["林小满"] == {
        "key": lin.key, "number": lin.number, "name": "林小满", "target": 2400, "hours": 2400,
        "shortfall": 0, "exempt": False, "completed_on": "2021-05-30", "why": "",
    }  # fmt: skip
    assert lines_of(jia)["周明远"]["why"] == "差 4 学时（历史时期最低学时）"
    yi = lines_of(BranchClosing.objects.get(branch=city.yi))
    assert yi["吴远舟"]["why"] == "免学：长期病假"
    assert yi["郑书棋"]["why"] == "应学减为 12：长期病假；差 12 学时"
    assert BranchClosing.objects.count() == 3
    assert verification.verify(at=LATER).problems == []


def test_mistake_22_the_certificate_agrees_with_standings_and_branch_rows(
    city, programme, complete, close, lin
):
    complete(programme, lin)
    programme = close(programme)

    for closing in BranchClosing.objects.select_related("branch"):
        row = branch_row(programme, closing.branch)
        assert (closing.due, closing.exempt, closing.completed, closing.hours) == (
            row.due, row.exempt, row.completed, row.hours
        )  # fmt: skip
        own = Standing.objects.of_branch(programme, closing.branch)
        assert {line["name"]: line["shortfall"] for line in closing.lines} == {
            s.member.name: s.shortfall for s in own
        }


def test_mistake_28_a_certificate_stays_while_people_and_branches_change(
    city, programme, complete, close, lin
):
    complete(programme, lin)
    close(programme)
    before = list(BranchClosing.objects.values())

    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=LATER)
    city.jia.name, city.jia.short_name = "改名支部", "改名支部"
    city.jia.save()

    assert list(BranchClosing.objects.values()) == before
    assert verification.verify(at=LATER).problems == []


def test_books_opened_again_are_certified_by_a_later_number_and_the_first_stays(
    city, programme, close, lin
):
    programme = close(programme)
    first = BranchClosing.objects.get(branch=city.jia)
    kept = registers.form(first)
    assert closings.stands(first, programme)
    programme = programmes.reopen(programme, reason="补一张表", by=city.by, at=LATER)
    assert not closings.stands(first, programme)
    state_all(programme, lin, city)

    programme = close(programme, at=LATER + timedelta(days=14))

    second = BranchClosing.objects.get(branch=city.jia, turn=2)
    assert (second.number, second.replaces, second.completed) == (
        "dsxx-2021-YL-QC-1-2", first, 1
    )  # fmt: skip
    first = BranchClosing.objects.get(pk=first.pk)
    assert registers.form(first) == kept
    assert (closings.stands(first, programme), closings.stands(second, programme)) == (False, True)
    assert verification.verify(at=LATER).problems == []


def test_nothing_is_certified_where_closing_is_refused(city, programme):
    programmes.close_study(programme, by=city.by, at=END)

    with pytest.raises(NotNow, match="2022-01-14"):
        programmes.close_books(programme, by=city.by, at=END)

    assert not BranchClosing.objects.exists()


def test_books_wait_for_a_change_of_rules_to_be_carried_over(city, programme, close):
    new = rules_json(target=2800)
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="依据", reason="理由", shown=(0, 0), by=city.by,
        at=NOW,
    )  # fmt: skip
    with pytest.raises(NotNow, match="8 人没有按新规则"):
        close(programme)
    for branch in (city.jia, city.yi, city.bing):
        rule_changes.bring_up(programme, branch.pk, at=NOW)

    close(programme)

    assert set(BranchClosing.objects.values_list("rules", flat=True)) == {2}


def test_a_branch_of_nobody_is_not_certified(city, programme, close):
    for name in ("wu", "zheng"):
        members.leave(city.people[name], on=TODAY, by=city.by, at=NOW)

    close(programme)

    assert not BranchClosing.objects.filter(branch=city.yi).exists()
    assert verification.verify(at=LATER).problems == []


@pytest.mark.parametrize("what", ["update", "delete"])
def test_the_database_refuses_to_change_a_certificate(city, programme, close, what):
    close(programme)
    rows = BranchClosing.objects.filter(branch=city.jia)

    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        rows.update(completed=2) if what == "update" else rows._raw_delete("default")


@pytest.mark.parametrize("column", ["lines = '[]'", "completed = 1", "branch_name = '别的'"])
def test_verification_names_a_certificate_that_was_changed_behind_the_guards(
    city, programme, close, column
):
    close(programme)
    behind_the_guards(f"UPDATE credits_branchclosing SET {column} WHERE branch_id = {city.jia.pk}")

    found = [p.message for p in verification.verify(at=LATER).problems]

    assert any("结业情况证明" in message and "校验值" in message for message in found)


def test_verification_misses_a_certificate_that_was_removed(city, programme, close):
    close(programme)
    behind_the_guards(f"DELETE FROM credits_branchclosing WHERE branch_id = {city.jia.pk}")

    found = [p.message for p in verification.verify(at=LATER).problems]

    assert any(message.startswith("结业情况证明为 None") for message in found)


def test_who_closes_the_books_stands_on_the_certificate(city, programme, close):
    by = Actor(city.people["shi"], "official")
    programmes.close_study(programme, by=by, at=END)
    programmes.close_books(programme, by=by, at=LATER)

    assert set(BranchClosing.objects.values_list("closed_by", flat=True)) == {by.member.pk}
