"""The seed on days easily got wrong: a leap day, the Spring Festival (a Monday), a Sunday."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from courses.models import StudySession
from credits import verification
from credits.models import Bulletin, Programme, Standing, UnitWeek
from portal.models import AuditEvent
from tests.cast import moment
from tests.seeded import lay_out

pytestmark = pytest.mark.django_db
CAST = {  # number → recognised, shortfall: the same whatever the day
    "21040001": (1525, 875), "21040011": (2200, 200), "21040012": (2400, 0),
    "21040013": (2600, 0), "21040014": (2500, 0), "21040015": (2400, 400),
}  # fmt: skip


@pytest.mark.parametrize("today", ["2024-02-29", "2022-01-31", "2021-06-06"])
def test_any_day_gives_the_same_story_and_a_ledger_that_verifies(today):
    day = date.fromisoformat(today)

    lay_out(today=day)

    programme = Programme.objects.get(state="running")
    assert programme.starts.weekday() == 0
    assert 95 <= (day - programme.starts).days + 1 <= 101
    standings = Standing.objects.filter(programme=programme, member__number__in=CAST)
    found = standings.values_list("member__number", "recognised", "shortfall")
    assert {number: (r, s) for number, r, s in found} == CAST
    assert Programme.objects.get(state="closed").ends < programme.starts
    assert Bulletin.objects.filter(programme=programme).count() == 2
    assert UnitWeek.objects.filter(programme=programme).values("week").distinct().count() >= 13
    open_ = StudySession.objects.get(key="cast-open")
    assert (open_.state, open_.day) == ("open", day)
    states = set(StudySession.objects.values_list("state", flat=True))
    assert states == set(StudySession.State.values)
    recent = StudySession.objects.filter(state="open")
    assert recent.filter(starts_at__gte=moment(day - timedelta(days=6), 0)).count() > 3
    assert not AuditEvent.objects.filter(at__gt=moment(day, 5)).exists()
    assert verification.verify(at=moment(day)).problems == []
