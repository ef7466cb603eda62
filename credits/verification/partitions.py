"""PostgreSQL's partitions of the ledger: there for each programme that takes or took postings."""

from __future__ import annotations

from django.db import connections

from credits import partitions
from credits.models import Programme
from credits.verification.report import Findings, Problem, Report
from portal import triggers


def check(report: Report, using: str) -> None:
    """Every table is partitioned, no partition is open to all, and each is some programme's.

    That every partition has its own guards is told by `triggers.missing`.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    known = {
        partitions.name_of(table, programme)
        for programme in Programme.objects.using(using)
        for table in partitions.TABLES
    }
    tree = triggers.partitions(connection)
    for table in partitions.TABLES:
        if table not in tree:
            _add(report, f"数据表 {table} 没有按专题教育分区。")
        for partition in tree.get(table, ()):
            if partition not in known:
                _add(report, f"数据表 {table} 的分区 {partition} 不属于任何专题教育。")


def check_programme(found: Findings, *, moved: bool) -> None:
    """A programme that has begun has all its partitions; one whose lines were taken out has none
    but detached ones, which nobody can change as long as they are there."""
    connection, programme = connections[found.using], found.programme
    lacking = partitions.lacking_of(connection, programme)
    if connection.vendor != "postgresql":
        return
    if moved:
        for table in partitions.TABLES:
            if table not in lacking:
                found.add("partition", f"已归档，数据表 {table} 却仍有它的分区。")
        for table in partitions.archived_tables(connection, programme):
            if not triggers.is_guarded(connection, table):
                found.add("trigger", f"归档表 {table} 缺少保护触发器。")
    elif programme.state != Programme.State.DRAFT:
        for table, partition in lacking.items():
            found.add("partition", f"数据表 {table} 缺少分区 {partition}。")


def _add(report: Report, message: str) -> None:
    report.problems.append(Problem("partition", message))
