"""The page on which a session at a distance is given another meeting link."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from courses import live_sessions
from courses.forms import LinkForm
from courses.models import StudySession
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def relink(request: MemberRequest, session: int) -> HttpResponse:
    """Replace the link, also when the meeting has begun."""
    rows = StudySession.objects.select_related("organiser")
    found = gate.get(rows, request.scope, Capability.MANAGE_CLASSES, pk=session)
    form = LinkForm(request.POST or None, initial={"link": found.link})
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.MANAGE_CLASSES)
        try:
            live_sessions.relink(found, form.cleaned_data["link"], by=by, at=request.at)
            messages.success(request, "会议链接已更换，党员打开活动页就是新的。")
            return redirect("session-detail", session)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"会议链接：{found}", "lead": "开始点名后也可以更换。"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)
