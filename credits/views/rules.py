"""The page that changes a programme's rules: rehearsed by unit and branch, then applied."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from credits import rehearsals, rule_book, rule_changes, rule_words
from credits.forms import RulesForm
from credits.models import Programme, RuleVersion
from credits.rehearsals import Place, Rehearsal
from credits.views.shown import address_of, governed
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

MOST = 100  # branches of a unit shown at once


@require_http_methods(["GET", "POST"])
@gate.required(Capability.GOVERN)
def rules(request: MemberRequest) -> HttpResponse:
    """Change the rules: first a rehearsal that shows how many gain or lose, unit by unit and down
    to the branch, then the change. Before the opening there is nobody to rehearse with."""
    programme = governed(request)
    draft = programme.state == Programme.State.DRAFT
    newest = programme.rule_versions.order_by("-number").first()
    form = RulesForm(request.POST or None, current=newest.rules if newest else {},
                     since=programme.starts if draft else request.today)  # fmt: skip
    context: dict[str, Any] = {"programme": programme, "form": form, "draft": draft}
    if request.method == "POST" and form.is_valid():
        try:
            if "apply" in request.POST:
                return _apply(request, programme, form)
            context |= _rehearsed(request, programme, form, newest)
        except Refusal as refusal:
            refuse(form, refusal)
    status = 422 if form.errors else 200
    return page(request, "credits/rules.html", context, status=status)


def _rehearsed(
    request: MemberRequest, programme: Programme, form: RulesForm, newest: RuleVersion | None
) -> dict[str, Any]:
    """What the change would do, in words and numbers; counts only, names of nobody."""
    new = rule_changes.parse(form.rules())
    current = newest and rule_book.parsed(newest.rules)
    shown: dict[str, Any] = {
        "rehearsed": True,
        "differences": rule_words.differences(current, new) if current else [],
    }
    if programme.state == Programme.State.DRAFT:
        return shown
    rehearsal = rule_changes.rehearse(programme, form.rules())
    later = form.cleaned_data["since"] > request.today
    shown |= {"rehearsal": rehearsal, "whole": rehearsal.whole, "later": later}
    if "unit" in request.POST:
        return shown | _unit(programme, rehearsal, request.POST["unit"])
    return shown | {"units": [_line(p) for p in rehearsals.by_unit(programme, rehearsal)]}


def _unit(programme: Programme, rehearsal: Rehearsal, asked: str) -> dict[str, Any]:
    """The branches of one unit that would change; asked: its id, and from which row on."""
    text, _, first = asked.partition("-")
    unit = rehearsals.unit_named(text)
    places = rehearsals.in_unit(programme, rehearsal, unit)
    start = number(first, digits=8)
    end = start + MOST
    return {
        "unit": unit or 0,
        "branches": [_line(p) for p in places[start:end]],
        "count": len(places),
        "onward": end if end < len(places) else 0,
    }


def _line(place: Place) -> dict[str, Any]:
    effect = place.effect
    return {
        "unit": str(place.pk or 0),
        "name": place.name,
        "due": str(effect.due),
        "gain": str(effect.gain),
        "lose": str(effect.lose),
        "nearer": str(effect.nearer),
        "farther": str(effect.farther),
        "below": str(effect.lose + effect.below),
        "count": str(place.branches),
    }


def _apply(request: MemberRequest, programme: Programme, form: RulesForm) -> HttpResponse:
    """Apply what was rehearsed; leads to the recomputation where it has begun."""
    values, by = form.cleaned_data, request.scope.actor(Capability.GOVERN)
    if programme.state == Programme.State.DRAFT:
        authority = values["authority"]
        rule_changes.draft_rules(programme, form.rules(), authority=authority, by=by, at=request.at)
        messages.success(request, "已保存，开始时生效。")
        return redirect(address_of(programme))
    gain, _, lose = request.POST.get("shown", "").partition("/")
    shown = (int(gain), int(lose)) if gain.isdecimal() and lose.isdecimal() else (-1, -1)
    version = rule_changes.change_rules(
        programme,
        form.rules(),
        since=values["since"],
        authority=values["authority"],
        reason=values["reason"],
        shown=shown,
        by=by,
        at=request.at,
        back_url=address_of(programme),
    )
    job = rule_changes.job_of(version)
    if job is None:
        messages.success(request, f"已制定{version}，自 {version.since} 起生效。")
        return redirect(address_of(programme))
    messages.success(request, f"已制定{version}，正在逐支部重新计算。")
    return redirect("job-detail", job.pk)
