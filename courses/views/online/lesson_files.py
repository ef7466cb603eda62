"""Pictures, sounds and films of lessons, and the words to them."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses.models import LessonFile
from courses.online import lesson_markdown, lesson_media, lesson_texts
from courses.online.book_bag_out import transcript_pages
from courses.online.lesson_forms import FileForm, WordsForm
from courses.views.online.lesson_desk import actor_of, lesson_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")


@require_GET
@gate.required(Capability.OWN)
def file(request: MemberRequest, lesson_file: int) -> HttpResponse:
    """A file of a lesson, or the part that a player asks for."""
    found = _seen(request, lesson_file)
    content = bytes(found.content)
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    first = int(asked[1]) if asked else 0
    last = min(int(asked[2]), len(content) - 1) if asked and asked[2] else len(content) - 1
    if first > last:
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{len(content)}"
        return refused
    status = 206 if asked else 200
    response = HttpResponse(content[first : last + 1], content_type=found.type, status=status)
    if asked:
        response["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    # A file never changes; a phone that has it asks no more, for as long as it may keep it.
    response["Cache-Control"] = "private, max-age=604800, immutable"
    return response


# Compressed, as the lesson is: neither page holds a token or repeats what the request says.
@require_GET
@gate.required(Capability.OWN)
@gzip_page
def captions(request: MemberRequest, lesson_file: int) -> HttpResponse:
    """The captions of a film or sound, as a WebVTT track."""
    found = _seen(request, lesson_file)
    if not found.captions:
        raise Http404("没有字幕。")
    return HttpResponse(found.captions, content_type="text/vtt; charset=utf-8")


@require_GET
@gate.required(Capability.OWN)
@gzip_page
def transcript(request: MemberRequest, lesson_file: int) -> HttpResponse:
    """What is said in a sound or film, word for word, in pages that a weak connection carries."""
    found = _seen(request, lesson_file)
    if not found.transcript:
        raise Http404("没有文字稿。")
    parts = Paginator(transcript_pages(found.transcript), 1)
    context = {"file": found, "shown": parts.get_page(request.GET.get("page"))}
    return page(request, "courses/lesson_transcript.html", context)


@require_POST
@gate.required(Capability.OWN)
def upload(request: MemberRequest, own_lesson: int) -> HttpResponse:
    """Add a file to a lesson."""
    lesson = lesson_of(request, own_lesson)
    form = FileForm(request.POST, request.FILES)
    if form.is_valid():
        values = form.cleaned_data
        try:
            made = lesson_media.add(
                lesson,
                values["file"].read(max(lesson_media.LARGEST.values()) + 1),
                values["caption"],
                minutes=values["minutes"] or 0,
                transcript=values["transcript"],
                captions=_captions(values),
                by=actor_of(request, lesson.organiser),
                at=request.at,
            )
            messages.success(request, f"已上传。把 ![{made}](file:{made.pk}) 放到正文里。")
            return redirect("lesson-edit", lesson.pk)
        except Refusal as refusal:
            refuse(form, refusal, photo="file")
    context = {"form": form, "title": f"上传：{lesson}", "lead": "文件要重新选择。", "verb": "上传"}
    return page(request, "portal/form.html", context, status=422)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def mend(request: MemberRequest, own_lesson: int, lesson_file: int) -> HttpResponse:
    """Mend the words to a file of a lesson."""
    lesson = lesson_of(request, own_lesson)
    found = get_object_or_404(lesson.files.defer("content", "captions"), pk=lesson_file)
    initial = {name: getattr(found, name) for name in ("caption", "minutes", "transcript")}
    form = WordsForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        by = actor_of(request, lesson.organiser)
        try:
            words = form.cleaned_data | {"captions": _captions(form.cleaned_data)}
            lesson_media.mend(found, **words, by=by, at=request.at)
            messages.success(request, "文字已保存。")
            return redirect("lesson-edit", lesson.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"修改文字：{found}", "verb": "保存"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


def _captions(values: dict[str, Any]) -> bytes:
    """The captions that came with a form: no more of them than is needed to see that it is much."""
    sent = values["captions"]
    return sent.read(lesson_media.LONGEST_CAPTIONS + 1) if sent else b""


def _seen(request: MemberRequest, pk: int) -> LessonFile:
    """A file that a published lesson shows, or one of a lesson that the viewer edits. Raises
    Http404 for all else."""
    found = get_object_or_404(LessonFile.objects.select_related("lesson"), pk=pk)
    lesson = found.lesson
    if lesson.is_published and pk in lesson_markdown.named_in(lesson.body):
        return found
    if lesson_texts.editable(request.scope).filter(pk=lesson.pk).exists():
        return found
    raise Http404("没有找到，或不在您的范围内。")
