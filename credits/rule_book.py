"""All rule versions of a programme, parsed: which one converts a day, which one counts now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from credits import rule_sets
from credits.models import Programme, RuleVersion
from credits.rule_sets import Rules
from portal.prepared import Prepared, given
from portal.refusals import Refusal


class NoRules(Refusal):
    """The programme has no rules in force."""

    message = "这个专题教育还没有生效的学时规则，请先制定规则。"


@dataclass(frozen=True)
class Version:
    """One parsed version."""

    number: int
    since: date
    activated_at: datetime | None
    seen_entry: int
    rules: Rules


@dataclass(frozen=True)
class RuleBook:
    """The versions of one programme, oldest first."""

    versions: tuple[Version, ...]

    @property
    def current(self) -> Version:
        """The newest activated version: caps, minimums and target of everybody. Raises NoRules."""
        active = [v for v in self.versions if v.activated_at]
        if not active:
            raise NoRules
        return active[-1]

    def on(self, day: date) -> Version:
        """The version that converts what was studied on `day`: the highest number whose `since`
        had come, else the first. Raises NoRules."""
        if not self.versions:
            raise NoRules
        come = [v for v in self.versions if v.since <= day]
        return come[-1] if come else self.versions[0]

    def after(self, number: int) -> list[Version]:
        """The activated versions that follow one, in order."""
        return [v for v in self.versions if v.activated_at and v.number > number]

    def numbered(self, number: int) -> Version:
        return next(v for v in self.versions if v.number == number)


def of(programme: Programme, *, using: str = "default") -> RuleBook:
    """Load a programme's rule book: one query, parsing kept between calls."""
    if using == "default":
        rows = _versions(programme=programme.pk)
    else:
        rows = list(_of(programme.pk).using(using))
    return RuleBook(
        tuple(
            Version(number, since, activated_at, seen or 0, _parsed(text))
            for number, since, activated_at, seen, text in rows
        )
    )


def _of(programme: Any) -> QuerySet[Any, Any]:
    rows = RuleVersion.objects.filter(programme=programme).order_by("number")
    text = Cast("rules", TextField())  # parsed once for all calls, not once a call by the driver
    return rows.values_list("number", "since", "activated_at", "seen_entry", text)


_versions = Prepared(lambda: _of(given("programme", int)))


def parsed(rules: Any) -> Rules:
    """The rules of a version; parsing is kept between calls."""
    return _parsed(json.dumps(rules))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Rules:
    return rule_sets.parse(json.loads(text))
