"""Environment of the tests, loaded before Django's settings (see addopts in pyproject.toml)."""

import os

os.environ.setdefault("DEMO", "on")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs a loop
