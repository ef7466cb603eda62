"""Sessions to come as forecasts need them: those of given places, those near to given branches."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from courses.forecasts import Meeting
from courses.models import Status, StudySession
from courses.querysets import SessionQuerySet
from credits import rules
from credits.models import Programme
from credits.rule_book import RuleBook
from portal.models import Organization
from portal.querysets import below

IN_UNIT, IN_COMMITTEE = 60, 30  # sessions looked at for proposals, the earliest ones
_COLUMNS = (
    "pk", "title", "place", "organiser__short_name", "organiser__path", "reading_class_id", "form",
    "period", "content", "state", "starts_at", "ends_at", "band", "ceiling", "counts",
)  # fmt: skip


@dataclass(frozen=True)
class Calendar:
    """The sessions of all programmes, as one of them counts them; a method asks twice at most."""

    programme: Programme
    book: RuleBook
    at: datetime

    def of(self, paths: Collection[str], classes: Collection[int], *, since: date) -> list[Meeting]:
        """Those not recorded yet of organisations at these paths, for all who belong below, and of
        these classes; the earliest first."""
        begin = timezone.make_aware(datetime.combine(since, datetime.min.time()))
        rows = StudySession.objects.order_by().filter(
            state__in=["planned", "open"], starts_at__gte=begin
        )
        plain = rows.filter(reading_class=None, organiser__path__in=paths)
        found = self._meetings(plain) + self._meetings(rows.filter(reading_class__in=classes))
        return sorted(found, key=by_start)

    def near(self, branches: Iterable[Organization]) -> list[Meeting]:
        """The earliest ones to come of the units of branches, and of the committees right above
        them; the earliest first."""
        own = list(branches)
        where = Q(pk__in=[])
        for path in unit_paths(own).values():
            where |= below(path, lookup="organiser__path")
        rows = StudySession.objects.order_by().filter(
            where, state="planned", starts_at__gt=self.at, programmes=self.programme
        )
        first = F("starts_at").asc(), F("pk").asc()
        ranked = rows.annotate(
            in_unit=Window(RowNumber(), partition_by="organiser__unit", order_by=first),
            in_committee=Window(RowNumber(), partition_by="organiser__parent", order_by=first),
        )
        committees = {branch.parent_id for branch in own}
        beside = Q(in_committee__lte=IN_COMMITTEE, organiser__parent__in=committees)
        found = self._meetings(ranked.filter(Q(in_unit__lte=IN_UNIT) | beside))
        return sorted(found, key=by_start)

    def _meetings(self, rows: SessionQuerySet) -> list[Meeting]:
        through = StudySession.programmes.through.objects
        own = through.filter(studysession=OuterRef("pk"), programme=self.programme)
        named: Any = rows.annotate(counts=Exists(own)).values_list(*_COLUMNS, named=True)
        return [self._meeting(row) for row in named]

    def _meeting(self, row: Any) -> Meeting:
        day = timezone.localdate(row.starts_at)
        of_day = self.book.on(day).rules
        minutes = int((row.ends_at - row.starts_at) / timedelta(minutes=1))
        return Meeting(
            pk=row.pk,
            title=row.title,
            place=row.place,
            organiser=row.organiser__short_name,
            path=row.organiser__path,
            reading_class=row.reading_class_id,
            form=row.form,
            period=row.period,
            content=row.content,
            state=row.state,
            start=row.starts_at,
            end=row.ends_at,
            day=day,
            worth=rules.worth(
                minutes,
                of_day,
                band=row.band,
                share=of_day.share(Status.PRESENT),
                ceiling=row.ceiling,
            ),
            daily_cap=of_day.daily_cap,
            counts=row.counts,
        )


def unit_paths(branches: Iterable[Organization]) -> dict[int, str]:
    """Where the branches' units stand, by the unit's id; a branch above the units is its own."""
    units = {branch.unit_id or branch.pk for branch in branches}
    return dict(Organization.objects.filter(pk__in=units).values_list("pk", "path"))


def by_start(meeting: Meeting) -> tuple[datetime, int]:
    return meeting.start, meeting.pk
