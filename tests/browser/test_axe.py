"""axe-core finds no violation on any page: normal, large text and dark; no page scrolls sideways
on a phone, and none needs JavaScript to be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from courses.models import Course, Lesson, Material, ReadingClass, StudyLog, StudySession
from credits.models import Bulletin, BulletinDraft
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOKS = {"normal": "", "large": "large", "dark": "dark"}


def addresses(seeded: Any) -> dict[str, list[str]]:
    """Every page that each role can open, on real data."""
    branch = seeded.people["secretary"].branch
    sessions = StudySession.objects.filter(organiser=branch)
    by_state = {s.state: s.pk for s in sessions}
    logs = StudyLog.objects.filter(branch=branch, state="confirmed")
    log = logs.exclude(member=seeded.people["secretary"]).first()
    closed = sessions.filter(state="closed").first()
    assert closed is not None
    assert log is not None
    member = seeded.people["member"]
    bulletin = Bulletin.objects.order_by("-pk").first()
    course, lesson = Course.objects.first(), Lesson.objects.first()
    material, reading_class = Material.objects.first(), ReadingClass.objects.first()
    assert bulletin is not None
    assert course is not None
    assert lesson is not None
    assert material is not None
    assert reading_class is not None
    pages = {
        "member": [
            "/", "/logs/new/", "/logs/mine/", "/check-in/", "/courses/", f"/courses/{course.pk}/",
            f"/lessons/{lesson.pk}/", f"/materials/{material.pk}/", "/hours/", "/ranking/",
            "/ranking/members/", "/bulletins/", f"/bulletins/{bulletin.pk}/", "/account/",
            f"/sessions/{closed.pk}/",
        ],
        "secretary": [
            "/", "/classes/", "/classes/new/", "/sessions/new/", "/logs/", "/logs/?show=decided",
            f"/logs/{log.pk}/reverse/", "/hours/branch/", "/members/", "/members/new/",
            f"/members/{member.pk}/", f"/members/{member.pk}/transfer/", "/sheets/", "/members/in/",
            f"/logs/for/{member.pk}/", f"/exemptions/members/{member.pk}/",
            f"/sessions/{closed.pk}/one/{member.pk}/", f"/sessions/{closed.pk}/paper/",
            f"/sessions/{closed.pk}/reopen/",
            *(f"/sessions/{pk}/" for pk in by_state.values()),
        ],
        "official": [
            "/", "/ranking/", "/ranking/?cohort=enterprise", "/ranking/?window=month",
            "/bulletins/", f"/bulletins/{bulletin.pk}/", "/bulletins/new/", "/organizations/",
            f"/organizations/{branch.pk}/", f"/figures/{branch.pk}/", "/members/", "/exemptions/",
            "/programme/", "/programme/rules/", "/audit/",
        ],
    }  # fmt: skip
    own = ReadingClass.objects.filter(organiser=branch).first()
    if own:
        pages["secretary"].append(f"/classes/{own.pk}/")
    if by_state.get("open"):
        pages["secretary"].append(f"/sessions/{by_state['open']}/screen/")
    if by_state.get("planned"):
        pages["secretary"].append(f"/sessions/{by_state['planned']}/change/")
    draft = BulletinDraft.objects.filter(bulletin=None).first()
    if draft:
        pages["official"].append(f"/bulletins/drafts/{draft.pk}/")
    return pages


def wrong(page: Page, address: str, look: str) -> Iterator[str]:
    """What is wrong with one page, in words."""
    response = page.goto(address)
    assert response is not None
    if response.status != 200:
        yield f"{address}: {response.status}"
        return
    for violation in Axe().run(page).response["violations"]:
        where = violation["nodes"][0]
        yield f"{address} ({look}): {violation['id']} {where['target']} {where['html'][:160]}"
    wide, shown = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    if wide > shown + 1:
        yield f"{address} ({look}): {wide} px wide on a screen of {shown}"


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_violation(look: str, sign_in: Any, seeded: Any):
    found: list[str] = []
    for role, pages in addresses(seeded).items():
        page = sign_in(seeded[role], seeded.password, PHONE if role == "member" else DESKTOP)
        if LOOKS[look]:
            page.context.add_cookies(
                [{"name": "look", "value": LOOKS[look], "url": page.url.split("/", 3)[0] + "//"
                  + page.url.split("/")[2]}]
            )  # fmt: skip
        for address in pages:
            found += wrong(page, address, look)
        if look == "normal":  # phones are everybody's
            page.set_viewport_size({"width": 390, "height": 844})
            for address in pages:
                found += wrong(page, address, "phone")
    anonymous = page.context.browser.new_page()
    for address in ("/sign-in/", "/first-sign-in/"):
        found += wrong(anonymous, f"{'/'.join(page.url.split('/')[:3])}{address}", look)
    anonymous.close()
    assert not found, "\n".join(found)
