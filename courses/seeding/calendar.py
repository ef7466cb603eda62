"""The seed's calendar: the programme of 2021 moved by whole weeks, so that weekdays stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from django.utils import timezone

ANCHOR = date(2021, 6, 3)  # the 95th day of the programme as it was
DAWN = 5  # the hour of the seed's own day up to which acts are replayed


@dataclass(frozen=True)
class Calendar:
    """Where the seed's day lies; every date of the data files passes through `on`."""

    today: date

    @cached_property
    def shift(self) -> timedelta:
        return timedelta(weeks=(self.today - ANCHOR).days // 7)

    @property
    def horizon(self) -> datetime:
        """The last moment that is replayed; what lies behind it is still to come."""
        return moment(self.today, DAWN)

    def on(self, day: date) -> date:
        """A day of the data files, moved."""
        return day + self.shift

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """A moment on a day of the data files, moved."""
        return moment(self.on(day), hour, minute)


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A local moment of a day, as it is stored."""
    local = datetime.combine(day, time(hour, minute), tzinfo=timezone.get_default_timezone())
    return local.astimezone(UTC)
