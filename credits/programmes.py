"""The life of a programme: found, open, close the study, close the books, reopen, archive; and its
permit to rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from credits import (
    archiving,
    books,
    closings,
    exemptions_in_force,
    ledger_sql,
    partitions,
    registers,
    roll,
    rule_changes,
    stages,
    weeks,
)
from credits.books import BooksAhead, BooksClosed
from credits.models import Programme, ProgrammeScope, RankingPermit
from credits.rule_changes import recompute as recompute  # jobs queued before it moved name it here
from credits.stages import NotNow as NotNow
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, Organization
from portal.progress import Progress
from portal.refusals import Conflict, Refusal

State = Programme.State
GRACE = timedelta(days=14)  # after the study's end, for the last sheets


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
    rule_changes.write_version(
        programme, rules_, since=starts, authority=authority, reason="", by=by, at=at
    )
    audit.record(AuditEvent.Event.PROGRAMME, by=by, at=at, on=organiser, subject=f"筹备{programme}")
    return programme


def open_(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """Begin: the first rules are activated, everybody in scope is put on the roll.

    The ledger's partitions are made first, in a transaction of their own: they lock tables that
    nobody should wait for while a city is put on the roll.
    """
    stages.require(Programme.objects.get(pk=programme.pk), State.DRAFT)
    partitions.make(programme)
    with transaction.atomic():
        programme = stages.lock(programme)
        stages.require(programme, State.DRAFT)
        first = programme.rule_versions.order_by("number").first()
        if first is None:
            raise NotNow("请先制定学时规则。")
        rule_changes.put_in_force(first, seen=0, at=at)
        _turn(programme, State.RUNNING, "开始", by=by, at=at)
        roll.lay_out(programme, at=at)
    return programme


@transaction.atomic
def close_study(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """End the study; the books stay open for the last sheets until their day."""
    programme = stages.lock(programme)
    stages.require(programme, State.RUNNING)
    programme.books_close_on = timezone.localdate(at) + GRACE
    return _turn(programme, State.CLOSING, "学习结束，进入收尾", by=by, at=at)


@transaction.atomic
def close_books(programme: Programme, *, by: Actor, at: datetime) -> Programme:
    """Close the books: from now on nothing is posted and every figure is frozen; every branch is
    certified, and what is still pending ends with notice (`settings.CLOSING_FOLLOWERS`).

    Raises NotNow before the last day of grace, and while a change of rules is carried over.
    """
    _may_close(Programme.objects.get(pk=programme.pk), at=at)
    books.tell(BooksAhead(programme), by=by, at=at)
    programme = stages.lock(programme)
    _may_close(programme, at=at)
    programme = _turn(programme, State.CLOSED, "封账", by=by, at=at)
    closings.draw_up(programme, by=by, at=at)
    books.tell(BooksClosed(programme), by=by, at=at)
    return programme


@transaction.atomic
def reopen(programme: Programme, *, reason: str, by: Actor, at: datetime) -> Programme:
    """Open closed books once more (administrators, with a reason); the roll catches up with what
    happened to people meanwhile."""
    programme = stages.lock(programme)
    stages.require(programme, State.CLOSED)
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
    stages.require(closed, State.CLOSED)
    if not reason.strip():
        raise NotNow("请写明归档的理由。", field="reason")
    proof = archiving.prove(closed, at=at)
    with transaction.atomic():
        programme = stages.lock(closed)
        stages.require(programme, State.CLOSED)
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


def turn_the_day(*, at: datetime) -> None:
    """Periodic: activate rules whose day has come, turn exemptions, close weeks."""
    for programme in Programme.objects.open().order_by("pk"):
        with transaction.atomic():
            rule_changes.turn_the_day(stages.lock(programme), at=at)
        exemptions_in_force.turn(programme, at=at)
        weeks.close_week(programme, at=at)


def _may_close(programme: Programme, *, at: datetime) -> None:
    stages.require(programme, State.CLOSING)
    if programme.books_close_on and timezone.localdate(at) < programme.books_close_on:
        raise NotNow(f"补录期到 {programme.books_close_on}，之后才能封账。")
    if waiting := rule_changes.waiting(programme):
        raise NotNow(f"还有 {waiting} 人没有按新规则重新计算完，请算完再封账。")


# --- Permit to rank ---------------------------------------------------------------------------


@transaction.atomic
def permit(
    programme: Programme, level: RankingPermit.Level, *, document: str, by: Actor, at: datetime
) -> RankingPermit:
    """Permit or forbid ranking, resting on a named document; the newest decision counts."""
    if not document.strip():
        raise Refusal("请写明所依据的文件。", field="document")
    programme = stages.lock(programme)
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


def of_member(member: Member) -> Sequence[Programme]:
    """The programmes on whose roll somebody stands, newest first."""
    begun = Programme.objects.begun().filter(standings__member=member)
    return list(begun.order_by("-starts", "-pk"))
