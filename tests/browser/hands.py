"""A hand that counts its taps, and the stage on which an errand is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Dialog, Download, FilePayload, Page, expect

from courses import roll_call, sessions
from courses.marks import Mark, Wish
from courses.models import StudySession
from courses.sessions import Plan
from credits.models import Programme
from portal.models import Organization
from tests.browser.conftest import PHONE
from tests.cast import TODAY, City, moment

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
ABSENT = Wish(Mark("present"), Mark("absent"))


@dataclass
class Hand:
    """A hand on a page, which counts."""

    page: Page
    taps: int = 0

    def __post_init__(self) -> None:
        self.page.on("dialog", self._agree)

    def _agree(self, dialog: Dialog) -> None:
        """Say yes to "are you sure?", which is one more tap."""
        dialog.accept()
        self.taps += 1

    def go(self, address: str) -> Hand:
        """Where the errand begins; what is opened first is no tap."""
        self.page.goto(address)
        return self

    def tap(self, selector: str, *, text: str = "") -> None:
        """Tap the one thing that this names (the first of several)."""
        found = self.page.locator(selector, has_text=text or None).first
        expect(found).to_be_visible()
        found.click()
        self.page.wait_for_load_state()
        self.taps += 1

    def choose(self, selector: str, **option: Any) -> None:
        """Choose from a list."""
        self.page.locator(selector).first.select_option(**option)
        self.taps += 1

    def give(self, name: str, data: bytes) -> None:
        """Choose a file."""
        file = FilePayload(name=name, mimeType="application/octet-stream", buffer=data)
        self.page.set_input_files("input[type=file]", file)
        self.taps += 1

    def take(self, selector: str, *, text: str = "") -> bytes:
        """Tap what gives a file, and read it."""
        with self.page.expect_download() as found:
            self.tap(selector, text=text)
        download: Download = found.value
        return download.path().read_bytes()

    def menu(self, group: str, entry: str) -> None:
        """Open a group of the main menu and tap an entry of it."""
        self.tap("nav summary", text=group)
        self.tap("nav details[open] a", text=entry)

    def type(self, selector: str, text: str) -> None:
        self.page.locator(selector).first.fill(text)

    def reads(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)


@dataclass
class Stage:
    """The cast's city with its programme, and hands of whoever signs in: by cookie, once each."""

    visit: Callable[..., Any]
    city: City
    programme: Programme
    look: dict[str, Any]
    clock: Any
    keys: dict[str, str] = field(default_factory=dict)

    def hand(self, name: str) -> Hand:
        if name not in self.keys:
            client = Client()
            client.force_login(self.city.people[name], "portal.sign_in.MemberBackend")
            self.keys[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
        look = PHONE if name == "lin" else self.look  # members have their phones with them
        context = self.visit(look)
        page = context.new_page()
        page.goto("/sign-in/")
        cookie = {
            "name": settings.SESSION_COOKIE_NAME,
            "value": self.keys[name],
            "url": page.url.partition("/sign-in")[0],
        }
        context.add_cookies([cookie])
        return Hand(page)

    def session(
        self,
        title: str,
        day: date = YESTERDAY,
        hour: int = 9,
        organiser: Organization | None = None,
        **values: Any,
    ) -> StudySession:
        start = moment(day, hour)
        end = start + timedelta(minutes=90)
        plan = Plan(title, "seminar", start, end, "reform", **values)
        at = moment(day - timedelta(days=2), 9)
        where = organiser or self.city.jia
        return sessions.schedule(where, [self.programme], plan, by=self.by, at=at)

    def closed(self, title: str, *, hour: int = 9, absent: str = "") -> StudySession:
        session = self.session(title, hour=hour)
        roll_call.open_(session, by=self.by, at=session.starts_at)
        away = {self.city.people[absent].pk: ABSENT} if absent else {}
        roll_call.close(session, away, by=self.by, at=session.ends_at)
        return session

    @property
    def by(self) -> Any:
        """The secretary of 甲支部, who does what is not looked at."""
        return self.city.actor("zhou", "secretary")


@dataclass(frozen=True)
class Errand:
    """What is done, in how many taps at most, on which screens."""

    do: Callable[[Stage], int]
    most: int
    looks: tuple[str, ...] = ("phone", "desktop")
