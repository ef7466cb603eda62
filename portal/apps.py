"""Application set-up: Django's admin for administrators only, and the triggers."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "组织与党员"

    def ready(self) -> None:
        from portal import triggers

        triggers.insert_only("portal_auditevent", "portal_organizationmove")
        # The one signal of the project: a migration may have dropped triggers without a word.
        post_migrate.connect(triggers.after_migrate, sender=self, dispatch_uid="portal.triggers")


class PortalAdminConfig(AdminConfig):
    default_site = "portal.admin_site.PortalAdminSite"
