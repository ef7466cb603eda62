"""Verification: recompute everything that the ledger sums to, every hash chain and register.

Reads one snapshot of the database, by one process or several, and writes one row, the verdict with
all heads, which the next run holds against the chains. What a fast walk cannot vouch for is looked
at again, line by line. A problem names the entry, the branch and the member as far as anything in
the database still shows them.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from django.db import connections

from credits import registers
from credits.models import Programme, Verification
from credits.verification import partitions, programme_wide, since, work
from credits.verification.crew import reading_one_moment, seldom_collecting
from credits.verification.heads import Heads
from credits.verification.report import Findings, Problem, Report
from credits.verification.since import NothingVerified
from portal import triggers

__all__ = ["NothingVerified", "Problem", "Report", "examine", "verify"]


def verify(*, at: datetime, jobs: int = 1, since_last: bool = False) -> Report:
    """Check triggers, chains, sums, standings, branch rows, months and published heads, by so
    many processes; or only what is new since the last verification that found nothing.

    Raises NothingVerified where there is none to go on from.
    """
    report = Report(at)
    work.clear()
    with (
        seldom_collecting(),
        reading_one_moment(1 if since_last else jobs) as crew,
        tempfile.TemporaryDirectory() as folder,
    ):
        heads = Heads(report, crew.using)
        seen = since.heads_of(heads) if since_last else {}
        for name in triggers.missing(connections[crew.using]):
            report.problems.append(Problem("trigger", f"数据库缺少保护触发器或约束 {name}。"))
        partitions.check(report, crew.using)
        for programme in Programme.objects.using(crew.using).order_by("pk"):
            found = Findings(report, programme, crew.using)
            if since_last:
                since.check(found, heads, seen, Path(folder))
            else:
                programme_wide.check(found, heads, crew, Path(folder))
        heads.check(books_only=since_last)
    work.clear()
    if since_last:
        report.heads = seen | report.heads
        report.left_out = since.left_out(heads)
    kept = report.heads if report.ok else {}
    registers.enter(
        Verification(
            at=at,
            ok=report.ok,
            problems=len(report.problems),
            since_last=since_last,
            heads=kept,
        )
    )
    return report


def examine(programme: Programme, *, at: datetime) -> Report:
    """The same checks of one programme, with its heads; nothing is written."""
    report = Report(at)
    work.clear()
    with (
        seldom_collecting(),
        reading_one_moment(1) as crew,
        tempfile.TemporaryDirectory() as folder,
    ):
        heads = Heads(report, crew.using)
        own = (f"{programme.code}/", f"{programme.code}:")
        for name in [name for name in heads.wanted if not name.startswith(own)]:
            del heads.wanted[name]
        programme_wide.check(Findings(report, programme, crew.using), heads, crew, Path(folder))
        heads.check()
    work.clear()
    return report
