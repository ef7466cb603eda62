"""The page of what a careful official checks before a bulletin is published."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from courses.models import AttendanceCredit
from credits import bulletin_checks, bulletins
from credits.models import BulletinDraft
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.PUBLISH)
def look(request: MemberRequest, draft: int) -> HttpResponse:
    """Counts by unit, each with a link to the unit's figures. A fixed number of queries."""
    rows = BulletinDraft.objects.select_related("programme__organiser").filter(bulletin=None)
    found = gate.get(rows, request.scope, Capability.PUBLISH, pk=draft)
    try:
        bulletins.check_writable(found.programme)
        figures = bulletins.figures_of(found)
    except Refusal:
        return redirect("draft-edit", draft)  # which says why
    checks = bulletin_checks.of(found, figures, at=request.at)
    checks.append(
        bulletin_checks.counted(
            "未处理的冲突",
            "考勤已登记、学时没有记入，书记还没有核实的，按党员所在单位计。",
            figures,
            _open_conflicts(found),
            "条",
        )
    )
    return page(request, "courses/bulletin_check.html", {"draft": found, "checks": checks})


def _open_conflicts(draft: BulletinDraft) -> dict[int, int]:
    refused = AttendanceCredit.objects.filter(
        programme=draft.programme, state=AttendanceCredit.State.REFUSED, settled_at=None
    )
    unit = "attendance__home__unit"
    counts = refused.order_by().values_list(unit).annotate(n=Count("pk"))
    return {pk: n for pk, n in counts if pk}
