"""Taking back what a member list wrote: what nobody has touched since, through the real verbs.

What hangs on a person in the apps above is asked there (courses/import_undo.py); here the register
alone is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal import members, mending, set_wise
from portal.audit import Actor
from portal.members import Departure, Move
from portal.mending import Mending
from portal.models import (
    Appointment,
    Member,
    Membership,
    MobileStay,
    Organization,
    PeopleImport,
    PeopleImportLine,
)
from portal.people_in import roles_back
from portal.people_in.headings import LABELS
from portal.people_in.receipts import plain
from portal.people_in.roles_back import Ended
from portal.refusals import Refusal

Action, Outcome = PeopleImportLine.Action, PeopleImportLine.Outcome
ARRIVED = {Action.CREATE, Action.RETURN, Action.TRANSFER}


class Undone(Refusal):
    """It was taken back already."""

    message = "这次导入已经撤销过了，没有再改动。"


@dataclass(frozen=True)
class Beside:
    """One line beside what the register says now. here: the open membership; left: the one that
    the line ended, or (None) there was none; roles: those that it ended."""

    line: PeopleImportLine
    member: Member
    here: Membership | None
    left: Membership | None
    roles: Sequence[Appointment] = ()


def claim(receipt: PeopleImport, *, by: Actor, at: datetime) -> PeopleImport:
    """Begin to take a list back; once. Raises Undone the second time."""
    receipt = PeopleImport.objects.select_for_update(of=("self",)).get(pk=receipt.pk)
    if receipt.undone_at is not None:
        raise Undone
    receipt.undone_by, receipt.undone_at = by.member, at
    receipt.save(update_fields=["undone_by", "undone_at"])
    return receipt


def look(lines: Sequence[PeopleImportLine]) -> list[Beside]:
    """The lines beside the register as it is now; the people are locked."""
    keys = sorted({line.member_id for line in lines})
    rows = Member.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys)
    people = {m.pk: m for m in rows.select_related("branch").order_by("pk")}
    belongs = Membership.objects.select_related("branch")
    here = {m.member_id: m for m in belongs.open().filter(member__in=keys)}
    left = belongs.in_bulk([line.closed for line in lines if line.closed])
    ended = roles_back.of(lines)
    return [
        Beside(
            line,
            people[line.member_id],
            here.get(line.member_id),
            left.get(line.closed or 0),
            ended[line.pk],
        )
        for line in lines
    ]


def touched(found: Sequence[Beside], *, since: datetime, on: Organization) -> dict[int, str]:
    """Why lines cannot be taken back, as far as the register knows, by line id. on: where the list
    was imported."""
    keys = [s.member.pk for s in found]
    roles = Appointment.objects.filter(member__in=keys, until=None)
    busy = set(roles.values_list("member_id", "organization_id"))
    stays = MobileStay.objects.filter(member__in=keys, since__gte=since.date())
    away = set(stays.values_list("member_id", flat=True))
    later = Membership.objects.filter(member__in=keys)
    newest = {m.member_id: m.pk for m in later.order_by("since", "pk")}
    ended = {s.line.pk: s.roles for s in found}
    reasons = roles_back.in_the_way([s.line for s in found], ended, on)
    for s in found:
        reason = _moved(s, newest) or _mended(s)
        if not reason and s.line.action in ARRIVED and s.here:
            if (s.member.pk, s.here.branch_id) in busy:
                reason = "已有任职"
            elif s.member.pk in away:
                reason = "已登记外出"
            elif s.line.action == Action.CREATE and s.member.last_login:
                reason = "本人已经登录使用"
        if reason:
            reasons[s.line.pk] = reason
    return reasons


def take_back(found: Sequence[Beside], *, by: Actor, at: datetime) -> None:
    """Undo lines that nobody touched: values as they were, newcomers out as entered by mistake,
    transfers back on their own day, those who left in again on the day they left; roles that ended
    by it from today on."""
    mendings = [
        Mending(s.member, _of_json(s.line.before), s.line.before.get("group"))
        for s in found
        if s.line.before
    ]
    if mendings:
        mending.mend_many(mendings, by=by, at=at)
    arrived = [(s.member, s.here) for s in found if _came(s) and s.here]
    if arrived:
        mistake = Membership.Ended.MISTAKE
        members.leave_many(
            [Departure(member, here.since, mistake) for member, here in arrived], by=by, at=at
        )
    moves = [
        Move(s.member, s.left.branch, s.here.since, s.left.group)
        for s in found
        if s.line.action == Action.TRANSFER and s.here and s.left
    ]
    if moves:
        members.transfer_many(moves, by=by, at=at)
    returns = [
        Move(s.member, s.left.branch, s.left.until, s.left.group)
        for s in found
        if s.line.action == Action.LEAVE and s.left and s.left.until
    ]
    if returns:
        members.readmit_many(returns, by=by, at=at)
    if lost := [Ended(s.member, s.roles) for s in found if s.roles]:
        roles_back.give_back(lost, by=by, at=at)


def note(lines: Sequence[PeopleImportLine], kept: Mapping[int, str]) -> None:
    """Write on each line what became of it."""
    for line in lines:
        line.reason = kept.get(line.pk, "")
        line.outcome = Outcome.KEPT if line.reason else Outcome.UNDONE
    told = [(line.outcome, line.reason, line.pk) for line in lines]
    set_wise.update_by_id(PeopleImportLine, ["outcome", "reason"], told)


def _came(s: Beside) -> bool:
    return s.line.action in (Action.CREATE, Action.RETURN)


def _moved(s: Beside, newest: Mapping[int, int]) -> str:
    """Whether the membership is no longer as the list left it."""
    line = s.line
    if line.action in ARRIVED:
        if s.here is None:
            return "之后已离册"
        if s.here.pk != line.opened or newest[s.member.pk] != line.opened:
            return f"之后又办理了组织关系变动，现在{s.here.branch.short_name}"
    if line.action == Action.UPDATE and s.here is None:
        return "之后已离册"
    if line.action == Action.LEAVE:
        if s.here is not None:
            return f"之后已重新入册，现在{s.here.branch.short_name}"
        if newest[s.member.pk] != line.closed:
            return "之后又办理了组织关系变动"
    if line.action in (Action.TRANSFER, Action.LEAVE) and (
        s.left is None or s.left.branch.dissolved_on
    ):
        return "原党支部已撤销"
    if line.action == Action.TRANSFER and s.left and s.here and s.left.until != s.here.since:
        return "之后更正过转接日期"
    return ""


def _mended(s: Beside) -> str:
    """Whether a value is no longer as the list left it."""
    for name, value in s.line.after.items():
        now = (s.here.group if s.here else "") if name == "group" else getattr(s.member, name)
        if plain(now) != value:
            return f"{LABELS[name]}之后又更正过"
    return ""


def _of_json(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in values.items() if name != "group"}
    if found.get("joined_on"):
        found["joined_on"] = date.fromisoformat(found["joined_on"])
    return found
