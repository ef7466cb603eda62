"""The roll of a programme: who is on it, in which branch, exempt or not, for how much."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from credits import scopes, standings
from credits.models import BranchStanding, CreditTotal, Exemption, Standing
from credits.rule_book import RuleBook
from credits.standings import Row
from credits.verification.report import Findings
from portal.models import Member, Membership, Organization

NAMED = 200  # of one kind; more of it tell nothing new


class Targets:
    """What everybody's target must be, by category, exemption and rule version."""

    def __init__(self, found: Findings, book: RuleBook) -> None:
        self.found, self.book = found, book
        self.open = found.programme.takes_postings
        self.lowered = standings.lowered_targets(found.programme, using=found.using)
        self.numbers = {v.number: v for v in book.versions if v.activated_at}
        self.all_full = all(v.rules.joiners == "full" for v in book.versions)

    def check(self, row: Row, category: str) -> bool:
        """Name what is wrong with one standing's version or target, by the member's category;
        False when its version is none, so that nothing can be recomputed."""
        version = self.numbers.get(row.rules)
        if version is None:
            self._add(row, f"学习进度所用的规则第 {row.rules} 版不存在。")
            return False
        if self.open and row.on_roll:
            fulls = {version.rules.target_for(category)}
        else:
            fulls = {version.rules.target, *version.rules.targets.values()}
        lowered = self.lowered.get(row.member)
        if row.full_target not in fulls:
            self._add(row, f"全额学时 {row.full_target / 100:g} 不合规则。")
        elif lowered is not None:
            if row.target != min(lowered, row.full_target):
                self._add(row, f"应学学时应减至 {lowered / 100:g}，现为 {row.target / 100:g}。")
        elif self.all_full and row.target != row.full_target:
            self._add(row, f"没有生效的减免，应学学时却是 {row.target / 100:g}。")
        return True

    def _add(self, row: Row, message: str) -> None:
        branch = self.found.names.get(row.branch, "")
        self.found.add("target", message, member=row.member, branch=branch)


def check(found: Findings, book: RuleBook) -> None:
    """Everybody stands where they belong, once, and is exempt when and only when that was
    approved."""
    rows = Standing.objects.using(found.using).filter(programme=found.programme)
    belonged = Membership.objects.using(found.using).filter(member=OuterRef("member"))
    _name(
        found,
        "学习进度所在支部不是本人待过的支部。",
        rows.filter(
            ~Exists(belonged.filter(branch=OuterRef("branch")))
            | Q(completed_home__isnull=False)
            & ~Exists(belonged.filter(branch=OuterRef("completed_home")))
        ),
    )
    granted = Exemption.objects.using(found.using).filter(
        programme=found.programme, member=OuterRef("member"), in_force=True, target=None
    )
    _name(found, "免学已生效，学习进度却不是免学。", rows.filter(Exists(granted), exempt=False))
    if not any(version.rules.joiners == "exempt" for version in book.versions):
        _name(found, "没有生效的免学。", rows.filter(~Exists(granted), exempt=True))
    totals = CreditTotal.objects.using(found.using).filter(programme=found.programme)
    lost = totals.exclude(earned=0).exclude(member__in=rows.values("member"))
    for member in sorted(set(lost.values_list("member_id", flat=True)[:NAMED])):
        found.add("total", "有学时合计，却没有学习进度。", member=member)
    if found.programme.takes_postings:
        _check_open(found, rows)


def _check_open(found: Findings, rows: Any) -> None:
    """The roll of an open programme is where its people are; closed ones are frozen."""
    inside = scopes.taking_part(found.programme, lookup="branch__path", using=found.using)
    people = Member.objects.using(found.using).active().filter(inside)
    strayed = rows.filter(on_roll=True).exclude(
        Q(member__in=people.values("pk")) & Q(branch=F("member__branch"))
    )
    _name(found, "应学名单与组织关系不符。", strayed)
    missing = people.exclude(pk__in=rows.filter(on_roll=True).values("member"))
    for member in missing.order_by("pk").values_list("pk", flat=True)[:NAMED]:
        found.add("roll", "应在应学名单上，却不在。", member=member)
    branches = BranchStanding.objects.using(found.using).filter(programme=found.programme)
    moved = branches.exclude(Q(cohort=F("branch__cohort")) & _same_unit())
    for name in moved.values_list("branch__name", flat=True)[:NAMED]:
        found.add("branch", "支部进度的单位或系统与组织树不符。", branch=name)
    ours = Organization.objects.using(found.using).branches()
    ours = ours.filter(scopes.taking_part(found.programme, using=found.using))
    for name in ours.exclude(pk__in=branches.values("branch")).values_list("name", flat=True)[
        :NAMED
    ]:
        found.add("branch", "缺少支部进度。", branch=name)


def _same_unit() -> Q:
    return Q(unit=F("branch__unit")) | Q(unit=None, branch__unit=None)


def _name(found: Findings, message: str, rows: Any) -> None:
    named = rows.order_by("member_id").values_list("member_id", "branch")[:NAMED]
    for member, branch in named:
        found.add("roll", message, member=member, branch=found.names.get(branch, ""))
