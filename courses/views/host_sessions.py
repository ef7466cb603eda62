"""Pages of host sessions: the host attests who took part; the home branch recognises it or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django import urls
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import host_decisions, host_sessions
from courses.models import Attendance, HostAttendance, StudySession
from courses.querysets import HostAttendanceQuerySet
from credits import late_entries
from credits.forms import ReasonForm
from portal import gate
from portal.access import Capability, Scope
from portal.gate import MemberRequest
from portal.models import MobileStay, Organization
from portal.querysets import MobileStayQuerySet
from portal.refusals import Refusal
from portal.rendering import page
from portal.views import kept_forms

ATTEST, DECIDE = Capability.RECORD_ATTENDANCE, Capability.CONFIRM_STUDY
SHOWN = timedelta(days=60)  # how far back a host finds its sessions
SESSIONS, PER_PAGE = 10, 50


@dataclass
class Person:
    """A mobile member beside one session. mark: on its own roll; rows: what was attested; own:
    the viewer, who attests nothing for themselves."""

    stay: MobileStay
    own: bool
    mark: str = ""
    rows: list[HostAttendance] = field(default_factory=list)

    @property
    def is_free(self) -> bool:
        """Whether it may be attested, or once more."""
        done = any(row.state in ("waiting", "recognised") for row in self.rows)
        return not (self.own or self.mark or done)


@dataclass(frozen=True)
class Card:
    """One session with the mobile members who were there on its day."""

    session: StudySession
    people: Sequence[Person]

    @property
    def is_open(self) -> bool:
        return any(person.is_free for person in self.people)


@require_GET
@gate.required(ATTEST)
def list_(request: MemberRequest) -> HttpResponse:
    """The sessions of the last 60 days of organisations that host somebody, with whom to attest."""
    here = MobileStay.hosted.within(request.scope, ATTEST).exclude(ended="mistake")
    held = StudySession.objects.within(request.scope, ATTEST).held()
    held = held.filter(organiser__in=_organisers(request.scope, here))
    held = held.filter(starts_at__gte=request.at - SHOWN, ends_at__lte=request.at)
    held = held.select_related("organiser").order_by("-starts_at", "-pk")
    shown = Paginator(held, SESSIONS).get_page(request.GET.get("page"))
    stays = here.filter(Q(until=None) | Q(until__gte=request.today - SHOWN))
    people = list(stays.select_related("member__branch", "host").order_by("member__name", "pk"))
    cards = _cards(list(shown.object_list), people, viewer=request.scope.member_id)
    context = {"page": shown, "cards": cards, "query": "", "days": SHOWN.days}
    return page(request, "courses/host_sessions.html", context)


def _organisers(scope: Scope, hosted: MobileStayQuerySet) -> list[Organization]:
    """One's organisations that host somebody, with the branches that were merged into them."""
    places = Organization.objects.filter(path__in=scope.places(ATTEST))
    own = list(places.select_related("merged_into"))
    hosts = set(hosted.order_by().values_list("host", flat=True).distinct())
    heirs = {place.heir for place in own if place.pk in hosts}
    return [place for place in own if place.heir in heirs]


def _cards(
    sessions: Sequence[StudySession], stays: Sequence[MobileStay], *, viewer: int
) -> list[Card]:
    """Each session with what is known of everybody beside it: two queries."""
    people = [stay.member_id for stay in stays]
    marks = {
        (mark.session_id, mark.member_id): mark.word
        for mark in Attendance.objects.filter(session__in=sessions, member__in=people)
    }
    rows: dict[tuple[int, int], list[HostAttendance]] = defaultdict(list)
    attested = HostAttendance.objects.filter(session__in=sessions, member__in=people)
    for row in attested.select_related("programme", "branch", "decided_by").order_by("pk"):
        rows[row.session_id, row.member_id].append(row)
    cards = []
    for session in sessions:
        here = [
            Person(stay, stay.member_id == viewer, marks.get(place, ""), rows[place])
            for stay in stays
            if stay.is_with(session.organiser) and stay.was_away_on(session.day)
            for place in [(session.pk, stay.member_id)]
        ]
        cards.append(Card(session, here))
    return cards


@require_POST
@gate.required(ATTEST)
def attest(request: MemberRequest, session: int) -> HttpResponse:
    """Attest exactly the people ticked, and say how many."""
    sessions = StudySession.objects.select_related("organiser")
    found = gate.get(sessions, request.scope, ATTEST, pk=session)
    stays = MobileStay.hosted.within(request.scope, ATTEST)
    chosen = gate.ticked(request, "stay", stays)
    if not chosen:
        messages.error(request, "请先勾选参加了活动的流动党员。")
        return _back_to(request, found)
    by = request.scope.actor(ATTEST)
    try:
        made = host_sessions.attest(found, chosen, by=by, at=request.at)
        count = len({row.member_id for row in made})
        if count:
            messages.success(request, f"已证明 {count} 人参加“{found}”，等流出地党支部认定。")
        else:
            messages.info(request, "这些同志已经证明过了，没有改动。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return _back_to(request, found)


@require_POST
@gate.required(ATTEST)
def withdraw(request: MemberRequest, attested: int) -> HttpResponse:
    """Take back what nobody has decided about yet."""
    rows = HostAttendance.attested.select_related("session", "member")
    found = gate.get(rows, request.scope, ATTEST, pk=attested)
    try:
        host_sessions.withdraw(found, by=request.scope.actor(ATTEST), at=request.at)
        messages.success(request, f"已撤回{found.member.name}的证明。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return _back_to(request, found.session)


@require_GET
@gate.required(DECIDE)
def waiting(request: MemberRequest) -> HttpResponse:
    """What hosts attested of the branch's members and nobody has decided about, to be ticked."""
    rows = HostAttendance.objects.within(request.scope, DECIDE).waiting()
    return _rows(request, rows.order_by("session__starts_at", "pk"), decided=False)


@require_GET
@gate.required(DECIDE)
def decided(request: MemberRequest) -> HttpResponse:
    """What was recognised or not; what the host has called off since stands first."""
    rows = HostAttendance.objects.within(request.scope, DECIDE).exclude(state="waiting")
    off = rows.to_reverse().order_by().values("pk")
    rows = rows.alias(off=Q(pk__in=off)).order_by("-off", "-decided_at", "-pk")
    return _rows(request, rows, decided=True)


@require_POST
@gate.required(DECIDE)
def decide(request: MemberRequest) -> HttpResponse:
    """Recognise or decline exactly what was ticked, and say how many."""
    rows = HostAttendance.objects.within(request.scope, DECIDE).select_related("session")
    chosen = gate.ticked(request, "row", rows)
    if not chosen:
        messages.error(request, "请先勾选本支部党员的流入地活动。")
        return kept_forms.refused(request, "host-list", "row")
    by = request.scope.actor(DECIDE)
    try:
        if request.POST.get("act") == "decline":
            reason = request.POST.get("reason", "")
            done = host_decisions.decline(chosen, reason=reason, by=by, at=request.at)
            told, settled = f"不予认定 {done} 条，已写明理由。", len(chosen) - done
        else:
            outcomes = host_decisions.recognise(chosen, by=by, at=request.at)
            done = sum(not outcome.reason for outcome in outcomes)
            told, settled = f"已认定 {done} 条并记入学时。", len(chosen) - len(outcomes)
            for outcome in outcomes:
                if outcome.reason:
                    who, what = outcome.row.member.name, outcome.row.session
                    messages.error(request, f"{who} {what}：未能记入。{outcome.reason}")
        if done:
            messages.success(request, told)
        if settled:
            messages.info(request, f"其中 {settled} 条已经有人处理过了，没有改动。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return kept_forms.refused(request, "host-list", "row")
    return kept_forms.back(request, "host-list")


@require_http_methods(["GET", "POST"])
@gate.required(DECIDE)
def reverse(request: MemberRequest, host_attendance: int) -> HttpResponse:
    """Take recognised hours back, with the reason."""
    rows = HostAttendance.objects.select_related("session", "branch", "member")
    found = gate.get(rows, request.scope, DECIDE, pk=host_attendance)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by, reason = request.scope.actor(DECIDE), form.cleaned_data["reason"]
        try:
            host_decisions.reverse(found, reason=reason, by=by, at=request.at)
            messages.success(request, "已冲销，明细中保留原记录和理由。")
            return redirect("host-decided")
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {
        "form": form,
        "title": f"冲销：{found.member.name} {found.session}",
        "lead": f"已记入 {found.hours / 100:g} 学时；冲销后学时随之减少，理由写入明细。",
        "verb": "冲销",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


def _rows(request: MemberRequest, rows: HostAttendanceQuerySet, *, decided: bool) -> HttpResponse:
    related = ("member", "session__organiser", "attested_by", "decided_by", "programme")
    rows = rows.select_related(*related).annotate(late=late_entries.is_late("host"))
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": shown, "decided": decided, "query": "", "kept": kept_forms.take(request)}
    return page(request, "courses/host_list.html", context)


def _back_to(request: MemberRequest, session: StudySession) -> HttpResponse:
    """The same page of the list, at the session."""
    number = request.POST.get("page", "")
    query = f"?page={number}" if number.isdecimal() and len(number) < 9 else ""
    return redirect(f"{urls.reverse('host-sessions')}{query}#s{session.pk}")
