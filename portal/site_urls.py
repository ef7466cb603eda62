"""The map of the site: includes each app; besides settings the only place that names every app."""

from django.urls import path

urlpatterns: list[object] = []
