"""Pages on which members write reflections; saved while they write, also from a second device."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import urls
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.crypto import get_random_string, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses.models import Recommendation, Reflection
from courses.online import exemplars, reflections
from courses.online.reflection_forms import ReflectionForm
from courses.online.reflections import OtherDevice
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page
from portal.templatetags.portal import clock

PER_PAGE = 30
KEY = 20  # characters of a new one's key


@require_GET
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """One's own reflections with what became of them; the page adds what only the device has."""
    rows = Reflection.objects.filter(member=request.user).prefetch_related("recommendations")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": shown, "query": "", "owner": _owner(request.user)}
    return page(request, "courses/my_reflections.html", context)


@require_GET
@gate.required(Capability.OWN)
def new(request: MemberRequest) -> HttpResponse:
    """To the page of a reflection that is not there yet: its key stays in the address, so that a
    draft on the device is found again. Nothing is written before the first saving."""
    address = urls.reverse("reflection-write", args=[get_random_string(KEY)])
    about = request.GET.get("about", "")
    return redirect(f"{address}?{urlencode({'about': about})}" if about else address)


@never_cache
@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def write(request: MemberRequest, writing: str) -> HttpResponse:
    """Write a reflection: save it, or hand it in. Scripts ask for JSON and save as one types."""
    row = Reflection.objects.told().filter(key=writing).first()
    if len(writing) > 24 or (row and row.member_id != request.user.pk):
        raise Http404("没有找到，或不在您的范围内。")
    if request.method == "POST":
        return _written(request, writing, row)
    if row and not row.is_open:
        return _own(request, row)
    named = row.about_name if row else request.GET.get("about", "")
    initial = ReflectionForm.initial_of(row) if row else {"about": named}
    form = ReflectionForm(author=request.user, named=named, initial=initial)
    return _shown(request, writing, form, row)


@require_POST
@gate.required(Capability.OWN)
def act(request: MemberRequest, writing: str) -> HttpResponse:
    """Take one's reflection back, throw a draft away, withdraw it as an exemplar."""
    row = gate.get(Reflection.objects.all(), request.scope, Capability.OWN, key=writing)
    by, at, what = request.scope.actor(), request.at, request.POST.get("act", "")
    try:
        if what == "take-back":
            reflections.take_back(row, by=by, at=at)
            messages.success(request, "已撤回，可以继续修改。")
            return redirect("reflection-write", writing)
        if what == "discard":
            reflections.discard(row, by=by)
            messages.success(request, "已删除。")
            return redirect("my-reflections")
        standing = row.recommendations.filter(state__in=["waiting", "accepted"]).first()
        if what != "withdraw" or standing is None:
            raise Refusal("请在页面上选择要做的事。")
        exemplars.withdraw(standing, by=by, at=at)
        messages.success(request, "已撤下，不再作为典型展示。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("reflection-write", writing)


@require_GET
@gate.required(Capability.OWN)
def exemplar_list(request: MemberRequest) -> HttpResponse:
    """What is shown as an exemplar by the organisations above oneself."""
    rows = Recommendation.objects.shown_to(request.user).told().order_by("-decided_at", "-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "courses/exemplar_list.html", {"page": shown, "query": ""})


@require_GET
@gate.required(Capability.OWN)
def exemplar(request: MemberRequest, exemplar: int) -> HttpResponse:
    """One exemplar to read. Raises Http404 for one that is shown elsewhere or no longer."""
    found = Recommendation.objects.shown_to(request.user).told().filter(pk=exemplar).first()
    if found is None:
        raise Http404("没有找到，或已经撤下。")
    return page(request, "courses/exemplar.html", {"exemplar": found, "row": found.reflection})


def _written(request: MemberRequest, key: str, row: Reflection | None) -> HttpResponse:
    form = ReflectionForm(request.POST, author=request.user, named=request.POST.get("about", ""))
    seen, other = request.POST.get("version", ""), None
    seen_version = number(seen, digits=9)
    by_script = request.headers.get("Accept") == "application/json"
    if form.is_valid():
        handing = not by_script and request.POST.get("act") == "hand-in"
        verb, by = reflections.hand_in if handing else reflections.save, request.scope.actor()
        try:
            saved = verb(key, form.writing(), seen_version=seen_version, by=by, at=request.at)
            if by_script:
                return JsonResponse({"version": saved.version, "saved": clock(saved.saved_at)})
            messages.success(request, "已提交给支部。" if handing else "已保存。")
            return redirect("reflection-write", key)
        except OtherDevice as conflict:
            other = conflict.row
            if by_script:
                return JsonResponse(_as_json(other), status=409)
            form.add_error(None, conflict.message)
        except Refusal as refusal:
            refuse(form, refusal)
    if by_script:
        said = "；".join(str(e) for errors in form.errors.values() for e in errors)
        return JsonResponse({"message": said}, status=422)
    status = 409 if other else 422
    return _shown(request, key, form, other or row, other=other, seen=seen_version, status=status)


def _shown(
    request: MemberRequest,
    key: str,
    form: ReflectionForm,
    row: Reflection | None,
    *,
    other: Reflection | None = None,
    seen: int | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page to write on; other: what stands on the server, where both are to be compared."""
    version = other.version if other else seen if seen is not None else row.version if row else 0
    context: dict[str, Any] = {
        "form": form,
        "row": row,
        "key": key,
        "version": version,
        "other": other,
        "owner": _owner(request.user),
        "most": Reflection.MOST,
    }
    return page(request, "courses/reflection_write.html", context, status=status)


def _own(request: MemberRequest, row: Reflection) -> HttpResponse:
    """One's own as it was handed in, with what may be done with it."""
    shown = row.recommendations.select_related("organization").first()
    log = urlencode({"topic": f"写心得体会《{row.title}》"})
    context = {"row": row, "recommendation": shown, "owner": _owner(request.user), "log": log}
    return page(request, "courses/reflection_own.html", context)


def _as_json(row: Reflection) -> dict[str, Any]:
    return {
        **ReflectionForm.initial_of(row),
        "version": row.version,
        "saved": clock(row.saved_at),
    }


def _owner(member: Member) -> str:
    """By which drafts on a device are told apart from those of its other users; names nobody."""
    return salted_hmac("courses.reflections", member.key, algorithm="sha256").hexdigest()[:16]
