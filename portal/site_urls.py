"""The map of the site: includes each app; besides settings the only place that names every app."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("courses.urls")),
    path("", include("credits.urls")),
    path("", include("portal.urls")),
    path("admin/", admin.site.urls),
]
