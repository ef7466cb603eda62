"""What a change of the tree does to the rolls of programmes, said in words: who comes, who goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from django.db.models import Q

from credits.models import Programme, Standing
from portal.templatetags.portal import hours

Owed = tuple[bool, int, int]  # exempt, target, full target
Rolls = Mapping[Programme, Mapping[int, Owed]]  # by programme, by member


def of(people: Q) -> Rolls:
    """Who of some people stands on the roll of a programme that is not closed, and what they owe.
    The condition is on standings. Two queries."""
    open_ = Programme.objects.filter(state__in=[Programme.State.RUNNING, Programme.State.CLOSING])
    found: dict[Programme, dict[int, Owed]] = {each: {} for each in open_.order_by("pk")}
    by_id = {programme.pk: rows for programme, rows in found.items()}
    rows = Standing.objects.filter(people, on_roll=True, programme__in=by_id)
    columns = ("programme", "member", "exempt", "target", "full_target")
    for programme, member, exempt, target, full in rows.values_list(*columns):
        by_id[programme][member] = exempt, target, full
    return found


def said(before: Rolls, after: Rolls) -> list[str]:
    """A sentence a programme for those who come on its roll, and one for those who leave it."""
    sentences = []
    for programme, now in after.items():
        was = before.get(programme, {})
        if come := [owed for member, owed in now.items() if member not in was]:
            sentences.append(f"{len(come)} 人列入《{programme}》学习名单：{_owing(come)}。")
        if gone := was.keys() - now.keys():
            sentences.append(f"{len(gone)} 人退出《{programme}》学习名单，已记的学时保留。")
    return sentences


def _owing(come: list[Owed]) -> str:
    """What newcomers owe, the most frequent first."""
    parts = []
    for (exempt, target, full), many in Counter(come).most_common():
        owed = "按规则免学" if exempt else f"应学 {hours(target)} 学时"
        if not exempt and target < full:
            owed += f"（全额 {hours(full)}，按中途入册折算）"
        parts.append(owed if many == len(come) else f"{many} 人{owed}")
    return "、".join(parts)
