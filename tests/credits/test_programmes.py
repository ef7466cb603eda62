"""The life of a programme, rules that are rehearsed before they change, weeks that are written."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from django.urls import reverse

from credits import (
    exemptions,
    ledger,
    programmes,
    rebuilding,
    rule_book,
    rule_changes,
    verification,
    weeks,
)
from credits.ledger import ProgrammeClosed, Source
from credits.models import LedgerEntry, Programme, RuleVersion, Standing, UnitWeek
from portal import members
from portal.models import AuditEvent, Job
from portal.refusals import Conflict
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import PERIODS, branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
State = Programme.State
END = date(2021, 12, 31)


@pytest.fixture
def change(city):
    def make(programme, new, *, since=TODAY, shown=None, at=NOW, authority="依据", reason="理由"):
        return rule_changes.change_rules(
            programme, new, since=since, authority=authority, reason=reason,
            shown=shown or rule_changes.rehearse(programme, new).shown, by=city.by, at=at,
        )  # fmt: skip

    return make


# --- Its life -------------------------------------------------------------------------------------


def test_opening_puts_everybody_in_scope_on_the_roll(city, programme):
    assert Standing.objects.filter(programme=programme, on_roll=True).count() == 8
    assert branch_row(programme, city.jia).due == 2


def test_it_runs_closes_its_study_then_its_books_and_is_archived(city, programme):
    by = city.by
    programme = programmes.close_study(programme, by=by, at=moment(END, 18))
    assert (programme.state, programme.books_close_on) == (State.CLOSING, END + timedelta(days=14))

    with pytest.raises(programmes.NotNow, match="2022-01-14"):
        programmes.close_books(programme, by=by, at=moment(date(2022, 1, 13)))
    programme = programmes.close_books(programme, by=by, at=moment(date(2022, 1, 14)))
    programme = programmes.archive(programme, reason="满期", by=by, at=moment(date(2022, 2, 1)))

    assert programme.state == State.ARCHIVED
    said = AuditEvent.objects.filter(event=AuditEvent.Event.PROGRAMME).order_by("pk")
    assert [s.subject.split("：")[-1] for s in said][-3:] == ["学习结束，进入收尾", "封账", "满期"]


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        (State.RUNNING, programmes.open_),
        (State.RUNNING, programmes.close_books),
        (State.RUNNING, partial(programmes.archive, reason="满期")),
        (State.CLOSED, programmes.close_study),
        (State.ARCHIVED, programmes.close_books),
        (State.DRAFT, programmes.close_study),
    ],
)
def test_no_step_is_skipped_or_taken_twice(city, programme, state, verb):
    Programme.objects.filter(pk=programme.pk).update(state=state, books_close_on=TODAY)

    with pytest.raises(programmes.NotNow, match="不能这样办理"):
        verb(programme, by=city.by, at=NOW)


@pytest.fixture
def closed(city, programme, complete, lin):
    complete(programme, lin)
    closing = programmes.close_study(programme, by=city.by, at=NOW)
    return programmes.close_books(closing, by=city.by, at=NOW + timedelta(days=14))


def test_a_closed_programme_takes_no_posting_no_exemption_and_no_rules(city, closed, post, lin,
                                                                       change):  # fmt: skip

    with pytest.raises(ProgrammeClosed, match="不能记学时"):
        post(closed, earn(lin, 45, day=TODAY))
    with pytest.raises(exemptions.BadExemption):
        exemptions.ask(closed, lin, target=None, since=TODAY, until=None, reason="病",
                           by=city.by, at=NOW)  # fmt: skip
    with pytest.raises(programmes.NotNow):
        change(closed, rules_json(target=2000))


def test_a_draft_takes_no_posting(city, programme, post, lin):
    Programme.objects.filter(pk=programme.pk).update(state=State.DRAFT)

    with pytest.raises(ProgrammeClosed):
        post(programme, earn(lin, 45))


def test_figures_of_a_closed_programme_stay_while_people_move(city, closed, lin):
    before = list(Standing.objects.order_by("pk").values())

    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)
    members.leave(city.people["wu"], on=TODAY, by=city.by, at=NOW)

    assert list(Standing.objects.order_by("pk").values()) == before
    assert verification.verify(at=NOW).problems == []


def test_reopening_needs_a_reason_and_catches_up_with_the_roll(city, closed, lin, post):
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)
    members.leave(city.people["wu"], on=TODAY, by=city.by, at=NOW)
    with pytest.raises(programmes.NotNow, match="理由"):
        programmes.reopen(closed, reason=" ", by=city.by, at=NOW)

    programme = programmes.reopen(closed, reason="补记一张签到表", by=city.by, at=NOW)

    assert programme.state == State.CLOSING
    assert standing_of(programme, lin).branch == city.bing
    assert not standing_of(programme, city.people["wu"]).on_roll
    assert verification.verify(at=NOW).problems == []
    post(programme, earn(lin, 45, day=TODAY))


def test_mistake_17_while_closing_a_reversal_and_its_replacement_are_possible_at_todays_date(
    city, programme, post, lin
):
    """Long after the back-dating limit, the published number stays (see the bulletins' tests)."""
    post(programme, earn(lin, 90, day=days_ago(20)), key="old")
    after = moment(date(2022, 1, 5))
    programme = programmes.close_study(programme, by=city.by, at=moment(END))

    posted = ledger.correct(
        programme, Source("session", "old", "旧"), revision=2, organiser=city.jia, withdraw=[lin],
        credits=[earn(lin, 45, day=days_ago(20))], reason="早退", by=city.by, at=after,
    )  # fmt: skip

    assert not posted.refused
    assert posted.posting.at == after
    assert [line.hours for line in posted.lines] == [-200, 100]
    assert {line.day for line in posted.lines} == {days_ago(20)}


# --- Rules ----------------------------------------------------------------------------------------


def test_mistake_18_a_change_is_rehearsed_by_number_and_refused_with_other_numbers(
    city, programme, complete, post, change, lin, zhou, wu
):
    complete(programme, lin)
    for number, period in enumerate(PERIODS, 1):  # 周明远 has 16 hours, four in each period
        post(programme, earn(zhou, 180, day=days_ago(number), period=period, hour=14))
    easier, harder = rules_json(target=1600), rules_json(target=2800)

    assert rule_changes.rehearse(programme, easier).shown == (1, 0)
    assert rule_changes.rehearse(programme, harder).shown == (0, 1)
    assert rule_changes.rehearse(programme, harder).lose == (lin.pk,)
    assert RuleVersion.objects.count() == 1
    with pytest.raises(Conflict, match="新增学满 1 人、不再学满 0 人"):
        change(programme, easier, shown=(0, 0))
    assert RuleVersion.objects.count() == 1

    change(programme, easier, shown=(1, 0))
    for branch in (city.jia, city.yi, city.bing):
        rule_changes.bring_up(programme, branch.pk, at=NOW)

    assert standing_of(programme, zhou).shortfall == 0
    assert branch_row(programme, city.jia).completed == 2
    assert verification.verify(at=NOW).problems == []


def test_mistake_18_the_page_shows_the_numbers_before_it_applies(
    programme, complete, enter, evening, lin
):
    complete(programme, lin)
    browser, address = enter("shi"), reverse("programme-rules")
    fields = browser.get(address).context["form"]
    wanted = {field.name: field.value() for field in fields if field.value() is not None}
    wanted |= {"target": "28", "authority": "市委文件", "reason": "提高要求"}

    straight = browser.post(address, wanted | {"apply": "1"})
    rehearsed = browser.post(address, wanted)

    assert straight.status_code == 422
    assert RuleVersion.objects.count() == 1
    assert rehearsed.context["rehearsal"].shown == (0, 1)
    assert browser.post(address, wanted | {"apply": "1", "shown": "0/1"}).status_code == 302
    assert RuleVersion.objects.count() == 2
    assert RuleVersion.objects.latest("number").rules == rules_json(target=2800)


def test_rules_in_fields_say_what_is_wrong_beside_the_field(programme, enter, evening):
    browser, address = enter("shi"), reverse("programme-rules")
    answer = browser.post(address, {"target": "很多", "cap_self": "-1"})

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) >= {"target", "cap_self", "authority", "reason"}
    assert "aria-invalid" in answer.content.decode()


def test_a_change_needs_authority_and_reason(programme, change):
    for lacking in ({"authority": " "}, {"reason": ""}):
        with pytest.raises(rule_changes.RulesRefused, match="依据和理由"):
            change(programme, rules_json(target=2000), **lacking)


def test_rules_that_contradict_themselves_are_refused_when_rehearsed(programme):
    with pytest.raises(rule_changes.RulesRefused, match="整数倍"):
        rule_changes.rehearse(programme, rules_json(target=2401))


def test_a_later_version_waits_for_its_day_and_is_recomputed_in_the_background(
    city, programme, change, monkeypatch
):
    change(programme, rules_json(target=2000), since=TODAY + timedelta(days=3))
    assert rule_book.of(programme).current.number == 1

    programmes.turn_the_day(at=moment(TODAY + timedelta(days=2)))
    assert rule_book.of(programme).current.number == 1
    programmes.turn_the_day(at=moment(TODAY + timedelta(days=3), 1))

    assert rule_book.of(programme).current.number == 2
    assert Job.objects.filter(work="credits.rule_changes.recompute").count() == 1


def test_conversion_is_frozen_in_the_entry_by_the_version_of_its_day(city, programme, post, change,
                                                                      lin):  # fmt: skip
    post(programme, earn(lin, 90, day=days_ago(1)))
    change(programme, rules_json(minutes_per_hour=60))
    post(programme, earn(lin, 90, day=TODAY), at=moment(TODAY, 21))
    post(programme, earn(lin, 90, day=days_ago(2)), at=moment(TODAY, 21))

    hours = dict(LedgerEntry.objects.values_list("day", "hours"))
    assert hours == {days_ago(2): 200, days_ago(1): 200, TODAY: 150}


def test_whoever_writes_first_brings_a_stale_standing_up(city, programme, post, change, lin, zhou):
    """It makes no difference whether the recomputation or a posting comes by earlier."""
    for number, period in enumerate(PERIODS, 1):
        given = [earn(m, 180, day=days_ago(number), period=period) for m in (lin, zhou)]
        post(programme, *given)
    change(programme, rules_json(target=1600), at=moment(TODAY, 21))

    post(programme, earn(lin, 45, day=TODAY), at=moment(TODAY, 22))
    for branch in (city.jia, city.yi, city.bing):
        rule_changes.bring_up(programme, branch.pk, at=moment(TODAY, 23))

    assert standing_of(programme, lin).completed_at == moment(TODAY, 21)
    assert standing_of(programme, zhou).completed_at == moment(TODAY, 21)
    assert rebuilding.rebuild(programme) == 0
    assert verification.verify(at=NOW).problems == []


def test_joiners_come_on_the_roll_by_the_rule(city, found_programme):
    programme = found_programme(joiners="months")

    late = city.enrol(city.jia, day=date(2021, 8, 20), at=moment(date(2021, 8, 21)))

    assert standing_of(programme, late).target == 1200
    assert branch_row(programme, city.jia).due == 3


# --- Weeks ----------------------------------------------------------------------------------------


def test_a_week_is_written_once_with_the_figures_of_its_end(city, programme, complete, lin):
    complete(programme, lin)
    monday = moment(date(2021, 6, 7), 1)

    assert weeks.close_week(programme, at=monday) == 2  # units of the city
    assert weeks.close_week(programme, at=monday + timedelta(days=2)) == 0

    row = UnitWeek.objects.get(unit=city.county)
    assert (row.week, row.due, row.completed, row.hours) == (date(2021, 5, 31), 4, 1, 2400)


def test_missed_weeks_are_caught_up(city, programme):
    weeks.close_week(programme, at=moment(date(2021, 6, 7), 1))

    assert weeks.close_week(programme, at=moment(date(2021, 6, 29))) == 3 * 2

    found = UnitWeek.objects.filter(unit=city.county).values_list("week", flat=True)
    assert sorted(found) == [date(2021, 5, 31) + timedelta(days=7 * n) for n in range(4)]


def test_no_week_before_the_programme_is_written(programme):
    assert weeks.close_week(programme, at=moment(date(2021, 3, 3))) == 0
