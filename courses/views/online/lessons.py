"""Pages of what is studied: courses by period and form, and materials to read."""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from courses.forms import periods_of
from courses.models import Course, Lesson, Material
from credits.models import CreditedContent, Form
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.rendering import page


@require_GET
@gate.required(Capability.OWN)
def list_(request: MemberRequest) -> HttpResponse:
    """Courses with their lessons, by history period and form."""
    programme = programme_of(request)
    period, form = request.GET.get("period", ""), request.GET.get("form", "")
    courses = list(Course.objects.prefetch_related(_lessons(), "materials"))
    forms = {course.form for course in courses}
    forms |= {lesson.form for course in courses for lesson in course.lessons.all()}
    shown = []
    for course in courses:
        lessons = [one for one in course.lessons.all() if _fits(one, period, form)]
        if lessons or _fits(course, period, form):
            shown.append((course, lessons))
    context = {
        "programme": programme,
        "courses": shown,
        "periods": periods_of(programme),
        "forms": [(f.value, f.label) for f in Form if f.value in forms],
        "period": period,
        "form": form,
        "done": _done(request),
    }
    return page(request, "courses/course_list.html", context)


@require_GET
@gate.required(Capability.OWN)
def course(request: MemberRequest, course: int) -> HttpResponse:
    """A course: what it is, its lessons and materials."""
    found = get_object_or_404(Course.objects.prefetch_related(_lessons(), "materials"), pk=course)
    periods = dict(periods_of(programme_of(request)))
    context = {"course": found, "period": periods.get(found.period, ""), "done": _done(request)}
    return page(request, "courses/course_detail.html", context)


@require_GET
@gate.required(Capability.OWN)
def material(request: MemberRequest, material: int) -> HttpResponse:
    """A material to read; with `download`, as a text file."""
    found = get_object_or_404(Material.objects.select_related("course", "lesson"), pk=material)
    if "download" in request.GET:
        text = f"{found.title}\n\n{found.body}\n"
        response = HttpResponse(text.encode("utf-8-sig"), content_type="text/plain; charset=utf-8")
        name = quote(f"{found.title}.txt")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        return response
    return page(request, "courses/material_detail.html", {"material": found})


def _lessons() -> Prefetch[str]:
    """Of a course, what readers see."""
    return Prefetch("lessons", Lesson.objects.published())


def _fits(one: Course | Lesson, period: str, form: str) -> bool:
    return (not period or one.period == period) and (not form or one.form == form)


def _done(request: MemberRequest) -> set[str]:
    """What the viewer has been credited for already, by content key."""
    programme = programme_of(request)
    credited = CreditedContent.objects.filter(programme=programme, member=request.user)
    return set(credited.values_list("content", flat=True))
