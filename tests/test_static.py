"""Static files as production serves them: hashed, complete, from nowhere but here."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
FOREIGN = re.compile(
    r"""(?:src|href|action)\s*=\s*["']\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//"""
)


STORED = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
pytestmark = pytest.mark.xdist_group("static")  # collected once


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What collectstatic writes."""
    root = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=root, STORAGES={**settings.STORAGES, **STORED}):
        call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
    return root


@pytest.fixture
def collected(settings: Any, gathered: Path) -> CompressedManifestStaticFilesStorage:
    settings.STATIC_ROOT, settings.STORAGES = gathered, {**settings.STORAGES, **STORED}
    return CompressedManifestStaticFilesStorage(location=gathered)


def test_every_file_that_a_template_names_is_collected_under_a_hashed_name(collected):
    named = {
        name
        for path in TEMPLATES
        for name in re.findall(r"{%\s*static ['\"]([^'\"]+)['\"]", path.read_text())
    }

    assert named, "templates name static files"
    for name in sorted(named):
        hashed = collected.stored_name(name)
        assert re.search(r"\.[0-9a-f]{12}\.", hashed), name
        assert collected.exists(hashed)


def test_what_is_worth_it_is_there_compressed(collected):
    style = collected.path(collected.stored_name("app.css"))

    assert Path(style + ".gz").exists()
    assert Path(style + ".br").exists()


@pytest.mark.django_db  # closing an answer looks after connections
@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "br"), ("gzip", "gzip")])
def test_a_hashed_file_is_served_compressed_and_kept_for_ever(
    collected, settings, accepted, encoding
):
    """Through the real middleware, with what collectstatic wrote."""
    settings.WHITENOISE_AUTOREFRESH = False
    name = collected.stored_name("app.css")
    middleware = WhiteNoiseMiddleware(lambda request: HttpResponse(status=404))
    request = RequestFactory(HTTP_ACCEPT_ENCODING=accepted).get(f"/static/{name}")

    answer = middleware(request)

    assert answer.status_code == 200
    assert answer["Content-Encoding"] == encoding
    assert "immutable" in answer["Cache-Control"]
    assert int(re.search(r"max-age=(\d+)", answer["Cache-Control"])[1]) >= 365 * 24 * 3600
    plain = middleware(RequestFactory().get(f"/static/{name}"))
    assert "Content-Encoding" not in plain
    assert int(answer["Content-Length"]) < int(plain["Content-Length"]) / 2
    answer.close()
    plain.close()


def test_no_template_and_no_file_of_ours_leads_to_another_host():
    own = [p for p in Path(settings.BASE_DIR, "static").rglob("*") if p.suffix in {".css", ".js"}]

    leading = [str(path) for path in [*TEMPLATES, *own] if FOREIGN.search(path.read_text("utf-8"))]

    assert leading == []
    assert staticfiles_storage.base_url.startswith("/")
