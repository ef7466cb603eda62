"""Pages of discussions for whoever reads them: the list, and one discussion with what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from courses.models import Answer, Discussion, Reply, StudyGroup
from courses.online import answers, discussions, moderation, recognition
from credits import rule_book
from credits import rules as arithmetic
from portal import gate
from portal.access import Capability
from portal.audit import Actor
from portal.form_names import number
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 20


@require_GET
@gate.required(Capability.OWN)
def list_(request: MemberRequest) -> HttpResponse:
    """The discussions of one's groups and of those one runs, the latest first; before them those
    that wait for the viewer to close or recognise them."""
    groups = StudyGroup.objects.alive().run_by(request.scope).order_by("name", "pk")
    own = Answer.objects.filter(discussion=OuterRef("pk"), member=request.user)
    rows = Discussion.objects.within(request.scope, Capability.OWN).shown()
    rows = rows.annotate(answered=Exists(own), answer_count=Count("answers"))
    only = request.GET.get("group", "")
    if only.isdecimal() and len(only) < 16:
        rows = rows.filter(group=int(only))
    run = Discussion.objects.within(request.scope, Capability.RUN_GROUPS).order_by()
    left = run.to_finish(request.user, request.today).values("pk")
    rows = rows.annotate(waits=Q(pk__in=left)).order_by("-waits", "-last_day", "-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    own_groups = set(StudyGroup.objects.with_member(request.user).values_list("pk", flat=True))
    context = {
        "page": shown,
        "query": f"group={only}&" if only else "",
        "groups": groups,
        "lines": [
            (talk, talk.takes_answers(request.at) and _is_in(talk, request, own_groups))
            for talk in shown.object_list
        ],
    }
    return page(request, "courses/discussion_list.html", context)


def _is_in(talk: Discussion, request: MemberRequest, groups: set[int]) -> bool:
    return talk.group_id in groups or talk.group.leader_id == request.scope.member_id


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def detail(request: MemberRequest, discussion: int) -> HttpResponse:
    """A discussion: the question, the answers with their replies, and what one may say.

    Whoever has left the group sees their own answer alone.
    """
    talk = _seen(request, discussion)
    failed: dict[str, str] = {}
    if request.method == "POST":
        act = request.POST.get("act", "")
        try:
            messages.success(request, _act(request, talk, act))
            return redirect(_back(request, talk))
        except Refusal as refusal:
            to = request.POST.get("to", "") if act in ("reply", "report") else ""
            place = f"{act} {to}".strip()
            text = request.POST.get("text", "")
            failed = {"place": place, "text": text, "error": refusal.message}
    return _show(request, talk, failed)


def _show(request: MemberRequest, talk: Discussion, failed: dict[str, str]) -> HttpResponse:
    reads = _reads(request, talk)
    replies = Prefetch("replies", Reply.objects.select_related("member"))
    rows = talk.answers.select_related("member", "decided_by")
    rows = rows.prefetch_related(replies, "versions").order_by("said_at", "pk")
    own = rows.filter(member=request.user).first()
    others = rows.exclude(member=request.user) if reads else rows.none()
    shown = Paginator(others, PER_PAGE).get_page(request.GET.get("page"))
    inside = reads and discussions.is_in(talk.group, request.user)
    open_ = talk.takes_answers(request.at)
    rules = rule_book.of(talk.programme).on(talk.first_day).rules
    runs = _runs(request, talk)
    may_answer = open_ and inside
    may_reply = open_ and reads and talk.replies_open
    writes = {
        "answer": may_answer and own is None,
        "edit": may_answer and own is not None and not own.is_hidden,
        "reply": may_reply,
        "report": reads,
        "ask": own is not None and own.may_ask,
    }
    context: dict[str, Any] = {
        "talk": talk,
        "own": own,
        "page": shown,
        "query": "",
        "reads": reads,
        "runs": runs,
        "writes": writes,
        "worth": arithmetic.worth(talk.minutes, rules),
        "period": rules.period_names.get(talk.period, ""),
        "failed": failed,
        "lost": bool(failed) and not writes.get(failed["place"].partition(" ")[0]),
        "longest": {"answer": answers.ANSWER, "reply": answers.REPLY},
        "reported": talk.reports.open().count() if runs else 0,
    }
    return page(request, "courses/discussion_detail.html", context, status=422 if failed else 200)


def _act(request: MemberRequest, talk: Discussion, act: str) -> str:
    """Do what a form of the page asks for; returns what is said about it."""
    verb = ACTS.get(act)
    if verb is None:
        raise Refusal("请在页面上选择要做的事。")
    if act != "ask" and not _reads(request, talk):
        raise PermissionDenied
    inside = discussions.is_in(talk.group, request.user)
    arranges = not inside and act == "reply"
    by = request.scope.actor(Capability.RUN_GROUPS if arranges else Capability.OWN)
    return verb(request, talk, by)


def _answer(request: MemberRequest, talk: Discussion, by: Actor) -> str:
    answers.answer(talk, request.POST.get("text", ""), by=by, at=request.at)
    return "已提交，讨论结束前都可以修改。"


def _edit(request: MemberRequest, talk: Discussion, by: Actor) -> str:
    own = talk.answers.filter(member=request.user).first()
    if own is None:
        raise Refusal("您还没有回答过。")
    seen = request.POST.get("seen", "")
    edits = number(seen, digits=5, otherwise=-1)
    answers.edit(own, request.POST.get("text", ""), seen=edits, by=by, at=request.at)
    return "已修改；原来的内容群里仍可查看。"


def _reply(request: MemberRequest, talk: Discussion, by: Actor) -> str:
    found = moderation.text_of(talk, request.POST.get("to", ""))
    if not isinstance(found, Answer):
        raise Refusal("没有这个回答，请重新打开本页。")
    answers.reply(found, request.POST.get("text", ""), by=by, at=request.at)
    return "已回复。"


def _report(request: MemberRequest, talk: Discussion, by: Actor) -> str:
    found = moderation.text_of(talk, request.POST.get("to", ""))
    if found is None:
        raise Refusal("没有这条内容，请重新打开本页。")
    moderation.report(found, request.POST.get("text", ""), by=by, at=request.at)
    return "已举报，处理后会发消息告诉您。"


def _ask(request: MemberRequest, talk: Discussion, by: Actor) -> str:
    own = talk.answers.filter(member=request.user).first()
    if own is None:
        raise Refusal("您没有在这次讨论里回答过。")
    recognition.ask_again(own, request.POST.get("text", ""), by=by, at=request.at)
    return "已请求复核，答复会发消息告诉您。"


ACTS: dict[str, Callable[[MemberRequest, Discussion, Actor], str]] = {
    "answer": _answer,
    "edit": _edit,
    "reply": _reply,
    "report": _report,
    "ask": _ask,
}


def _seen(request: MemberRequest, pk: int) -> Discussion:
    rows = Discussion.objects.shown()
    found = rows.filter(pk__in=Discussion.objects.seen_by(request.scope).filter(pk=pk)).first()
    return found or gate.get(rows, request.scope, Capability.OWN, pk=pk)


def _reads(request: MemberRequest, talk: Discussion) -> bool:
    return Discussion.objects.within(request.scope, Capability.OWN).filter(pk=talk.pk).exists()


def _runs(request: MemberRequest, talk: Discussion) -> bool:
    rows = Discussion.objects.within(request.scope, Capability.RUN_GROUPS)
    return rows.filter(pk=talk.pk).exists()


def _back(request: MemberRequest, talk: Discussion) -> str:
    """The page one came from, at what one wrote under."""
    values = QueryDict(mutable=True)
    if request.GET.get("page", "").isdecimal():
        values["page"] = request.GET["page"]
    query = f"?{values.urlencode()}" if values else ""
    to = request.POST.get("to", "") if request.POST.get("act") == "reply" else "own"
    place = to if to.replace("-", "").isalnum() and to.isascii() else ""
    return f"{reverse('discussion-detail', args=[talk.pk])}{query}#{place}"
