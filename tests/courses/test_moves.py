"""One attendance moves in one act: both places are corrected, or neither."""

from __future__ import annotations

from datetime import timedelta

import pytest

from courses import line_queries, moves, roll_call, sessions
from courses.marks import Mark, NotOnRoll
from courses.models import LineQuery, SessionChange
from courses.moves import CannotMove, Place
from courses.sessions import NotNow
from credits import certificates, ledger, verification
from credits.ledger import Credit, Source
from credits.models import LedgerEntry, Posting, Programme, Standing
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, plan, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def held(schedule, secretary):
    """Closes a session of 甲, with marks that differ from present."""

    def make(title="上午", hour=9, differing=(), **values):
        session = schedule(title, hour=hour, **values)
        roll_call.open_(session, by=secretary, at=session.starts_at)
        for member, mark in differing:
            roll_call.save(session, wish(mark_of(session, member), mark), by=secretary, at=NOW)
        roll_call.close(session, {}, by=secretary, at=NOW)
        session.refresh_from_db()
        return session

    return make


@pytest.fixture
def pair(held, lin):
    """林小满 was taken for present in the morning, and for absent in the afternoon."""
    return held("上午"), held("下午", 14, [(lin, "absent")])


def hours():
    """What the ledger sums to, in all."""
    return sum(LedgerEntry.objects.values_list("hours", flat=True))


def words(*places):
    return [str(Mark.of(mark_of(session, member))) for session, member in places]


def state():
    """Everything that a refused move must leave as it was."""
    return (
        Posting.objects.count(),
        list(SessionChange.objects.values_list("pk", flat=True)),
        list(AuditEvent.objects.values_list("pk", flat=True)),
    )


def test_mistake_15_who_has_completed_stays_so_while_an_attendance_moves(
    programme, city, held, secretary, lin
):
    """Exactly 24 hours, two of them from a session of the wrong day."""
    right = held("对的一天", day=days_ago(1), differing=[(lin, "absent")])
    wrong = held("错的一天", day=days_ago(2))
    for days, (period, minutes) in enumerate(
        [("new-democratic", 270), ("socialist", 270), ("new-era", 270), ("reform", 180)], 3
    ):
        start = moment(days_ago(days), 9)
        given = Credit(lin, "seminar", days_ago(days), minutes, period, start=start,
                       end=start + timedelta(minutes=minutes))  # fmt: skip
        ledger.post(programme, Source("session", period, "课"), organiser=city.jia,
                    credits=[given], by=secretary, at=NOW)  # fmt: skip
    before = Standing.objects.get(programme=programme, member=lin)
    assert (before.recognised, before.shortfall) == (2400, 0)
    certificate = certificates.issue(before, by=city.actor("gao", "official"), at=NOW)
    later = NOW + timedelta(days=1)

    moves.move(Place(wrong, lin), Place(right, lin), reason="记错了", by=secretary, at=later)

    after = Standing.objects.get(pk=before.pk)
    assert (after.recognised, after.completed_at) == (2400, before.completed_at)
    assert [e.event for e in certificate.events.all()] == ["issued"]
    assert verification.verify(at=later).problems == []


def test_to_another_session_both_are_corrected_and_the_sum_is_the_same(pair, secretary, lin):
    morning, afternoon = pair
    before = hours()
    origin, target = Place(morning, lin), Place(afternoon, lin)
    shown = moves.rehearse(origin, target, at=NOW)
    assert hours() == before

    moves.move(origin, target, reason="记错了场次", by=secretary, at=NOW)

    assert words((morning, lin), (afternoon, lin)) == ["absent", "present"]
    assert hours() == before == 600
    assert LedgerEntry.objects.filter(member=lin).live().get().posting.key == afternoon.key
    assert [(c.was, c.becomes, c.hours_before, c.hours_after) for c in shown] == [
        ("出席", "缺席", 200, 0), ("缺席", "出席", 0, 200)
    ]  # fmt: skip
    told = AuditEvent.objects.filter(subject__contains="移").values_list("subject", flat=True)
    assert set(told) == {
        "上午：“出席”移到6月3日《下午》", "下午：“出席”由6月3日《上午》移来"
    }  # fmt: skip
    assert verification.verify(at=NOW).problems == []


def test_and_back_again(pair, secretary, lin):
    morning, afternoon = pair
    here, there = Place(morning, lin), Place(afternoon, lin)
    before = words((morning, lin), (afternoon, lin)), hours()

    moves.move(here, there, reason="记错了场次", by=secretary, at=NOW)
    moves.move(there, here, reason="还是上午", by=secretary, at=NOW)

    assert (words((morning, lin), (afternoon, lin)), hours()) == before
    assert verification.verify(at=NOW).problems == []


def test_what_overlaps_only_with_the_place_that_is_left_stands_in_nobodys_way(held, secretary, lin):
    first = held("九点", 9)
    second = held("九点半", 9, [(lin, "absent")], minutes=60)

    moves.move(Place(first, lin), Place(second, lin), reason="记错了场次", by=secretary, at=NOW)

    assert Standing.objects.get(member=lin).recognised == 125  # an hour instead of ninety minutes
    assert verification.verify(at=NOW).problems == []


def test_to_a_session_on_whose_roll_they_do_not_stand_as_a_guest_and_back_off_it(
    city, held, opened, secretary, wu
):
    other = held("下午", 14)
    roll_call.add(opened, wu, "present", by=secretary, at=NOW)
    roll_call.close(opened, {}, by=secretary, at=NOW)
    before = hours()

    moves.move(Place(opened, wu), Place(other, wu), reason="记错了场次", by=secretary, at=NOW)

    assert mark_of(other, wu).guest
    assert not opened.attendances.filter(member=wu).exists()
    assert hours() == before
    assert verification.verify(at=NOW).problems == []


def test_to_another_person_the_wrong_one_was_ticked(held, secretary, lin, zhou):
    session = held(differing=[(zhou, "leave:sick")])
    before = hours()
    shown = moves.rehearse(Place(session, lin), Place(session, zhou), at=NOW)

    moves.move(Place(session, lin), Place(session, zhou), reason="勾错了人", by=secretary, at=NOW)

    assert words((session, lin), (session, zhou)) == ["leave:sick", "present"]
    assert hours() == before == 200
    assert [(c.becomes, c.difference) for c in shown] == [("病假", -200), ("出席", 200)]
    assert Posting.objects.count() == 2
    assert verification.verify(at=NOW).problems == []


def test_to_somebody_who_did_not_stand_on_the_roll(held, secretary, lin, wu):
    session = held()

    moves.move(Place(session, lin), Place(session, wu), reason="勾错了人", by=secretary, at=NOW)

    assert words((session, lin), (session, wu)) == ["absent", "present"]
    assert Standing.objects.get(member=wu).recognised == 200
    assert Standing.objects.get(member=lin).recognised == 0
    assert verification.verify(at=NOW).problems == []


def test_a_move_answers_what_the_member_asked(city, pair, secretary, lin):
    morning, afternoon = pair
    entry = LedgerEntry.objects.filter(member=lin).live().get()
    line_queries.ask(entry, "day", by=city.actor("lin"), at=NOW)

    moves.move(Place(morning, lin), Place(afternoon, lin), reason="记错了场次", by=secretary,
               at=NOW)  # fmt: skip

    assert LineQuery.objects.get().state == "corrected"


def refused(origin, target, by, message, error=CannotMove):
    """Refused in the rehearsal and in the act, with the same words; nothing is left of it."""
    before = state(), words((origin.session, origin.member))
    with pytest.raises(error, match=message):
        moves.rehearse(origin, target, at=NOW)
    with pytest.raises(error, match=message):
        moves.move(origin, target, reason="记错了", by=by, at=NOW)
    assert (state(), words((origin.session, origin.member))) == before


def test_nobody_is_moved_to_where_they_were_already(held, secretary, lin, zhou):
    morning, afternoon = held("上午"), held("下午", 14)

    refused(Place(morning, lin), Place(afternoon, lin), secretary, "在《下午》中已记“出席”")
    refused(Place(morning, lin), Place(morning, zhou), secretary, "周明远在《上午》中已记“出席”")


def test_a_conflict_at_the_target_refuses_both(held, secretary, lin):
    morning = held("上午")
    held("下午", 14)
    overlapping = held("两点半", 14, [(lin, "absent")], minutes=45)

    refused(
        Place(morning, lin), Place(overlapping, lin), secretary, "与《下午》.*时间重叠。没有改动"
    )
    assert verification.verify(at=NOW).problems == []


def test_whoever_was_not_there_has_nothing_to_move(pair, secretary, lin):
    morning, afternoon = pair

    refused(Place(afternoon, lin), Place(morning, lin), secretary, "没有出席可以移")


def test_only_between_closed_rolls(pair, schedule, secretary, lin):
    later = schedule("晚上", hour=19, minutes=45)
    roll_call.open_(later, by=secretary, at=NOW)

    refused(Place(pair[0], lin), Place(later, lin), secretary, "还没有记学时", NotNow)


def test_only_within_one_organiser(city, pair, programme, secretary, lin):
    theirs = sessions.schedule(city.yi, [programme], plan("乙", hour=16), by=city.by, at=BEFORE)
    roll_call.open_(theirs, by=city.by, at=moment(hour=16))
    roll_call.close(theirs, {}, by=city.by, at=NOW)
    theirs.refresh_from_db()

    refused(Place(pair[0], lin), Place(theirs, lin), secretary, "不是同一个党组织")


def test_only_between_sessions_of_the_same_programmes(pair, secretary, lin, found_programme):
    pair[1].programmes.add(found_programme(code="other", permit=""))

    refused(Place(pair[0], lin), Place(pair[1], lin), secretary, "专题教育不同")


def test_nothing_moves_once_the_books_are_closed(pair, secretary, lin):
    Programme.objects.update(state="closed", books_close_on=TODAY)

    refused(Place(pair[0], lin), Place(pair[1], lin), secretary, "不能再改记学时")


def test_a_move_needs_another_place_and_somebody_on_the_roll(city, pair, secretary, lin, wu, zheng):
    morning, afternoon = pair
    refused(Place(morning, lin), Place(morning, lin), secretary, "请选择")
    refused(Place(morning, lin), Place(afternoon, wu), secretary, "请选择")
    with pytest.raises(NotOnRoll):
        moves.move(Place(morning, wu), Place(morning, zheng), reason="x", by=secretary, at=NOW)
    with pytest.raises(Refusal, match="理由"):
        moves.move(Place(morning, lin), Place(afternoon, lin), reason=" ", by=secretary, at=NOW)
