"""The page that begins the next programme from this one's rules and scope."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from credits import next_year
from credits.forms import NextProgrammeForm
from credits.views.shown import address_of, governed
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_http_methods(["GET", "POST"])
@gate.required(Capability.GOVERN)
def new(request: MemberRequest) -> HttpResponse:
    """Name, code and dates; rules can be changed until it is opened."""
    source = governed(request)
    form = NextProgrammeForm(request.POST or None, initial=next_year.suggested(source))
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.GOVERN)
        try:
            made = next_year.found_from(source, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, f"已筹备{made}，请核对规则，再开始。")
            return redirect(address_of(made))
        except Refusal as refusal:
            refuse(form, refusal)
    scopes = "、".join(scope.short_name for scope in next_year.scopes_of(source)[:5])
    lead = f"沿用{source}的规则和参加范围（{scopes}）；开始前都可以修改规则。"
    context = {"form": form, "title": "筹备下一年", "lead": lead, "verb": "筹备"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)
