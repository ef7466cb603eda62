"""The admin's site: open to administrators, with the portal's own sign-in page.

A module of its own: the first registration of any app makes the site, which must then exist whole.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from portal.access import Capability


class PortalAdminSite(admin.AdminSite):
    """Open to those who hold ADMINISTER; signing in happens on the portal's own page."""

    site_header = site_title = "系统管理"
    index_title = "数据"

    def has_permission(self, request: HttpRequest) -> bool:
        scope = getattr(request, "scope", None)
        return bool(scope and scope.has(Capability.ADMINISTER))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign in on the portal's page, with its lockout; who is signed in has no business here."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", reverse("admin:index")))

    def password_change(  # type: ignore[override] # a redirect is no template
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account")
