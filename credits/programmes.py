"""The life of a programme: found, open, close the study, close the books, reopen, archive; its
rules (rehearsed before they change) and its permit to rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import (
    archiving,
    exemptions_in_force,
    ledger_sql,
    partitions,
    registers,
    roll,
    rule_book,
    rule_sets,
    rules,
    standings,
    weeks,
)
from credits.models import (
    CreditTotal,
    Programme,
    ProgrammeScope,
    RankingPermit,
    RuleVersion,
    Standing,
)
from credits.rule_sets import BadRules, Rules
from portal import audit, jobs
from portal.audit import Actor
from portal.jobs import Progress
from portal.models import AuditEvent, Member, Organization
from portal.refusals import Conflict, Refusal

State = Programme.State
GRACE = timedelta(days=14)  # after the study's end, for the last sheets


class NotNow(Refusal):
    """The programme is not in a state that allows this."""


class RulesRefused(Refusal):
    """The rules contradict themselves, or lack their authority."""


@dataclass(frozen=True)
class Rehearsal:
    """What a change of rules would do, by member id. Names are for those who may see them."""

    gain: tuple[int, ...]
    lose: tuple[int, ...]
    total: int

    @property
    def shown(self) -> tuple[int, int]:
        """The two numbers that must have been shown before the change is applied."""
        return len(self.gain), len(self.lose)


@transaction.atomic
def found(
    *,
    code: str,
    name: str,
    organiser: Organization,
    scopes: Sequence[Organization],
    starts: date,
    ends: date,
    rules_: Mapping[str, Any],
    authority: str,
    by: Actor,
    at: datetime,
) -> Programme:
    """Draw up a programme with its first rules. Raises RulesRefused for rules that contradict
    themselves."""
    programme = Programme.objects.create(
        code=code, name=name, organiser=organiser, starts=starts, ends=ends, state_since=at
    )
    ProgrammeScope.objects.bulk_create(
        ProgrammeScope(programme=programme, organization=scope) for scope in scopes
    )
    _write_version(programme, rules_, since=starts, authority=authority, reason="", by=by, at=at)
    audit.record(AuditEvent.Event.PROGRAMME, by=by, at=at, on=organiser, subject=f"筹备{programme}")
    return programme


def open_(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """Begin: the first rules are activated, everybody in scope is put on the roll.

    The ledger's partitions are made first, in a transaction of their own: they lock tables that
    nobody should wait for while a city is put on the roll.
    """
    _require(Programme.objects.get(pk=programme.pk), State.DRAFT)
    partitions.make(programme)
    with transaction.atomic():
        programme = _locked(programme)
        _require(programme, State.DRAFT)
        first = programme.rule_versions.order_by("number").first()
        if first is None:
            raise NotNow("请先制定学时规则。")
        _put_in_force(first, seen=0, at=at)
        _turn(programme, State.RUNNING, "开始", by=by, at=at)
        roll.lay_out(programme, at=at)
    return programme


@transaction.atomic
def close_study(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """End the study; the books stay open for the last sheets until their day."""
    programme = _locked(programme)
    _require(programme, State.RUNNING)
    programme.books_close_on = timezone.localdate(at) + GRACE
    return _turn(programme, State.CLOSING, "学习结束，进入收尾", by=by, at=at)


@transaction.atomic
def close_books(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """Close the books: from now on nothing is posted and every figure is frozen.

    Raises NotNow before the last day of grace.
    """
    programme = _locked(programme)
    _require(programme, State.CLOSING)
    if programme.books_close_on and timezone.localdate(at) < programme.books_close_on:
        raise NotNow(f"补录期到 {programme.books_close_on}，之后才能封账。")
    return _turn(programme, State.CLOSED, "封账", by=by, at=at)


@transaction.atomic
def reopen(programme: Programme, *, reason: str, by: Actor, at: datetime) -> Programme:
    """Open closed books once more (administrators, with a reason); the roll catches up with what
    happened to people meanwhile."""
    programme = _locked(programme)
    _require(programme, State.CLOSED)
    if not reason.strip():
        raise NotNow(
            "请写明重新开账的理由。",
        )
    programme.books_close_on = timezone.localdate(at) + GRACE
    _turn(programme, State.CLOSING, f"重新开账：{reason}", by=by, at=at)
    roll.catch_up(programme, at=at)
    return programme


def archive(programme: Programme, *, reason: str, by: Actor, at: datetime) -> Programme:
    """Put a closed programme into the archive for ever: verify it, write down where its books and
    figures stand, and on PostgreSQL take its lines out of the ledger's tables.

    Raises NotNow, archiving.NotSound, partitions.InUse, Conflict when it changed meanwhile.
    """
    closed = Programme.objects.get(pk=programme.pk)
    _require(closed, State.CLOSED)
    if not reason.strip():
        raise NotNow("请写明归档的理由。", field="reason")
    proof = archiving.prove(closed, at=at)
    with transaction.atomic():
        programme = _locked(closed)
        _require(programme, State.CLOSED)
        if programme.state_since != closed.state_since:
            raise Conflict("核验期间曾重新开账，请重新归档。")
        archiving.put_away(programme, proof, reason=reason, by=by, at=at)
        return _turn(programme, State.ARCHIVED, f"归档：{reason.strip()}", by=by, at=at)


def archive_in_background(progress: Progress, programme: int, reason: str) -> dict[str, Any]:
    """Background work: the same, which takes as long as a verification."""
    subject = Programme.objects.get(pk=programme)
    archived = archive(subject, reason=reason, by=progress.by, at=progress.at)
    record = archived.archive
    return {"postings": record.postings, "entries": record.entries, "moved": record.moved}


# --- Rules ----------------------------------------------------------------------------------


def rehearse(programme: Programme, rules_: Mapping[str, Any]) -> Rehearsal:
    """Who would newly complete and who would fall below the target under other rules.

    Raises RulesRefused for rules that contradict themselves. Writes nothing.
    """
    new, old = _parse(rules_), rule_book.of(programme).current.rules
    due = Standing.objects.filter(programme=programme).due().order_by("member_id")
    people = due.values_list("member_id", "member__category", "target", "full_target", "shortfall")
    earned: dict[int, dict[tuple[str, str], int]] = {}
    sums = CreditTotal.objects.filter(programme=programme)
    for member, period, form, hours in sums.values_list("member", "period", "form", "earned"):
        earned.setdefault(member, {})[period, form] = hours
    lowered = standings.lowered_targets(programme)
    gain, lose, total = [], [], 0
    for member, category, target, full, shortfall in people.iterator(chunk_size=5000):
        total += 1
        new_target, new_full = standings.target_under(
            new, category, target, full, lowered.get(member)
        )
        after = rules.recognise(earned.get(member, {}), new, new_target, new_full).shortfall
        before = rules.recognise(earned.get(member, {}), old, target, full).shortfall or shortfall
        if before and not after:
            gain.append(member)
        elif after and not before:
            lose.append(member)
    return Rehearsal(tuple(gain), tuple(lose), total)


@transaction.atomic
def change_rules(
    programme: Programme,
    rules_: Mapping[str, Any],
    *,
    since: date,
    authority: str,
    reason: str,
    shown: tuple[int, int],
    by: Actor,
    at: datetime,
) -> RuleVersion:
    """Make a new version of the rules; `shown` are the rehearsal's numbers that the person saw.

    A version whose day has come is activated at once and everybody is recomputed in the
    background, branch by branch; a later one on its day. Raises RulesRefused without authority or
    reason, Conflict when the rehearsal would now say something else.
    """
    programme = _locked(programme)
    if not programme.takes_postings:
        raise NotNow(f"{programme}{programme.get_state_display()}，不能变更规则。")
    if not authority.strip() or not reason.strip():
        raise RulesRefused("变更规则要写明依据和理由。", field="authority")
    now = rehearse(programme, rules_).shown
    if now != shown:
        raise Conflict(
            f"试算结果已经变化：新增学满 {now[0]} 人、不再学满 {now[1]} 人，请重新核对后再确认。"
        )
    version = _write_version(
        programme, rules_, since=since, authority=authority, reason=reason, by=by, at=at
    )
    audit.record(
        AuditEvent.Event.RULES,
        by=by,
        at=at,
        on=programme.organiser,
        subject=str(version),
        detail={"gain": shown[0], "lose": shown[1], "authority": authority, "reason": reason},
    )
    if since <= timezone.localdate(at):
        _activate(programme, version, by=by, at=at)
    return version


def recompute(progress: Progress, programme: int) -> dict[str, Any]:
    """Background work: carry every standing over to the current rules, branch by branch."""
    subject = Programme.objects.get(pk=programme)
    branches = Standing.objects.filter(programme=subject).order_by("branch_id")
    keys = list(branches.values_list("branch_id", flat=True).distinct())
    for branch in progress.over(keys, total=len(keys)):
        bring_up(subject, branch, at=progress.at)
    return {"branches": len(keys)}


@transaction.atomic
def bring_up(programme: Programme, branch: int, *, at: datetime) -> None:
    """Carry one branch's standings over to the current rules."""
    ledger_sql.share_programme(programme.pk)
    book = rule_book.of(programme)
    members = Standing.objects.filter(programme=programme, branch=branch)
    stale = members.exclude(rules=book.current.number)
    standings.save(standings.lock(programme, book, stale.values_list("member_id", flat=True)))


def turn_the_day(*, at: datetime) -> None:
    """Periodic: activate rules whose day has come, turn exemptions, close weeks."""
    for programme in Programme.objects.open().order_by("pk"):
        with transaction.atomic():
            _locked(programme)
            due = programme.rule_versions.filter(
                activated_at=None,
                since__lte=timezone.localdate(at),
                number__gt=rule_book.of(programme).current.number,
            )
            for version in list(due.order_by("number").select_related("made_by", "programme")):
                maker = Actor(version.made_by, "system")
                _activate(programme, version, by=maker, at=at)
        exemptions_in_force.turn(programme, at=at)
        weeks.close_week(programme, at=at)


# --- Permit to rank ---------------------------------------------------------------------------


@transaction.atomic
def permit(
    programme: Programme, level: RankingPermit.Level, *, document: str, by: Actor, at: datetime
) -> RankingPermit:
    """Permit or forbid ranking, resting on a named document; the newest decision counts."""
    if not document.strip():
        raise Refusal("请写明所依据的文件。", field="document")
    programme = _locked(programme)
    granted = registers.enter(
        RankingPermit(
            programme=programme, level=level, document=document.strip(), by=by.member, at=at
        )
    )
    audit.record(
        AuditEvent.Event.PERMIT,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"{granted}（{granted.document}）",
    )
    return granted


def share_all() -> None:
    """Keep every programme from changing until this transaction ends, by id: whoever locks an
    organisation and posts afterwards does this first, as programmes are locked before the tree."""
    for pk in Programme.objects.order_by("pk").values_list("pk", flat=True):
        ledger_sql.share_programme(pk)


# --- Inside -----------------------------------------------------------------------------------


def _locked(programme: Programme) -> Programme:
    """Lock the programme against every writer, each of which shares it."""
    return Programme.objects.select_for_update().get(pk=programme.pk)


def _require(programme: Programme, state: Programme.State) -> None:
    if programme.state != state:
        raise NotNow(f"{programme}现在是“{programme.get_state_display()}”，不能这样办理。")


def _turn(
    programme: Programme, state: Programme.State, what: str, *, by: Actor, at: datetime
) -> Programme:
    programme.state, programme.state_since = state, at
    programme.save()
    audit.record(
        AuditEvent.Event.PROGRAMME,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"{programme}：{what}",
    )
    return programme


def _parse(rules_: Mapping[str, Any]) -> Rules:
    try:
        return rule_sets.parse(rules_)
    except BadRules as error:
        raise RulesRefused(str(error), field="rules") from error


def _write_version(
    programme: Programme,
    rules_: Mapping[str, Any],
    *,
    since: date,
    authority: str,
    reason: str,
    by: Actor,
    at: datetime,
) -> RuleVersion:
    _parse(rules_)
    last = programme.rule_versions.aggregate(n=Max("number"))["n"] or 0
    return registers.enter(
        RuleVersion(
            programme=programme,
            number=last + 1,
            since=since,
            authority=authority.strip(),
            reason=reason.strip(),
            rules=dict(rules_),
            made_by=by.member,
            made_at=at,
        )
    )


def _activate(programme: Programme, version: RuleVersion, *, by: Actor, at: datetime) -> None:
    """Make a version the one that counts. The programme is locked, so that every posting is
    wholly before or wholly behind it."""
    _put_in_force(version, seen=standings.last_entry(programme), at=at)
    jobs.start(
        "credits.programmes.recompute",
        title=f"按{version}重新计算",
        by=by,
        at=at,
        arguments={"programme": programme.pk},
    )


def _put_in_force(version: RuleVersion, *, seen: int, at: datetime) -> None:
    version.activated_at, version.seen_entry = at, seen
    registers.sign(version).save(update_fields=["activated_at", "seen_entry", "digest"])


def of_member(member: Member) -> Sequence[Programme]:
    """The programmes on whose roll somebody stands, newest first."""
    begun = Programme.objects.begun().filter(standings__member=member)
    return list(begun.order_by("-starts", "-pk"))
