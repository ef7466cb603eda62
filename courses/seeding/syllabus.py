"""Courses, lessons, places, platforms and materials."""

from __future__ import annotations

from courses.models import Course, Lesson, Material
from courses.seeding.files import load


def lay_out() -> None:
    """Write what is studied, in the order of the file."""
    for order, entry in enumerate(load("courses")["courses"]):
        values = {
            name: value for name, value in entry.items() if name not in ("lessons", "materials")
        }
        course = Course.objects.create(order=order, **values)
        for place, lesson in enumerate(entry.get("lessons", [])):
            Lesson.objects.create(course=course, order=place, **lesson)
        for place, material in enumerate(entry.get("materials", [])):
            Material.objects.create(course=course, order=place, **material)
