"""The roll call: marks that add up, two people at once, closing once, corrections with reasons."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from courses import corrections, crediting, marks, reading_classes, roll_call, sessions
from courses.marks import Mark, NotOnRoll, Wish
from courses.models import Attendance, AttendanceCredit, SessionChange, Status
from courses.sessions import NotNow
from courses.sheets import sheets_out
from credits import ledger, rule_book, verification
from credits.models import LedgerEntry, Posting, Standing
from portal import members
from portal.refusals import Conflict, Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, plan, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def hours(member):
    return Standing.objects.get(member=member).recognised


def test_everyone_of_the_branch_is_present_by_default(opened, lin, zhou):
    rows = list(opened.attendances.all())

    assert {row.member for row in rows} == {lin, zhou}
    assert {row.status for row in rows} == {Status.PRESENT}


def test_whoever_is_enrolled_after_the_roll_was_opened_is_taken_onto_it_and_due(
    city, programme, secretary, lin, gao
):
    start = moment(TODAY, 9)
    class_ = reading_classes.found(programme, city.jia, name="读书班", plans=[plan(), plan("下午",
                                   hour=14)], starts=TODAY, ends=TODAY, by=secretary,
                                   at=moment(TODAY, 7))  # fmt: skip
    reading_classes.drop(class_, lin, by=secretary, at=moment(TODAY, 7))
    first, second = class_.sessions.order_by("starts_at")
    roll_call.open_(first, by=secretary, at=start)
    assert roll_call.take_in(first, by=secretary, at=start) == []
    reading_classes.enrol(class_, [gao, city.enrol(city.jia, "新来人")], by=secretary, at=start)

    roll_call.take_in(first, by=secretary, at=start)
    roll_call.take_in(first, by=secretary, at=start)  # sent twice

    rows = {row.member.name: (row.status, row.guest, row.home) for row in first.attendances.all()}
    own, other = ("present", False, city.jia), ("present", False, city.bing)
    assert rows == {"周明远": own, "高望川": other, "新来人": own}
    assert marks.count(list(first.attendances.all())).due == 3
    noted = SessionChange.objects.filter(session=first, what="补入名单")
    assert {change.member.name for change in noted} == {"高望川", "新来人"}
    roll_call.close(first, {}, by=secretary, at=NOW)
    assert hours(gao) == 200
    for session in (first, second):
        with pytest.raises(NotNow, match="不能再补入名单"):
            roll_call.take_in(session, by=secretary, at=NOW)


def test_whoever_is_taken_onto_a_roll_by_code_is_not_yet_there(city, schedule, secretary, gao, lin):
    session = schedule(method="check_in")
    roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.add(session, gao, "present", by=secretary, at=session.starts_at)
    new = city.enrol(city.jia, "当天入册", day=TODAY)
    city.enrol(city.jia, "次日入册", day=TODAY + timedelta(days=1), at=NOW + timedelta(days=1))

    [row] = roll_call.take_in(session, by=secretary, at=session.starts_at)

    assert (row.member, row.status, row.guest) == (new, Status.NOT_YET, False)
    assert mark_of(session, gao).guest


def test_mistake_06_an_unscanned_member_is_not_yet_and_closing_asks(schedule, secretary, lin):
    session = schedule(method="check_in")
    roll_call.open_(session, by=secretary, at=session.starts_at)
    assert mark_of(session, lin).status == Status.NOT_YET

    with pytest.raises(roll_call.Unmarked, match="还有 2 人未签到"):
        roll_call.close(session, {}, by=secretary, at=NOW)

    roll_call.close(session, {}, by=secretary, at=NOW, not_yet_becomes="absent")
    assert mark_of(session, lin).status == Status.ABSENT
    assert LedgerEntry.objects.count() == 0


def test_mistake_07_late_and_left_early_are_there_and_the_counts_add_up(
    city, opened, secretary, lin, zhou
):
    more = [city.enrol(city.jia, name) for name in ("钱小雪", "孙处暑", "李霜降")]
    session = opened
    for member in more:
        marks.add(session, member, Status.PRESENT, by=secretary, at=NOW)
    session.attendances.update(guest=False)
    for member, text in zip(
        [lin, zhou, *more], ["late", "left_early", "leave:sick", "absent", "present"], strict=True
    ):
        roll_call.save(session, wish(mark_of(session, member), text), by=secretary, at=NOW)

    roll_call.close(session, {}, by=secretary, at=NOW)

    counts = marks.count(list(session.attendances.all()))
    assert (counts.due, counts.there, counts.leave, counts.absent) == (5, 3, 1, 1)
    assert hours(lin) == hours(zhou) == 200
    assert hours(more[0]) == 0


def test_mistake_05_saving_and_saving_again_keeps_every_mark(opened, secretary, lin):
    first = wish(mark_of(opened, lin), "leave:personal")
    roll_call.save(opened, first, by=secretary, at=NOW)

    seen = wish(mark_of(opened, lin), "leave:personal")
    assert roll_call.save(opened, seen, by=secretary, at=NOW) == []
    roll_call.open_(opened, by=secretary, at=NOW)

    assert str(Mark.of(mark_of(opened, lin))) == "leave:personal"


def test_two_people_editing_at_once_are_told_and_nothing_is_lost(city, opened, lin, secretary):
    seen = Mark("present")
    roll_call.save(opened, {lin.pk: Wish(seen, Mark("late"))}, by=secretary, at=NOW)

    with pytest.raises(Conflict, match="林小满刚刚被改为“迟到”（您看到的是“出席”）"):
        roll_call.save(opened, {lin.pk: Wish(seen, Mark("absent"))}, by=city.actor("guan"), at=NOW)

    assert mark_of(opened, lin).status == Status.LATE


def test_marks_that_somebody_did_not_touch_never_conflict(city, opened, lin, zhou, secretary):
    seen = Mark("present")
    roll_call.save(opened, {lin.pk: Wish(seen, Mark("late"))}, by=secretary, at=NOW)

    roll_call.save(
        opened,
        {lin.pk: Wish(seen, seen), zhou.pk: Wish(seen, Mark("absent"))},
        by=city.actor("guan"),
        at=NOW,
    )

    assert mark_of(opened, lin).status == Status.LATE
    assert mark_of(opened, zhou).status == Status.ABSENT


def test_mistake_04_a_forged_member_id_writes_nothing(opened, secretary, wu, lin):
    wishes = {
        lin.pk: Wish(Mark("present"), Mark("late")),
        wu.pk: Wish(Mark("present"), Mark("late")),
    }

    with pytest.raises(NotOnRoll):
        roll_call.save(opened, wishes, by=secretary, at=NOW)

    assert mark_of(opened, lin).status == Status.PRESENT
    assert not Attendance.objects.filter(member=wu).exists()


def test_closing_twice_credits_once(opened, secretary, lin):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    roll_call.close(opened, {}, by=secretary, at=NOW)

    assert Posting.objects.count() == 1
    assert hours(lin) == 200


def test_nothing_is_credited_before_the_session_ends(opened, secretary):
    with pytest.raises(NotNow, match="活动 10:30 才结束"):
        roll_call.close(opened, {}, by=secretary, at=moment(TODAY, 10))

    assert Posting.objects.count() == 0


def test_one_persons_conflict_is_kept_and_credited_when_it_is_gone(
    city, programme, schedule, secretary, lin, zhou
):
    first = roll_call.open_(schedule("甲的活动"), by=secretary, at=moment(TODAY, 9))
    roll_call.close(first, {}, by=secretary, at=NOW)
    second = roll_call.open_(schedule("同时的活动"), by=secretary, at=moment(TODAY, 9))
    [(_, refused), _] = roll_call_preview(second)
    assert refused.credit.member in (lin, zhou)

    roll_call.close(second, {}, by=secretary, at=NOW)
    credit = AttendanceCredit.objects.get(attendance__session=second, attendance__member=lin)
    assert credit.state == "refused"
    assert "时间重叠" in credit.reason

    sessions.cancel(first, reason="重复安排", by=secretary, at=NOW)
    crediting.credit_now(second, by=secretary, at=NOW)

    credit = AttendanceCredit.objects.get(attendance__session=second, attendance__member=lin)
    assert (credit.state, credit.hours) == ("credited", 200)
    assert hours(lin) == 200
    assert verification.verify(at=NOW).problems == []


@pytest.fixture
def repeated(schedule, secretary):
    """Two sessions with the same lesson, closed: nobody is credited for the second."""
    both = [schedule("第一遍", content="lesson-1"), schedule("第二遍", hour=14, content="lesson-1")]
    for session in both:
        roll_call.open_(session, by=secretary, at=session.starts_at)
        roll_call.close(session, {}, by=secretary, at=NOW)
    return both


def test_a_refused_credit_that_was_settled_stays_so_until_it_can_be_given(
    repeated, secretary, lin, zhou
):
    first, second = repeated
    refused = AttendanceCredit.objects.filter(attendance__session=second)
    own = refused.get(attendance__member=lin)
    elsewhere = AttendanceCredit.objects.filter(attendance__session=first)
    ids = {own.pk, *elsewhere.values_list("pk", flat=True)}

    assert crediting.settle(second, ids, by=secretary, at=NOW) == [own]
    assert crediting.settle(second, ids, by=secretary, at=NOW) == []  # sent twice

    assert [c.attendance.member for c in refused.filter(settled_at=None)] == [zhou]
    note = SessionChange.objects.get(session=second, what="核实未能记入")
    assert (note.member, note.reason) == (lin, own.reason)
    crediting.credit_now(second, by=secretary, at=NOW)  # in vain: the reason is the same
    assert {c.attendance.member: c.settled_at for c in refused.all()} == {lin: NOW, zhou: None}
    sessions.cancel(first, reason="重复安排", by=secretary, at=NOW)
    crediting.credit_now(second, by=secretary, at=NOW)
    assert {(c.state, c.settled_at) for c in refused.all()} == {("credited", None)}
    assert hours(lin) == 200


def test_nothing_but_a_refused_credit_can_be_settled(repeated, schedule, secretary):
    first, _ = repeated
    credits_ = AttendanceCredit.objects.filter(attendance__session=first)

    assert crediting.settle(first, {c.pk for c in credits_}, by=secretary, at=NOW) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        credits_.update(settled_at=NOW)
    with pytest.raises(NotNow):
        crediting.settle(schedule(hour=17), set(), by=secretary, at=NOW)


def roll_call_preview(session):
    return crediting.cannot_be_credited(session, {}, at=NOW)


def test_correcting_one_person_is_a_revision_with_a_reason(opened, secretary, lin, zhou):
    roll_call.close(opened, {}, by=secretary, at=NOW)

    corrections.correct(
        opened, wish(mark_of(opened, lin), "absent"), reason="本人未到", by=secretary, at=NOW
    )

    assert (hours(lin), hours(zhou)) == (0, 200)
    assert SessionChange.objects.filter(member=lin).get().what == "林小满：出席 → 缺席"
    assert verification.verify(at=NOW).problems == []


def test_a_correction_without_reason_is_refused(opened, secretary, lin):
    roll_call.close(opened, {}, by=secretary, at=NOW)

    with pytest.raises(Refusal, match="理由"):
        corrections.correct(
            opened, wish(mark_of(opened, lin), "absent"), reason=" ", by=secretary, at=NOW
        )


def test_this_was_the_other_wang_wei(city, schedule, secretary):
    first = city.enrol(city.jia, "王伟", number="00009001")
    second = city.enrol(city.jia, "王伟", number="00009002")
    session = roll_call.open_(schedule(), by=secretary, at=moment(TODAY, 9))
    roll_call.close(session, wish(mark_of(session, second), "absent"), by=secretary, at=NOW)

    corrections.exchange(session, first, second, reason="同名记错", by=secretary, at=NOW)

    assert (hours(first), hours(second)) == (0, 200)
    assert mark_of(session, first).status == Status.ABSENT


def test_making_up_adds_hours_and_never_presence(schedule, secretary, lin):
    session = roll_call.open_(schedule(day=days_ago(10)), by=secretary, at=moment(days_ago(10), 9))
    roll_call.close(
        session, wish(mark_of(session, lin), "leave:sick"), by=secretary, at=moment(days_ago(10))
    )

    corrections.make_up(session, lin, on=days_ago(3), by=secretary, at=NOW)

    assert hours(lin) == 200
    counts = marks.count(list(session.attendances.all()))
    assert (counts.there, counts.leave, counts.made_up) == (1, 1, 1)
    assert LedgerEntry.objects.get(member=lin).day == days_ago(3)


def test_make_up_beyond_its_window_is_refused(schedule, secretary, lin):
    session = schedule(day=date(2021, 3, 20))
    roll_call.open_(session, by=secretary, at=moment(date(2021, 3, 20), 9))
    roll_call.close(
        session, wish(mark_of(session, lin), "absent"), by=secretary, at=moment(date(2021, 3, 21))
    )

    with pytest.raises(Refusal, match="60 天内"):
        corrections.make_up(session, lin, on=TODAY, by=secretary, at=NOW)


def test_reopening_takes_the_hours_back_until_it_is_closed_again(opened, secretary, lin, zhou):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    corrections.reopen(opened, reason="点错", by=secretary, at=NOW)
    assert hours(lin) == 0

    roll_call.close(opened, wish(mark_of(opened, lin), "absent"), by=secretary, at=NOW)

    assert (hours(lin), hours(zhou)) == (0, 200)
    assert Posting.objects.count() == 3


def test_mistake_01_transfers_change_no_earlier_sheet(city, opened, secretary, lin):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    before = list(opened.attendances.order_by("pk").values("member", "home", "status"))

    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)
    members.leave(city.people["zhou"], on=TODAY, by=city.by, at=NOW)

    assert list(opened.attendances.order_by("pk").values("member", "home", "status")) == before
    assert LedgerEntry.objects.get(member=lin).home == city.jia


def test_mistake_02_who_joined_later_or_left_before_is_not_due(city, schedule, secretary, lin):
    joined = city.enrol(city.jia, "后来人", day=TODAY)
    members.transfer(lin, city.yi, on=days_ago(5), by=city.by, at=NOW)
    session = schedule(day=days_ago(2))

    roll_call.open_(session, by=secretary, at=moment(days_ago(2), 9))

    assert {a.member for a in session.attendances.all()} == {city.people["zhou"]}
    assert joined.branch == city.jia


def test_the_exempt_are_never_due(city, programme, schedule, secretary, lin):
    Standing.objects.filter(member=lin).update(exempt=True)

    session = roll_call.open_(schedule(), by=secretary, at=moment(TODAY, 9))

    assert not session.attendances.filter(member=lin).exists()


def test_a_guest_is_credited_once_in_the_organisers_book(city, opened, secretary, wu):
    roll_call.add(opened, wu, "present", by=secretary, at=NOW)

    roll_call.close(opened, {}, by=secretary, at=NOW)

    entry = LedgerEntry.objects.get(member=wu)
    assert (entry.home, entry.posting.book.organization) == (city.yi, city.jia)
    assert marks.count(list(opened.attendances.all())).due == 2


def test_mistake_08_a_session_not_held_counts_nowhere(schedule, secretary, lin):
    session = schedule()

    sessions.not_held(session, reason="讲师临时有事", by=secretary, at=NOW)

    assert not type(session).objects.held().exists()
    assert not session.attendances.exists()


def test_cancelling_a_credited_session_reverses_everybody(opened, secretary, lin, zhou):
    roll_call.close(opened, {}, by=secretary, at=NOW)

    sessions.cancel(opened, reason="误报", by=secretary, at=NOW)

    assert hours(lin) == hours(zhou) == 0
    assert verification.verify(at=NOW).problems == []


def test_mistake_17_a_correction_after_the_back_dating_limit_is_possible(schedule, secretary, lin):
    day = date(2021, 3, 20)
    session = roll_call.open_(schedule(day=day), by=secretary, at=moment(day, 9))
    roll_call.close(session, {}, by=secretary, at=moment(day))

    corrections.correct(
        session, wish(mark_of(session, lin), "late"), reason="迟到", by=secretary, at=NOW
    )

    assert hours(lin) == 200
    assert Posting.objects.last().at == NOW


def test_a_sheet_too_late_is_refused_with_the_numbers(schedule, secretary):
    session = schedule(day=days_ago(40))
    roll_call.open_(session, by=secretary, at=moment(days_ago(40), 9))

    with pytest.raises(NotNow, match="已过去 40 天，超过了补记期限 30 天"):
        roll_call.close(session, {}, by=secretary, at=NOW)


def test_mistake_20_crossed_guests_post_once_each(city, programme, schedule, lin, wu):
    zhou, zheng = city.actor("zhou", "secretary"), city.actor("zheng", "secretary")
    ours = roll_call.open_(schedule("甲"), by=zhou, at=moment(TODAY, 9))
    theirs = schedule("乙", organiser=city.yi, hour=14)
    roll_call.open_(theirs, by=zheng, at=moment(TODAY, 14))
    roll_call.add(ours, wu, "present", by=zhou, at=NOW)
    roll_call.add(theirs, lin, "present", by=zheng, at=NOW)

    roll_call.close(ours, {}, by=zhou, at=NOW)
    roll_call.close(theirs, {}, by=zheng, at=NOW)

    assert hours(lin) == hours(wu) == 400
    assert ledger.next_revision(programme, sessions.source_of(ours)) == 2


def test_half_a_day_counts_as_such_and_occupies_its_clock_time(schedule, secretary, lin):
    session = schedule(band="half_day", minutes=200, form="site")
    roll_call.open_(session, by=secretary, at=session.starts_at)

    roll_call.close(session, {}, by=secretary, at=NOW)

    entry = LedgerEntry.objects.get(member=lin)
    assert (entry.hours, entry.end - entry.start) == (400, timedelta(minutes=200))


@pytest.mark.parametrize(
    ("lowered", "earned"),
    [
        ({"ceiling": 100, "ceiling_reason": "有一半时间是工作布置"}, 100),
        ({"band": "day"}, 800),
        ({}, 200),
    ],
)
def test_what_a_session_is_said_to_be_worth_is_credited(
    schedule, secretary, programme, lin, lowered, earned
):
    """A secretary may lower the hours, never raise them."""
    session = schedule(**lowered)
    said = session.worth(rule_book.of(programme).on(session.day).rules)
    roll_call.open_(session, by=secretary, at=session.starts_at)

    roll_call.close(session, {}, by=secretary, at=NOW)

    assert hours(lin) == said == earned
    assert sheets_out.worth_of(session) == earned / 100


def test_mistake_14_sessions_early_in_the_morning_belong_to_their_local_day(
    schedule, secretary, lin
):
    session = schedule(day=days_ago(1), hour=0, minutes=45)
    roll_call.open_(session, by=secretary, at=session.starts_at)

    roll_call.close(session, {}, by=secretary, at=NOW)

    assert LedgerEntry.objects.get(member=lin).day == days_ago(1)


def test_an_observer_is_never_due_whatever_their_mark_becomes(city, opened, secretary, wu):
    roll_call.add(opened, wu, "observer", by=secretary, at=NOW)
    before = marks.count(list(opened.attendances.all()))
    assert (before.due, before.observers, before.guests) == (2, 1, 0)

    roll_call.save(opened, wish(mark_of(opened, wu), "present"), by=secretary, at=NOW)

    after = marks.count(list(opened.attendances.all()))
    assert (after.due, after.observers, after.guests) == (2, 0, 1)


def test_taking_by_code_instead_turns_only_untouched_marks_to_not_yet(
    city, schedule, secretary, lin, zhou
):
    third = city.enrol(city.jia)
    session = schedule()
    roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.save(session, wish(mark_of(session, lin), "leave:sick"), by=secretary, at=NOW)
    roll_call.add(session, city.people["wu"], "present", by=secretary, at=NOW)

    for _ in range(2):
        roll_call.take_by_code(session, by=secretary, at=NOW)

    words = {str(a.member): str(a.status) for a in session.attendances.all()}
    assert words == {
        "林小满": "leave",
        "周明远": "not_yet",
        third.name: "not_yet",
        "吴远舟": "present",
    }
    session.refresh_from_db()
    assert session.method == "check_in"
    assert [c.what for c in session.changes.all()][-1] == "改为扫码签到"
    roll_call.close(session, {}, by=secretary, at=NOW, not_yet_becomes="absent")
    with pytest.raises(NotNow):
        roll_call.take_by_code(session, by=secretary, at=NOW)
