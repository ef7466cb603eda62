"""Before a session: signing up, asking for leave, the decision; and what the roll makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from courses import (
    attendance_plans,
    corrections,
    expected,
    reading_classes,
    roll_call,
    roll_pages,
    sessions,
    who_is_due,
)
from courses.attendance_plans import NotDue, NotYourself
from courses.marks import Mark
from courses.models import AttendancePlan, SessionChange
from courses.sessions import NotNow
from credits import exemptions, programmes, verification
from credits.models import LedgerEntry, Posting, Standing
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, plan, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]
MORNING = moment(TODAY, 7)


@pytest.fixture
def member(city):
    return city.actor("lin")


@pytest.fixture
def session(schedule):
    return schedule()


def ask(session, by, leave="sick", at=MORNING, **values):
    return attendance_plans.ask_leave(session, leave, by=by, at=at, **values)


def approve(asked, by, at=MORNING, **values):
    return attendance_plans.decide(asked, approve=True, by=by, at=at, **values)


def decline(asked, by, at=MORNING, **values):
    return attendance_plans.decide(asked, approve=False, by=by, at=at, **values)


def opened_(session, by):
    return roll_call.open_(session, by=by, at=session.starts_at)


def closed_(session, by, wishes=None, at=NOW, **values):
    roll_call.close(session, wishes or {}, by=by, at=at, **values)
    session.refresh_from_db()
    return session


def word(session, member):
    return str(Mark.of(mark_of(session, member)))


def hours(member):
    rows = LedgerEntry.objects.filter(member=member).order_by("pk")
    return list(rows.values_list("hours", flat=True))


# --- What a member says


def test_a_sign_up_needs_no_decision_and_a_second_one_changes_nothing(session, member):
    first = attendance_plans.sign_up(session, by=member, at=MORNING)
    again = attendance_plans.sign_up(session, by=member, at=MORNING + timedelta(hours=1))

    assert (first.state, first.leave, first.decided_by) == ("coming", "", None)
    assert (again.pk, again.said_at) == (first.pk, first.said_at)
    assert AttendancePlan.objects.count() == 1
    assert AuditEvent.objects.filter(subject__endswith="已报名").count() == 1


def test_members_change_their_mind_until_the_roll_opens_and_the_decision_goes(
    session, member, secretary
):
    approve(ask(session, member, reason="住院"), secretary, reply="好好休息")

    coming = attendance_plans.sign_up(session, by=member, at=MORNING)
    assert (coming.state, coming.leave, coming.reason) == ("coming", "", "")
    assert (coming.decided_by, coming.decided_at, coming.reply) == (None, None, "")

    other = ask(session, member, "official")
    assert (other.state, other.leave) == ("pending", "official")
    back = attendance_plans.take_back(session, by=member, at=MORNING)
    assert (back.state, back.leave, back.pk) == ("taken_back", "", coming.pk)
    opened_(session, secretary)
    assert word(session, member.member) == "present"
    for act in (attendance_plans.sign_up, attendance_plans.take_back):
        if act is attendance_plans.sign_up:
            with pytest.raises(NotNow, match="不用再报名"):
                act(session, by=member, at=NOW)
        else:
            assert act(session, by=member, at=NOW).state == "taken_back"


def test_asking_again_for_leave_that_was_approved_keeps_the_decision(session, member, secretary):
    approve(ask(session, member), secretary)
    assert ask(session, member).state == "approved"
    assert ask(session, member, reason="已住院").state == "pending"


@pytest.mark.parametrize("leave", ["", "unstated", "holiday"])
def test_leave_is_of_a_kind_that_can_be_asked_for(session, member, leave):
    with pytest.raises(Refusal, match="请选择请假的种类"):
        ask(session, member, leave)
    assert not AttendancePlan.objects.exists()


def test_who_is_not_due_has_nothing_to_answer(city, programme, session, member, wu, lin):
    stranger = city.actor("wu")
    for act in (attendance_plans.sign_up, lambda s, **v: ask(s, v["by"])):
        with pytest.raises(NotDue):
            act(session, by=stranger, at=MORNING)
    asked = exemptions.ask(programme, lin, target=None, since=TODAY, until=None,
                               reason="长期患病", by=city.by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)
    with pytest.raises(NotDue):
        attendance_plans.sign_up(session, by=member, at=MORNING)
    with pytest.raises(Refusal, match="还没有报名或请假"):
        attendance_plans.take_back(session, by=member, at=MORNING)


def test_due_is_who_the_roll_will_list(city, programme, session, secretary, gao):
    class_ = reading_classes.found(programme, city.jia, name="读书班", plans=[plan("班")],
                                   starts=TODAY, ends=TODAY, by=secretary,
                                   at=MORNING)  # fmt: skip
    reading_classes.enrol(class_, [gao], by=secretary, at=MORNING)
    reading_classes.drop(class_, city.people["lin"], by=secretary, at=MORNING)
    city.enrol(city.jia, "明天来", day=TODAY + timedelta(days=1), at=NOW + timedelta(days=1))
    for one in (session, class_.sessions.get()):
        listed = {m.pk for m, _ in who_is_due.members_of(one)}
        people = city.people.values()
        assert {m.pk for m in people if who_is_due.is_due(one, m)} == listed & {
            m.pk for m in people
        }


def test_a_session_that_is_over_or_called_off_takes_no_sign_up(session, member, secretary):
    with pytest.raises(NotNow, match="已经结束"):
        attendance_plans.sign_up(session, by=member, at=session.ends_at)
    asked = ask(session, member)
    sessions.cancel(session, reason="停电", by=secretary, at=MORNING)
    for act in (
        lambda: attendance_plans.sign_up(session, by=member, at=MORNING),
        lambda: ask(session, member),
        lambda: approve(asked, secretary),
    ):
        with pytest.raises(NotNow, match="已取消"):
            act()
    asked.refresh_from_db()
    assert asked.state == "pending"


# --- The decision


def test_nobody_decides_about_their_own_leave(session, secretary):
    asked = ask(session, secretary)
    for act in (approve, decline):
        with pytest.raises(NotYourself):
            act(asked, secretary)
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("pending", None)


def test_the_same_decision_again_changes_nothing_and_another_is_refused(
    city, session, member, secretary
):
    asked = ask(session, member)
    first = approve(asked, secretary)
    again = approve(asked, city.actor("guan", "organiser"), at=NOW)

    assert (again.decided_by, again.decided_at) == (first.decided_by, first.decided_at)
    with pytest.raises(Refusal, match="病假已批准，不能再改"):
        decline(asked, secretary)
    assert SessionChange.objects.filter(what="病假获准").count() == 1


def test_whoever_decides_is_told_when_the_member_said_something_else_meanwhile(
    session, member, secretary
):
    asked = ask(session, member)
    ask(session, member, "other")
    with pytest.raises(Conflict, match="刚刚改为“其他待批准”"):
        approve(asked, secretary, seen="sick")
    attendance_plans.take_back(session, by=member, at=MORNING)
    with pytest.raises(Conflict, match="刚刚改为“已撤回”"):
        approve(asked, secretary, seen="other")
    assert AttendancePlan.objects.get().decided_by is None


@pytest.mark.parametrize(
    "broken",
    [
        {"leave": ""},  # pending without a kind
        {"leave": "unstated"},
        {"state": "coming"},  # with a kind of leave
        {"state": "approved"},  # by nobody
        {"state": "pending", "reply": "好"},
        {"state": "approved", "decided_at": NOW, "own": True},
    ],
)
def test_the_database_itself_refuses_what_contradicts_itself(session, member, lin, broken):
    asked = ask(session, member)
    values = dict(broken)
    if values.pop("own", False):
        values["decided_by"] = lin
    with pytest.raises(IntegrityError), transaction.atomic():
        AttendancePlan.objects.filter(pk=asked.pk).update(**values)
    copy = AttendancePlan(session=session, member=lin, home=lin.branch, state="coming",
                          said_at=NOW)  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()


# --- The roll


@pytest.mark.parametrize("method", ["roll_call", "check_in"])
def test_mistake_09_what_was_said_before_makes_nobody_present_and_the_roll_opens_filled_in(
    city, schedule, member, secretary, lin, zhou, method
):
    """A sign-up and a request leave the default mark; approved leave is leave; nothing posted."""
    session = schedule(method=method)
    ill = city.enrol(city.jia, "何病休")
    asking = city.enrol(city.jia, "待批人")
    attendance_plans.sign_up(session, by=member, at=MORNING)
    approve(ask(session, type(member)(ill, "member")), secretary)
    ask(session, type(member)(asking, "member"), "personal")
    assert not session.attendances.exists()
    assert not Posting.objects.exists()

    opened_(session, secretary)

    default = "present" if method == "roll_call" else "not_yet"
    assert word(session, ill) == "leave:sick"
    assert {word(session, m) for m in (lin, zhou, asking)} == {default}
    roll_call.take_by_code(session, by=secretary, at=session.starts_at)
    assert word(session, ill) == "leave:sick"
    assert {word(session, m) for m in (lin, zhou, asking)} == {"not_yet"}
    closed_(session, secretary, not_yet_becomes="absent")
    assert not LedgerEntry.objects.exists()


def test_mistake_09_leave_approved_after_closing_reverses_a_credited_line_exactly_once(
    city, session, member, secretary, lin, zhou
):
    asked = ask(session, member)
    closed_(opened_(session, secretary), secretary)
    assert (hours(lin), hours(zhou)) == ([200], [200])

    for _ in range(3):
        approve(asked, secretary, at=NOW, seen="sick")

    session.refresh_from_db()
    assert (word(session, lin), session.state) == ("leave:sick", "corrected")
    assert (hours(lin), hours(zhou)) == ([200, -200], [200])
    assert Standing.objects.get(member=lin).recognised == 0
    assert Posting.objects.count() == 2
    assert Posting.objects.latest("pk").reason == "补批病假"
    assert verification.verify(at=NOW).problems == []


def test_mistake_09_leave_asked_after_closing_by_the_absent_posts_nothing(
    session, member, secretary, lin
):
    """补假: absent becomes leave, once; nothing was earned, and nothing is posted."""
    opened_(session, secretary)
    closed_(session, secretary, wish(mark_of(session, lin), "absent"))
    asked = ask(session, member, "official", at=NOW)
    assert word(session, lin) == "absent"

    approve(asked, secretary, at=NOW)
    approve(asked, secretary, at=NOW)

    session.refresh_from_db()
    assert (word(session, lin), session.state) == ("leave:official", "corrected")
    assert hours(lin) == []
    assert Posting.objects.count() == 1
    assert SessionChange.objects.filter(what="林小满：缺席 → 公出").count() == 1
    assert verification.verify(at=NOW).problems == []


def test_leave_approved_for_somebody_absent_who_made_it_up_keeps_their_hours(
    session, member, secretary, lin
):
    opened_(session, secretary)
    closed_(session, secretary, wish(mark_of(session, lin), "absent"))
    corrections.make_up(session, lin, on=TODAY, by=secretary, at=NOW)
    before = Posting.objects.count()

    approve(ask(session, member, at=NOW), secretary, at=NOW)

    assert (hours(lin), Posting.objects.count()) == ([200], before)
    assert mark_of(session, lin).made_up_on == TODAY


def test_who_was_there_or_is_of_elsewhere_asks_for_no_leave_afterwards(
    city, session, member, secretary
):
    opened_(session, secretary)
    closed_(session, secretary)
    with pytest.raises(NotNow, match="您已登记为“出席”"):
        ask(session, member, at=NOW)
    with pytest.raises(NotDue):
        ask(session, city.actor("wu"), at=NOW)


def test_once_the_books_are_closed_no_leave_is_asked_for(
    city, programme, session, member, secretary, lin
):
    opened_(session, secretary)
    closed_(session, secretary, wish(mark_of(session, lin), "absent"))
    closing = programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(closing, by=city.by, at=NOW + programmes.GRACE)
    with pytest.raises(NotNow, match="已经封账"):
        ask(session, member, at=NOW + programmes.GRACE)


def test_approved_while_the_roll_is_open_it_becomes_the_mark(session, member, secretary, lin):
    asked = ask(session, member)
    opened_(session, secretary)
    version = roll_pages.session_of(session.pk).version

    approve(asked, secretary, at=session.starts_at)

    assert word(session, lin) == "leave:sick"
    assert roll_pages.session_of(session.pk).version == version + 1
    closed_(session, secretary)
    assert hours(lin) == []


@pytest.mark.parametrize("mark", ["late", "present"])
def test_a_mark_that_says_that_somebody_is_there_outweighs_approved_leave(
    schedule, member, secretary, lin, mark
):
    session = schedule(method="check_in")
    asked = ask(session, member)
    opened_(session, secretary)
    roll_call.save(session, wish(mark_of(session, lin), mark), by=secretary, at=session.starts_at)

    approve(asked, secretary, at=session.starts_at)

    assert word(session, lin) == mark


def test_who_has_scanned_is_not_excused_afterwards(schedule, member, secretary, lin):
    session = schedule(method="check_in")
    asked = ask(session, member)
    opened_(session, secretary)
    session.attendances.filter(member=lin).update(status="present", scanned=True)
    closed_(session, secretary, not_yet_becomes="absent")

    with pytest.raises(Refusal, match="已扫码签到"):
        approve(asked, secretary, at=NOW)

    asked.refresh_from_db()
    assert (asked.state, word(session, lin), hours(lin)) == ("pending", "present", [200])


def test_leave_is_asked_for_once_while_the_roll_is_open(session, member, secretary):
    opened_(session, secretary)
    asked = ask(session, member, at=session.starts_at)
    assert asked.state == "pending"
    with pytest.raises(NotNow, match="请假不能再改"):
        ask(session, member, "other", at=session.starts_at)
    assert attendance_plans.take_back(session, by=member, at=NOW).state == "taken_back"


def test_members_of_other_branches_in_a_class_answer_and_their_secretary_may_decide(
    city, programme, secretary, gao
):
    by, at = city.actor("guan", "secretary"), MORNING
    class_ = reading_classes.found(programme, city.jia, name="读书班", plans=[plan()], starts=TODAY,
                                   ends=TODAY, by=secretary, at=at)  # fmt: skip
    reading_classes.enrol(class_, [gao], by=secretary, at=at)
    session = class_.sessions.get()
    found = expected.expected(session)
    assert (found.due, found.silent) == (3, 3)

    asked = ask(session, city.actor("gao"), "official")
    assert asked.home == city.bing
    approve(asked, by)

    opened_(session, secretary)
    assert word(session, gao) == "leave:official"


def test_a_guest_marked_absent_may_ask_for_leave(city, session, secretary, wu):
    opened_(session, secretary)
    roll_call.add(session, wu, "present", by=secretary, at=session.starts_at)
    closed_(session, secretary, wish(mark_of(session, wu), "absent"))

    approve(ask(session, city.actor("wu"), at=NOW), secretary, at=NOW)

    assert word(session, wu) == "leave:sick"
    assert mark_of(session, wu).guest


def test_the_expected_number_is_known_before_the_roll_opens(city, session, member, secretary):
    people = [city.enrol(city.jia) for _ in range(6)]
    actors = [type(member)(m, "member") for m in people]
    attendance_plans.sign_up(session, by=member, at=MORNING)
    ask(session, actors[0])
    approve(ask(session, actors[1]), secretary)
    decline(ask(session, actors[2]), secretary, reply="请安排好时间")
    attendance_plans.sign_up(session, by=actors[3], at=MORNING)
    attendance_plans.take_back(session, by=actors[3], at=MORNING)

    found = expected.expected(session)

    assert (found.due, found.coming, found.leave, found.silent) == (8, 1, 2, 5)


def test_a_roll_opened_late_keeps_leave_for_whoever_is_taken_onto_it(
    city, programme, secretary, gao
):
    class_ = reading_classes.found(programme, city.jia, name="读书班", plans=[plan()], starts=TODAY,
                                   ends=TODAY, by=secretary, at=MORNING)  # fmt: skip
    reading_classes.enrol(class_, [gao], by=secretary, at=MORNING)
    session = class_.sessions.get()
    approve(ask(session, city.actor("gao")), secretary)
    reading_classes.drop(class_, gao, by=secretary, at=MORNING)
    opened_(session, secretary)
    reading_classes.enrol(class_, [gao], by=secretary, at=session.starts_at)

    roll_call.take_in(session, by=secretary, at=session.starts_at)

    assert word(session, gao) == "leave:sick"


def test_a_long_past_session_is_still_excused(schedule, member, secretary, lin):
    session = schedule(day=days_ago(20))
    asked = ask(session, member, at=BEFORE)
    closed_(opened_(session, secretary), secretary, at=session.ends_at)
    approve(asked, secretary, at=NOW)
    assert hours(lin) == [200, -200]
