"""Pages of bulletins' drafts, for officials: drawn up, edited, previewed, published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import (
    bulletin_texts,
    bulletins,
    drafting,
    paper_files,
    publishing,
    rankings,
    unit_check_states,
    unit_texts,
)
from credits.forms import DraftForm, NewDraftForm
from credits.models import BulletinDraft
from credits.models.bulletin import USUAL
from credits.views.bulletins import not_permitted, shown, written
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.audit import Actor
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Cohort
from portal.refusals import Refusal
from portal.rendering import page


@require_http_methods(["GET", "POST"])
@gate.required(Capability.PUBLISH)
def new(request: MemberRequest) -> HttpResponse:
    """Begin a draft: title and cohorts; texts come from the figures."""
    programme = programme_of(request)
    _check(request, programme.scope_path)
    title = f"关于{programme}学时完成情况的通报"
    initial = {"title": title, "cohorts": Cohort.values, "measures": USUAL}
    replaceable = bulletins.replaceable(programme)
    form = NewDraftForm(request.POST or None, initial=initial, replaceable=replaceable)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.PUBLISH)
        try:
            draft = bulletins.draw_up(programme, by=by, at=request.at, **form.cleaned_data)
            if draft.is_waiting:
                return _computing(draft, by=by, at=request.at)
            return redirect("draft-edit", draft.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": "编制积分通报", "verb": "生成草稿"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.PUBLISH)
def edit(request: MemberRequest, draft: int) -> HttpResponse:
    """Edit a draft's title and texts; the computed figures stand beside them."""
    found = _draft(request, draft)
    if answer := not_permitted(request, found) or _waiting(request, found):
        return answer
    initial = {"title": found.title, "version": found.version} | found.texts
    figures = bulletins.figures_of(found)
    asked = unit_texts.asked(found, bulletin_texts.to_learn_from(figures), at=request.at)
    initial["left_out"] = [each.row.unit_id for each in asked if each.left_out]
    written = [(each.row.unit_id, each.row.unit_name) for each in asked if each.text]
    form = DraftForm(request.POST or None, initial=initial, written=written)
    status = 200
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = dict(form.cleaned_data)
        title, version = values.pop("title"), values.pop("version")
        left_out = values.pop("left_out", None)
        if left_out is not None:  # whoever is not named now stays as it was
            left_out += [u for u in found.left_out if u not in dict(written)]
        by = request.scope.actor(Capability.PUBLISH)
        try:
            bulletins.edit(
                found, title=title, texts=values, left_out=left_out, seen_version=version, by=by,
                at=request.at,
            )  # fmt: skip
            return redirect("draft-preview", draft)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
            status = 409
    context = {
        "form": form,
        "draft": found,
        "asked": [(each, bulletin_texts.evidence(each.row)) for each in asked],
        "not_asked": any(not each.is_asked for each in asked),
    }
    return page(request, "credits/draft_edit.html", context, status=status)


@require_GET
@gate.required(Capability.PUBLISH)
def preview(request: MemberRequest, draft: int) -> HttpResponse:
    """The draft as it would look if it were published now."""
    found = _draft(request, draft)
    if answer := not_permitted(request, found) or _waiting(request, found):
        return answer
    figures = bulletins.figures_of(found)
    said = {unit: text.text for unit, text in unit_texts.taken(found).items()}
    context = shown(request, figures, found.texts, said) | {
        "draft": found,
        "programme": found.programme,
        "title": found.title,
        "permit": rankings.check_permitted(found.programme),
        "at": found.cutoff or request.at,
        "checked": unit_check_states.summary(found, at=request.at),
        "seen": ",".join(map(str, publishing.totals_of(figures))),
        "seen_text": unit_texts.last_written(found),
        "files": paper_files.KINDS,
    }
    return page(request, "credits/bulletin.html", context)


@require_POST
@gate.required(Capability.PUBLISH)
def publish(request: MemberRequest, draft: int) -> HttpResponse:
    """Have a worker verify the books and publish the draft that was previewed; one that is
    published already leads to its number."""
    rows = BulletinDraft.objects.select_related("programme__organiser")
    found = gate.get(rows, request.scope, Capability.PUBLISH, pk=draft)
    if found.bulletin_id:
        return redirect("bulletin-detail", found.bulletin_id)
    try:
        seen = [int(part) for part in request.POST.get("seen", "").split(",") if part]
        job = publishing.later(
            found,
            seen_version=int(request.POST.get("version", "0") or 0),
            seen=seen if len(seen) == len(publishing.NAMES) else (),
            seen_text=int(request.POST.get("seen_text", "0") or 0),
            by=request.scope.actor(Capability.PUBLISH),
            at=request.at,
            back_url=reverse("draft-preview", args=[draft]),
            leads_to=reverse("bulletin-detail", args=[0]),
        )
    except (Refusal, ValueError) as refusal:
        messages.error(request, getattr(refusal, "message", "请重新预览后再发布。"))
        return redirect("draft-preview", draft)
    return redirect("job-detail", job.pk)


@require_POST
@gate.required(Capability.PUBLISH)
def compute(request: MemberRequest, draft: int) -> HttpResponse:
    """Compute the figures of a draft's past cut-off, again where they are there."""
    found = _draft(request, draft)
    return _computing(found, by=request.scope.actor(Capability.PUBLISH), at=request.at)


@require_POST
@gate.required(Capability.PUBLISH)
def redraft(request: MemberRequest, draft: int) -> HttpResponse:
    """Draft the texts anew from the present figures."""
    found = _draft(request, draft)
    try:
        bulletins.redraft(found, by=request.scope.actor(Capability.PUBLISH), at=request.at)
        messages.success(request, "已按现在的数据重新起草文字。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("draft-edit", draft)


@require_POST
@gate.required(Capability.PUBLISH)
def ask(request: MemberRequest, draft: int) -> HttpResponse:
    """Ask those units to learn from that have come in since the texts were drafted."""
    found = _draft(request, draft)
    try:
        rows = bulletin_texts.to_learn_from(bulletins.figures_of(found))
        by = request.scope.actor(Capability.PUBLISH)
        unit_texts.ask_anew(found, rows, by=by, at=request.at)
        messages.success(request, "已请这些单位写做法。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("draft-edit", draft)


@require_POST
@gate.required(Capability.PUBLISH)
def paper(request: MemberRequest, draft: int) -> HttpResponse:
    """Have a draft written as a file that says so on each page."""
    here = reverse("draft-preview", args=[draft])
    return written(request, _draft(request, draft), Capability.PUBLISH, here)


def _computing(draft: BulletinDraft, *, by: Actor, at: datetime) -> HttpResponse:
    here = reverse("draft-edit", args=[draft.pk])
    return redirect("job-detail", drafting.later(draft, by=by, at=at, back_url=here).pk)


def _waiting(request: MemberRequest, draft: BulletinDraft) -> HttpResponse | None:
    """The page that says that the figures are still being computed."""
    if not draft.is_waiting:
        return None
    return page(request, "credits/draft_waiting.html", {"draft": draft})


def _draft(request: MemberRequest, pk: int) -> BulletinDraft:
    drafts = BulletinDraft.objects.select_related("programme__organiser").filter(bulletin=None)
    return gate.get(drafts, request.scope, Capability.PUBLISH, pk=pk)


def _check(request: MemberRequest, path: str) -> None:
    if not request.scope.can(Capability.PUBLISH, path):
        raise PermissionDenied
