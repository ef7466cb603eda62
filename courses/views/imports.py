"""The button that takes an imported member list back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from courses import import_undo
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import PeopleImport
from portal.refusals import Refusal


@require_POST
@gate.required(Capability.MANAGE_PEOPLE)
def undo(request: MemberRequest, receipt: int) -> HttpResponse:
    """Take back what nobody has touched since; a long list in the background."""
    rows = PeopleImport.objects.select_related("organization")
    found = gate.get(rows, request.scope, Capability.MANAGE_PEOPLE, pk=receipt)
    by, back = (
        request.scope.actor(Capability.MANAGE_PEOPLE),
        reverse("member-import", args=[receipt]),
    )
    try:
        if import_undo.is_many(found):
            job = import_undo.undo_later(found, by=by, at=request.at, back_url=back)
            return redirect("job-detail", job.pk)
        counts = import_undo.undo(found, by=by, at=request.at)
        kept = f"，保留 {counts['kept']} 人，原因见下" if counts["kept"] else ""
        messages.success(request, f"已撤销 {counts['undone']} 人{kept}。")
    except Refusal as refusal:
        messages.info(request, refusal.message)
    return redirect(back)
