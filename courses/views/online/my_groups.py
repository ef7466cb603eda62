"""A mobile member's own pages: where they are registered, their study groups, what was pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from courses import hosting
from courses.models import GroupMember, Push, StudyGroup, StudySession
from courses.online import pushes, study_groups
from courses.views.shown import when
from portal import gate, mobile_stays
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

PUSHES = 5  # shown of each group
HOSTED = 10  # sessions to come of the host that are shown


@require_GET
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """One's stay away, the groups one is in or answers for, those that one may join, and what
    one's host holds."""
    me = request.user
    own = set(StudyGroup.objects.with_member(me).values_list("pk", flat=True))
    rows = StudyGroup.objects.alive().filter(Q(pk__in=own) | Q(leader=me))
    rows = rows.select_related("organiser", "leader__branch").annotate(
        size=Count("people", filter=Q(people__until=None))
    )
    site = request.build_absolute_uri("/").rstrip("/")
    shown = [
        {
            "group": group,
            "inside": group.pk in own,
            "leads": group.leader_id == me.pk,
            "pushes": [
                (push, pushes.heading(push), pushes.copied(push, site))
                for push in Push.objects.to_groups([group.pk])[:PUSHES]
            ],
            "others": _others(group) if group.leader_id == me.pk else [],
        }
        for group in rows
    ]
    stay = me.mobile_stays.open().select_related("contact").first()
    quiet = request.today - mobile_stays.QUARTER
    hosted = StudySession.objects.hosted_for(me, request.at).select_related("organiser")
    context = {
        "shown": shown,
        "stay": stay,
        "quiet": stay is not None and stay.is_quiet(quiet),
        "open": study_groups.open_to(me),
        "credited": hosting.CREDITED,
        "hosted": [
            {
                "href": reverse("session-visit", args=[session.pk]),
                "title": session.title,
                "when": when(session, request.today),
                "by": str(session.organiser),
            }
            for session in hosted.order_by("starts_at", "pk")[:HOSTED]
        ],
    }
    return page(request, "courses/my_groups.html", context)


@require_POST
@gate.required(Capability.OWN)
def join(request: MemberRequest, study_group: int) -> HttpResponse:
    """Join a group that is open to oneself."""
    found = next((g for g in study_groups.open_to(request.user) if g.pk == study_group), None)
    return _act(request, found, "已加入学习群。", study_groups.join)


@require_POST
@gate.required(Capability.OWN)
def leave(request: MemberRequest, study_group: int) -> HttpResponse:
    """Leave a group in which one is."""
    found = StudyGroup.objects.alive().with_member(request.user).filter(pk=study_group).first()
    return _act(request, found, "已退出学习群。", study_groups.leave)


@require_POST
@gate.required(Capability.OWN)
def hand_over(request: MemberRequest, study_group: int) -> HttpResponse:
    """Hand a group for which one answers over to somebody of it."""
    found = StudyGroup.objects.alive().filter(leader=request.user, pk=study_group).first()
    to = request.POST.get("to", "")
    row = GroupMember.objects.now().filter(group=found, pk=to if to.isdecimal() else 0)
    person = row.select_related("member").first() if len(to) < 16 else None

    def give(group: StudyGroup, **who: Any) -> StudyGroup:
        if person is None:
            raise Refusal("请选择交给谁。")
        return study_groups.hand_over(group, person.member, **who)

    return _act(request, found, "已交接。", give)


def _act(
    request: MemberRequest, group: StudyGroup | None, done: str, verb: Callable[..., StudyGroup]
) -> HttpResponse:
    try:
        if group is None:
            raise Refusal("没有这个学习群，或不能这样做，请刷新后再看。")
        verb(group, by=request.scope.actor(), at=request.at)
        messages.success(request, done)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("my-groups")


def _others(group: StudyGroup) -> list[GroupMember]:
    rows = group.people.now().exclude(member=group.leader_id).filter(member__is_active=True)
    return list(rows.select_related("member").order_by("member__name", "pk"))
