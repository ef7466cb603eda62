"""Why somebody owes what they owe: category, rule for joiners, exemption, each with its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from credits import joiners, rule_book, rules
from credits.joiners import Joined
from credits.models import Exemption, Programme, Standing, TargetChange
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from portal.models import Member
from portal.templatetags.portal import hours, whole_day

State = Exemption.State


@dataclass(frozen=True)
class Why:
    """reasons: what makes the target other than the programme's, the newest word last; empty for
    the programme's own. granted_for: the reason of the exemption in force, for those who may know
    it. waiting: a request that is undecided or does not count yet."""

    reasons: tuple[str, ...] = ()
    granted_for: str = ""
    waiting: str = ""


def why(programme: Programme, standings: Sequence[Standing]) -> dict[int, Why]:
    """Reasons by member; every standing comes with its member. A fixed number of queries."""
    book, people = rule_book.of(programme), [row.member_id for row in standings]
    granted: dict[int, Exemption] = {}
    waiting: dict[int, Exemption] = {}
    rows = Exemption.objects.filter(programme=programme, member__in=people)
    rows = rows.filter(Q(in_force=True) | Q(state__in=[State.ASKED, State.APPROVED]))
    for row in rows.select_related("decided_by").order_by("pk"):
        (granted if row.in_force else waiting)[row.member_id] = row
    late = any(version.rules.joiners != "full" for version in book.versions)
    joined = joiners.since_of(programme, people) if late else {}
    found = {}
    for standing in standings:
        pk, exemption = standing.member_id, granted.get(standing.member_id)
        reasons = _reasons(programme, book, standing, exemption, joined.get(pk))
        reason = exemption.reason if exemption else ""
        found[pk] = Why(tuple(reasons), reason, _waiting(waiting.get(pk)))
    return found


def changes(programme: Programme, member: Member) -> list[TargetChange]:
    """How somebody's target changed, the newest first."""
    return list(TargetChange.objects.filter(programme=programme, member=member).order_by("-pk"))


def _reasons(
    programme: Programme,
    book: RuleBook,
    row: Standing,
    granted: Exemption | None,
    joined: Joined | None,
) -> list[str]:
    rule_set = book.numbered(row.rules).rules
    found = []
    if row.member.category in rule_set.targets:
        label = row.member.get_category_display()
        found.append(f"人员类别：{label}，应学 {hours(row.full_target)} 学时")
    if granted is not None:
        found.append(_granted(granted))
    elif row.exempt and joined:
        found.append(f"{whole_day(joined.day)}{joined.how}，按规则免学")
    elif row.target < row.full_target:
        found.append(_in_proportion(programme, row, rule_set, joined))
    return found


def _in_proportion(
    programme: Programme, row: Standing, rule_set: Rules, joined: Joined | None
) -> str:
    """What a joiner owes; the months are said where they still explain the number."""
    worth = f"{hours(row.target)} 学时"
    if joined is None:
        return f"中途入册，按规则折算：{worth}"
    came = f"{whole_day(joined.day)}{joined.how}"
    left, months = rules.remaining_months(
        starts=programme.starts, ends=programme.ends, joined=joined.day
    )
    step = rule_set.step
    if row.target != max(step, row.full_target * left // (months * step) * step):
        return f"{came}，按规则折算：{worth}"
    return f"{came}，按剩余 {left} 个月（共 {months} 个月）折算：{worth}"


def _granted(row: Exemption) -> str:
    what = "免学" if row.target is None else f"减至 {hours(row.target)} 学时"
    until = f"至 {row.until}" if row.until else ""
    by = f"{row.decided_by.name}批准" if row.decided_by else ""
    return f"减免获批：{what}（{row.since} 起{until}，{by}）"


def _waiting(row: Exemption | None) -> str:
    if row is None:
        return ""
    what = "免学" if row.target is None else f"减至 {hours(row.target)} 学时"
    if row.state == State.ASKED:
        return f"申报{what}，待审批"
    return f"已批准{what}，{row.since} 起生效"
