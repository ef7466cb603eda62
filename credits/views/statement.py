"""Pages of hours: what a statement shows, a branch's roll with who is short."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from credits import programmes, statements, targets
from credits.models import Certificate, Programme, RuleVersion, Standing
from credits.targets import Why
from credits.views.shown import periods, programme_of, ring
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.rendering import page


@require_GET
@gate.required(Capability.SEE_PERSONS)
def branch_hours(request: MemberRequest) -> HttpResponse:
    """The roll of one's branch: who has how much, who is short and in which period."""
    programme = programme_of(request)
    branches = request.scope.organizations(Capability.SEE_PERSONS)
    wanted = request.GET.get("branch", "")
    branch = next((b for b in branches if str(b.pk) == wanted), branches[0] if branches else None)
    if branch is None:  # one's own hours have a page of their own
        raise PermissionDenied
    rows = Standing.objects.within(request.scope, Capability.SEE_PERSONS)
    rows = rows.filter(programme=programme, on_roll=True, branch=branch)
    rows = rows.select_related("member", "branch")
    short = request.GET.get("only") == "short"
    rows = rows.short() if short else rows
    certified = Certificate.objects.filter(programme=programme, state=Certificate.State.VALID)
    listed = list(rows.order_by("-shortfall", "member__name", "member__number"))
    found = targets.why(programme, listed)
    context = {
        "programme": programme,
        "branch": branch,
        "branches": branches,
        "rows": [(row, found[row.member_id]) for row in listed],
        "short": short,
        "certified": set(certified.values_list("member_id", flat=True)),
    }
    return page(request, "credits/branch_hours.html", context)


def statement_of(request: MemberRequest, member: Member) -> dict[str, Any]:
    """What the page of a statement shows: every line, what was earned, what was recognised, why
    they differ. What is asked about lines is added above (courses/views/statement.py)."""
    programme = programme_of(request)
    statement = statements.of(programme, member)
    return {
        "programme": programme,
        "programmes": programmes.of_member(member),
        "member": member,
        "own": member.pk == request.user.pk,
        "statement": statement,
        "version": _version(programme, statement.standing),
        "ring": ring(statement.standing),
        "periods": periods(statement),
        "lines": list(reversed(statement.lines)),
        "why": _why(programme, statement.standing, member),
        "target_changes": targets.changes(programme, member),
        "certificates": member.certificates.filter(programme=programme).prefetch_related("events"),
    }


def _why(programme: Programme, standing: Standing | None, member: Member) -> Why | None:
    if standing is None:
        return None
    standing.member = member
    return targets.why(programme, [standing])[member.pk]


def _version(programme: Programme, standing: Standing | None) -> RuleVersion | None:
    """The version of the rules by which somebody's hours were recognised."""
    if standing is None:
        return None
    return programme.rule_versions.filter(number=standing.rules).first()
