"""The archive: a programme's proof, what is written down of it, and the way out of the tables.

`programmes.archive` calls these in their order: `prove` takes as long as a verification and locks
nothing; `put_away` takes seconds, with the programme locked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from credits import archives, bulletins, partitions, registers, rule_book, verification
from credits.models import Programme, ProgrammeArchive, Standing
from credits.verification import Report
from portal.audit import Actor
from portal.progress import Progress
from portal.refusals import Conflict, Refusal


class NotSound(Refusal):
    """What does not verify is not put away."""


def prove(programme: Programme, *, at: datetime) -> Report:
    """Verify a closed programme. Raises NotSound when anything is amiss, or while standings still
    wait for a change of rules."""
    current = rule_book.of(programme).current.number
    if Standing.objects.filter(programme=programme).exclude(rules=current).exists():
        raise NotSound("还有学习进度没有按新规则重新计算完，请等后台算完再归档。")
    report = verification.examine(programme, at=at)
    if report.problems:
        first = report.problems[0].message
        raise NotSound(f"账目核验发现 {len(report.problems)} 处问题，不能归档。第一处：{first}")
    return report


def prove_in_background(progress: Progress, programme: int) -> dict[str, Any]:
    """Background work: verify a closed programme and say what was found; archive nothing."""
    subject = Programme.objects.get(pk=programme)
    report = prove(subject, at=progress.at)
    said = f"核验通过：{report.postings} 笔、{report.entries} 行，没有发现问题，可以归档。"
    progress.finished(said)
    return {"postings": report.postings, "entries": report.entries}


def put_away(
    programme: Programme, proof: Report, *, reason: str, by: Actor, at: datetime
) -> ProgrammeArchive:
    """Write down where a proved programme stands, and on PostgreSQL detach its lines. The caller
    has locked it. Raises Conflict when its books have moved on since, partitions.InUse."""
    proved = {n: head for n, head in proof.heads.items() if "/" in n and head["sequence"]}
    if proved != bulletins.heads_of(programme):
        raise Conflict("核验之后又有人记账，请重新归档。")
    figures = archives.figures_digest(programme)
    return registers.enter(
        ProgrammeArchive(
            programme=programme,
            at=at,
            by=by.member,
            reason=reason.strip()[:200],
            moved=partitions.detach(programme),
            postings=proof.postings,
            entries=proof.entries,
            heads=proof.heads,
            figures=figures,
        )
    )
