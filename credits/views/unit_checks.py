"""Pages of the units' check: the official's, who sends and replies, and each unit's own."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import unit_check_states, unit_checks
from credits.models import (
    BulletinDraft,
    Measure,
    ObjectionReply,
    UnitAnswer,
    UnitFigures,
    UnitText,
    UnitTextRequest,
)
from credits.unit_check_states import CHECKERS, UnitState
from portal import gate
from portal.access import Capability, Scope
from portal.forms import DayField, refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page
from portal.templatetags.portal import hours

USUAL = timedelta(days=3)  # for units to check


class DeadlineForm(forms.Form):
    """Until when units answer: the end of a day."""

    deadline = DayField(label="核对截止日", help_text="当天 23:59 截止。")

    def clean_deadline(self) -> datetime:
        day = self.cleaned_data["deadline"]
        return timezone.make_aware(datetime.combine(day, time(23, 59)))


@require_http_methods(["GET", "POST"])
@gate.required(Capability.PUBLISH)
def of_draft(request: MemberRequest, draft: int) -> HttpResponse:
    """Send a draft to its units, and see who confirmed, objected, did not look."""
    found = _draft(request, draft)
    initial = {"deadline": request.today + USUAL}
    form = DeadlineForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.PUBLISH)
        try:
            check = unit_checks.send(found, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, f"已送 {check.rows.count()} 个单位核对。")
            return redirect("draft-check", draft)
        except Refusal as refusal:
            refuse(form, refusal)
    return _shown(request, found, form)


@require_POST
@gate.required(Capability.PUBLISH)
def reply(request: MemberRequest, objection: int) -> HttpResponse:
    """End an objection: corrected, or the figure stays for a reason."""
    rows = UnitAnswer.objects.select_related("row__units_check__draft__programme", "row__unit")
    found = gate.get(rows, request.scope, Capability.PUBLISH, pk=objection)
    draft = found.row.units_check.draft
    by, text = request.scope.actor(Capability.PUBLISH), request.POST.get("text", "")
    try:
        if request.POST.get("kind") == ObjectionReply.Kind.CORRECTED:
            unit_checks.correct(found, what=text, by=by, at=request.at)
        else:
            unit_checks.explain(found, why=text, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        form = DeadlineForm(initial={"deadline": request.today + USUAL})
        return _shown(request, draft, form, typed={found.pk: text}, status=422)
    messages.success(request, "已答复，单位会收到消息。")
    return redirect("draft-check", draft.pk)


@require_GET
@gate.required(Capability.CERTIFY)
def list_(request: MemberRequest) -> HttpResponse:
    """The figures that one's own units were asked to check, and the texts that they were asked
    for, newest first."""
    own = units_of(request.scope)
    rows = UnitFigures.objects.of_units(own)
    rows = rows.select_related("units_check__draft__programme")
    waiting = unit_check_states.waiting_at(own, at=request.at)
    written = UnitText.objects.filter(
        request__draft=OuterRef("draft"), request__unit=OuterRef("unit")
    )
    context = {
        "rows": rows.order_by("-pk")[:50],
        "waiting": set(waiting.values_list("pk", flat=True)),
        "texts": UnitTextRequest.objects.of_seats(own)
        .select_related("draft", "unit")
        .annotate(is_written=Exists(written))
        .order_by("-pk")[:50],
    }
    return page(request, "credits/unit_check_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.CERTIFY)
def detail(request: MemberRequest, unit_figures: int) -> HttpResponse:
    """One's own unit's figures; they are shown once the person has begun to look, by a POST."""
    row = _own(request, unit_figures)
    by = request.scope.actor(Capability.CERTIFY)
    if request.method == "POST" and request.POST.get("act") != "answer":
        unit_checks.look(row, by=by, at=request.at)
        return redirect("unit-check", row.pk)
    if request.method == "GET":
        return _figures(request, row)
    reasons = {m: request.POST.get(f"reason-{m}", "").strip() for m in Measure.values}
    objections = {m: reason for m, reason in reasons.items() if reason}
    try:
        unit_checks.answer(row, objections, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _figures(request, row, typed=reasons, status=422)
    said = f"已提交，{len(objections)} 项有异议。" if objections else "已确认无误。"
    messages.success(request, said)
    return redirect("unit-check", row.pk)


def units_of(scope: Scope) -> list[int]:
    """The organisations at which somebody answers for the figures; nothing below them."""
    return [reach.organization.pk for reach in scope.reaches if reach.role in CHECKERS]


def _own(request: MemberRequest, pk: int) -> UnitFigures:
    rows = UnitFigures.objects.of_units(units_of(request.scope))
    rows = rows.select_related("units_check__draft__programme", "unit")
    return gate.get(rows, request.scope, Capability.CERTIFY, pk=pk)


def _figures(
    request: MemberRequest,
    row: UnitFigures,
    *,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    check = row.units_check
    newest = unit_check_states.latest(check.draft)
    late = unit_check_states.is_late(check, at=request.at)
    answers = unit_check_states.newest(row.answers.all()).get(row.pk, {})
    given = typed or {measure: answer.reason for measure, answer in answers.items()}
    context = {
        "row": row,
        "check": check,
        "over": late or check.draft.bulletin_id is not None or newest != check,
        "newer": newest != check,
        "looked": row.looks.filter(by=request.user).exists(),
        "answered": bool(answers),
        "lines": [
            {
                "measure": measure,
                "label": measure.label,
                "value": shown(measure, getattr(row, measure)),
                "answer": answers.get(measure),
                "reason": given.get(measure, ""),
            }
            for measure in Measure
        ],
    }
    return page(request, "credits/unit_check.html", context, status=status)


def _shown(
    request: MemberRequest, draft: BulletinDraft, form: DeadlineForm, *,
    typed: dict[int, str] | None = None, status: int = 0,
) -> HttpResponse:  # fmt: skip
    check = unit_check_states.latest(draft)
    units = unit_check_states.states(check, at=request.at) if check else []
    objections = [_objection(unit, answer, typed or {}) for unit in units
                  for answer in unit.objections]  # fmt: skip
    context = {
        "draft": draft,
        "form": form,
        "check": check,
        "summary": unit_check_states.summary_of(check, units, at=request.at) if check else None,
        "units": sorted(units, key=lambda unit: list(unit_check_states.State).index(unit.state)),
        "objections": objections,
        "open": sum(not each["reply"] for each in objections),
    }
    status = status or (422 if form.errors else 200)
    return page(request, "credits/draft_check.html", context, status=status)


def _objection(unit: UnitState, answer: UnitAnswer, typed: dict[int, str]) -> dict[str, object]:
    reply = unit_check_states.reply_of(answer)
    measure = Measure(answer.measure)
    return {
        "answer": answer,
        "unit": unit.row.unit_name,
        "label": measure.label,
        "value": shown(measure, getattr(unit.row, measure)),
        "reply": reply,
        "was": shown(measure, reply.was) if reply and reply.was is not None else "",
        "now": shown(measure, reply.now) if reply and reply.now is not None else "",
        "text": typed.get(answer.pk, ""),
    }


def shown(measure: Measure, value: int) -> str:
    """A figure with its unit, as people read it."""
    if measure in (Measure.HOURS, Measure.POINTS):
        return f"{hours(value)} {'学时' if measure == Measure.HOURS else '分'}"
    return f"{value} {'场' if measure == Measure.SESSIONS else '人'}"


def _draft(request: MemberRequest, pk: int) -> BulletinDraft:
    drafts = BulletinDraft.objects.select_related("programme__organiser").filter(bulletin=None)
    return gate.get(drafts, request.scope, Capability.PUBLISH, pk=pk)
