"""What a lesson weighs: bytes on the wire, against the portal as production serves it."""

from __future__ import annotations

import io
import re
import sqlite3
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from courses.models import Lesson
from courses.online import lesson_weight
from portal.audit import Actor
from tests.browser.conftest import PHONE
from tests.browser.wire import Wire, wire
from tests.courses import lesson_hands
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST, LATER, HTML = 60_000, 20_000, 15_000  # bytes on the wire, without media
READABLE = 12  # seconds until the text can be read on the first visit; about 3 on a quiet machine
LATENCY, SPEED = 300, 250_000 / 8  # milliseconds; bytes a second
TWO_G = {"offline": False, "latency": LATENCY, "downloadThroughput": SPEED,
         "uploadThroughput": 50_000 / 8, "connectionType": "cellular2g"}  # fmt: skip
MANUALS = ("member", "secretary", "official")
HASHED = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


@pytest.fixture
def lessons(seeded: Any) -> list[Lesson]:
    """Two lessons as heavy as publishing lets through, in the words of our manuals, each with a
    sound whose transcript is as long as one may be, and with ten questions."""
    manuals = [settings.BASE_DIR / f"docs/{name}.md" for name in MANUALS]
    words = re.sub(r"[^一-鿿，。：；]", "", "".join(path.read_text() for path in manuals))
    half = len(words) // 2
    by = Actor(seeded.people["official"], "official")
    return [
        lesson_hands.heaviest(by, "\n\n".join(textwrap.wrap(said, 200)), title=title)
        for title, said in (("火种", words), ("燎原", words[half:] + words[:half]))
    ]


@pytest.fixture
def line(seeded: Any, lessons: list[Lesson], tmp_path: Path) -> Iterator[tuple[Wire, str]]:
    """A wire to a server of collected files and the seed, and the session of a member."""
    client = Client()
    client.force_login(seeded.people["member"], "portal.sign_in.MemberBackend")
    Session.objects.update(expire_date=datetime(2100, 1, 1, tzinfo=UTC))  # the server's day is real
    with sqlite3.connect(tmp_path / "portal.sqlite3") as kept:
        connection.connection.backup(kept)
    with override_settings(
        STATIC_ROOT=tmp_path / "static", STORAGES={**settings.STORAGES, **HASHED}
    ):
        call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
    log = tmp_path / "web.log"
    with serving(log, site="portal.wsgi", VAR_DIR=str(tmp_path)) as port, wire(port) as made:
        yield made, client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def phone(browser: Browser, line: tuple[Wire, str]) -> Iterator[Page]:
    """A phone on 2G with an empty cache, whose member is signed in."""
    made, session = line
    origin = f"http://127.0.0.1:{made.port}"
    look: dict[str, Any] = {**PHONE, "locale": "zh-CN", "base_url": origin}
    context = browser.new_context(**look)
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": origin}])
    page = context.new_page()
    throttle = context.new_cdp_session(page)
    throttle.send("Network.enable")
    throttle.send("Network.emulateNetworkConditions", TWO_G)
    yield page
    context.close()


def bytes_of(wire: Wire, visit: Callable[[], None]) -> int:
    """How many bytes a visit brings down the wire, whoever asked for them."""
    before = wire.received
    visit()
    return wire.received - before


def last_words(lesson: Lesson) -> str:
    """How the text ends, before its sound."""
    return lesson.body.split("\n\n")[-2][-10:]


def test_a_lesson_is_light_on_2g_at_first_and_lighter_later(
    phone: Page, line: tuple[Wire, str], lessons: list[Lesson]
):
    wire, _ = line
    counted: list[float] = []  # by the browser itself, of this page alone
    tools = phone.context.new_cdp_session(phone)
    tools.send("Network.enable")
    tools.on("Network.loadingFinished", lambda said: counted.append(said["encodedDataLength"]))
    addresses = [reverse("lesson-detail", args=[lesson.pk]) for lesson in lessons]

    def visit(address: str) -> None:
        phone.goto(address)
        expect(phone.locator("[data-state]")).to_contain_text("没有网络也能读", timeout=30_000)
        phone.wait_for_load_state("networkidle")

    begun = time.monotonic()
    response = phone.goto(addresses[0], wait_until="commit")
    expect(phone.locator("article")).to_contain_text(last_words(lessons[0]), timeout=30_000)
    waited = time.monotonic() - begun
    assert response is not None
    phone.wait_for_load_state("networkidle")
    html = response.request.sizes()["responseBodySize"]
    assert lesson_weight.MOST < html <= HTML, f"{html} bytes"
    visit(addresses[0])  # with what is kept for reading without a network
    first = wire.received
    assert 0 < sum(counted) <= first <= FIRST, f"{first} bytes"
    slowly = LATENCY / 1000 + html / SPEED
    assert slowly <= waited < READABLE, f"{waited:.1f} s, on this line at least {slowly:.1f}"

    for address in addresses:
        later = bytes_of(wire, partial(visit, address))
        assert later <= LATER, f"{later} bytes"
