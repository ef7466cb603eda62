"""verify_ledger and rebuild_standings: what was tampered with is named, and sums are mended."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from credits import ledger, rebuilding, standings, verification
from credits.ledger import Source
from credits.models import (
    BranchMonth,
    BranchStanding,
    CreditTotal,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
)
from credits.verification import crew
from portal import members, mending, triggers
from tests.cast import NOW, TODAY, days_ago
from tests.credits.guards import behind_the_guards
from tests.credits.test_ledger import SESSION, seminar

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def posted(city, programme, lin, zhou):
    for number in range(4):
        ledger.post(
            programme,
            Source("session", f"s{number}", f"活动{number}"),
            organiser=city.jia,
            credits=[seminar(lin, days_ago(number)), seminar(zhou, days_ago(number))],
            by=city.by,
            at=NOW,
        )
    ledger.correct(
        programme,
        Source("session", "s0", "活动0"),
        revision=2,
        organiser=city.jia,
        withdraw=[lin],
        credits=[],
        reason="误记",
        by=city.by,
        at=NOW,
    )
    return programme


def problems(**values):
    report = verification.verify(at=NOW)
    return [p for p in report.problems if all(getattr(p, k) == v for k, v in values.items())]


def test_an_honest_ledger_verifies(posted):
    report = verification.verify(at=NOW)

    assert report.problems == []
    assert (report.postings, report.entries) == (5, 9)


def test_a_changed_figure_is_named_with_entry_branch_and_member(posted, lin):
    entry = LedgerEntry.objects.filter(member=lin).last()
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = -300 WHERE id = {entry.pk}")

    [problem] = problems(kind="entry")

    assert problem.entry == entry.pk
    assert problem.branch == "青川县甲支部"
    assert "林小满" in problem.member


def test_a_deleted_line_is_named_with_book_and_posting(posted, zhou):
    entry = LedgerEntry.objects.filter(member=zhou).last()
    behind_the_guards(f"DELETE FROM credits_ledgerentry WHERE id = {entry.pk}")

    [problem] = problems(kind="lines")

    assert (problem.book, problem.posting) == ("YL-QC-1", entry.posting_id)
    assert any("周明远" in p.member for p in problems(kind="total"))


def test_a_cut_off_tail_is_named(posted):
    last = Posting.objects.last()
    behind_the_guards(f"DELETE FROM credits_ledgerentry WHERE posting_id = {last.pk}")
    behind_the_guards(f"DELETE FROM credits_posting WHERE id = {last.pk}")

    [problem] = problems(kind="tail")

    assert problem.book == "YL-QC-1"


def test_a_tail_cut_off_with_its_head_is_found_by_the_last_verification(posted):
    assert verification.verify(at=NOW).ok
    last = Posting.objects.last()
    before = Posting.objects.get(book=last.book, sequence=last.sequence - 1)
    behind_the_guards(f"DELETE FROM credits_ledgerentry WHERE posting_id = {last.pk}")
    behind_the_guards(f"DELETE FROM credits_posting WHERE id = {last.pk}")
    type(last.book).objects.update(last_sequence=before.sequence, last_digest=before.digest)

    assert len(problems(kind="head")) == 1


def test_an_added_line_is_found(posted, lin):
    behind_the_guards(
        "INSERT INTO credits_ledgerentry (programme_id, posting_id, line, member_id, home_id, form,"
        " period, content, day, minutes, hours, rules, check_value) SELECT programme_id,"
        " posting_id, 99, member_id, home_id, form, period, content, day, minutes, hours, rules,"
        " 'x' FROM credits_ledgerentry WHERE hours > 0 LIMIT 1"
    )

    assert problems(kind="lines")
    assert problems(kind="entry")


@pytest.mark.parametrize("since_last", [False, True])
def test_a_line_outside_the_programmes_dates_is_named(posted, post, lin, zhou, since_last):
    assert verification.verify(at=NOW).ok
    post(posted, seminar(zhou, days_ago(1), hour=18), key="news")
    Programme.objects.update(starts=days_ago(0))  # only what is of today lies inside

    report = verification.verify(at=NOW, since_last=since_last)

    told = [p for p in report.problems if p.kind == "outside"]
    live = LedgerEntry.objects.live().filter(day__lt=TODAY)
    assert {p.entry for p in told} == set(live.values_list("pk", flat=True))
    assert f"不在起止日期（{TODAY} 至" in told[0].message


def test_missing_triggers_are_named(posted):
    triggers.lift(connection, "credits_ledgerentry")

    assert problems(kind="trigger")


def test_rebuilding_mends_every_sum(posted, lin):
    Standing.objects.filter(member=lin).update(recognised=100)
    CreditTotal.objects.filter(member=lin).update(earned=100)
    BranchStanding.objects.update(hours=5)
    assert not verification.verify(at=NOW).ok

    assert rebuilding.rebuild(posted) == 1

    assert verification.verify(at=NOW).problems == []


def test_renaming_and_transfers_leave_the_chains_valid(city, posted, lin):
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)
    mending.mend(lin, {"name": "林大满"}, by=city.by, at=NOW)

    assert verification.verify(at=NOW).problems == []
    assert BranchStanding.objects.get(branch=city.yi).due == 3


def test_leaving_takes_somebody_off_the_roll_and_keeps_the_hours(city, posted, zhou):
    members.leave(zhou, on=date(2021, 6, 1), by=city.by, at=NOW)

    assert verification.verify(at=NOW).problems == []
    assert BranchStanding.objects.get(branch=city.jia).due == 1
    assert Standing.objects.get(member=zhou).recognised == 800


def test_months_of_a_branch_that_its_people_have_left_are_mended_too(city, posted, lin):
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)
    BranchMonth.objects.update(hours=1)

    rebuilding.rebuild(posted)

    assert verification.verify(at=NOW).problems == []


def test_a_branch_is_rebuilt_without_looking_for_its_lines_among_all(posted):
    """Ten thousand branches would be ten thousand looks at every line."""
    branch = BranchStanding.objects.filter(hours__gt=0).get().branch_id
    with CaptureQueriesContext(connection) as queries:
        rebuilding.rebuild_branch(posted, branch)

    asked = [q["sql"] for q in queries if 'FROM "credits_ledgerentry"' in q["sql"]]
    assert asked
    assert all('member_id" IN' in sql for sql in asked)


def test_who_moves_while_their_branch_is_rebuilt_is_mended_where_they_went(
    city, posted, lin, monkeypatch
):
    Standing.objects.filter(member=lin).update(recognised=100)
    rebuilding.rebuild_branch(posted, city.yi.pk)  # its turn has been
    lock = standings.lock

    def late(programme, book, people):
        monkeypatch.undo()
        wanted = list(people)
        members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)
        return lock(programme, book, wanted)

    monkeypatch.setattr(standings, "lock", late)

    assert rebuilding.rebuild_branch(posted, city.jia.pk) == 1
    assert Standing.objects.get(member=lin).branch == city.yi
    assert verification.verify(at=NOW).problems == []


def test_mistake_19_a_second_rebuild_changes_nothing(posted):
    rebuilding.rebuild(posted)

    assert rebuilding.rebuild(posted) == 0
    assert SESSION.kind == "session"


@pytest.mark.postgres
def test_cursors_are_planned_to_their_end():
    """PostgreSQL plans a cursor for its first tenth: for some members' lines in order it would go
    through everybody's, once for each five hundred members."""
    with (
        crew.reading_one_moment(1) as reading,
        connections[reading.using].cursor() as cursor,
    ):
        cursor.execute("SHOW cursor_tuple_fraction")
        assert cursor.fetchone() == ("1",)
