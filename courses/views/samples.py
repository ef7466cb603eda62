"""Pages of random samples: drawn and judged by officials, answered by those drawn, and read by the
branch's secretary."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import sample_drawing, sample_photos, sample_results, samples
from courses.models import Sample, SampleItem, SamplePhoto
from courses.querysets import SampleItemQuerySet
from courses.sample_forms import SampleForm
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30
State = SampleItem.State


@require_GET
@gate.required(Capability.APPROVE)
def list_(request: MemberRequest) -> HttpResponse:
    """Samples of one's scope, the newest first, with how far each is."""
    rows = Sample.objects.within(request.scope, Capability.APPROVE).defer("listed")
    rows = rows.select_related("organization", "by").annotate(
        asked=Count("items", filter=Q(items__state=State.ASKED)),
        answered=Count("items", filter=Q(items__state=State.ANSWERED)),
        wrong=Count("items", filter=Q(items__state=State.NOT_IN_ORDER)),
    )
    rows = rows.order_by("-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "courses/sample_list.html", {"page": shown, "query": ""})


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPROVE)
def new(request: MemberRequest) -> HttpResponse:
    """Draw a sample."""
    programme, today = programme_of(request), request.today
    initial = {
        "first": programme.starts,
        "last": min(programme.ends, today),
        "rate": samples.USUAL_RATE / 10,
        "due_on": today + timedelta(days=samples.USUAL_DAYS),
        "key": get_random_string(20),
    }
    form = SampleForm(request.POST or None, initial=initial, organizations=_places(request))
    if request.method == "POST" and form.is_valid():
        pk, by = form.cleaned_data["organization"], request.scope.actor(Capability.APPROVE)
        where = gate.get(Organization.objects.all(), request.scope, Capability.APPROVE, pk=pk)
        try:
            made = samples.draw(programme, where, **form.values(), by=by, at=request.at)
            messages.success(
                request, f"{made.population} 条中抽取 {made.size} 条，已通知本人说明。"
            )
            return redirect("sample-detail", made.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    lead = f"{programme}：从已记入学时的个人学习记录中随机抽取，只请抽到的人说明；抽过的不再抽。"
    context = {"form": form, "title": "发起抽查", "lead": lead, "verb": "随机抽取"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_GET
@gate.required(Capability.APPROVE)
def detail(request: MemberRequest, sample: int) -> HttpResponse:
    """What a sample found so far, how it was drawn, and whose logs were drawn."""
    found = _sample(request, sample)
    whole, parts = sample_results.result(found)
    state = request.GET.get("state", "")
    items = found.items.select_related("member", "log__branch")
    items = items.filter(state=state) if state in State.values else items
    context = {
        "sample": found,
        "rate": f"{found.rate / 10:g}",
        "overdue": found.is_overdue(request.today),
        "whole": whole,
        "parts": parts,
        "page": Paginator(items, PER_PAGE).get_page(request.GET.get("page")),
        "state": state,
        "states": State.choices,
        "query": f"state={state}&" if state in State.values else "",
    }
    return page(request, "courses/sample.html", context)


@require_GET
@gate.required(Capability.APPROVE)
def redraw(request: MemberRequest, sample: int) -> HttpResponse:
    """The drawing once more, from what is on record."""
    found = _sample(request, sample)
    context = {"sample": found, "redrawn": sample_drawing.redraw(found)}
    return page(request, "courses/sample_redraw.html", context)


@require_POST
@gate.required(Capability.APPROVE)
def close(request: MemberRequest, sample: int) -> HttpResponse:
    """End a sample."""
    found = _sample(request, sample)
    try:
        samples.close(found, by=request.scope.actor(Capability.APPROVE), at=request.at)
        messages.success(request, f"{found}已办结。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("sample-detail", sample)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPROVE)
def item(request: MemberRequest, item: int) -> HttpResponse:
    """One log that was drawn, with what its member says; and the judgement."""
    rows = SampleItem.objects.select_related(
        "sample", "member", "log__branch", "confirmed_by", "decided_by"
    )
    found = gate.get(rows.defer("sample__listed"), request.scope, Capability.APPROVE, pk=item)
    feedback, status = request.POST.get("feedback", ""), 200
    if request.method == "POST":
        by, verdict = request.scope.actor(Capability.APPROVE), request.POST.get("verdict", "")
        try:
            if verdict not in (State.IN_ORDER, State.NOT_IN_ORDER):
                raise Refusal("请选择属实或不属实。")
            in_order = verdict == State.IN_ORDER
            samples.judge(found, in_order=in_order, feedback=feedback, by=by, at=request.at)
            messages.success(request, f"{found.member.name}：已记为{State(verdict).label}。")
            address = reverse("sample-detail", args=[found.sample_id])
            return redirect(f"{address}?state={State.ANSWERED}")  # the next one
        except Refusal as refusal:
            messages.error(request, refusal.message)
            found.refresh_from_db(fields=["state", "feedback", "decided_by", "decided_at"])
            status = 422
    context = {
        "item": found,
        "photo": SamplePhoto.objects.filter(item=found).exists(),
        "barred": request.scope.member_id in (found.member_id, found.confirmed_by_id),
        "feedback": feedback,
    }
    return page(request, "courses/sample_item.html", context, status=status)


@require_GET
@gate.required(Capability.OWN)
def photo(request: MemberRequest, item: int) -> HttpResponse:
    """The photo of an answer: for whoever sent it and whoever judges it, and for no cache."""
    rows, scope = SampleItem.objects.all(), request.scope
    seen = rows.within(scope, Capability.OWN) | rows.within(scope, Capability.APPROVE)
    content = get_object_or_404(SamplePhoto, item__in=seen.filter(pk=item)).content
    response = HttpResponse(bytes(content), content_type="image/jpeg")
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = f'inline; filename="{item}.jpg"'
    return response


@require_GET
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """What is asked of oneself, and what became of what one said."""
    return _mine(request)


@require_POST
@gate.required(Capability.OWN)
def answer(request: MemberRequest, item: int) -> HttpResponse:
    """Answer by a note, a photo or both."""
    rows = SampleItem.objects.select_related("sample").defer("sample__listed")
    found = gate.get(rows, request.scope, Capability.OWN, pk=item)
    note, file = request.POST.get("note", ""), request.FILES.get("photo")
    try:
        data = file.read(sample_photos.LARGEST + 1) if file else None
        samples.answer(found, note, data, by=request.scope.actor(), at=request.at)
        messages.success(request, "已提交，核查结果会显示在这里。")
        return redirect("my-samples")
    except Refusal as refusal:
        again = "照片要重新选择。" if file and refusal.field != "photo" else ""
        messages.error(request, refusal.message + again)
        return _mine(request, found.pk, note, status=422)


@require_GET
@gate.required(Capability.CONFIRM_STUDY)
def of_branch(request: MemberRequest) -> HttpResponse:
    """What was drawn of the branch's members, for their secretary: who has yet to answer, what was
    found, and the way to reverse it."""
    own = request.scope.condition(Capability.CONFIRM_STUDY, "log__branch__path", None)
    items = _told(SampleItem.objects.filter(own)).order_by("-pk")
    shown = Paginator(items, PER_PAGE).get_page(request.GET.get("page"))
    return page(
        request, "courses/sample_branch.html", {"page": shown, "query": "", "today": request.today}
    )


def _mine(
    request: MemberRequest, typed: int = 0, note: str = "", *, status: int = 200
) -> HttpResponse:
    """The member's page; what was typed and refused stays in its field."""
    items = _told(SampleItem.objects.within(request.scope, Capability.OWN))
    shown = Paginator(items.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    photos = set(
        SamplePhoto.objects.filter(item__in=[i.pk for i in shown.object_list]).values_list(
            "pk", flat=True
        )
    )
    lines: list[dict[str, Any]] = [
        {
            "item": found,
            "photo": found.pk in photos,
            "note": note if found.pk == typed else found.note,
            "overdue": found.state == State.ASKED and found.sample.is_overdue(request.today),
            "may": found.sample.is_open and not found.is_judged,
        }
        for found in shown.object_list
    ]
    context = {"page": shown, "query": "", "lines": lines, "longest": SampleItem.LONGEST}
    return page(request, "courses/my_samples.html", context, status=status)


def _told(items: SampleItemQuerySet) -> SampleItemQuerySet:
    rows = items.select_related("sample", "log", "member", "decided_by")
    return rows.defer("sample__listed")


def _sample(request: MemberRequest, pk: int) -> Sample:
    rows = Sample.objects.select_related("organization", "programme", "by", "closed_by")
    return gate.get(rows, request.scope, Capability.APPROVE, pk=pk)


def _places(request: MemberRequest) -> list[tuple[int, str]]:
    """Where the viewer may draw: their own organisations, then the units below."""
    own = request.scope.organizations(Capability.APPROVE)
    units = Organization.objects.standing().units().within(request.scope, Capability.APPROVE)
    rows = {place.pk: place for place in (*own, *units.order_by("path"))}
    return [(pk, place.name) for pk, place in rows.items()]
