"""The map of the site: includes each app; besides settings the only place that names every app."""

urlpatterns: list[object] = []
