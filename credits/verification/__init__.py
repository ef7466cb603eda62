"""Verification: recompute everything that the ledger sums to, every hash chain and register.

Reads one snapshot of the database and writes one row, the verdict with all heads, which the next
run holds against the chains. A problem names the entry, the branch and the member as far as
anything in the database still shows them.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connections, transaction

from credits import archives, registers, rule_book
from credits.models import Programme, Verification
from credits.rule_sets import BadRules
from credits.verification import (
    archived,
    chains,
    members,
    occupied,
    partitions,
    places,
    records,
    sums,
)
from credits.verification.heads import Heads
from credits.verification.report import Findings, Problem, Report
from portal import triggers

__all__ = ["Problem", "Report", "examine", "verify"]


def verify(*, at: datetime) -> Report:
    """Check triggers, chains, sums, standings, branch rows, months and published heads."""
    using = settings.SNAPSHOT
    report = Report(at)
    heads = Heads(report, using)
    with transaction.atomic(using=using):
        for name in triggers.missing(connections[using]):
            report.problems.append(Problem("trigger", f"数据库缺少保护触发器或约束 {name}。"))
        partitions.check(report, using)
        for programme in Programme.objects.using(using).order_by("pk"):
            _check(Findings(report, programme, using), heads)
        heads.check()
    kept = report.heads if report.ok else {}
    registers.enter(Verification(at=at, ok=report.ok, problems=len(report.problems), heads=kept))
    return report


def examine(programme: Programme, *, at: datetime) -> Report:
    """The same checks of one programme, with its heads; nothing is written."""
    using = settings.SNAPSHOT
    report = Report(at)
    heads = Heads(report, using)
    own = (f"{programme.code}/", f"{programme.code}:")
    for name in [name for name in heads.wanted if not name.startswith(own)]:
        del heads.wanted[name]
    with transaction.atomic(using=using):
        _check(Findings(report, programme, using), heads)
        heads.check()
    return report


def _check(found: Findings, heads: Heads) -> None:
    """All checks of one programme."""
    record = archives.of(found.programme, using=found.using)
    partitions.check_programme(found, moved=bool(record and record.moved))
    if record:
        archived.check(found, heads, record)
    records.check(found, heads)
    if record and record.moved:
        return
    chains.check(found, heads)
    chains.check_orphans(found)
    occupied.check(found)
    try:
        book = rule_book.of(found.programme, using=found.using)
    except BadRules as error:
        found.add("rules", f"规则不能辨认，学习进度无从核对：{error}")
    else:
        occupied.check_caps(found, book)
        places.check(found, book)
        if any(version.activated_at for version in book.versions):
            members.check(found, book)
    sums.check_branches(found)
    sums.check_months(found)
