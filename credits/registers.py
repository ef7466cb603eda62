"""Registers: what is decided once and stands outside the ledger's chain of postings.

Rules in force, permits to rank, changes of target, week figures, withdrawals, certificates and
their events: each record carries the digest of its own form, and every verification keeps how many
there were and a digest over all of them, which the next one holds against them. A form is every
column but row ids and the digest itself; relations stand in it by their stable keys, so that
renaming leaves it valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, TypeVar

from django.db.models import ForeignKey, Model, QuerySet

from credits import digests
from credits.models import (
    BranchClosing,
    Bulletin,
    BulletinWithdrawal,
    Certificate,
    CertificateEvent,
    Programme,
    ProgrammeArchive,
    RankingPermit,
    RuleVersion,
    TargetChange,
    UnitWeek,
    Verification,
)
from portal.models import Member, Organization

Record = TypeVar("Record", bound=Model)

STABLE: dict[type[Model], Callable[[Any], Any]] = {
    Programme: lambda programme: programme.code,
    Organization: lambda organization: organization.code,
    Member: lambda member: member.key,
    Bulletin: lambda bulletin: bulletin.digest,
    RankingPermit: lambda permit: permit.digest,
    Certificate: lambda certificate: certificate.digest,
    BranchClosing: lambda closing: closing.number,
}
# What changes in a record's life and is checked by other means: a certificate's state follows
# from its events; its standing is that of its member.
LEFT_OUT = {"id", "digest", "state", "standing"}
# Columns that came later, with the value that older records were given: where they have it they
# stand in no form, so that what was written before is verified byte for byte.
LATER: dict[type[Model], dict[str, Any]] = {
    Bulletin: {"form": 1, "measures": [], "minimum": 0, "replaces": None},
    Verification: {"since_last": False},
}


def form(record: Model) -> dict[str, Any]:
    """The canonical form of a record."""
    later = LATER.get(type(record), {})
    values = {
        field.name: _plain(getattr(record, field.name), field)
        for field in record._meta.concrete_fields
        if field.name not in LEFT_OUT
    }
    return {name: v for name, v in values.items() if name not in later or v != later[name]}


def digest_of(record: Model, name: str = "") -> str:
    """The digest of a record's form, computed anew."""
    return digests.of_json(form(record), name)


def sign(record: Record) -> Record:
    """Give a record its digest, before it is written."""
    record.digest = digest_of(record)  # type: ignore[attr-defined] # every register has one
    return record


def enter(record: Record) -> Record:
    """Write a new record with its digest."""
    sign(record).save(force_insert=True)
    return record


def is_sound(record: Any) -> bool:
    """Whether a record is still what it was when it was written."""
    return digest_of(record, digests.algorithm_of(record.digest)) == str(record.digest)


def of_programme(programme: Programme, *, using: str) -> Iterator[tuple[str, QuerySet[Any]]]:
    """The registers of a programme by name, each in the order in which it was written. A rule
    version is entered when it is activated."""
    versions = RuleVersion.objects.exclude(activated_at=None).select_related("made_by")
    events = CertificateEvent.objects.select_related("certificate__member", "by")
    rows: list[tuple[str, QuerySet[Any], str]] = [
        ("rules", versions, ""),
        ("permits", RankingPermit.objects.select_related("by"), ""),
        ("targets", TargetChange.objects.select_related("member"), ""),
        ("weeks", UnitWeek.objects.select_related("unit"), ""),
        ("withdrawals", BulletinWithdrawal.objects.select_related("bulletin", "by"), "bulletin__"),
        ("certificates", Certificate.objects.select_related(
            "member", "branch", "issued_by", "replaces"), ""),
        ("events", events, "certificate__"),
        ("closings", BranchClosing.objects.select_related("branch", "closed_by", "replaces"), ""),
        ("archives", ProgrammeArchive.objects.select_related("by"), ""),
    ]  # fmt: skip
    for name, found, path in rows:
        own = found.using(using).filter(**{f"{path}programme": programme})
        yield name, own.select_related(f"{path}programme").order_by("pk")


def onward(digest: str, record: Any) -> str:
    """The digest over a register up to a record, from that over what stands before it."""
    return hashlib.sha256(f"{digest} {record.digest}".encode()).hexdigest()


def _plain(value: Any, field: Any) -> Any:
    if isinstance(field, ForeignKey):
        return None if value is None else STABLE[field.related_model](value)
    if isinstance(value, datetime):
        return digests.moment(value)
    return value.isoformat() if isinstance(value, date) else value
