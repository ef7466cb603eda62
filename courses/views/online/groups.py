"""Pages on which an organisation keeps its study groups: the list, one group, its people."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses.forms import PeopleForm
from courses.models import Delivery, GroupMember, StudyGroup
from courses.online import pushes, study_groups
from courses.online.group_forms import GroupForm, NewGroupForm
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member, MobileStay, Organization
from portal.querysets import MemberQuerySet
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 50
PUSHES = 20  # shown on a group's page, and of those in trouble on the list
SEE, MANAGE = Capability.SEE_MEMBERS, Capability.RUN_GROUPS


@require_GET
@gate.required(SEE)
def list_(request: MemberRequest) -> HttpResponse:
    """The groups in one's scope: how many people, robots and pushes; or those that have ended."""
    ended = request.GET.get("show") == "ended"
    rows = StudyGroup.objects.within(request.scope, SEE).filter(ended_at__isnull=not ended)
    rows = rows.select_related("organiser", "leader").annotate(
        size=Count("people", filter=Q(people__until=None), distinct=True),
        bots=Count("robots", filter=Q(robots__removed_at=None), distinct=True),
        pushed=Count("deliveries__push", distinct=True),
    )
    shown = Paginator(rows.order_by("organiser__path", "name", "pk"), PER_PAGE)
    trouble = Delivery.objects.within(request.scope, MANAGE).in_trouble(request.at - pushes.FRESH)
    trouble = trouble.order_by("-push_id")
    context = {
        "page": shown.get_page(request.GET.get("page")),
        "query": "show=ended&" if ended else "",
        "ended": ended,
        "trouble": trouble.values_list("push", "push__title").distinct()[:PUSHES],
    }
    return page(request, "courses/group_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def new(request: MemberRequest) -> HttpResponse:
    """Set up a group of one's organisation."""
    places = [(o.pk, o.name) for o in request.scope.organizations(MANAGE)]
    form = NewGroupForm(
        request.POST or None, organizations=places, initial={"leader": request.user.number}
    )
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        where = gate.get(
            Organization.objects.all(), request.scope, MANAGE, pk=values.pop("organization")
        )
        try:
            made = study_groups.set_up(
                where, **values, by=request.scope.actor(MANAGE), at=request.at
            )
            messages.success(request, "学习群已建立，下面加入流动党员。")
            return redirect("group-detail", made.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": "建学习群",
        "lead": "给在外的流动党员建一个群：一起学，有事找联系人。",
        "verb": "建群",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_GET
@gate.required(SEE)
def detail(request: MemberRequest, study_group: int) -> HttpResponse:
    """One group: its plan, people, robots and what was pushed to it."""
    rows = StudyGroup.objects.select_related("organiser", "leader__branch", "made_by")
    group = gate.get(rows, request.scope, SEE, pk=study_group)
    manages = request.scope.can(MANAGE, group.scope_path) and group.is_alive
    people = group.people.now().select_related("member__branch").order_by("member__name", "pk")
    deliveries = group.deliveries.select_related("push__by", "robot").order_by("-push_id", "pk")
    recent = group.deliveries.order_by("-push_id").values("push").distinct()[:PUSHES]
    context = {
        "group": group,
        "manages": manages,
        "people": people,
        "back": study_groups.back_home(group),
        "robots": group.robots.alive(),
        "deliveries": deliveries.filter(push__in=[row["push"] for row in recent]),
        "near": _near(request, group) if manages else [],
    }
    return page(request, "courses/group_detail.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def mend(request: MemberRequest, study_group: int) -> HttpResponse:
    """Another name, contact person or plan."""
    group = _managed(request, study_group)
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            by = request.scope.actor(MANAGE)
            study_groups.mend(group, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, "已保存。")
            return redirect("group-detail", group.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    if request.method == "GET":
        form.describe(group)
    context = {"form": form, "title": f"修改：{group.name}"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def add(request: MemberRequest, study_group: int) -> HttpResponse:
    """Take mobile members in: those ticked on the group's page, or by number."""
    group, by = _managed(request, study_group), request.scope.actor(MANAGE)
    ticked = request.method == "POST" and "member" in request.POST
    form = PeopleForm(None if ticked else request.POST or None, people=_known(request))
    try:
        if ticked:
            near = Member.objects.filter(pk__in=[member.pk for member in _near(request, group)])
            chosen = gate.ticked(request, "member", near)
        elif form.is_valid():
            chosen = form.cleaned_data["numbers"]
        else:
            chosen = []
        if chosen:
            count = study_groups.add(group, chosen, by=by, at=request.at)
            messages.success(request, f"已加入 {count} 人。" if count else "他们已经在群里。")
        elif ticked:
            messages.error(request, "有人已经不在名单里，请重新勾选。")
        if chosen or ticked:
            return redirect("group-detail", group.pk)
    except Refusal as refusal:
        if ticked:
            messages.error(request, refusal.message)
            return redirect("group-detail", group.pk)
        refuse(form, refusal)
    context = {
        "form": form,
        "title": f"加入：{group.name}",
        "lead": "下级党支部管理的、流入到下级党组织的流动党员，按编号加入。",
        "verb": "加入",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(MANAGE)
def take_out(request: MemberRequest, study_group: int) -> HttpResponse:
    """Take exactly the people ticked out."""
    group, by = _managed(request, study_group), request.scope.actor(MANAGE)
    rows = GroupMember.objects.within(request.scope, MANAGE).now().filter(group=group)
    found = gate.ticked(request, "row", rows.select_related("group"))
    try:
        if not found:
            raise Refusal("请先勾选要移出的人。")
        count = study_groups.take_out(found, by=by, at=request.at)
        messages.success(request, f"已移出 {count} 人。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("group-detail", group.pk)


@require_POST
@gate.required(MANAGE)
def end(request: MemberRequest, study_group: int) -> HttpResponse:
    """End a group."""
    group = _managed(request, study_group)
    try:
        study_groups.end(group, by=request.scope.actor(MANAGE), at=request.at)
        messages.success(request, f"“{group.name}”已结束。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("group-list")


def run_by(request: MemberRequest, pk: int) -> StudyGroup:
    """A group whose contact person the viewer is, or that they run. Raises Http404,
    PermissionDenied."""
    rows = StudyGroup.objects.select_related("organiser", "leader")
    led = rows.run_by(request.scope).filter(pk=pk).first()
    return led or gate.get(rows, request.scope, MANAGE, pk=pk)


def _managed(request: MemberRequest, pk: int) -> StudyGroup:
    rows = StudyGroup.objects.select_related("organiser", "leader")
    return gate.get(rows, request.scope, MANAGE, pk=pk)


def _known(request: MemberRequest) -> MemberQuerySet:
    """Of whom the viewer may know: at home in their scope, or hosted there."""
    people, scope = Member.objects.active(), request.scope
    guests = gate.known(MobileStay.hosted.open(), scope).values("member")
    own = gate.known(people, scope).values("pk")
    return people.filter(Q(pk__in=own) | Q(pk__in=guests))


def _near(request: MemberRequest, group: StudyGroup) -> list[Member]:
    """Mobile members whom the viewer manages, or hosts, and who may join but have not."""
    scope, manage = request.scope, Capability.MANAGE_PEOPLE
    stays = MobileStay.objects.within(scope, manage).open()
    guests = MobileStay.hosted.within(scope, manage).open()
    rows = study_groups.candidates(group).select_related("branch")
    rows = rows.filter(Q(pk__in=stays.values("member")) | Q(pk__in=guests.values("member")))
    there = group.people.now().values("member")
    return list(rows.exclude(pk__in=there).order_by("name", "number")[:200])
