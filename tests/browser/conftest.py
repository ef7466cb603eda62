"""A real Chromium (Debian's) against a server in this process, at the seed's day."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page

from courses import seeding
from portal.models import Member
from tests.cast import TODAY, moment

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = shutil.which("chromium")
    assert path, "Chromium is missing; `make test` installs it (apt-get install chromium)"
    return {**browser_type_launch_args, "executable_path": path, "args": FLAGS}


@pytest.fixture
def clock() -> Iterator[Any]:
    """The seed's day, at eight in the evening; server and worker run in this process."""
    with time_machine.travel(moment(TODAY, 20), tick=True) as traveller:
        yield traveller


@dataclass(frozen=True)
class Seeded:
    """The seed of 2021-06-03 with its demonstration accounts, by role."""

    people: dict[str, Member]
    password: str

    def __getitem__(self, role: str) -> str:
        return self.people[role].number


ROLES = {
    "党员": "member", "支部书记": "secretary", "组织委员": "organiser", "帮学人": "helper",
    "巡回指导组": "guidance", "机关干部": "official", "系统管理员": "administrator",
    "单位机关干部": "unit_official",
}  # fmt: skip


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the seed is kept between tests: it is replayed once, then copied."""
    return tmp_path_factory.mktemp("seed") / "seed.sqlite3"


@pytest.fixture
def seeded(transactional_db: None, clock: Any, template: Path) -> Seeded:
    connection.ensure_connection()
    if template.exists():
        with sqlite3.connect(template) as kept:
            kept.backup(connection.connection)
    else:
        day = TODAY.isoformat()
        call_command("seed", "fushun", "--members=2500", f"--today={day}", stdout=io.StringIO())
        with sqlite3.connect(template) as kept:
            connection.connection.backup(kept)
    people = {
        ROLES[a.role]: Member.objects.select_related("branch").get(number=a.number)
        for a in seeding.demo_sign_ins()
    }
    return Seeded(people, settings.DEMO_PASSWORD)


@pytest.fixture
def faults() -> list[str]:
    """What a test breaks on purpose: parts of messages on the console that are no errors then."""
    return ["status of 4", "ERR_INTERNET_DISCONNECTED"]


@pytest.fixture
def visit(
    browser: Browser, live_server: Any, clock: Any, faults: list[str]
) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser of its own for one person; asserts that no foreign host is ever asked."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    errors: list[str] = []

    def open_(look: dict[str, Any] = PHONE, **values: Any) -> BrowserContext:
        context = browser.new_context(
            **{**look, **values}, locale="zh-CN", base_url=live_server.url
        )
        context.set_default_timeout(10_000)
        context.on(
            "request",
            lambda r: (
                None if r.url.startswith((live_server.url, "data:")) else foreign.append(r.url)
            ),
        )
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on(
            "console",
            lambda m: errors.append(m.text) if m.type == "error" else None,
        )
        contexts.append(context)
        return context

    yield open_
    for context in contexts:
        context.close()
    assert not foreign, foreign
    unexpected = [text for text in errors if not any(fault in text for fault in faults)]
    assert not unexpected, unexpected


@pytest.fixture
def sign_in(visit: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Signs somebody in by the page, as they would."""

    def enter(number: str, password: str, look: dict[str, Any] = PHONE, **values: Any) -> Page:
        page = visit(look, **values).new_page()
        page.goto("/sign-in/")
        page.fill("input[name=number]", number)
        page.fill("input[name=password]", password)
        page.click("main button")
        page.wait_for_load_state()
        return page

    return enter
