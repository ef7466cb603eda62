"""Pages on which a group's leader, or the organiser's secretary, runs its discussions."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from courses.models import Answer, Discussion, Reply
from courses.online import discussions, moderation, recognition
from courses.online.discussion_forms import QuestionForm
from courses.views.online.groups import run_by
from credits.models import Programme
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page
from portal.views import kept_forms


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def new(request: MemberRequest, study_group: int) -> HttpResponse:
    """Put a question to a group."""
    group = run_by(request, study_group)
    programme = programme_of(request)
    form = QuestionForm(
        request.POST or None, programme=programme, initial={"first_day": request.today}
    )
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.RUN_GROUPS)
        try:
            made = discussions.ask(group, programme, form.question(), by=by, at=request.at)
            messages.success(request, "已发起，群里的成员都会收到消息。")
            return redirect("discussion-detail", made.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    others = Programme.objects.open().taking_part(group.organiser.path).exclude(pk=programme.pk)
    context = {
        "form": form,
        "title": "发起专题讨论",
        "lead": f"{group} · 计入{programme}",
        "programmes": list(others),
        "verb": "发起",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.OWN)
def run(request: MemberRequest, discussion: int) -> HttpResponse:
    """Close or cancel a discussion, close or open its replies."""
    talk, act = _run(request, discussion), request.POST.get("act", "")
    by, at = request.scope.actor(Capability.RUN_GROUPS), request.at
    try:
        if act == "close":
            discussions.close(talk, by=by, at=at)
            messages.success(request, "讨论已结束，请认定回答。")
            return redirect("discussion-recognise", talk.pk)
        if act == "cancel":
            discussions.cancel(talk, reason=request.POST.get("reason", ""), by=by, at=at)
            messages.success(request, "讨论已取消，回答过的成员会收到消息。")
        elif act == "close_replies":
            discussions.close_replies(talk, by=by, at=at)
            messages.success(request, "已关闭回复。")
        elif act == "open_replies":
            discussions.open_replies(talk, by=by, at=at)
            messages.success(request, "已开放回复。")
        else:
            raise Refusal("请在页面上选择要做的事。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("discussion-detail", talk.pk)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def recognise(request: MemberRequest, discussion: int) -> HttpResponse:
    """The answers of a closed discussion: which of them count. `member`: whose is ticked."""
    talk = _run(request, discussion)
    if request.method == "POST":
        try:
            _decide(request, talk)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            kept_forms.keep(request, request.path, "row")
        return redirect("discussion-recognise", talk.pk)
    rows = list(talk.answers.select_related("member__branch", "decided_by").order_by("pk"))
    context = {
        "talk": talk,
        "answers": rows,
        "mine": next((a for a in rows if a.member_id == request.scope.member_id), None),
        "chosen": number(request.GET.get("member", "")),
        "kept": kept_forms.take(request),
        "waiting": talk.answers.to_recognise().exclude(member=request.user).count(),
    }
    return page(request, "courses/discussion_recognise.html", context)


def _decide(request: MemberRequest, talk: Discussion) -> None:
    by, at = request.scope.actor(Capability.RUN_GROUPS), request.at
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "")
    if act == "all":
        chosen = list(talk.answers.to_recognise().exclude(member=request.user))
    else:
        chosen = gate.ticked(request, "row", talk.answers.all())
    if not chosen:
        raise Refusal("请先勾选回答。" if act != "all" else "没有等待认定的回答。")
    if act in ("all", "recognise"):
        outcomes = recognition.recognise(talk, chosen, by=by, at=at)
        given = sum(not outcome.reason for outcome in outcomes)
        if given:
            messages.success(request, f"已认定 {given} 个回答并记入学时。")
        for outcome in outcomes:
            if outcome.reason:
                messages.error(request, f"{outcome.answer.member.name}：{outcome.reason}")
    elif act == "decline":
        count = recognition.decline(talk, chosen, reason=reason, by=by, at=at)
        messages.success(request, f"未认定 {count} 个回答，理由已发给本人。")
    elif act == "take_back":
        count = recognition.take_back(talk, chosen, reason=reason, by=by, at=at)
        messages.success(request, f"已收回 {count} 个回答的学时，理由已发给本人。")
    elif act == "respond":
        for answer in chosen:
            recognition.respond(answer, reason, by=by, at=at)
        messages.success(request, "已答复。")
    else:
        raise Refusal("请在页面上选择要做的事。")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def reports(request: MemberRequest, discussion: int) -> HttpResponse:
    """What readers reported, and what is hidden."""
    talk = _run(request, discussion)
    if request.method == "POST":
        try:
            messages.success(request, _judge(request, talk))
        except Refusal as refusal:
            messages.error(request, refusal.message)
        return redirect("discussion-reports", talk.pk)
    rows = talk.reports.select_related("answer__member", "reply__member", "by", "decided_by")
    replies = Reply.objects.filter(answer__discussion=talk)
    hidden: list[Answer | Reply] = [
        *talk.answers.exclude(hidden_at=None).select_related("member", "hidden_by"),
        *replies.exclude(hidden_at=None).select_related("member", "hidden_by"),
    ]
    context = {
        "talk": talk,
        "waiting": [row for row in rows if row.state == "open"],
        "decided": [row for row in rows if row.state != "open"],
        "hidden": hidden,
    }
    return page(request, "courses/discussion_reports.html", context)


def _judge(request: MemberRequest, talk: Discussion) -> str:
    by, at = request.scope.actor(Capability.RUN_GROUPS), request.at
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "")
    if act == "keep":
        pk = request.POST.get("report", "")
        reported = talk.reports.filter(pk=number(pk)).first()
        if reported is None:
            raise Refusal("没有这条举报，请重新打开本页。")
        moderation.keep(reported, reason, by=by, at=at)
        return "已保留，举报人会收到消息。"
    text = moderation.text_of(talk, request.POST.get("to", ""))
    if text is None or act not in ("hide", "show"):
        raise Refusal("请在页面上选择要处理的内容。")
    if act == "show":
        moderation.show(text, by=by, at=at)
        return "已恢复显示。"
    moderation.hide(text, reason, by=by, at=at)
    return "已隐藏，作者会收到消息和理由。"


def _run(request: MemberRequest, pk: int) -> Discussion:
    return gate.get(Discussion.objects.shown(), request.scope, Capability.RUN_GROUPS, pk=pk)
