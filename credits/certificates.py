"""Certificates of completion: issue, replace, revoke; the ledger suspends and resumes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from credits import ledger_sql, registers, rule_book, standings
from credits.models import Certificate, CertificateEvent, Programme, Standing
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal

Event = CertificateEvent.Event
State = Certificate.State


class NotComplete(Refusal):
    """The target is not reached: no certificate."""


class AlreadyIssued(Refusal):
    """The person holds a certificate of this programme."""


class NotYourself(Refusal):
    """Nobody certifies their own study."""

    message = "不能给自己签发结业证明，请由他人办理。"


@transaction.atomic
def issue(standing: Standing, *, by: Actor, at: datetime) -> Certificate:
    """Certify that somebody completed the target, with the periods' minimums.

    Raises NotComplete with the number missing, AlreadyIssued, NotYourself.
    """
    standing = _locked(standing)
    member = standing.member
    if by.member.pk == member.pk:
        raise NotYourself
    if standing.shortfall or standing.completed_on is None:
        raise NotComplete(
            f"{member.name}还差 {standing.shortfall / 100:g} 学时，未学满，不能签发。"
        )
    living = Certificate.objects.filter(
        programme=standing.programme, member=member, state__in=[State.VALID, State.SUSPENDED]
    ).first()
    if living:
        raise AlreadyIssued(f"{member.name}已有结业证明 {living.number}。")
    return _write(standing, None, by=by, at=at)


@transaction.atomic
def replace(certificate: Certificate, *, reason: str, by: Actor, at: datetime) -> Certificate:
    """Issue anew (a corrected name, say); the new one points to the old number.

    Raises NotComplete, NotYourself, Refusal for one that is no longer valid.
    """
    standing = _locked(certificate.standing)
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    if by.member.pk == standing.member_id:
        raise NotYourself
    if certificate.state != State.VALID:
        raise Refusal(f"证明{certificate.get_state_display()}，不能换发。")
    if standing.shortfall:
        raise NotComplete(
            f"{standing.member.name}还差 {standing.shortfall / 100:g} 学时，不能换发。"
        )
    _turn(certificate, State.REPLACED, Event.REPLACED, reason, by=by, at=at)
    return _write(standing, certificate, by=by, at=at)


@transaction.atomic
def revoke(certificate: Certificate, *, reason: str, by: Actor, at: datetime) -> Certificate:
    """Take a certificate back for good, with a reason."""
    _locked(certificate.standing)
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    if certificate.state not in {State.VALID, State.SUSPENDED}:
        raise Refusal(f"证明{certificate.get_state_display()}，不能再撤销。")
    if not reason.strip():
        raise Refusal("请写明撤销理由。", field="reason")
    _turn(certificate, State.REVOKED, Event.REVOKED, reason, by=by, at=at)
    return certificate


def follow(
    programme: Programme, *, lost: Sequence[int], regained: Sequence[int], at: datetime
) -> None:
    """Suspend certificates of those who fell below the target, resume those who reached it again.

    Called by the ledger in the posting's transaction; a resumed one needs no second certificate.
    A change of rules or of a target suspends nothing: what was issued stays valid as it was.
    """
    for members, old, new, event, reason in (
        (lost, State.VALID, State.SUSPENDED, Event.SUSPENDED, "学时更正后不足应学学时"),
        (regained, State.SUSPENDED, State.VALID, Event.RESUMED, "重新学满"),
    ):
        if members:
            found = Certificate.objects.filter(programme=programme, member__in=members, state=old)
            for certificate in found.select_for_update().order_by("pk"):
                _turn(certificate, new, event, reason, by=None, at=at)


def _locked(standing: Standing) -> Standing:
    """Lock somebody's standing, brought up to the rules that count now."""
    programme = standing.programme
    ledger_sql.share_programme(programme.pk)
    standings.save(standings.lock(programme, rule_book.of(programme), [standing.member_id]))
    rows = Standing.objects.select_related("member", "branch", "programme")
    return rows.get(pk=standing.pk)


def _write(standing: Standing, old: Certificate | None, *, by: Actor, at: datetime) -> Certificate:
    assert standing.completed_on is not None  # noqa: S101 - both callers checked the shortfall
    year = timezone.localdate(at).year
    count = Certificate.objects.filter(programme=standing.programme, member=standing.member).count()
    number = f"{standing.programme.code}-{year}-{standing.member.number}-{count + 1}"
    certificate = registers.enter(
        Certificate(
            programme=standing.programme,
            standing=standing,
            member=standing.member,
            branch=standing.branch,
            number=number,
            code=_code(number),
            name=standing.member.name,
            branch_name=standing.branch.name,
            target=standing.target,
            hours=standing.recognised,
            completed_on=standing.completed_on,
            rules=standing.rules,
            issued_by=by.member,
            issued_at=at,
            replaces=old,
        )
    )
    registers.enter(
        CertificateEvent(
            certificate=certificate,
            event=Event.ISSUED,
            by=by.member,
            at=at,
            reason=f"换发自 {old.number}" if old else "",
        )
    )
    audit.record(
        AuditEvent.Event.CERTIFICATE,
        by=by,
        at=at,
        on=standing.branch,
        subject=f"签发 {certificate.number} {certificate.name}",
    )
    return certificate


def _turn(
    certificate: Certificate, state: str, event: str, reason: str, *, by: Actor | None, at: datetime
) -> None:
    certificate.state = state
    certificate.save(update_fields=["state"])
    registers.enter(
        CertificateEvent(
            certificate=certificate, event=event, reason=reason, by=by.member if by else None, at=at
        )
    )
    audit.record(
        AuditEvent.Event.CERTIFICATE,
        by=by,
        at=at,
        on=certificate.branch,
        subject=f"{Event(event).label} {certificate.number} {certificate.name}",
        detail={"reason": reason},
    )


def _code(number: str) -> str:
    digest = salted_hmac("credits.certificates", number, algorithm="sha256").hexdigest()[:12]
    return "-".join(digest[i : i + 4] for i in range(0, 12, 4))
