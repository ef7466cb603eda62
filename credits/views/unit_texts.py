"""The page on which a unit to learn from writes of itself, for a bulletin's draft."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from credits import unit_texts
from credits.models import UnitTextRequest
from credits.models.unit_text import LONGEST
from credits.views.unit_checks import units_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Conflict, Refusal
from portal.rendering import page


class UnitTextForm(forms.Form):
    """One paragraph; seen: the text that the writer had before them."""

    text = forms.CharField(
        label="本单位的做法",
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"一段话，最多 {LONGEST} 字；清空后保存就是不写。",
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.CERTIFY)
def detail(request: MemberRequest, unit_text_request: int) -> HttpResponse:
    """Write what one's own unit did, and change it until the draft is published."""
    rows = UnitTextRequest.objects.of_seats(units_of(request.scope))
    rows = rows.select_related("draft__bulletin__programme", "draft__programme", "unit")
    found = gate.get(rows, request.scope, Capability.CERTIFY, pk=unit_text_request)
    last = unit_texts.of_unit(found.draft, found.unit_id)
    initial = {"text": last.text if last else "", "seen": last.pk if last else 0}
    form, status = UnitTextForm(request.POST or None, initial=initial), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            by = request.scope.actor(Capability.CERTIFY)
            try:
                unit_texts.write(found, **form.cleaned_data, by=by, at=request.at)
                messages.success(request, "已保存，发布以前可以再改。")
                return redirect("unit-text", found.pk)
            except Refusal as refusal:
                refuse(form, refusal)
                status = 409 if isinstance(refusal, Conflict) else 422
    bulletin = found.draft.bulletin
    published = bulletin.unit_texts.filter(unit=found.unit_id).first() if bulletin else None
    context = {
        "asked": found,
        "form": form,
        "last": last,
        "bulletin": bulletin,
        "published": published,
    }
    return page(request, "credits/unit_text.html", context, status=status)
