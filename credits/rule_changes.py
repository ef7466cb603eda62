"""Rules of a programme: written in versions, rehearsed before they change, then recomputed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import ledger_sql, registers, rehearsals, rule_book, rule_sets, stages, standings
from credits.models import Programme, RuleVersion, Standing
from credits.rehearsals import Rehearsal
from credits.rule_sets import BadRules, Rules
from credits.stages import NotNow
from portal import audit, jobs
from portal.audit import Actor
from portal.models import AuditEvent, Job
from portal.progress import Progress
from portal.refusals import Conflict, Refusal

RECOMPUTE = "credits.rule_changes.recompute"


class RulesRefused(Refusal):
    """The rules contradict themselves, or lack their authority."""


def rehearse(programme: Programme, rules_: Mapping[str, Any]) -> Rehearsal:
    """What other rules would do to everybody due. Raises RulesRefused for rules that contradict
    themselves. Writes nothing."""
    return rehearsals.of(programme, parse(rules_))


@transaction.atomic
def draft_rules(
    programme: Programme, rules_: Mapping[str, Any], *, authority: str, by: Actor, at: datetime
) -> RuleVersion:
    """Write the first rules of a programme anew before it is opened; nobody is on its roll.

    Raises NotNow once it has begun, RulesRefused without authority.
    """
    programme = stages.lock(programme)
    stages.require(programme, Programme.State.DRAFT)
    if not authority.strip():
        raise RulesRefused("请写明依据。", field="authority")
    parse(rules_)
    version = programme.rule_versions.select_related("programme", "made_by").get(number=1)
    version.rules, version.since = dict(rules_), programme.starts
    version.authority, version.made_by, version.made_at = authority.strip(), by.member, at
    registers.sign(version).save()
    subject = f"拟定{version}"
    audit.record(AuditEvent.Event.RULES, by=by, at=at, on=programme.organiser, subject=subject,
                 detail={"authority": authority})  # fmt: skip
    return version


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
    back_url: str = "",
) -> RuleVersion:
    """Make a new version of the rules; `shown` are the rehearsal's numbers that the person saw.

    A version whose day has come is activated at once and everybody is recomputed in the
    background, branch by branch; a later one on its day. Raises RulesRefused without authority or
    reason, Conflict when the rehearsal would now say something else.
    """
    programme = stages.lock(programme)
    if not programme.takes_postings:
        raise NotNow(f"{programme}{programme.get_state_display()}，不能变更规则。")
    if not authority.strip() or not reason.strip():
        raise RulesRefused("变更规则要写明依据和理由。", field="authority")
    now = rehearse(programme, rules_).shown
    if now != shown:
        raise Conflict(
            f"试算结果已经变化：新增学满 {now[0]} 人、不再学满 {now[1]} 人，请重新核对后再确认。"
        )
    version = write_version(
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
        _activate(programme, version, by=by, at=at, back_url=back_url)
    return version


def recompute(progress: Progress, programme: int, version: int = 0) -> dict[str, Any]:
    """Background work: carry every standing over to the current rules, branch by branch; `version`
    is the one that asked for it."""
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


def job_of(version: RuleVersion) -> Job | None:
    """The background work that carries everybody over to a version, once it has been queued."""
    asked = Job.objects.filter(work=RECOMPUTE, arguments__programme=version.programme_id)
    return asked.filter(arguments__version=version.number).order_by("-pk").first()


def waiting(programme: Programme) -> int:
    """How many standings have not been carried over to the rules that count now."""
    current = rule_book.of(programme).current.number
    return Standing.objects.filter(programme=programme).exclude(rules=current).count()


def turn_the_day(programme: Programme, *, at: datetime) -> None:
    """Activate the versions whose day has come, in order; the programme is locked."""
    due = programme.rule_versions.filter(
        activated_at=None,
        since__lte=timezone.localdate(at),
        number__gt=rule_book.of(programme).current.number,
    )
    for version in list(due.order_by("number").select_related("made_by", "programme")):
        _activate(programme, version, by=Actor(version.made_by, "system"), at=at)


def parse(rules_: Mapping[str, Any]) -> Rules:
    try:
        return rule_sets.parse(rules_)
    except BadRules as error:
        raise RulesRefused(str(error), field="rules") from error


def write_version(
    programme: Programme,
    rules_: Mapping[str, Any],
    *,
    since: date,
    authority: str,
    reason: str,
    by: Actor,
    at: datetime,
) -> RuleVersion:
    parse(rules_)
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


def _activate(
    programme: Programme, version: RuleVersion, *, by: Actor, at: datetime, back_url: str = ""
) -> None:
    """Make a version the one that counts. The programme is locked, so that every posting is
    wholly before or wholly behind it."""
    put_in_force(version, seen=standings.last_entry(programme), at=at)
    jobs.start(
        RECOMPUTE,
        title=f"按{version}重新计算",
        by=by,
        at=at,
        arguments={"programme": programme.pk, "version": version.number},
        back_url=back_url,
    )


def put_in_force(version: RuleVersion, *, seen: int, at: datetime) -> None:
    version.activated_at, version.seen_entry = at, seen
    registers.sign(version).save(update_fields=["activated_at", "seen_entry", "digest"])
