"""Reading classes: everyone enrolled at once, ended honestly."""

from __future__ import annotations

from datetime import date

import pytest

from courses import reading_classes, roll_call
from courses.models import ReadingClass, StudySession
from credits.models import Standing
from portal import members
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, moment
from tests.courses.conftest import plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading_class(city, programme, secretary):
    return reading_classes.found(
        programme,
        city.jia,
        name="甲支部读书班",
        plans=[plan("第 1 次"), plan("第 2 次", hour=14)],
        starts=date(2021, 3, 5),
        ends=date(2021, 11, 30),
        by=secretary,
        at=moment(date(2021, 3, 5), 8),
    )


def test_one_act_enrols_the_branch_and_lays_out_the_sessions(reading_class, lin, zhou):
    assert {e.member for e in reading_class.enrolments.all()} == {lin, zhou}
    assert reading_class.sessions.count() == 2


def test_members_of_other_branches_join_and_are_due(reading_class, secretary, gao):
    reading_classes.enrol(reading_class, [gao], by=secretary, at=moment(TODAY, 7))
    session = reading_class.sessions.first()

    roll_call.open_(session, by=secretary, at=session.starts_at)

    assert session.attendances.get(member=gao).guest is False


def test_newcomers_are_those_of_the_branch_who_never_had_a_place_in_the_class(
    city, programme, reading_class, secretary, lin, gao
):
    """Not whoever was taken out, came from elsewhere, left again, or belongs to another branch."""
    other = reading_classes.found(programme, city.yi, name="乙支部读书班", plans=[], starts=TODAY,
                                  ends=TODAY, by=city.by, at=NOW)  # fmt: skip
    reading_classes.enrol(reading_class, [gao], by=secretary, at=NOW)
    reading_classes.drop(reading_class, lin, by=secretary, at=NOW)
    first, gone = city.enrol(city.jia, "新一"), city.enrol(city.jia, "新二")
    members.leave(gone, how="left", on=TODAY, by=city.by, at=NOW)
    there = city.enrol(city.yi, "新三")

    found = reading_classes.newcomers([reading_class, other])

    assert found == {reading_class.pk: [first], other.pk: [there]}
    assert reading_classes.newcomers([]) == {}


def test_mistake_09_an_enrolment_makes_nobody_present(reading_class, secretary, lin):
    assert not StudySession.objects.filter(attendances__member=lin).exists()
    assert Standing.objects.get(member=lin).recognised == 0


def test_a_class_does_not_end_while_sessions_are_open(reading_class, secretary):
    with pytest.raises(Refusal, match="还有 2 次活动"):
        reading_classes.end(reading_class, reasons={}, by=secretary, at=NOW)


def test_a_class_with_somebody_short_never_ends_as_completed(reading_class, secretary, lin, zhou):
    reading_class.sessions.update(state="cancelled", reason="x")
    with pytest.raises(Refusal, match="未学满的原因"):
        reading_classes.end(reading_class, reasons={lin.pk: "长期病假"}, by=secretary, at=NOW)

    ended = reading_classes.end(
        reading_class, reasons={lin.pk: "长期病假", zhou.pk: "外出"}, by=secretary, at=NOW
    )

    assert ended.state == ReadingClass.State.ENDED
    assert [s["name"] for s in ended.short] == ["周明远", "林小满"] or len(ended.short) == 2


def test_the_database_itself_refuses_a_completed_class_with_somebody_short(reading_class):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        ReadingClass.objects.update(state="completed", short=[{"name": "某"}])


def test_dropping_somebody_keeps_their_earlier_sheets(reading_class, secretary, lin):
    session = reading_class.sessions.first()
    roll_call.open_(session, by=secretary, at=session.starts_at)

    reading_classes.drop(reading_class, lin, by=secretary, at=NOW)

    assert session.attendances.filter(member=lin).exists()
