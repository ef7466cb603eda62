"""Batches, opening balances, guests, and what a retry of the same act gives."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from credits import ledger, rebuilding, statements, verification
from credits.ledger import AlreadyPosted, Credit, OutOfTurn, Request, Source
from credits.models import (
    CreditedTime,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    ProgrammeScope,
    Standing,
)
from portal import members
from tests.cast import NOW, TODAY, days_ago, moment
from tests.credits.conftest import branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def request(city, key, *credits_, revision=1, **values):
    source = Source(values.pop("kind", "session"), key, f"活动 {key}")
    return Request(source, values.pop("organiser", city.jia), credits_, revision, **values)


def test_a_batch_gives_what_its_acts_give_one_by_one(city, found_programme, lin, zhou, wu):
    acts = [
        (city.jia, [earn(lin), earn(zhou)]),
        (city.yi, [earn(lin, hour=9), earn(wu, hour=9)]),  # 林小满 overlaps
        (city.jia, [earn(lin, 360, day=days_ago(1)), earn(lin, 45, day=days_ago(1), hour=15)]),
    ]
    together, apart = found_programme("together"), found_programme("apart")

    batch = [request(city, f"s{n}", *c, organiser=o) for n, (o, c) in enumerate(acts)]
    first = ledger.post_many(together, batch, by=city.by, at=NOW)
    second = [ledger.post_many(apart, [one], by=city.by, at=NOW)[0] for one in batch]

    def came(posted):
        return [([line.hours for line in p.lines], [r.code for r in p.refused]) for p in posted]

    assert came(first) == came(second) == [([200, 200], []), ([200], ["overlap"]), ([800], ["cap"])]
    figures = ("member", "recognised", "shortfall", "points")
    rows = [list(Standing.objects.filter(programme=p).order_by("member").values_list(*figures))
            for p in (together, apart)]  # fmt: skip
    assert rows[0] == rows[1]
    assert verification.verify(at=NOW).problems == []


def test_a_batch_is_all_or_nothing(city, programme, lin, zhou):
    ledger.post_many(programme, [request(city, "a", earn(lin))], by=city.by, at=NOW)

    with pytest.raises(AlreadyPosted):
        ledger.post_many(
            programme,
            [request(city, "b", earn(zhou)), request(city, "a", earn(zhou))],
            by=city.by,
            at=NOW,
        )

    assert Posting.objects.count() == 1
    assert standing_of(programme, zhou).recognised == 0


def test_a_batch_is_written_set_wise(city, programme):
    """As many statements for forty members as for four."""
    people = [city.enrol(city.jia) for _ in range(44)]
    counts = []
    for key, some in (("few", people[:4]), ("many", people[4:])):
        with CaptureQueriesContext(connection) as queries:
            ledger.post_many(programme, [request(city, key, *map(earn, some))], by=city.by, at=NOW)
        counts.append(len(queries))

    # executemany counts as one statement for each row's parameters on no engine
    assert counts[1] <= counts[0] + 1


def test_mistake_27_the_same_act_again_after_a_lost_answer_earns_nothing(city, programme, lin):
    one = request(city, "a", earn(lin))
    ledger.post_many(programme, [one], by=city.by, at=NOW)
    correction = request(city, "a", earn(lin, 45), revision=2, withdraw=[lin], reason="早退")

    for _ in range(3):
        again = ledger.post_many(programme, [one], by=city.by, at=moment(TODAY, 22))
        assert again[0].repeated
        ledger.post_many(programme, [correction], by=city.by, at=moment(TODAY, 22))

    assert LedgerEntry.objects.count() == 3
    assert standing_of(programme, lin).recognised == 100


def test_mistake_27_reposting_and_reversing_in_turns_ends_where_it_began(city, programme, lin):
    ledger.post_many(programme, [request(city, "a", earn(lin))], by=city.by, at=NOW)
    for revision in range(2, 12):
        again = [] if revision % 2 == 0 else [earn(lin)]
        ledger.post_many(
            programme,
            [request(city, "a", *again, revision=revision, withdraw=[lin], reason="来回")],
            by=city.by,
            at=NOW,
        )

    assert standing_of(programme, lin).recognised == 200
    assert CreditedTime.objects.count() == 1
    assert verification.verify(at=NOW).problems == []


def test_a_revision_before_its_original_is_out_of_turn_also_within_a_batch(city, programme, lin):
    with pytest.raises(OutOfTurn):
        ledger.post_many(programme, [request(city, "a", earn(lin), revision=2)], by=city.by, at=NOW)


def test_opening_balances_are_bound_by_neither_cap_nor_dates(city, programme, lin):
    before = date(2021, 2, 20)
    opening = Credit(lin, "seminar", before, hours=2000, period="reform")

    [posted] = ledger.post_many(
        programme, [request(city, "o", opening, kind="opening")], by=city.by, at=NOW
    )

    assert [line.hours for line in posted.lines] == [2000]
    assert standing_of(programme, lin).recognised == 2000
    # Only that nobody has approved it is amiss.
    assert [p.kind for p in verification.verify(at=NOW).problems] == ["source"]


def test_opening_hours_take_nothing_from_the_days_cap(city, programme, lin):
    given = Credit(lin, "seminar", TODAY, hours=1600, period="reform")
    ledger.post_many(programme, [request(city, "o", given, kind="outside")], by=city.by, at=NOW)

    [posted] = ledger.post_many(programme, [request(city, "a", earn(lin, 360))], by=city.by, at=NOW)

    assert not posted.refused


def test_opening_hours_in_the_same_batch_and_taken_back_leave_the_days_cap_alone(
    city, programme, lin
):
    given = Credit(lin, "seminar", TODAY, hours=800, period="reform")
    session = request(city, "a", earn(lin, 360))
    ledger.post_many(
        programme, [request(city, "o", given, kind="opening"), session], by=city.by, at=NOW
    )
    assert standing_of(programme, lin).recognised == 1600

    back = request(city, "o", revision=2, withdraw=[lin], reason="撤销", kind="opening")
    more = request(city, "b", earn(lin, 45, hour=15))
    [_, posted] = ledger.post_many(programme, [back, more], by=city.by, at=NOW)

    assert [refused.code for refused in posted.refused] == ["cap"]


def test_a_correction_obeys_the_cap_without_its_own_old_lines(city, programme, lin):
    eight = request(city, "a", earn(lin, 360))
    ledger.post_many(programme, [eight], by=city.by, at=NOW)

    [same] = ledger.post_many(
        programme,
        [request(city, "a", earn(lin, 360), revision=2, withdraw=[lin], reason="改")],
        by=city.by,
        at=NOW,
    )
    [more] = ledger.post_many(
        programme,
        [request(city, "a", earn(lin, 405), revision=3, withdraw=[lin], reason="改")],
        by=city.by,
        at=NOW,
    )

    assert not same.refused
    assert [r.code for r in more.refused] == ["cap"]


def test_a_guest_from_outside_the_programme_is_credited_and_not_due(city, programme, post, wu):
    ProgrammeScope.objects.filter(programme=programme).update(organization=city.bureau)
    Standing.objects.filter(member=wu).delete()
    branch_row(programme, city.yi).__class__.objects.filter(branch=city.yi).update(due=1)

    post(programme, earn(wu), organiser=city.bing)

    row = standing_of(programme, wu)
    assert (row.on_roll, row.recognised) == (False, 200)
    assert branch_row(programme, city.yi).due == 1
    assert branch_row(programme, city.yi).hours == 0


def test_a_correction_after_a_transfer_goes_into_the_originals_book_and_home(
    city, programme, post, lin
):
    post(programme, earn(lin, day=days_ago(1)), key="a")
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)

    ledger.correct(
        programme, Source("session", "a", "活动"), revision=2, organiser=city.bing,
        withdraw=[lin], credits=[earn(lin, 45, day=days_ago(1))], reason="早退", by=city.by, at=NOW,
    )  # fmt: skip

    assert LedgerBook.objects.get().organization == city.jia
    assert set(LedgerEntry.objects.values_list("home", flat=True)) == {city.jia.pk}
    assert branch_row(programme, city.bing).hours == 100
    assert rebuilding.rebuild(programme) == 0
    assert verification.verify(at=NOW).problems == []


def test_what_happens_in_two_programmes_conflicts_in_neither(city, found_programme, lin, post):
    first, second = found_programme("a"), found_programme("b")

    one, other = post(first, earn(lin)), post(second, earn(lin))

    assert not one.refused
    assert not other.refused
    assert standing_of(second, lin).recognised == 200


def test_the_future_is_never_credited(city, programme, post, lin):
    later = post(programme, earn(lin, 90, hour=19))  # ends at 20:30, it is 20:00

    assert [r.code for r in later.refused] == ["future"]


def test_mistake_14_an_hour_after_midnight_in_beijing_belongs_to_its_local_day(
    city, programme, post, lin
):
    """00:10 on 1 June in Beijing is still 31 May in UTC: cap, month and statement say June."""
    from credits.models import BranchMonth

    first = date(2021, 6, 1)
    start = moment(first, 0, 10)
    assert start.date() == date(2021, 5, 31)
    night = Credit(lin, "seminar", first, 45, "reform", start=start,
                   end=start + timedelta(minutes=45))  # fmt: skip
    post(programme, night, earn(lin, 315, day=first, hour=9))

    refused = post(programme, earn(lin, 45, day=first, hour=16)).refused

    assert [r.code for r in refused] == ["cap"]
    assert BranchMonth.objects.get().month == first
    assert {line.entry.day for line in statements.of(programme, lin).lines} == {first}


def test_preview_says_what_posting_would_refuse_and_writes_nothing(city, programme, lin, zhou):
    ledger.post_many(programme, [request(city, "a", earn(lin))], by=city.by, at=NOW)
    asked = [request(city, "b", earn(lin), earn(zhou))]

    shown = ledger.preview(programme, asked, at=NOW)
    posted = ledger.post_many(programme, asked, by=city.by, at=NOW)

    assert [r.message for r in shown[0]] == [r.message for r in posted[0].refused]
    assert len(shown[0]) == 1


def test_a_programme_needs_its_own_rules_to_run(city, lin):
    programme = Programme.objects.create(
        code="bare", name="无规则", organiser=city.root, starts=days_ago(30), ends=TODAY,
        state="running", state_since=NOW,
    )  # fmt: skip
    from credits.rule_book import NoRules

    with pytest.raises(NoRules, match="还没有生效的学时规则"):
        ledger.post_many(programme, [request(city, "a", earn(lin))], by=city.by, at=NOW)
