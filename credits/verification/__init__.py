"""Verification: recompute everything that the ledger sums to, every hash chain and register.

Reads one snapshot of the database and writes one row, the verdict with all heads, which the next
run holds against the chains. A problem names the entry, the branch and the member as far as
anything in the database still shows them.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connections, transaction

from credits import registers, rule_book
from credits.models import Programme, Verification
from credits.rule_sets import BadRules
from credits.verification import (
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

__all__ = ["Problem", "Report", "verify"]


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


def _check(found: Findings, heads: Heads) -> None:
    """All checks of one programme."""
    partitions.check_programme(found, moved=False)
    chains.check(found, heads)
    chains.check_orphans(found)
    records.check(found, heads)
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
