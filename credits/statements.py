"""The statement: every line of a member explained, adding up to the standing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from credits import archives, late_entries, rule_book, rules
from credits.models import (
    CatchUpWindow,
    CreditTotal,
    Form,
    LedgerEntry,
    Programme,
    RuleVersion,
    Standing,
)
from credits.rule_sets import Rules
from credits.rules import Recognised
from portal.models import Member
from portal.prepared import Prepared, columns, given
from portal.together import Found, Together


@dataclass(frozen=True)
class Line:
    """One ledger line as its member reads it. Hours in hundredths.

    recognised: what it counts towards the target; why: where that differs from what was earned.
    room: hours that a reversal freed under a cap for lines before it. late: the catch-up window
    in which its source was entered.
    """

    entry: LedgerEntry
    recognised: int
    why: str
    reversed_by: LedgerEntry | None = None
    late: CatchUpWindow | None = None

    @property
    def earned(self) -> int:
        return self.entry.hours


@dataclass(frozen=True)
class Progress:
    """How far a member is in one programme: the standing, what it comes from, the rules."""

    programme: Programme
    standing: Standing | None
    worth: Recognised
    rules: Rules
    earned: Mapping[tuple[str, str], int]

    def shortfall_with(self, more: Mapping[tuple[str, str], int]) -> int:
        """What would still be missing with further hours, under caps and minimums."""
        sums = dict(self.earned)
        for place, hours in more.items():
            sums[place] = sums.get(place, 0) + hours
        if self.standing is None:
            return 0
        target, full = self.standing.target, self.standing.full_target
        return rules.recognise(sums, self.rules, target, full).shortfall

    @property
    def periods(self) -> list[tuple[str, int, int]]:
        """Name, earned hours and minimum of every history period."""
        return [
            (p.name, self.worth.by_period.get(p.code, 0), self.worth.minimums[p.code])
            for p in self.rules.periods
        ]


@dataclass(frozen=True)
class Statement(Progress):
    """A member's hours in one programme: lines, totals, and what is still missing."""

    lines: tuple[Line, ...]
    earned_by_form: dict[str, int]
    archived: bool = False  # its lines are no longer in the ledger's tables

    @property
    def forms(self) -> list[tuple[str, int, int, int | None]]:
        """Form, earned, recognised and cap of every form that was studied or is admitted."""
        labels = dict(Form.choices)
        return [
            (
                labels[f.code],
                self.earned_by_form.get(f.code, 0),
                self.worth.by_form.get(f.code, 0),
                f.cap,
            )
            for f in self.rules.forms
            if f.cap != 0 or self.earned_by_form.get(f.code)
        ]

    @property
    def total(self) -> int:
        """Sum of the lines as recognised: the standing's figure."""
        if self.archived:
            return self.worth.hours
        return sum(line.recognised for line in self.lines)


def to_ask() -> dict[str, QuerySet[Any, Any]]:
    """What `progress_of` is made from, for pages that ask for more at once: places `programme` and
    `member`."""
    of_member = {"programme": given("programme", int), "member": given("member", int)}
    rules_then = RuleVersion.objects.filter(
        programme=OuterRef("programme"), number=OuterRef("rules")
    ).values("rules")[:1]
    standings = Standing.objects.filter(**of_member).annotate(rule_set=Subquery(rules_then))
    totals = CreditTotal.objects.filter(**of_member).order_by()
    return {
        "standing": standings.values_list(*columns(Standing, "rule_set")),
        "totals": totals.values_list("period", "form", "earned"),
    }


def newest() -> QuerySet[Any, Any]:
    """The newest three lines that earned something: title, day, hours, is_reversed; for pages that
    ask for more at once, with the same places."""
    programme = given("programme", int)
    reversals = LedgerEntry.objects.filter(programme=programme, reverses=OuterRef("pk"))
    return (
        LedgerEntry.objects.filter(
            programme=programme,
            member=given("member", int),
            hours__gt=0,
            posting__programme=F("programme"),
        )
        .order_by("-pk")
        .annotate(title=F("posting__title"), is_reversed=Exists(reversals))
        .values_list("title", "day", "hours", "is_reversed")[:3]
    )


_standings = Prepared(lambda: to_ask()["standing"])
_progress = Together(to_ask, few=["programme"])


def progress(programme: Programme, member: Member) -> Progress:
    """How far a member is, without the lines: two queries, one round trip."""
    return progress_of(programme, member, _progress(programme=programme.pk, member=member.pk))


def progress_of(programme: Programme, member: Member, found: Found) -> Progress:
    """The same from what `to_ask` gave."""
    own = next(iter(found.objects("standing")), None)
    if own:
        rules_: Rules = rule_book.parsed(vars(own)["rule_set"])
        target, full = own.target, own.full_target
    else:
        rules_ = rule_book.of(programme).current.rules
        target = full = rules_.target_for(member.category)
    earned = {(t.period, t.form): t.earned for t in found.rows("totals")}
    worth = rules.recognise(earned, rules_, target, full)
    return Progress(programme, own, worth, rules_, earned)


def standing(programme: Programme, member: Member) -> Standing | None:
    """A member's standing: one query."""
    found = _standings.objects(programme=programme.pk, member=member.pk)
    return found[0] if found else None


def of(programme: Programme, member: Member) -> Statement:
    """Explain every line of a member, oldest first."""
    found = progress(programme, member)
    rows = LedgerEntry.objects.of_member(programme, member)
    entries = list(rows.annotate(posted_by=F("posting__by__name")))
    by_form: dict[str, int] = {}
    for (_, form), hours in found.earned.items():
        by_form[form] = by_form.get(form, 0) + hours
    late = late_entries.of_member(programme, member)
    lines = tuple(explained(entries, found.rules, late))
    gone = archives.lines_are_gone(programme)
    known = (programme, found.standing, found.worth, found.rules, found.earned)
    return Statement(*known, lines, by_form, gone)


def explained(
    entries: Sequence[LedgerEntry], rules_: Rules, late: Mapping[tuple[str, str], CatchUpWindow]
) -> Iterable[Line]:
    """Each entry with what it counts and why that differs from what it earned; late: by source,
    the window in which it was entered."""
    counted = rules.line_by_line([(e.form, e.hours) for e in entries], rules_)
    reversals = {e.reverses_id: e for e in entries if e.reverses_id}
    for entry, recognised in zip(entries, counted, strict=True):
        window = late.get((entry.posting.kind, entry.posting.key))
        why = _why(entry, recognised, rules_)
        yield Line(entry, recognised, why, reversals.get(entry.pk), window)


def _why(entry: LedgerEntry, recognised: int, rules_: Rules) -> str:
    if entry.hours == recognised:
        return ""
    form = Form(entry.form).label
    rule = next((f for f in rules_.forms if f.code == entry.form), None)
    if rule is None or rule.cap == 0:
        return f"现行规则不计{form}。"
    group = next((g for g in rules_.groups if entry.form in g.forms), None)
    limits = [f"{form}最多计 {rule.cap / 100:g} 学时"] if rule.cap is not None else []
    limits += [f"{group.name}合计最多计 {group.cap / 100:g} 学时"] if group else []
    what = "冲销的部分原本超出上限，未计入" if entry.hours < 0 else "超出的部分不计入"
    return f"{'，'.join(limits)}，{what}。"
