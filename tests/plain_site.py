"""The portal for gunicorn in tests: nothing is collected, so static files keep plain names."""

from django.conf import settings

settings.STORAGES["staticfiles"]["BACKEND"] = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
)

from portal.wsgi import application  # noqa: E402 - it reads the settings

__all__ = ["application"]
