"""The editor of lessons: begun, written, looked at, published and withdrawn."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses.models import Lesson, LessonDraft, LessonFile
from courses.online import lesson_markdown, lesson_publishing, lesson_texts
from courses.online.book_bag_out import version_of
from courses.online.lesson_forms import BeginForm, FileForm, TextForm
from courses.online.lesson_texts import LONGEST, Text
from credits.models import Form, Programme
from portal import gate
from portal.access import Capability
from portal.audit import Actor
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Conflict, Refusal
from portal.rendering import page

PER_PAGE = 30
SYLLABUS = 0  # stands for the city's syllabus where an organisation is chosen


@require_GET
@gate.required(Capability.OWN)
def desk(request: MemberRequest) -> HttpResponse:
    """The lessons that the viewer writes."""
    _check_editor(request)
    rows = lesson_texts.editable(request.scope).select_related("course", "organiser", "draft")
    shown = Paginator(rows.defer("body").order_by("-pk"), PER_PAGE)
    context = {"page": shown.get_page(request.GET.get("page")), "query": ""}
    return page(request, "courses/lesson_desk.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def new(request: MemberRequest) -> HttpResponse:
    """Begin a lesson."""
    _check_editor(request)
    places = {o.pk: o for o in request.scope.organizations(Capability.MANAGE_CLASSES)}
    choices = [(pk, place.name) for pk, place in places.items()]
    if lesson_texts.edits_syllabus(request.scope):
        choices.append((SYLLABUS, "全市课程"))
    form = BeginForm(request.POST or None, organisers=choices)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        where = places.get(values["organiser"])
        text = Text(values["title"], Form.ONLINE, 20)
        try:
            made = lesson_texts.begin(
                values["course"], where, text, by=actor_of(request, where), at=request.at
            )
            return redirect("lesson-edit", made.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    lead = "先起个名字，正文、题目和图片在下一页写；发布以前别人看不到。"
    context = {"form": form, "title": "编写一课", "lead": lead, "verb": "开始写"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def edit(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """The draft of a lesson, with its files, its questions and what stands in the way."""
    lesson = lesson_of(request, own_lesson)
    draft, status = lesson_texts.draft_of(lesson), 200
    form = TextForm(request.POST or None, programme=Programme.objects.shown())
    if request.method == "POST":
        status = 422
        if form.is_valid():
            seen, by = form.cleaned_data["seen"] or 0, actor_of(request, lesson.organiser)
            try:
                lesson_texts.save(lesson, form.text(), seen=seen, by=by, at=request.at)
                messages.success(request, "草稿已保存，发布以后大家才看得到。")
                return redirect("lesson-edit", lesson.pk)
            except Refusal as refusal:
                refuse(form, refusal)
                status = 409 if isinstance(refusal, Conflict) else 422
    else:
        form.show(draft)
    # Named by what the draft says: what was written over an older text is not put over this one.
    said = repr([getattr(draft, name) for name in Text.__dataclass_fields__])
    form.keep_as(f"{request.user.pk}-lesson-{lesson.pk}-{version_of(said.encode())}")
    files = list(lesson.files.defer("content"))
    context = {
        "lesson": lesson,
        "draft": draft,
        "form": form,
        "files": files,
        "file_form": FileForm(auto_id="file_%s"),  # beside another form with minutes
        "changed": lesson_publishing.unpublished_changes(draft),
        **_looked_at(draft, files),
    }
    return page(request, "courses/lesson_edit.html", context, status=status)


@require_POST
@gate.required(Capability.OWN)
def preview(request: MemberRequest) -> HttpResponse:
    """What a text will look like: a fragment, of exactly what was sent."""
    _check_editor(request)
    body, pk = request.POST.get("body", "")[:LONGEST], request.POST.get("lesson", "")
    own = lesson_texts.editable(request.scope).filter(pk=number(pk)).first()
    files = list(own.files.defer("content")) if own else []
    draft = lesson_texts.draft_of(own) if own else LessonDraft()
    draft.body, draft.asked = body, number(request.POST.get("asked", ""), digits=2)
    return render(request, "courses/_lesson_preview.html", _looked_at(draft, files))


@require_POST
@gate.required(Capability.OWN)
def act(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """Publish the draft as it was seen, or withdraw the lesson."""
    lesson, what = lesson_of(request, own_lesson), request.POST.get("act", "")
    seen, by = request.POST.get("seen", ""), actor_of(request, lesson.organiser)
    try:
        if what == "publish":
            version = number(seen, digits=9, otherwise=-1)
            made = lesson_publishing.publish(lesson, seen=version, by=by, at=request.at)
            messages.success(request, f"已发布第 {made.number} 版。")
        elif what == "withdraw":
            lesson_publishing.withdraw(lesson, by=by, at=request.at)
            messages.success(request, "已撤下；已记的学时不变，重新发布后可以再学。")
        else:
            raise Refusal("请在页面上选择要做的事。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("lesson-edit", lesson.pk)


@require_GET
@gate.required(Capability.OWN)
def versions(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """What was published, the newest first, and one of them to read."""
    lesson = lesson_of(request, own_lesson)
    rows = list(lesson.versions.select_related("published_by"))
    asked = request.GET.get("number", "")
    shown = next((row for row in rows if str(row.number) == asked), rows[0] if rows else None)
    files = lesson.files.defer("content", "captions")
    html = lesson_markdown.html_of(shown.body, files) if shown else ""
    context = {"lesson": lesson, "versions": rows, "shown": shown, "html": html}
    return page(request, "courses/lesson_versions.html", context)


def lesson_of(request: MemberRequest, pk: int) -> Lesson:
    """A lesson that the viewer may edit. Raises Http404 for others': nothing is learnt of drafts;
    PermissionDenied for who writes none."""
    _check_editor(request)
    rows = lesson_texts.editable(request.scope).select_related("course", "organiser")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404("没有找到，或不在您的范围内。")
    return found


def _check_editor(request: MemberRequest) -> None:
    if not lesson_texts.is_editor(request.scope):
        raise PermissionDenied


def actor_of(request: MemberRequest, organiser: Organization | None) -> Actor:
    needed = Capability.MANAGE_CLASSES if organiser else Capability.GOVERN
    return request.scope.actor(needed)


def _looked_at(draft: LessonDraft, files: list[LessonFile]) -> dict[str, Any]:
    """A draft as readers will see it, how long it takes and what it weighs."""
    minutes, band = lesson_texts.proposed(draft.body, _named(draft.body, files))
    return {
        "html": lesson_markdown.html_of(draft.body, files),
        "minutes": minutes,
        "band": Lesson.Band(band).label,
        "weight": lesson_publishing.weight_of(draft, files),
    }


def _named(body: str, files: list[LessonFile]) -> list[LessonFile]:
    named = lesson_markdown.named_in(body)
    return [file for file in files if file.pk in named]
