"""Who is due: the roll of a programme, following memberships; targets.

Hours follow the person: a transfer moves the standing and both branch rows; figures of past months
stay with the branch that was home on the day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.utils import timezone

from credits import joiners, ledger_sql, newcomers, rule_book, scopes, standings
from credits.models import (
    BranchStanding,
    Programme,
    Standing,
    TargetChange,
)
from credits.rule_book import RuleBook
from credits.standings import NEW_COLUMNS, Held
from portal.audit import Actor
from portal.followers import BranchChange, Change, PeopleEntered, PersonChange, TreeAhead
from portal.models import Member, Organization
from portal.refusals import Refusal

BATCH = 2000


def lay_out(programme: Programme, *, at: datetime) -> int:
    """Put everybody in the programme's scope on its roll; returns how many. Safe to repeat."""
    branches = Organization.objects.branches().filter(scopes.taking_part(programme))
    standings.add_to_branches(
        programme, dict.fromkeys(branches.values_list("pk", flat=True), (0,) * 5)
    )
    people = Member.objects.active().filter(branch__in=branches).order_by("pk")
    book = rule_book.of(programme)
    count = 0
    members = list(people.only("pk", "branch_id", "category"))
    for start in range(0, len(members), BATCH):
        chunk = members[start : start + BATCH]
        made = enter(programme, book, chunk)
        standings.save(standings.lock(programme, book, made), made=made)
        count += len(made)
    return count


def enter(
    programme: Programme,
    book: RuleBook,
    members: Sequence[Member],
    *,
    on_roll: Collection[int] | None = None,
) -> set[int]:
    """Insert standings for members who have none, in order of member id; returns those made.

    on_roll: branches whose people are due (None: all). Who joined after the programme's start
    owes what its rule for joiners says. The caller locks and saves the rows, so that branch rows
    count them.
    """
    current = book.current
    joined = joiners.first_days(programme, book, [m.pk for m in members])
    values = []
    for member in sorted(members, key=lambda m: m.pk):
        full = current.rules.target_for(member.category)
        target = joiners.target(programme, current.rules, full, joined.get(member.pk))
        if member.branch_id is None:
            raise Refusal(f"{member.name}没有组织关系，不能列入学习名单。")
        values.append(
            (
                programme.pk,
                member.pk,
                member.branch_id,
                on_roll is None or member.branch_id in on_roll,
                target is None,
                target or full,
                full,
                0,
                target or full,
                0,
                current.number,
            )
        )
    return ledger_sql.enter(NEW_COLUMNS, values)


def enter_guests(programme: Programme, book: RuleBook, members: Sequence[Member]) -> set[int]:
    """Insert standings for people who are credited without being on the roll yet: those whose
    branch takes part are due from now on, others are merely credited."""
    inside = Organization.objects.filter(
        scopes.taking_part(programme), pk__in=[m.branch_id for m in members if m.branch_id]
    )
    scoped = set(inside.values_list("pk", flat=True))
    return enter(programme, book, members, on_roll=scoped)


def follow(changes: Sequence[Change], *, by: Actor, at: datetime) -> None:
    """Follow memberships and the tree, in every programme that is not closed.

    Where branches move, the programme is locked as a whole: who comes under its scope with them
    cannot be told while others join. That is done before the tree changes (whoever posts takes
    the programme first, and its organisations with the commit), and for every programme, as one
    may open meanwhile.
    """
    if any(isinstance(c, TreeAhead) for c in changes):
        list(Programme.objects.select_for_update().order_by("pk").values_list("pk"))
    people = [c for c in changes if isinstance(c, PersonChange)]
    branches = [c.branch.pk for c in changes if isinstance(c, BranchChange)]
    entered = [pk for c in changes if isinstance(c, PeopleEntered) for pk in c.members]
    if not people and not branches and not entered:
        return
    open_ = Programme.objects.filter(state__in=[Programme.State.RUNNING, Programme.State.CLOSING])
    for programme in open_.order_by("pk"):
        if branches:
            Programme.objects.select_for_update().get(pk=programme.pk)
        else:
            ledger_sql.share_programme(programme.pk)
        late = joiners.of_late_branches(programme, rule_book.of(programme), entered)
        newcomers.enter(programme, [pk for pk in entered if pk not in late] if late else entered)
        members = {c.member.pk for c in people} | _people_of(programme, branches) | late
        if not members and not branches:
            continue
        _settle(programme, members, branches=branches, at=at)


def catch_up(programme: Programme, *, at: datetime) -> None:
    """Bring the roll of a reopened programme up to where people and branches are now. The caller
    has locked the programme as a whole."""
    branches = list(Organization.objects.branches().values_list("pk", flat=True))
    there = Standing.objects.filter(programme=programme).values_list("member_id", flat=True)
    members = set(there) | _people_of(programme, branches)
    _settle(programme, members, branches=branches, at=at)


def _people_of(programme: Programme, branches: Sequence[int]) -> set[int]:
    """Who belongs to some branches now, or stands on their roll."""
    people: set[int] = set()
    for start in range(0, len(branches), BATCH):
        chunk = branches[start : start + BATCH]
        rows = Standing.objects.filter(programme=programme, branch__in=chunk)
        people |= set(rows.values_list("member_id", flat=True))
        members = Member.objects.active().filter(branch__in=chunk)
        people |= set(members.values_list("pk", flat=True))
    return people


def _settle(
    programme: Programme,
    members: Collection[int],
    *,
    branches: Sequence[int],
    at: datetime,
) -> None:
    """Set the roll to where people and branches are: who is due, in which branch, for how much.

    All standings are locked before the first branch row is.
    """
    book = rule_book.of(programme)
    made = _enter_missing(programme, book, sorted(members))
    held = standings.lock(programme, book, members)
    places, due = _places(programme, list(held.rows))
    written: list[TargetChange] = []
    coming = {m for m, row in held.rows.items() if m in due and not row.on_roll} - made
    for member, row in held.rows.items():
        branch, category = places[member]
        row.branch, row.on_roll = branch or row.branch, member in due
        if row.on_roll:
            written += _retarget(held, member, category, at=at)
    written += _join(held, coming, at=at)
    standings.note(written)
    if branches:
        inside = Organization.objects.filter(scopes.taking_part(programme), pk__in=branches)
        standings.add_to_branches(
            programme, dict.fromkeys(inside.values_list("pk", flat=True), (0,) * 5)
        )
        _copy_places(programme, branches)
    standings.save(held, made=made)


def _join(held: Held, members: Collection[int], *, at: datetime) -> list[TargetChange]:
    """Former guests whose first day on the roll this is: they owe what joiners owe. Who was on it
    before and comes back owes what they owed."""
    current, written = held.book.current.rules, []
    first = joiners.first_days(held.programme, held.book, members, only_once=True)
    lowered = standings.lowered_targets(held.programme, list(first)) if first else {}
    for member, joined in sorted(first.items()):
        row = held.rows[member]
        if member in lowered:
            continue
        target = joiners.target(held.programme, current, row.full_target, joined)
        if target is None:
            row.exempt = True
            continue
        reason = f"{joined.day.month}月{joined.day.day}日{joined.how}"
        written += set_target(held, member, target, row.full_target, at=at, reason=reason)
    return written


def _enter_missing(programme: Programme, book: RuleBook, members: Sequence[int]) -> set[int]:
    """Enter those who are due and have no standing, in order of member id."""
    made: set[int] = set()
    due = Member.objects.active().filter(scopes.taking_part(programme, lookup="branch__path"))
    there = Standing.objects.filter(programme=programme)
    for start in range(0, len(members), BATCH):
        chunk = members[start : start + BATCH]
        missing = due.filter(pk__in=chunk).exclude(
            pk__in=there.filter(member__in=chunk).values("member")
        )
        people = list(missing.only("pk", "branch_id", "category").order_by("pk"))
        made |= enter(programme, book, people)
    return made


def _places(
    programme: Programme, members: Sequence[int]
) -> tuple[dict[int, tuple[int | None, str]], set[int]]:
    """Branch (None for those who left) and category of people whose standings are locked, and
    which of them are due."""
    found: dict[int, tuple[int | None, str]] = {}
    due: set[int] = set()
    inside = scopes.taking_part(programme, lookup="branch__path")
    for start in range(0, len(members), BATCH):
        rows = Member.objects.filter(pk__in=members[start : start + BATCH])
        for pk, branch, category in rows.values_list("pk", "branch_id", "category"):
            found[pk] = branch, category
        due |= set(rows.active().filter(inside).values_list("pk", flat=True))
    return found, due


def _copy_places(programme: Programme, branches: Sequence[int]) -> None:
    """Copy units and cohorts from the tree, in order of branch."""
    for start in range(0, len(branches), BATCH):
        rows = BranchStanding.objects.filter(
            programme=programme, branch__in=branches[start : start + BATCH]
        )
        locked = rows.select_related("branch").select_for_update(of=("self",))
        for row in locked.order_by("branch_id"):
            row.unit_id, row.cohort = row.branch.unit_id, row.branch.cohort
            row.save(update_fields=["unit", "cohort"])


def _retarget(held: Held, member: int, category: str, *, at: datetime) -> list[TargetChange]:
    """Give a person the target of their category; an exemption's lowered target stays."""
    row = held.rows[member]
    rules_ = held.book.current.rules
    if row.full_target == rules_.target_for(category):
        return []
    lowered = standings.lowered_targets(held.programme, [member]).get(member)
    target, full = standings.target_under(rules_, category, row.target, row.full_target, lowered)
    return set_target(held, member, target, full, at=at, reason="人员类别变动")


def set_target(
    held: Held,
    member: int,
    target: int,
    full: int,
    *,
    at: datetime,
    reason: str,
    seen: int | None = None,
) -> list[TargetChange]:
    """Change one locked standing's target and assess it anew. seen: the last ledger entry, where
    the caller knows it."""
    row, current = held.rows[member], held.book.current
    seen = standings.last_entry(held.programme) if seen is None else seen
    written = standings.retarget(held, row, target, full, at=at, seen=seen, reason=reason)
    if written:
        standings.assess(
            row, held.totals[member], current, at=at, day=timezone.localdate(at), home=row.branch
        )
    return written
