"""Who is due: the roll of a programme, following memberships; exemptions and targets.

Hours follow the person: a transfer moves the standing and both branch rows; figures of past months
stay with the branch that was home on the day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from credits import ledger_sql, rule_book, rules, standings
from credits.models import BranchStanding, Exemption, Programme, ProgrammeScope, TargetChange
from credits.rule_book import RuleBook
from credits.standings import NEW_COLUMNS, Held
from portal import audit
from portal.audit import Actor
from portal.followers import BranchChange, Change, PersonChange
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


def in_scope(programme: Programme) -> Q:
    """The condition on an organisation's path of taking part in a programme."""
    condition = Q(pk__in=[])
    scopes = ProgrammeScope.objects.filter(programme=programme)
    for path in scopes.values_list("organization__path", flat=True):
        condition |= below(path)
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
    joined: date | None = None,
) -> set[int]:
    """Insert standings for members who have none, in order of member id; returns those made.

    on_roll: branches whose people are due (None: all). joined: the day of somebody who joins after
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
            joined=joined or programme.starts,
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
    """Follow memberships and the tree, in every programme that is not closed."""
    open_ = Programme.objects.filter(state__in=[Programme.State.RUNNING, Programme.State.CLOSING])
    for programme in open_.order_by("pk"):
        ledger_sql.share_programme(programme.pk)
        branches = [c.branch for c in changes if isinstance(c, BranchChange)]
        if branches:
            _follow_branches(programme, branches, at=at)
        people = [c for c in changes if isinstance(c, PersonChange)]
        for start in range(0, len(people), BATCH):
            _follow_people(programme, people[start : start + BATCH], at=at)


def catch_up(programme: Programme, *, at: datetime) -> None:
    """Bring the roll of a reopened programme up to where people and branches are now."""
    branches = list(Organization.objects.branches().order_by("pk"))
    for start in range(0, len(branches), 200):
        _follow_branches(programme, branches[start : start + 200], at=at)
    gone = Member.objects.filter(standings__programme=programme, standings__on_roll=True)
    left = list(gone.filter(is_active=False).values_list("pk", flat=True))
    held = standings.lock(programme, rule_book.of(programme), left)
    for row in held.rows.values():
        row.on_roll = False
    standings.save(held)


def _follow_people(programme: Programme, changes: Sequence[PersonChange], *, at: datetime) -> None:
    book = rule_book.of(programme)
    paths = ProgrammeScope.objects.filter(programme=programme)
    starts = tuple(paths.values_list("organization__path", flat=True))
    last = {c.member.pk: c for c in changes}  # of several changes of one person the last counts
    inside = {m for m, c in last.items() if c.after and c.after.path.startswith(starts)}
    made: set[int] = set()
    for day in sorted({last[m].day for m in inside if last[m].before is None}):
        joiners = [last[m].member for m in inside if last[m].before is None and last[m].day == day]
        made |= enter(programme, book, joiners, joined=day)
    others = [last[m].member for m in inside if last[m].before is not None]
    made |= enter(programme, book, others)
    held = standings.lock(programme, book, last)
    written: list[TargetChange] = []
    for member, row in held.rows.items():
        change = last[member]
        row.on_roll = member in inside
        if change.after and member in inside:
            row.branch = change.after.pk
        if change.before and change.after and change.before.pk == change.after.pk:
            written += _retarget(held, member, change.member.category, at=at)
    TargetChange.objects.bulk_create(written)
    standings.save(held, made=made)


def _retarget(held: Held, member: int, category: str, *, at: datetime) -> list[TargetChange]:
    """Give a person the target of a new category; an exemption's lowered target stays."""
    row = held.rows[member]
    lowered = standings.lowered_targets(held.programme, [member]).get(member)
    target, full = standings.target_under(
        held.book.current.rules, category, row.target, row.full_target, lowered
    )
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


def _follow_branches(
    programme: Programme, branches: Sequence[Organization], *, at: datetime
) -> None:
    """Copy units and cohorts; branches that come under the scope bring their people with them.

    Standings first, branch rows after them: the one order of locks.
    """
    wanted = [branch.pk for branch in branches]
    inside = Organization.objects.filter(in_scope(programme), pk__in=wanted)
    scoped = set(inside.values_list("pk", flat=True))
    book = rule_book.of(programme)
    members = list(Member.objects.active().filter(branch__in=wanted).order_by("pk"))
    made = enter(programme, book, [m for m in members if m.branch_id in scoped])
    held = standings.lock(programme, book, [m.pk for m in members])
    branch_of = {m.pk: m.branch_id for m in members if m.branch_id}
    for member, row in held.rows.items():
        row.branch, row.on_roll = branch_of[member], branch_of[member] in scoped
    standings.add_to_branches(programme, dict.fromkeys(sorted(scoped), (0,) * 5))
    rows = BranchStanding.objects.filter(programme=programme, branch__in=wanted)
    for row_ in rows.select_related("branch").select_for_update(of=("self",)).order_by("branch_id"):
        row_.unit_id, row_.cohort = row_.branch.unit_id, row_.branch.cohort
        row_.save(update_fields=["unit", "cohort"])
    standings.save(held, made=made)


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
    if not programme.takes_postings:
        raise BadExemption(f"{programme}{programme.get_state_display()}，不能申报减免。")
    full = rule_book.of(programme).current.rules.target_for(member.category)
    if target is not None and not 0 < target < full:
        raise BadExemption(f"减至学时要在 0 和 {full / 100:g} 之间。", field="target")
    if until and until <= since:
        raise BadExemption("截止日期要晚于开始日期。", field="until")
    if not reason.strip():
        raise BadExemption("请写明减免理由。", field="reason")
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
        _take_out(exemption, at=at)
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
    today = timezone.localdate(at)
    due = Exemption.objects.filter(programme=programme, state=State.APPROVED).order_by("member_id")
    if only is not None:
        due = due.filter(pk=only.pk)
    ending = due.filter(in_force=True, until__lte=today)
    starting = due.filter(in_force=False, since__lte=today).filter(
        Q(until=None) | Q(until__gt=today)
    )
    count = 0
    for exemption in list(ending.select_related("member")):
        _take_out(exemption, at=at)
        Exemption.objects.filter(pk=exemption.pk).update(state=State.ENDED)
        count += 1
    for exemption in list(starting.select_related("member")):
        _put_in(exemption, at=at)
        count += 1
    return count


def _put_in(exemption: Exemption, *, at: datetime) -> None:
    held = _lock_one(exemption)
    row = held.rows.get(exemption.member_id)
    if row is None:
        raise BadExemption(f"{exemption.member.name}不在应学名单上。")
    if exemption.target is None:
        row.exempt = True
    else:
        target = min(exemption.target, row.full_target)
        written = set_target(
            held, row.member, target, row.full_target, at=at, reason=f"减至{target / 100:g}学时"
        )
        TargetChange.objects.bulk_create(written)
    standings.save(held)
    Exemption.objects.filter(pk=exemption.pk).update(
        in_force=True, seen_entry=standings.last_entry(exemption.programme)
    )
    exemption.in_force = True


def _take_out(exemption: Exemption, *, at: datetime) -> None:
    held = _lock_one(exemption)
    row = held.rows[exemption.member_id]
    if exemption.target is None:
        row.exempt = False
    else:
        written = set_target(
            held, row.member, row.full_target, row.full_target, at=at, reason="减免终止"
        )
        TargetChange.objects.bulk_create(written)
    standings.save(held)
    Exemption.objects.filter(pk=exemption.pk).update(
        in_force=False, ended_entry=standings.last_entry(exemption.programme)
    )
    exemption.in_force = False


def _lock_one(exemption: Exemption) -> Held:
    book = rule_book.of(exemption.programme)
    return standings.lock(exemption.programme, book, [exemption.member_id])


def _locked(exemption: Exemption) -> Exemption:
    rows = Exemption.objects.select_for_update(of=("self",))
    return rows.select_related("member__branch", "programme").get(pk=exemption.pk)
