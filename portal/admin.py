"""Django's admin: for administrators only."""

from django.contrib import admin
from django.http import HttpRequest

from portal.access import Capability


class PortalAdminSite(admin.AdminSite):
    """Open to those who hold ADMINISTER; signing in happens on the portal's own page."""

    site_header = site_title = "系统管理"
    index_title = "数据"

    def has_permission(self, request: HttpRequest) -> bool:
        scope = getattr(request, "scope", None)
        return bool(scope and scope.has(Capability.ADMINISTER))
