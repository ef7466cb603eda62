"""Own study: refused with the numbers, confirmed by somebody else, credited once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from courses import roll_call, study_logs
from courses.models import StudyLog
from courses.study_logs import CannotLog, NotYourself, Study
from credits import verification
from credits.models import LedgerEntry, Standing
from tests.cast import NOW, TODAY, days_ago, moment

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def study(day=TODAY, minutes=45, **values):
    values.setdefault("form", "self")
    values.setdefault("topic", "《中国共产党简史》第五章")
    return Study(day=day, minutes=minutes, period="reform", **values)


@pytest.fixture
def submit(city, programme, lin):
    def make(member=None, **values):
        who = member or lin
        by = city.actor("lin")
        at = values.pop("at", NOW)
        return study_logs.submit(programme, who, study(**values), by=by, at=at)

    return make


def test_a_log_waits_for_confirmation_and_is_then_credited(submit, secretary, lin):
    log = submit()
    assert Standing.objects.get(member=lin).recognised == 0

    [outcome] = study_logs.confirm([log], by=secretary, at=NOW)

    assert outcome.hours == 100
    assert Standing.objects.get(member=lin).recognised == 100
    assert StudyLog.objects.get().state == StudyLog.State.CONFIRMED


def test_nobody_confirms_their_own(submit, secretary, zhou):
    log = submit(member=zhou)

    with pytest.raises(NotYourself):
        study_logs.confirm([log], by=secretary, at=NOW)
    with pytest.raises(NotYourself):
        study_logs.return_([log], reason="x", by=secretary, at=NOW)


def test_confirming_twice_credits_once(submit, secretary):
    log = submit()

    study_logs.confirm([log], by=secretary, at=NOW)
    assert study_logs.confirm([log], by=secretary, at=NOW) == []

    assert LedgerEntry.objects.count() == 1


def test_what_came_between_is_left_pending_with_its_reason(
    city, schedule, submit, secretary, programme
):
    log = submit(start=moment(TODAY, 9, 30))
    session = roll_call.open_(schedule(), by=secretary, at=moment(TODAY, 9))
    roll_call.close(session, {}, by=secretary, at=NOW)

    [outcome] = study_logs.confirm([log], by=secretary, at=NOW)

    assert "时间重叠" in outcome.reason
    assert StudyLog.objects.get().state == StudyLog.State.PENDING


def test_a_log_refused_once_can_be_confirmed_later(schedule, submit, secretary, programme):
    from courses import sessions

    log = submit(start=moment(TODAY, 9, 30))
    session = roll_call.open_(schedule(), by=secretary, at=moment(TODAY, 9))
    roll_call.close(session, {}, by=secretary, at=NOW)
    study_logs.confirm([log], by=secretary, at=NOW)
    sessions.cancel(session, reason="误报", by=secretary, at=NOW)

    [outcome] = study_logs.confirm([log], by=secretary, at=NOW)

    assert outcome.hours == 100
    assert verification.verify(at=NOW).problems == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"day": TODAY + timedelta(days=1)}, "还没有结束"),
        ({"day": days_ago(31)}, "已过去 31 天，超过了补记期限 30 天"),
        ({"minutes": 10}, "不足最小计时单位"),
        ({"minutes": 405}, "已记 0 学时、?|再记 9 学时就超过每日上限 8 学时"),
        ({"form": "seminar"}, "由支部组织活动"),
        ({"topic": " "}, "学了什么"),
    ],
)
def test_what_cannot_be_credited_is_refused_when_it_is_entered(submit, values, message):
    with pytest.raises(CannotLog, match=message):
        submit(**values)

    assert StudyLog.objects.count() == 0


def test_pending_logs_count_towards_the_daily_cap(submit):
    submit(minutes=315)

    with pytest.raises(CannotLog, match="待确认 7 学时"):
        submit(minutes=90)


def test_mistake_21_the_same_material_twice_is_refused(submit, secretary):
    log = submit(content="course:jianshi")
    with pytest.raises(CannotLog, match="已经提交过"):
        submit(content="course:jianshi", day=days_ago(1))
    study_logs.confirm([log], by=secretary, at=NOW)

    with pytest.raises(CannotLog, match="不重复计算"):
        submit(content="course:jianshi", day=days_ago(1))


def test_mistake_27_submitting_again_with_the_same_key_changes_nothing(city, programme, lin):
    by = city.actor("lin")
    first = study_logs.submit(programme, lin, study(), by=by, at=NOW, key="once")
    again = study_logs.submit(programme, lin, study(), by=by, at=NOW, key="once")

    assert first == again
    assert StudyLog.objects.count() == 1


def test_a_log_handed_in_in_time_may_be_confirmed_late(submit, secretary):
    log = submit(day=days_ago(29))

    [outcome] = study_logs.confirm([log], by=secretary, at=NOW + timedelta(days=20))

    assert outcome.hours == 100


def test_returning_needs_a_reason_and_credits_nothing(submit, secretary):
    log = submit()
    with pytest.raises(Exception, match="理由"):
        study_logs.return_([log], reason="", by=secretary, at=NOW)

    assert study_logs.return_([log], reason="请补充学习篇目", by=secretary, at=NOW) == 1
    assert LedgerEntry.objects.count() == 0


def test_a_confirmed_log_can_be_reversed_with_a_reason(submit, secretary, lin):
    log = submit()
    study_logs.confirm([log], by=secretary, at=NOW)

    study_logs.reverse(log, reason="重复", by=secretary, at=NOW)

    assert Standing.objects.get(member=lin).recognised == 0
    assert verification.verify(at=NOW).problems == []


def test_self_study_beyond_its_cap_is_earned_but_not_recognised(submit, secretary, lin):
    for number in range(3):
        study_logs.confirm([submit(day=days_ago(number), minutes=180)], by=secretary, at=NOW)

    standing = Standing.objects.get(member=lin)
    assert standing.recognised == 1000
    assert sum(LedgerEntry.objects.values_list("hours", flat=True)) == 1200
