"""What goes into the ledger: sources, credits asked for, lines as written, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple

from credits import digests
from credits.models import SourceKind
from credits.rule_sets import Rules
from credits.rules import Band, worth
from portal.audit import Actor
from portal.models import Member, Organization

# Taken over or brought along: bound by neither daily cap, programme dates nor back-dating.
GRANTED = frozenset({SourceKind.OPENING, SourceKind.OUTSIDE})


@dataclass(frozen=True)
class Source:
    """What earned the hours: kind and stable key; the title is a snapshot for people to read."""

    kind: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Credit:
    """One line asked for.

    minutes studied, or a band (half a day, a day) that stands for them; share: percent that the
    attendance status earns; ceiling: at most so much, where a secretary lowered it; hours: granted
    outright (opening balances, hours from elsewhere). Hours in hundredths.
    """

    member: Member
    form: str
    day: date
    minutes: int = 0
    period: str = ""
    content: str = ""
    start: datetime | None = None
    end: datetime | None = None
    band: Band = ""
    share: int = 100
    ceiling: int | None = None
    hours: int | None = None

    @property
    def canonical(self) -> list[Any]:
        """The credit in stable keys, for the fingerprint of a request."""
        return [
            self.member.key,
            self.form,
            self.day.isoformat(),
            self.minutes,
            self.period,
            self.content,
            digests.moment(self.start),
            digests.moment(self.end),
            self.band,
            self.share,
            self.ceiling,
            self.hours,
        ]

    @property
    def likeness(self) -> tuple[Any, ...]:
        """What two credits have in common that are worth the same, whoever they are for."""
        return (
            self.form,
            self.day,
            self.minutes,
            self.period,
            self.end,
            self.band,
            self.share,
            self.ceiling,
            self.hours,
        )

    def worth(self, rules: Rules) -> int:
        """Hundredths of an hour that this earns by the rules of its day."""
        if self.hours is not None:
            return self.hours
        return worth(
            self.minutes, rules, band=self.band, share=self.share, ceiling=self.ceiling
        )  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A credit that cannot be given: a short stable code, and why, in Chinese with the numbers."""

    credit: Credit
    code: str
    message: str


class Line(NamedTuple):
    """One line as written. `reversed_id` and `reversed_check` name what it reverses; `window` is
    the catch-up window in which it was entered."""

    member: int
    member_key: str
    home: int
    home_code: str
    form: str
    period: str
    content: str
    day: date
    minutes: int
    start: datetime | None
    end: datetime | None
    hours: int
    rules: int
    entry: int = 0  # id of the ledger entry; 0 until it is written
    check_value: str = ""
    reversed_id: int | None = None
    reversed_check: str = ""
    window: int = 0

    def negative(self) -> Line:
        """The line that reverses this live one exactly."""
        return Line(
            self.member,
            self.member_key,
            self.home,
            self.home_code,
            self.form,
            self.period,
            self.content,
            self.day,
            -self.minutes,
            self.start,
            self.end,
            -self.hours,
            self.rules,
            reversed_id=self.entry,
            reversed_check=self.check_value,
        )


@dataclass(frozen=True)
class Request:
    """One act: what a source earns (revision 1), or what a correction changes (revision n).

    withdraw: members whose live lines of this source are reversed first; credits are the new
    lines. at, by: the act's own moment and actor where a batch has several. claimed: the day from
    which the back-dating limit counts (a log confirmed late was handed in in time).
    """

    source: Source
    organiser: Organization
    credits: Sequence[Credit]
    revision: int = 1
    withdraw: Sequence[Member] = ()
    reason: str = ""
    claimed: date | None = None
    at: datetime | None = None
    by: Actor | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.source.kind, self.source.key

    @cached_property
    def fingerprint(self) -> str:
        """Digest of what is asked for, in stable keys."""
        lines = [credit.canonical for credit in self.credits]
        return digests.fingerprint([lines, sorted(m.key for m in self.withdraw)])

    @cached_property
    def members(self) -> set[int]:
        return {c.member.id for c in self.credits} | {m.pk for m in self.withdraw}
