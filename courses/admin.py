"""Study in Django's admin: attendance and logs to read; courses and texts to write."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from courses.models import (
    Answer,
    AnswerVersion,
    Attempt,
    Attendance,
    AttendancePlan,
    BookBag,
    BookBagItem,
    Course,
    Delivery,
    Discussion,
    GroupMember,
    GroupRobot,
    HostAttendance,
    Lesson,
    LessonAttempt,
    LessonCredit,
    LessonDraft,
    LessonVersion,
    LineQuery,
    Material,
    Push,
    Question,
    ReadingClass,
    ReadingRight,
    Recommendation,
    Reflection,
    Reply,
    Report,
    Sample,
    SampleItem,
    Scan,
    SheetImport,
    StudyGroup,
    StudyLog,
    StudySession,
    WalkIn,
)
from portal.admin import ReadOnlyAdmin

admin.site.register(
    [
        Answer,
        AnswerVersion,
        Attempt,
        Attendance,
        AttendancePlan,
        BookBag,
        BookBagItem,
        Delivery,
        Discussion,
        GroupMember,
        GroupRobot,
        HostAttendance,
        Lesson,
        LessonAttempt,
        LessonCredit,
        LessonDraft,
        LessonVersion,
        LineQuery,
        Question,
        Push,
        ReadingClass,
        ReadingRight,
        Recommendation,
        Reply,
        Report,
        Sample,
        SampleItem,
        Scan,
        SheetImport,
        StudyGroup,
        StudyLog,
        StudySession,
        WalkIn,
    ],
    ReadOnlyAdmin,
)


@admin.register(Reflection)
class ReflectionAdmin(ReadOnlyAdmin):
    """Who handed in what. The words are for the branch, and a draft is its author's alone."""

    list_display = ["key", "member", "branch", "state"]
    exclude = ["text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reflection]:
        return super().get_queryset(request).exclude(branch=None)


@admin.register(Course, Material)
class ContentAdmin(admin.ModelAdmin[Any]):
    """What is studied. A key stands in the ledger: it is never changed, nor the row deleted."""

    list_display = ["title", "key", "order"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["key", "once"] if obj and hasattr(obj, "once") else ["key"] if obj else []

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return admin.site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
