"""Catch-up windows: what they let in, what they never allow, and the mark that lasts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from credits import catch_up, ledger, programmes, statements, verification
from credits.catch_up import BadWindow, Span
from credits.ledger import Source
from credits.models import CatchUpWindow, LateEntry, LedgerEntry
from portal.models import AuditEvent
from tests.cast import ENDS, NOW, STARTS, TODAY, days_ago, moment
from tests.credits.conftest import earn, standing_of
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LONG_AGO = days_ago(60)


@pytest.fixture
def window(city, programme):
    """Open a window, over 青川县 for all that is past unless said otherwise."""

    def make(over=None, *, days=(STARTS, TODAY), dates=(TODAY, TODAY + timedelta(days=7)), at=NOW,
             reason="换届期间无人记录"):  # fmt: skip
        return catch_up.open_(programme, over or city.county, days=Span(*days),
                              dates=Span(*dates), reason=reason, by=city.actor("gao", "official"),
                              at=at)  # fmt: skip

    return make


def refusals(posted):
    return [(r.credit.member.name, r.code) for r in posted.refused]


def test_without_a_window_it_is_too_late_and_the_refusal_says_who_can_open_one(
    programme, post, lin
):
    [refused] = post(programme, earn(lin, day=LONG_AGO)).refused

    assert "已过去 60 天，超过了补记期限 30 天" in refused.message
    assert "没有开设补录期" in refused.message
    assert "上级党组织" in refused.message
    assert not LateEntry.objects.exists()


def test_within_a_window_it_is_credited_and_marked_for_good(city, programme, post, window, lin):
    made = window()

    posted = post(programme, earn(lin, day=LONG_AGO), key="s1")

    assert not posted.refused
    mark = LateEntry.objects.get()
    entry = LedgerEntry.objects.get()
    assert (mark.window, mark.entry, mark.member, mark.home) == (made, entry, lin, city.jia)
    assert (mark.kind, mark.key, mark.day, mark.hours) == ("session", "s1", LONG_AGO, 200)
    assert standing_of(programme, lin).recognised == 200
    [line] = statements.of(programme, lin).lines
    assert line.late == made
    assert verification.verify(at=NOW).problems == []


def test_everything_inside_it_is_marked_in_time_or_not(city, programme, post, window, lin, zhou):
    made = window()

    post(programme, earn(lin, day=days_ago(30)), earn(zhou, day=LONG_AGO), key="s1")
    post(programme, earn(lin, day=days_ago(3)), key="s2")

    marks = LateEntry.objects.order_by("key", "member")
    assert {(m.key, m.member) for m in marks} == {("s1", lin), ("s1", zhou), ("s2", lin)}
    assert [line.late for line in statements.of(programme, lin).lines] == [made, made]
    assert verification.verify(at=NOW).problems == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"days": (STARTS, days_ago(31))},  # its days end before
        {"dates": (TODAY + timedelta(days=1), TODAY + timedelta(days=2))},  # it opens tomorrow
    ],
)
def test_what_is_in_time_and_outside_it_is_not_marked(programme, post, window, lin, chosen):
    window(**chosen)

    post(programme, earn(lin, day=days_ago(30)))

    assert not LateEntry.objects.exists()
    assert statements.of(programme, lin).lines[0].late is None


def test_what_is_entered_on_its_own_day_is_not_caught_up(programme, post, window, lin):
    window()

    post(programme, earn(lin, day=TODAY, hour=8))

    assert not LateEntry.objects.exists()


def test_in_time_and_outside_its_subtree_or_corrected_it_is_not_marked(
    city, programme, post, window, lin
):
    post(programme, earn(lin, day=days_ago(3)), key="s1")
    window(city.jia)

    post(programme, earn(city.people["guan"], day=days_ago(3)), organiser=city.bing)
    ledger.correct(programme, Source("session", "s1", "活动"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[earn(lin, 45, day=days_ago(3))], reason="时长有误",
                   by=city.by, at=NOW)  # fmt: skip

    assert not LateEntry.objects.exists()


def test_without_a_window_that_takes_entries_a_posting_asks_for_none(programme, post, window, lin):
    window(dates=(TODAY, TODAY))
    with CaptureQueriesContext(connection) as queries:
        post(programme, earn(lin, day=days_ago(3)), at=NOW + timedelta(days=1))

    asked = [q["sql"] for q in queries if "catchupwindow" in q["sql"]]
    assert len(asked) == 1  # until when one takes entries rides on the programme's state
    assert "credits_programme" in asked[0]
    assert not [q for q in queries if "lateentry" in q["sql"]]


def test_only_members_of_its_subtree_unless_the_organiser_is_in_it(
    city, programme, post, window, lin
):
    window(city.jia)
    guest = city.people["guan"]  # of 丙支部
    own = earn(lin, day=LONG_AGO)

    of_another = post(programme, own, earn(guest, day=LONG_AGO), organiser=city.bing)
    of_its_own = post(programme, earn(guest, day=LONG_AGO), organiser=city.jia)

    assert refusals(of_another) == [("管理元", "late")]
    assert refusals(of_its_own) == []
    assert LateEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("days", "dates", "at"),
    [
        ((days_ago(59), TODAY), (TODAY, TODAY), NOW),  # the day before its first
        ((STARTS, days_ago(61)), (TODAY, TODAY), NOW),  # the day after its last
        ((STARTS, TODAY), (TODAY + timedelta(days=1), TODAY + timedelta(days=2)), NOW),  # not yet
        ((STARTS, TODAY), (TODAY, TODAY), NOW + timedelta(days=1)),  # over
    ],
)
def test_neither_other_days_nor_other_dates(programme, post, window, lin, days, dates, at):
    window(days=days, dates=dates)

    assert refusals(post(programme, earn(lin, day=LONG_AGO), at=at)) == [("林小满", "late")]


@pytest.mark.parametrize("day", [LONG_AGO, days_ago(61)])
def test_the_first_and_the_last_day_are_inside(programme, post, window, lin, day):
    window(days=(days_ago(61), LONG_AGO), dates=(TODAY, TODAY))

    assert not post(programme, earn(lin, day=day)).refused


def test_everything_else_stays_in_force(programme, post, window, lin):
    window()
    post(programme, earn(lin, 90, day=LONG_AGO, hour=8, content="course:a"))

    codes = [
        refusals(post(programme, credit))[0][1]
        for credit in (
            earn(lin, 90, day=LONG_AGO, hour=9),
            earn(lin, 45, day=LONG_AGO, hour=14, content="course:a"),
            earn(lin, 315, day=LONG_AGO, hour=12),
            earn(lin, 45, day=date(2021, 2, 20)),
            earn(lin, 45, day=TODAY + timedelta(days=1)),
            earn(lin, 10, day=LONG_AGO, hour=20),
        )
    ]

    assert codes == ["overlap", "content", "cap", "outside", "future", "short"]


def test_closed_books_stay_closed(city, programme, post, window, lin):
    window()
    programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=15))

    with pytest.raises(ledger.ProgrammeClosed):
        post(programme, earn(lin, day=LONG_AGO), at=NOW + timedelta(days=15))


def test_ended_early_it_lets_nothing_more_in_and_what_came_in_stays(
    city, programme, post, window, lin, zhou
):
    made = window()
    post(programme, earn(lin, day=LONG_AGO))

    catch_up.end(made, by=city.actor("gao", "official"), at=NOW + timedelta(hours=1))
    later = post(programme, earn(zhou, day=LONG_AGO), at=NOW + timedelta(hours=2))

    assert refusals(later) == [("周明远", "late")]
    assert LateEntry.objects.count() == 1
    with pytest.raises(BadWindow, match="已经终止"):
        catch_up.end(made, by=city.by, at=NOW + timedelta(hours=3))


@pytest.mark.parametrize(("claimed", "given"), [(TODAY, True), (TODAY + timedelta(days=1), False)])
def test_what_was_handed_in_before_its_end_may_be_confirmed_after_it(
    city, programme, window, lin, claimed, given
):
    made = window()
    catch_up.end(made, by=city.by, at=NOW)
    later = NOW + timedelta(days=3)

    posted = ledger.post(programme, Source("log", "l1", "自学"), organiser=city.jia,
                         credits=[earn(lin, day=LONG_AGO, form="self")], by=city.by, at=later,
                         claimed=claimed)  # fmt: skip

    assert bool(posted.lines) is given


def test_mistake_17_a_correction_of_a_late_line_keeps_its_mark(city, programme, post, window, lin):
    """After the window too, with today's posting date."""
    made = window()
    post(programme, earn(lin, 90, day=LONG_AGO), key="s1")
    later = NOW + timedelta(days=30)

    ledger.correct(programme, Source("session", "s1", "活动"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[earn(lin, 45, day=LONG_AGO)], reason="时长有误",
                   by=city.by, at=later)  # fmt: skip

    lines = statements.of(programme, lin).lines
    assert [(line.earned, line.late) for line in lines] == [(200, made), (-200, made), (100, made)]
    assert LateEntry.objects.count() == 1
    assert verification.verify(at=later).problems == []


def test_mistake_27_posting_and_opening_again_changes_nothing(programme, post, window, lin):
    assert window() == window()
    for _ in range(2):
        post(programme, earn(lin, day=LONG_AGO), key="s1")

    assert (CatchUpWindow.objects.count(), LateEntry.objects.count()) == (1, 1)
    assert standing_of(programme, lin).recognised == 200


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"days": (days_ago(5), days_ago(6))}, "last_day"),
        ({"days": (STARTS - timedelta(days=1), TODAY)}, "first_day"),
        ({"days": (STARTS, ENDS + timedelta(days=1))}, "last_day"),
        ({"dates": (TODAY - timedelta(days=1), TODAY)}, "opens_on"),
        ({"dates": (TODAY, TODAY - timedelta(days=1))}, "closes_on"),
        ({"days": (STARTS, TODAY + timedelta(days=1)), "dates": (TODAY, TODAY)}, "closes_on"),
        ({"dates": (TODAY, ENDS + timedelta(days=15))}, "closes_on"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_a_window_that_contradicts_itself_or_the_programme_is_refused(window, values, field):
    with pytest.raises(BadWindow) as caught:
        window(**values)

    assert caught.value.field == field
    assert not CatchUpWindow.objects.exists()


def test_no_window_in_a_closed_programme(city, programme, window):
    programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=15))

    with pytest.raises(BadWindow, match="已封账"):
        window()


def test_opening_and_ending_leave_traces(city, window):
    catch_up.end(window(), by=city.by, at=NOW)

    subjects = AuditEvent.objects.filter(event="programme", organization=city.county)
    assert set(subjects.values_list("subject", flat=True)) >= {
        "开设补录期：中共青川县委员会", "终止补录期：中共青川县委员会",
    }  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        {"last_day": STARTS - timedelta(days=1)},
        {"closes_on": TODAY - timedelta(days=1)},
        {"closes_on": TODAY, "last_day": TODAY + timedelta(days=1)},
        {"reason": ""},
        {"ended_at": moment()},
    ],
)
def test_the_database_holds_a_window_together(window, values):
    made = window()
    with pytest.raises(IntegrityError), transaction.atomic():
        CatchUpWindow.objects.filter(pk=made.pk).update(**values)


def test_the_database_keeps_marks_as_they_were_written(programme, post, window, lin):
    window()
    post(programme, earn(lin, day=LONG_AGO))
    for act in (lambda rows: rows.update(hours=1), lambda rows: rows.delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            act(LateEntry.objects.all())
    mark = LateEntry.objects.get()
    mark.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        mark.save(force_insert=True)


def test_mistake_01_a_move_of_the_branch_leaves_the_mark(city, programme, post, window, lin):
    from portal import organizations

    made = window()
    post(programme, earn(lin, day=LONG_AGO))

    organizations.move(city.jia, city.bureau, by=city.by, at=NOW + timedelta(hours=1))

    assert statements.of(programme, lin).lines[0].late == made
    later = post(programme, earn(lin, day=LONG_AGO, hour=12), at=NOW + timedelta(hours=2))
    assert refusals(later) == [("林小满", "late")]  # it is no more of the window's subtree


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("hours = 900", "与学时明细不符"),
        ("entry_id = entry_id + 1", "与学时明细不符"),
        ("key = 's2'", "与学时明细不符"),
        ("home_id = {other}", "与学时明细不符"),
        ("window_id = {window}", "不在其补录期内"),
    ],
)
def test_a_mark_that_was_tampered_with_is_named(city, programme, post, window, lin, change, said):
    window()
    other = window(city.jia, days=(TODAY, TODAY))
    post(programme, earn(lin, day=LONG_AGO), key="s1")
    assert verification.verify(at=NOW).problems == []
    values = change.format(other=city.bing.pk, window=other.pk)

    behind_the_guards(f"UPDATE credits_lateentry SET {values}")

    problem = verification.verify(at=NOW).problems[0]
    assert (problem.kind, "林小满" in problem.member) == ("late", True)
    assert said in problem.message


@pytest.mark.parametrize(("day", "found"), [(LONG_AGO, 1), (days_ago(3), 0)])
def test_a_late_line_whose_mark_was_deleted_is_named(programme, post, window, lin, day, found):
    """What was in time needs no window, and where a branch was nobody can tell later."""
    window()
    post(programme, earn(lin, day=day), key="s1")

    behind_the_guards("DELETE FROM credits_lateentry")

    problems = verification.verify(at=NOW).problems
    assert [(p.kind, p.message) for p in problems] == [("late", "补录的学时没有补录标记。")] * found
    assert all("林小满" in problem.member for problem in problems)


def test_own_study_handed_in_before_and_confirmed_late_needs_no_mark(city, programme, window, lin):
    day, later = days_ago(25), NOW + timedelta(days=20)
    window(days=(STARTS, TODAY), dates=(TODAY + timedelta(days=10), TODAY + timedelta(days=30)))

    ledger.post(programme, Source("log", "l1", "自学"), organiser=city.jia,
                credits=[earn(lin, day=day, form="self")], by=city.by, at=later,
                claimed=TODAY)  # fmt: skip

    assert not LateEntry.objects.exists()
    assert verification.verify(at=later).problems == []
