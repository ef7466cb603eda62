"""Who is due: the roll of a programme, following memberships; exemptions and targets.

Hours follow the person: a transfer moves the standing and both branch rows; figures of past months
stay with the branch that was home on the day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from credits import ledger_sql, newcomers, rule_book, rules, standings
from credits.models import (
    BranchStanding,
    Exemption,
    Programme,
    ProgrammeScope,
    Standing,
    TargetChange,
)
from credits.rule_book import RuleBook
from credits.standings import NEW_COLUMNS, Held
from portal import audit
from portal.audit import Actor
from portal.followers import BranchChange, Change, PeopleEntered, PersonChange, TreeAhead
from portal.models import AuditEvent, Member, Organization
from portal.querysets import below
from portal.refusals import Refusal

BATCH = 2000
State = Exemption.State


class NotYourself(Refusal):
    """Nobody exempts themselves or decides on what they asked for."""

    message = "减免要由申报人和本人以外的同志审批。"


class BadExemption(Refusal):
    """The exemption does not fit the programme or the person."""


def in_scope(programme: Programme, *, lookup: str = "path", using: str = "default") -> Q:
    """The condition on an organisation's path of taking part in a programme."""
    condition = Q(pk__in=[])
    scopes = ProgrammeScope.objects.using(using).filter(programme=programme)
    for path in scopes.values_list("organization__path", flat=True):
        condition |= below(path, lookup=lookup)
    return condition


def lay_out(programme: Programme, *, at: datetime) -> int:
    """Put everybody in the programme's scope on its roll; returns how many. Safe to repeat."""
    branches = Organization.objects.branches().filter(in_scope(programme))
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
    joined: Mapping[int, date] | None = None,
) -> set[int]:
    """Insert standings for members who have none, in order of member id; returns those made.

    on_roll: branches whose people are due (None: all). joined: the days of those who join after
    the programme's start. The caller locks and saves the rows, so that branch rows count them.
    """
    current = book.current
    values = []
    for member in sorted(members, key=lambda m: m.pk):
        full = current.rules.target_for(member.category)
        target = rules.joiner_target(
            full,
            current.rules,
            starts=programme.starts,
            ends=programme.ends,
            joined=(joined or {}).get(member.pk, programme.starts),
        )
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
        in_scope(programme), pk__in=[m.branch_id for m in members if m.branch_id]
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
    joined = {c.member.pk: c.day for c in people if c.before is None}
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
        newcomers.enter(programme, entered)
        if not people and not branches:
            continue
        members = {c.member.pk for c in people} | _people_of(programme, branches)
        _settle(programme, members, joined=joined, branches=branches, at=at)


def catch_up(programme: Programme, *, at: datetime) -> None:
    """Bring the roll of a reopened programme up to where people and branches are now. The caller
    has locked the programme as a whole."""
    branches = list(Organization.objects.branches().values_list("pk", flat=True))
    there = Standing.objects.filter(programme=programme).values_list("member_id", flat=True)
    members = set(there) | _people_of(programme, branches)
    _settle(programme, members, joined={}, branches=branches, at=at)


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
    joined: Mapping[int, date],
    branches: Sequence[int],
    at: datetime,
) -> None:
    """Set the roll to where people and branches are: who is due, in which branch, for how much.

    All standings are locked before the first branch row is.
    """
    book = rule_book.of(programme)
    made = _enter_missing(programme, book, sorted(members), joined)
    held = standings.lock(programme, book, members)
    places, due = _places(programme, list(held.rows))
    written: list[TargetChange] = []
    for member, row in held.rows.items():
        branch, category = places[member]
        row.branch, row.on_roll = branch or row.branch, member in due
        if row.on_roll:
            written += _retarget(held, member, category, at=at)
    standings.note(written)
    if branches:
        inside = Organization.objects.filter(in_scope(programme), pk__in=branches)
        standings.add_to_branches(
            programme, dict.fromkeys(inside.values_list("pk", flat=True), (0,) * 5)
        )
        _copy_places(programme, branches)
    standings.save(held, made=made)


def _enter_missing(
    programme: Programme, book: RuleBook, members: Sequence[int], joined: Mapping[int, date]
) -> set[int]:
    """Enter those who are due and have no standing, in order of member id."""
    made: set[int] = set()
    due = Member.objects.active().filter(in_scope(programme, lookup="branch__path"))
    there = Standing.objects.filter(programme=programme)
    for start in range(0, len(members), BATCH):
        chunk = members[start : start + BATCH]
        missing = due.filter(pk__in=chunk).exclude(
            pk__in=there.filter(member__in=chunk).values("member")
        )
        people = list(missing.only("pk", "branch_id", "category").order_by("pk"))
        made |= enter(programme, book, people, joined=joined)
    return made


def _places(
    programme: Programme, members: Sequence[int]
) -> tuple[dict[int, tuple[int | None, str]], set[int]]:
    """Branch (None for those who left) and category of people whose standings are locked, and
    which of them are due."""
    found: dict[int, tuple[int | None, str]] = {}
    due: set[int] = set()
    inside = in_scope(programme, lookup="branch__path")
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
    held: Held, member: int, target: int, full: int, *, at: datetime, reason: str
) -> list[TargetChange]:
    """Change one locked standing's target and assess it anew."""
    row, current = held.rows[member], held.book.current
    seen = standings.last_entry(held.programme)
    written = standings.retarget(held, row, target, full, at=at, seen=seen, reason=reason)
    if written:
        standings.assess(
            row, held.totals[member], current, at=at, day=timezone.localdate(at), home=row.branch
        )
    return written


# --- Exemptions -----------------------------------------------------------------------------


@transaction.atomic
def ask_exemption(
    programme: Programme,
    member: Member,
    *,
    target: int | None,
    since: date,
    until: date | None,
    reason: str,
    by: Actor,
    at: datetime,
) -> Exemption:
    """Ask for a full (target None) or lowered target; somebody else decides.

    Raises BadExemption outside the programme, for a target that lowers nothing, or while another
    request of the same person is open; NotYourself for oneself.
    """
    if by.member.pk == member.pk:
        raise NotYourself
    programme.state = ledger_sql.share_programme(programme.pk)
    if not programme.takes_postings:
        raise BadExemption(f"{programme}{programme.get_state_display()}，不能申报减免。")
    full = rule_book.of(programme).current.rules.target_for(member.category)
    if target is not None and not 0 < target < full:
        raise BadExemption(f"减至学时要在 0 和 {full / 100:g} 之间。", field="target")
    if until and until <= since:
        raise BadExemption("截止日期要晚于开始日期。", field="until")
    if not reason.strip():
        raise BadExemption("请写明减免理由。", field="reason")
    if not Standing.objects.select_for_update().filter(programme=programme, member=member):
        raise BadExemption(f"{member.name}不在{programme}的学习名单上。", field="member")
    waiting = Exemption.objects.filter(programme=programme, member=member)
    if waiting.filter(Q(state=State.ASKED) | Q(in_force=True)).exists():
        raise BadExemption(f"{member.name}已有待审批或生效中的减免。", field="member")
    exemption = Exemption.objects.create(
        programme=programme,
        member=member,
        target=target,
        since=since,
        until=until,
        reason=reason.strip(),
        asked_by=by.member,
        asked_at=at,
    )
    audit.record(
        AuditEvent.Event.EXEMPTION, by=by, at=at, on=member.branch, subject=f"申报减免：{exemption}"
    )
    return exemption


@transaction.atomic
def decide_exemption(
    exemption: Exemption, *, approve: bool, answer: str, by: Actor, at: datetime
) -> Exemption:
    """Approve or refuse a request. An approved one takes effect at once or on its first day.

    Raises NotYourself for whoever asked or benefits, BadExemption when it is decided already.
    """
    ledger_sql.share_programme(exemption.programme_id)
    exemption = _locked(exemption)
    if by.member.pk in {exemption.member_id, exemption.asked_by_id}:
        raise NotYourself
    if exemption.state != State.ASKED:
        raise BadExemption(f"这份减免{exemption.get_state_display()}，不能再审批。")
    exemption.state = State.APPROVED if approve else State.REFUSED
    exemption.decided_by, exemption.decided_at, exemption.answer = by.member, at, answer
    exemption.save()
    audit.record(
        AuditEvent.Event.EXEMPTION,
        by=by,
        at=at,
        on=exemption.member.branch,
        subject=f"{exemption.get_state_display()}：{exemption}",
    )
    turn_exemptions(exemption.programme, at=at, only=exemption)
    return exemption


@transaction.atomic
def end_exemption(exemption: Exemption, *, by: Actor, at: datetime) -> Exemption:
    """End an exemption before its time; the target applies again from now on."""
    ledger_sql.share_programme(exemption.programme_id)
    exemption = _locked(exemption)
    if exemption.state != State.APPROVED:
        raise BadExemption(f"这份减免{exemption.get_state_display()}，不能终止。")
    if exemption.in_force:
        programme = exemption.programme
        held = standings.lock(programme, rule_book.of(programme), [exemption.member_id])
        _take_out(held, exemption, at=at)
        standings.save(held)
    exemption.state = State.ENDED
    exemption.save(update_fields=["state"])
    audit.record(
        AuditEvent.Event.EXEMPTION,
        by=by,
        at=at,
        on=exemption.member.branch,
        subject=f"终止：{exemption}",
    )
    return exemption


@transaction.atomic
def turn_exemptions(programme: Programme, *, at: datetime, only: Exemption | None = None) -> int:
    """Put approved exemptions into force on their first day and out of it on their last; returns
    how many turned. Scheduled work calls it every day."""
    ledger_sql.share_programme(programme.pk)
    today = timezone.localdate(at)
    due = Exemption.objects.filter(programme=programme, state=State.APPROVED)
    if only is not None:
        due = due.filter(pk=only.pk)
    turning = due.filter(
        Q(in_force=True, until__lte=today)
        | Q(in_force=False, since__lte=today) & (Q(until=None) | Q(until__gt=today))
    )
    rows = list(turning.select_for_update(of=("self",)).select_related("member").order_by("pk"))
    if not rows:
        return 0
    held = standings.lock(programme, rule_book.of(programme), [row.member_id for row in rows])
    rows.sort(key=lambda row: not row.in_force)  # what ends first makes room for what begins
    for row in rows:
        if row.in_force:
            _take_out(held, row, at=at)
            row.state = State.ENDED
            row.save(update_fields=["state"])
        else:
            _put_in(held, row, at=at)
    standings.save(held)
    if only is not None:
        only.refresh_from_db()
    return len(rows)


def _put_in(held: Held, exemption: Exemption, *, at: datetime) -> None:
    row = held.rows.get(exemption.member_id)
    if row is None:
        raise BadExemption(f"{exemption.member.name}不在应学名单上。")
    if exemption.target is None:
        row.exempt = True
    else:
        target = min(exemption.target, row.full_target)
        standings.note(
            set_target(
                held, row.member, target, row.full_target, at=at, reason=f"减至{target / 100:g}学时"
            )
        )
    exemption.in_force, exemption.seen_entry = True, standings.last_entry(held.programme)
    exemption.save(update_fields=["in_force", "seen_entry"])


def _take_out(held: Held, exemption: Exemption, *, at: datetime) -> None:
    row = held.rows[exemption.member_id]
    if exemption.target is None:
        row.exempt = False
    else:
        standings.note(
            set_target(held, row.member, row.full_target, row.full_target, at=at, reason="减免终止")
        )
    exemption.in_force, exemption.ended_entry = False, standings.last_entry(held.programme)
    exemption.save(update_fields=["in_force", "ended_entry"])


def _locked(exemption: Exemption) -> Exemption:
    rows = Exemption.objects.select_for_update(of=("self",))
    return rows.select_related("member__branch", "programme").get(pk=exemption.pk)
