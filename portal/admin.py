"""Django's admin: for administrators only, and a place to read, not to write.

What has a verb is changed by the verb, on its own page; the admin shows rows as they are.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from portal.models import (
    Appointment,
    AuditEvent,
    Job,
    Member,
    Membership,
    MessageRound,
    MobileStay,
    Organization,
    PeriodicRun,
)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Shows rows; adds, changes and deletes none. The count of a large table is not taken."""

    list_per_page = 50
    show_full_result_count = False
    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return admin.site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    list_display = ["number", "name", "branch", "is_active"]
    search_fields = ["number"]
    exclude = ["password"]


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ["code", "name", "kind", "parent"]
    search_fields = ["code"]


admin.site.register(
    [Membership, Appointment, MobileStay, AuditEvent, Job, PeriodicRun, MessageRound], ReadOnlyAdmin
)
