"""The questions of a lesson, as its editor sees them: in use, retired, and a new one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from courses.online import lesson_bank, lesson_texts
from courses.online.lesson_forms import QuestionForm
from courses.views.online.lesson_desk import actor_of, lesson_of
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def questions(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """A lesson's bank, and one more question for it."""
    lesson = lesson_of(request, own_lesson)
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = actor_of(request, lesson.organiser)
        try:
            lesson_bank.add(lesson, form.wording(), by=by, at=request.at)
            messages.success(request, "题目已加入，下次发布后开始使用。")
            return redirect("lesson-questions", lesson.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    draft = lesson_texts.draft_of(lesson)
    all_of_them = list(lesson.questions.select_related("made_by"))
    for question in all_of_them:
        question.lines = [  # type: ignore[attr-defined] # for the template
            (choice, place in question.right) for place, choice in enumerate(question.choices)
        ]
    context = {
        "lesson": lesson,
        "draft": draft,
        "used": [q for q in all_of_them if q.pk in draft.bank],
        "retired": [q for q in all_of_them if q.pk not in draft.bank],
        "form": form,
    }
    return page(
        request, "courses/lesson_questions.html", context, status=422 if form.errors else 200
    )


@require_POST
@gate.required(Capability.OWN)
def turn(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """Take a question out of use, or put it back."""
    lesson = lesson_of(request, own_lesson)
    pk, by = request.POST.get("question", ""), actor_of(request, lesson.organiser)
    found = lesson.questions.filter(pk=number(pk)).first()
    try:
        if found is None:
            raise Refusal("没有这道题，请刷新页面。")
        if request.POST.get("act") == "restore":
            lesson_bank.restore(found, by=by, at=request.at)
            messages.success(request, "已恢复使用，下次发布后生效。")
        else:
            lesson_bank.retire(found, by=by, at=request.at)
            messages.success(request, "已停用，下次发布后不再抽到。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("lesson-questions", lesson.pk)
