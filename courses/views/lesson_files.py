"""Pictures, sounds and films of lessons, and the captions to them."""

from __future__ import annotations

import re

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from courses import lesson_markdown, lesson_texts
from courses.models import LessonFile
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest

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


@require_GET
@gate.required(Capability.OWN)
def captions(request: MemberRequest, lesson_file: int) -> HttpResponse:
    """The captions of a film or sound, as a WebVTT track."""
    found = _seen(request, lesson_file)
    if not found.captions:
        raise Http404("没有字幕。")
    return HttpResponse(found.captions, content_type="text/vtt; charset=utf-8")


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
