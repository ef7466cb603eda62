"""Pages of the mobile classroom (移动课堂): lessons to read, and their questions to answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from courses.forms import periods_of
from courses.models import Lesson, LessonAttempt, LessonCredit, LessonFile, LessonVersion
from courses.online import lesson_answers, lesson_credits, lesson_markdown, lesson_questions
from courses.online.book_bag_out import transcript_pages, version_of
from courses.online.lesson_answers import Answers, CannotAnswer
from courses.views.online.offline import kept_with, reader_of
from credits.models import CreditedContent
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30


# Compressed for weak connections. What BREACH could learn by asking again and again is not there:
# the page repeats nothing of the request, Django masks the CSRF token anew each time and pads.
@require_GET
@gate.required(Capability.OWN)
@gzip_page
def lesson(request: MemberRequest, lesson: int) -> HttpResponse:
    """A lesson to read, with its questions or the button that logs it; with `copy`, as a phone
    keeps it: without results, tokens and whatever else is the reader's."""
    rows = Lesson.objects.published().select_related("course", "organiser")
    found = get_object_or_404(rows.prefetch_related("materials"), pk=lesson)
    programme = programme_of(request)
    credited = CreditedContent.objects.filter(
        programme=programme, member=request.user, content=found.content
    )
    files = list(found.files.defer("content", "captions"))
    context: dict[str, Any] = {
        "lesson": found,
        "html": lesson_markdown.html_of(found.body, files),
        "period": dict(periods_of(programme)).get(found.period, ""),
        "done": credited.exists(),
    }
    version = found.versions.filter(number=found.version).first()
    if version is not None and version.asks:
        context |= _questions(request, found, version, done=context["done"])
    context |= _kept(request, found, context, files)
    return page(request, "courses/lesson_detail.html", context)


@require_POST
@gate.required(Capability.OWN)
def answers(request: MemberRequest, lesson: int) -> HttpResponse:
    """Judge the answers to a lesson's questions; see lesson_answers.answer.

    A page gets its result by redirection, a script as JSON: 200 with `state`, `message` and
    `address`; 409 or 422 with `message` for a refusal.
    """
    found = get_object_or_404(Lesson, pk=lesson)
    if request.POST.get("reader", reader_of(request.user)) != reader_of(request.user):
        # Written down on this phone by somebody else, whom they wait for.
        return JsonResponse({"message": "这是另一位同志的答案，请本人登录后发送。"}, status=401)
    address = f"{reverse('lesson-detail', args=[found.pk])}#result"
    try:
        made = lesson_answers.answer(found, _sent(request), by=request.scope.actor(), at=request.at)
    except Refusal as refusal:
        if gate.wants_json(request):
            status = 409 if isinstance(refusal, CannotAnswer) else 422
            return JsonResponse({"message": refusal.message}, status=status)
        messages.error(request, refusal.message)
        return redirect(address if found.is_published else "lesson-list")
    if gate.wants_json(request):
        return JsonResponse({"state": made.state, "message": made.message, "address": address})
    return redirect(address)


@require_POST
@gate.required(Capability.OWN)
def credit(request: MemberRequest, lesson_credit: int) -> HttpResponse:
    """Credit what waited: the reason is gone."""
    rows = LessonCredit.objects.filter(member=request.user)  # nobody does it for somebody else
    found = get_object_or_404(rows.select_related("lesson"), pk=lesson_credit)
    try:
        done = lesson_credits.credit_now(found, by=request.scope.actor(), at=request.at)
        messages.success(request, f"《{found.lesson}》已记入 {done.hours / 100:g} 学时。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    if found.lesson.is_published:
        return redirect("lesson-detail", found.lesson_id)
    return redirect("lesson-list")


def _questions(
    request: MemberRequest, lesson: Lesson, version: LessonVersion, *, done: bool
) -> dict[str, Any]:
    """What was answered before, what it earned, and the questions of the next attempt."""
    member = request.user
    last = LessonAttempt.objects.filter(lesson=lesson, member=member).first()
    credits = LessonCredit.objects.filter(lesson=lesson, member=member).select_related("programme")
    context: dict[str, Any] = {"version": version, "last": last, "credits": credits}
    if last and not last.is_passed:
        context["again"] = lesson_answers.wrong_of(last)
    if done or not lesson_answers.may_answer(version, member):
        return context
    if last and lesson_credits.is_done(lesson, member):
        return context
    turn = lesson_answers.turn_of(version, member)
    drawn = lesson_questions.draw(version, member, turn)
    questions = lesson_questions.questions_of(drawn)
    return context | {"turn": turn, "token": uuid4(), "questions": questions}


def _kept(
    request: MemberRequest, lesson: Lesson, context: dict[str, Any], files: list[LessonFile]
) -> dict[str, Any]:
    """What static/keep.js and static/answers.js need; `kept_as` names the content of the copy."""
    asked = [question.pk for question in context.get("questions", ())]
    words = [file.transcript for file in files]
    content = (lesson.title, context["html"], lesson.version, context.get("turn"), asked, words)
    return {
        "copy": "copy" in request.GET,
        "reader": reader_of(request.user),
        "kept": [reverse("lesson-detail", args=[lesson.pk]), *kept_with()],
        "kept_as": version_of(repr(content).encode()),
    } | _besides(lesson, files)


def _besides(lesson: Lesson, files: list[LessonFile]) -> dict[str, list[str]]:
    """What a phone keeps of a lesson where it can: the pictures in the text, and the words of what
    plays, which itself would be too large."""
    named = lesson_markdown.named_in(lesson.body)
    shown = [file for file in files if file.pk in named]
    words = []
    for file in shown:
        if file.transcript:
            first = reverse("lesson-transcript", args=[file.pk])
            last = len(transcript_pages(file.transcript))
            words += [first, *(f"{first}?page={number}" for number in range(2, last + 1))]
    pictures = [reverse("lesson-file", args=[f.pk]) for f in shown if not f.is_heard]
    return {"pictures": pictures, "words": words}


def _sent(request: HttpRequest) -> Answers:
    """What a page sent. Raises Refusal for what no page of ours sends."""
    post = request.POST
    try:
        given = {
            int(name[1:]): [int(value) for value in post.getlist(name)]
            for name in post
            if name[:1] == "q" and name[1:].isdecimal() and len(name) < 16
        }
        return Answers(
            UUID(post.get("token", "")), _number(post, "version"), _number(post, "turn"), given
        )
    except ValueError as error:
        raise Refusal("答案没有收全，请重新打开这一课再答。") from error


def _number(post: Any, name: str) -> int:
    text = post.get(name, "")
    if not text.isdecimal() or len(text) > 4:
        raise ValueError(name)
    return int(text)
