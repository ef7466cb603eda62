"""Pages of pushes: sent to groups, followed to what was pushed, sent once more; and of robots."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.crypto import get_random_string
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses.models import Delivery, GroupRobot, Push, StudyGroup
from courses.online import group_robots, push_kinds, pushes
from courses.online.group_forms import PushForm, RobotForm
from courses.views.online.groups import run_by
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page
from portal.templatetags.portal import moment

SEE, MANAGE = Capability.SEE_MEMBERS, Capability.RUN_GROUPS
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # of a code that people may have to type


@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def new(request: MemberRequest) -> HttpResponse:
    """Push one thing to one's groups; `thing` and `group` may be chosen already."""
    rows = StudyGroup.objects.within(request.scope, MANAGE).alive().select_related("organiser")
    return _push(request, list(rows))


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def to_one(request: MemberRequest, study_group: int) -> HttpResponse:
    """Push one thing to a group for which one answers, as its contact person too."""
    return _push(request, [run_by(request, study_group)])


def _push(request: MemberRequest, groups: list[StudyGroup]) -> HttpResponse:
    scope, at = request.scope, request.at
    things = [t for code, k in push_kinds.KINDS.items() for t in k.offered(code, scope, at)]
    chosen = request.GET.getlist("group") or [str(g.pk) for g in groups if len(groups) == 1]
    form = PushForm(
        request.POST or None,
        things=things,
        groups=groups,
        initial={
            "thing": request.GET.get("thing", ""),
            "groups": chosen,
            "code": get_random_string(8, LETTERS),
        },
    )
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            thing = push_kinds.find(values["thing"], scope, at)
            if thing is None:
                raise Refusal("这一项已经不能推送，请另选。", field="thing")
            made = pushes.push(
                thing,
                [group for group in groups if group.pk in values["groups"]],
                sentence=values["sentence"],
                code=values["code"],
                by=scope.actor(MANAGE),
                at=at,
            )
            messages.success(request, "已推送：平台消息已经发出，群机器人的由后台发送。")
            sees = any(scope.can(SEE, group.scope_path) for group in groups)
            return redirect("push-detail", made.pk) if sees else redirect("my-groups")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "groups": groups, "chosen": {str(v) for v in form["groups"].value()}}
    return page(request, "courses/push_new.html", context, status=422 if form.errors else 200)


@require_GET
@gate.required(SEE)
def detail(request: MemberRequest, push: int) -> HttpResponse:
    """What became of a push in the groups of one's scope, and its text to be copied."""
    own = Delivery.objects.within(request.scope, SEE).filter(push=push)
    rows = list(
        own.select_related("group__organiser", "robot", "push__by", "asked_by")
        .prefetch_related("attempts__asked_by")
        .order_by("group__name", "group", "robot", "pk")
    )
    if not rows:
        raise Http404("没有找到，或不在您的范围内。")
    found = rows[0].push
    context = {
        "push": found,
        "heading": pushes.heading(found),
        "rows": [(row, request.scope.can(MANAGE, row.scope_path)) for row in rows],
        "copied": pushes.copied(found, request.build_absolute_uri("/").rstrip("/")),
        "waiting": any(row.state in ("waiting", "sending") for row in rows),
    }
    return page(request, "courses/push_detail.html", context)


@require_POST
@gate.required(MANAGE)
def again(request: MemberRequest, delivery: int) -> HttpResponse:
    """Have a delivery sent once more, or say that it has arrived."""
    rows = Delivery.objects.filter(robot__isnull=False).select_related("group__organiser")
    found = gate.get(rows, request.scope, MANAGE, pk=delivery)
    by, at = request.scope.actor(MANAGE), request.at
    try:
        if request.POST.get("act") == "arrived":
            pushes.arrived(found, by=by, at=at)
            messages.success(request, "已记下：群里已收到。")
        else:
            row = pushes.ask_again(found, by=by, at=at)
            waits = row.due_at is not None and row.due_at > at
            when = f"夜里不打扰，{moment(row.due_at)} 重发。" if waits else "一分钟内重发。"
            messages.success(request, when)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("push-detail", found.push_id)


@require_GET
@gate.required(Capability.OWN)
def follow(request: MemberRequest, code: str) -> HttpResponse:
    """A short link: to what was pushed, or what it was where it cannot be opened."""
    found = get_object_or_404(Push, code=code)
    if way := push_kinds.leads_to(found, request.scope, request.at):
        return redirect(way)
    context = {"push": found, "heading": pushes.heading(found)}
    return page(request, "courses/push_closed.html", context)


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "POST"])
@gate.required(MANAGE)
def robot_new(request: MemberRequest, study_group: int) -> HttpResponse:
    """Add a robot to a group; what was typed is never shown again."""
    rows = StudyGroup.objects.select_related("organiser")
    group = gate.get(rows, request.scope, MANAGE, pk=study_group)
    form = RobotForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            by = request.scope.actor(MANAGE)
            made = group_robots.add(group, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, f"已添加{made}。")
            return redirect("group-detail", group.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": "添加群机器人", "lead": group.name, "verb": "添加"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(MANAGE)
def robot_remove(request: MemberRequest, robot: int) -> HttpResponse:
    """Remove a robot and forget its address."""
    rows = GroupRobot.objects.select_related("group__organiser")
    found = gate.get(rows, request.scope, MANAGE, pk=robot)
    group_robots.remove(found, by=request.scope.actor(MANAGE), at=request.at)
    messages.success(request, f"{found}已移除，地址不再保存。")
    return redirect("group-detail", found.group_id)
