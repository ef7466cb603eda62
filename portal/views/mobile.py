"""Pages of mobile members: who is away, who was not contacted, who is here from elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal import gate, mobile_out, mobile_stays
from portal.access import Capability
from portal.forms import AwayForm, StayEndForm, refuse
from portal.gate import MemberRequest
from portal.giving import give
from portal.mobile_out import SHOWN
from portal.mobile_stays import Away
from portal.models import Member, MobileStay
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 50
UNREADABLE = "看不懂这个日期，请填写年月日，例如 2021-06-03。"
SHORT = f"预计外出不满六个月。{mobile_stays.WHO}，请核对。"
KEPT = ("since", "expected_until", "region", "reason", "host_name", "last_contact_on")
SEE, MANAGE = Capability.SEE_MEMBERS, Capability.MANAGE_PEOPLE


@require_GET
@gate.required(SEE)
def list_(request: MemberRequest) -> HttpResponse:
    """Who is away, the longest without contact first; or only those whom nobody has contacted for
    a quarter; or stays that have ended."""
    show, text = _asked(request.GET)
    since = request.today - mobile_stays.QUARTER
    rows = mobile_out.chosen(request.scope, SEE, show=show, text=text, today=request.today)
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    open_ = MobileStay.objects.within(request.scope, SEE).open()
    context = {
        "page": shown,
        "show": show,
        "shown": [
            ("", SHOWN[""], open_.count()),
            ("quiet", SHOWN["quiet"], open_.quiet(since).count()),
            ("ended", SHOWN["ended"], None),
        ],
        "quiet": {s.pk for s in shown if s.is_quiet(since)},
        "text": text,
        "query": f"{urlencode({'show': show, 'q': text})}&",
        "today": request.today,
        "hosted": MobileStay.hosted.within(request.scope, MANAGE).open().count(),
    }
    return page(request, "portal/stay_list.html", context)


@require_POST
@gate.required(MANAGE)
def contacted(request: MemberRequest) -> HttpResponse:
    """Note that exactly the people ticked were contacted, on the day given or today, and say how
    many."""
    found = gate.ticked(request, "stay", MobileStay.objects.within(request.scope, MANAGE))
    on = _given_day(request)
    if not found:
        messages.error(request, "请先勾选联系过的党员。")
    elif on is None:
        messages.error(request, f"没有记下：{UNREADABLE}")
    else:
        by = request.scope.actor(MANAGE)
        try:
            count = mobile_stays.contacted(found, on=on, by=by, at=request.at)
            messages.success(request, f"已记下 {on} 联系了 {len(found)} 人。" if count
                             else "这些同志在那天或以后已经联系过。")  # fmt: skip
        except Refusal as refusal:
            messages.error(request, refusal.message)
    show, text = _asked(request.POST)
    query = {"show": show, "q": text, "page": request.POST.get("page", "")}
    return redirect(f"{reverse('stay-list')}?{urlencode(query)}")


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def new(request: MemberRequest, member: int) -> HttpResponse:
    """Register that somebody lives away."""
    people = Member.objects.select_related("branch")
    person = gate.get(people, request.scope, MANAGE, pk=member)
    form = AwayForm(request.POST or None, initial={"last_contact_on": request.today})
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(MANAGE)
        try:
            stay = mobile_stays.register(person, _away(form), by=by, at=request.at)
            messages.success(request, f"已登记：{person.name}在{stay.region}。")
            if stay.is_short:
                messages.info(request, SHORT)
            return redirect("stay-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": f"登记外出：{person.name}",
        "lead": f"{mobile_stays.WHO}；学时仍记在本支部。",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def mend(request: MemberRequest, stay: int) -> HttpResponse:
    """Correct what is registered of a stay; its other acts stand below."""
    found = _get(request, stay)
    form = AwayForm(
        request.POST or None,
        initial={
            **{name: getattr(found, name) for name in KEPT},
            "contact": found.contact.number if found.contact else "",
        },
    )
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(MANAGE)
        try:
            away = _away(form)
            now = mobile_stays.mend(found, away, by=by, at=request.at)
            if any(getattr(found, name) != getattr(now, name) for name in form.fields):
                messages.success(request, "已保存。")
            else:
                messages.info(request, "没有改动。")
            if now.last_contact_on != away.last_contact_on:
                kept = f"最近联系仍是 {now.last_contact_on}：不能改早，也不能清空。"
                messages.info(request, kept)
            return redirect("stay-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "stay": found, "today": request.today, "short": SHORT}
    return page(request, "portal/stay.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def end(request: MemberRequest, stay: int) -> HttpResponse:
    """Somebody is back, or was never away."""
    found = _get(request, stay)
    form = StayEndForm(request.POST or None, initial={"on": request.today})
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(MANAGE)
        try:
            mobile_stays.end(found, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, f"已登记：{found.member.name}的外出已结束。")
            return redirect("stay-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"结束外出：{found.member.name}", "lead": found.region}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_GET
@gate.required(MANAGE)
def hosted(request: MemberRequest) -> HttpResponse:
    """Mobile members of elsewhere who named one's own organisation as their host."""
    rows = MobileStay.hosted.within(request.scope, MANAGE).open()
    rows = rows.select_related("member__branch", "host").order_by("reported_on", "-since", "pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "portal/stays_hosted.html", {"page": shown, "query": ""})


@require_POST
@gate.required(MANAGE)
def report_in(request: MemberRequest, hosted: int) -> HttpResponse:
    """Note that somebody reported in at one's own organisation, on the day given or today."""
    _report(request, gate.get(MobileStay.hosted.all(), request.scope, MANAGE, pk=hosted))
    return redirect("stays-hosted")


@require_POST
@gate.required(MANAGE)
def reported(request: MemberRequest, stay: int) -> HttpResponse:
    """Note at home that a member has reported in: a host outside the tree cannot say so itself."""
    _report(request, _get(request, stay))
    return redirect("stay-mend", stay)


@require_POST
@gate.required(MANAGE)
def out(request: MemberRequest) -> HttpResponse:
    """What the list shows as a spreadsheet, of those one manages."""
    show, text = _asked(request.POST)
    scope, today = request.scope, request.today
    rows = mobile_out.chosen(scope, MANAGE, show=show, text=text, today=today).count()
    return give(
        request, MANAGE, mobile_out.stays, rows=rows, title=mobile_out.name_of(scope),
        back_url=reverse("stay-list"), show=show, text=text,
    )  # fmt: skip


def _report(request: MemberRequest, stay: MobileStay) -> None:
    on = _given_day(request)
    if on is None:
        messages.error(request, f"没有登记：{UNREADABLE}")
        return
    try:
        by = request.scope.actor(MANAGE)
        row = mobile_stays.report_in(stay, on=on, by=by, at=request.at)
        messages.success(request, f"{stay.member.name}已报到，报到日期 {row.reported_on}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)


def _given_day(request: MemberRequest) -> date | None:
    """The day that a form gives, today where it has no place for one; None for an unreadable."""
    return _day(request.POST["on"]) if "on" in request.POST else request.today


def _asked(given: Any) -> tuple[str, str]:
    show = given.get("show", "")
    return (show if show in SHOWN else ""), given.get("q", "").strip()


def _get(request: MemberRequest, pk: int) -> MobileStay:
    rows = MobileStay.objects.select_related("member__branch", "host", "contact")
    return gate.get(rows, request.scope, MANAGE, pk=pk)


def _away(form: AwayForm) -> Away:
    values = dict(form.cleaned_data)
    return Away(**values, host=mobile_stays.host_named(values["host_name"]))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
