"""The list of the mobile classroom: what is open first, then what is done."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Case, Exists, OuterRef, Value, When
from django.db.models.functions import Concat
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from courses.models import Lesson, LessonAttempt, LessonCredit
from courses.online import lesson_texts
from courses.views.online.offline import reader_of
from credits.models import CreditedContent
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.rendering import page

PER_PAGE = 30


@require_GET
@gate.required(Capability.OWN)
def list_(request: MemberRequest) -> HttpResponse:
    """Published lessons, those that the viewer has yet to study first; above them what a full day
    kept from being credited."""
    member, programme = request.user, programme_of(request)
    attempts = LessonAttempt.objects.filter(member=member, lesson=OuterRef("pk"))
    credited = CreditedContent.objects.filter(
        programme=programme, member=member, content=Concat(Value("lesson:"), OuterRef("key"))
    )
    rows = Lesson.objects.published().select_related("course", "organiser").defer("body")
    rows = rows.annotate(
        credited=Exists(credited),
        passed=Exists(attempts.exclude(state=LessonAttempt.State.FAILED)),
        tried=Exists(attempts),
        logged=Case(When(band=0, then=Value(1)), default=Value(0)),
    ).order_by("credited", "passed", "logged", "course__order", "order", "pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    may_edit = lesson_texts.is_editor(request.scope)
    kept = LessonCredit.objects.to_try(request.today).filter(member=member)
    context = {
        "page": shown,
        "query": "",
        "may_edit": may_edit,
        "reader": reader_of(member),
        "to_try": kept.select_related("lesson", "programme").order_by("pk"),
    }
    return page(request, "courses/lesson_list.html", context)
