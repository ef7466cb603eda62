"""Pages of own study: log it in a few taps, see what became of it; confirm or return in bulk."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import expiry, host_sessions, study_logs
from courses.forms import LogForm
from courses.models import StudyLog
from credits import dates, late_entries, rule_book
from credits.forms import ReasonForm
from credits.models import CatchUpWindow, Programme
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page
from portal.views import kept_forms

PER_PAGE = 50


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def new(request: MemberRequest) -> HttpResponse:
    """Log one's own study; the last one is offered again, for today, in one tap."""
    return _log(request, request.user, Capability.OWN)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.CONFIRM_STUDY)
def new_for(request: MemberRequest, member: int) -> HttpResponse:
    """Log study for a member of the branch without a phone; somebody confirms it all the same."""
    people = Member.objects.select_related("branch")
    person = gate.get(people, request.scope, Capability.CONFIRM_STUDY, pk=member)
    return _log(request, person, Capability.CONFIRM_STUDY)


@require_GET
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """What one has handed in, and what hosts attested of one, with what became of it."""
    logs = StudyLog.objects.filter(member=request.user).select_related("programme", "decided_by")
    logs = logs.annotate(late=late_entries.is_late("log"))
    shown = Paginator(logs, 30).get_page(request.GET.get("page"))
    hosted = host_sessions.of_member(request.user)
    context = {"page": shown, "query": "", "hosted": hosted}
    return page(request, "courses/my_logs.html", context)


@require_POST
@gate.required(Capability.OWN)
def withdraw(request: MemberRequest, log: int) -> HttpResponse:
    """Take a pending log of one's own back."""
    found = gate.get(StudyLog.objects.all(), request.scope, Capability.OWN, pk=log)
    try:
        study_logs.withdraw(found, by=request.scope.actor(), at=request.at)
        messages.success(request, "已撤回。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("my-logs")


@require_POST
@gate.required(Capability.OWN)
def again(request: MemberRequest, log: int) -> HttpResponse:
    """Have one's own log wait again that ended with the books, which are open again."""
    return _again(request, log, Capability.OWN, then="my-logs")


@require_POST
@gate.required(Capability.CONFIRM_STUDY)
def again_for(request: MemberRequest, log: int) -> HttpResponse:
    """The same for a member of the branch, who may have no phone."""
    return _again(request, log, Capability.CONFIRM_STUDY, then="log-list")


@require_GET
@gate.required(Capability.CONFIRM_STUDY)
def list_(request: MemberRequest) -> HttpResponse:
    """The branch's logs: those that wait for a decision, ticked or not, or those decided; narrowed
    to a person or a form of study."""
    decided = request.GET.get("show") == "decided"
    text, form = request.GET.get("q", "").strip(), request.GET.get("form", "")
    logs = StudyLog.objects.within(request.scope, Capability.CONFIRM_STUDY)
    logs = logs.select_related("member", "branch", "decided_by", "programme")
    rows = logs.exclude(state="pending") if decided else logs.pending().order_by("day", "pk")
    rows = rows.annotate(late=late_entries.is_late("log"))
    if text:
        rows = rows.filter(member__in=Member.objects.search(text))
    if form:
        rows = rows.filter(form=form)
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": shown,
        "decided": decided,
        "text": text,
        "form": form,
        "forms": [(f.value, f.label) for f in study_logs.OWN_FORMS],
        "query": f"{query.urlencode()}&" if query else "",
        "people": _people(request) if not decided else [],
        "kept": kept_forms.take(request),
    }
    return page(request, "courses/log_list.html", context)


@require_POST
@gate.required(Capability.CONFIRM_STUDY)
def decide(request: MemberRequest) -> HttpResponse:
    """Confirm or return exactly the logs that were ticked, and say how many; then back to the list
    as it was narrowed."""
    logs = StudyLog.objects.within(request.scope, Capability.CONFIRM_STUDY)
    found = gate.ticked(request, "log", logs.select_related("programme", "branch", "member"))
    if not found:
        messages.error(request, "请先勾选本支部的学习记录。")
        return kept_forms.refused(request, "log-list", "log", "q", "form")
    by = request.scope.actor(Capability.CONFIRM_STUDY)
    try:
        if request.POST.get("act") == "return":
            reason = request.POST.get("reason", "")
            count = study_logs.return_(found, reason=reason, by=by, at=request.at)
            if count:
                messages.success(request, f"已退回 {count} 条。")
            settled = len(found) - count
        else:
            outcomes = study_logs.confirm(found, by=by, at=request.at)
            settled = len(found) - len(outcomes)
            good = [o for o in outcomes if not o.reason]
            if good:
                messages.success(request, f"已确认 {len(good)} 条并记入学时。")
            for outcome in outcomes:
                if outcome.reason:
                    log = outcome.log
                    messages.error(
                        request, f"{log.member.name} {log.topic}：未能记入。{outcome.reason}"
                    )
        if settled:
            messages.info(request, f"其中 {settled} 条已经有人处理过了，没有改动。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return kept_forms.refused(request, "log-list", "log", "q", "form")
    return kept_forms.back(request, "log-list", "q", "form")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.CONFIRM_STUDY)
def reverse(request: MemberRequest, log: int) -> HttpResponse:
    """Take a confirmed log's hours back, with the reason."""
    logs = StudyLog.objects.select_related("programme", "branch", "member")
    found = gate.get(logs, request.scope, Capability.CONFIRM_STUDY, pk=log)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.CONFIRM_STUDY)
        try:
            reason = form.cleaned_data["reason"]
            study_logs.reverse(found, reason=reason, by=by, at=request.at)
            messages.success(request, "已冲销，明细中保留原记录和理由。")
            return redirect("log-list")
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {
        "form": form,
        "title": f"冲销：{found.member.name} {found.topic}",
        "lead": f"已记入 {found.hours / 100:g} 学时；冲销后学时随之减少，理由写入明细。",
        "verb": "冲销",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


def _again(request: MemberRequest, log: int, capability: Capability, *, then: str) -> HttpResponse:
    found = gate.get(StudyLog.objects.all(), request.scope, capability, pk=log)
    try:
        expiry.hand_in_again(found, by=request.scope.actor(capability), at=request.at)
        messages.success(request, "已再次提交，等支部确认。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect(then)


def _log(request: MemberRequest, member: Member, capability: Capability) -> HttpResponse:
    programme, others = _counted_in(request, member)
    logs = StudyLog.objects.filter(member=member, programme=programme)
    last = logs.filter(content="").order_by("-pk").first()  # named material is credited only once
    form = LogForm(
        request.POST or None, programme=programme, initial=_initial(request, programme, last)
    )
    if request.method == "POST" and form.is_valid():
        try:
            log = study_logs.submit(
                programme,
                member,
                form.study(),
                by=request.scope.actor(capability),
                at=request.at,
                key=form.cleaned_data["key"],
            )
            messages.success(request, f"已提交“{log.topic}”，等支部确认后记入学时。")
            return redirect("home" if member == request.user else "log-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "member": member,
        "own": member == request.user,
        "programme": programme,
        "others": others,
        "last": last if request.method == "GET" else None,
        "key": get_random_string(20),
        "today": request.today,
        "windows": _windows(programme, member, request),
    }
    return page(request, "courses/log_new.html", context, status=422 if form.errors else 200)


def _windows(programme: Programme, member: Member, request: MemberRequest) -> list[CatchUpWindow]:
    """The catch-up windows in which this person's study may be entered now."""
    places = [member.branch.path] if member.branch else []
    return dates.Windows(programme).open_over(places, at=request.at)


def _counted_in(request: MemberRequest, member: Member) -> tuple[Programme, list[Programme]]:
    """For which programme a log is entered, and for which others it could be: the one asked for,
    else the newest open one on whose roll the member stands that admits own study at all."""
    own = Programme.objects.open().filter(standings__member=member, standings__on_roll=True)
    candidates = list(own.order_by("-starts", "-pk"))
    if len(candidates) < 2:
        return programme_of(request), []
    admitting = [p for p in candidates if _admits(p)]
    asked = request.GET.get("programme", "")
    found = next((p for p in candidates if p.code == asked), None) or next(iter(admitting), None)
    programme = found or programme_of(request)
    return programme, [p for p in admitting if p.pk != programme.pk]


def _admits(programme: Programme) -> bool:
    rules = rule_book.of(programme).current.rules
    return any(rules.form(form) for form in study_logs.OWN_FORMS)


def _initial(request: MemberRequest, programme: Programme, last: StudyLog | None) -> dict[str, Any]:
    """What a new log begins with: today, and what the last one was like."""
    values: dict[str, Any] = {"day": request.today, "key": get_random_string(20), "minutes": 45}
    if last:
        values |= {"form": last.form, "period": last.period, "minutes": last.minutes}
    else:
        values["form"] = study_logs.OWN_FORMS[0]
    if topic := request.GET.get("topic", ""):
        values["topic"] = topic[:80]
    named = study_logs.named(request.GET.get("content", ""))
    if named is not None:
        values |= {"content": named.content, "form": named.form}
        values |= {"period": named.period} if named.period else {}
        values |= {"minutes": named.minutes} if hasattr(named, "minutes") else {}
    return values


def _people(request: MemberRequest) -> list[Member]:
    """Members for whom the viewer may enter a log."""
    people = Member.objects.active().within(request.scope, Capability.CONFIRM_STUDY)
    return list(people.exclude(pk=request.user.pk).order_by("name", "number")[:300])
