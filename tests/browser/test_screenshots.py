"""Takes the pictures of README.md and docs/ (`make screenshots`); never part of `make test`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from courses.models import StudySession
from credits.models import Bulletin
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.screenshots, pytest.mark.django_db(transaction=True)]
DIRECTORY = Path(os.environ.get("SCREENSHOTS", "docs/screenshots"))


def test_take_the_pictures(sign_in: Any, seeded: Any):
    """Two pages of each of the three people, on the screens they use."""
    bulletin = Bulletin.objects.order_by("-pk").first()
    branch = seeded.people["secretary"].branch
    sessions = StudySession.objects.filter(organiser=branch).order_by("-starts_at")
    session = sessions.filter(state="open").first() or sessions.first()
    assert bulletin is not None
    assert session is not None
    roll = f"/sessions/{session.pk}/"
    for role, look, pages in (
        ("member", PHONE, {"member-home": "/", "member-log": "/logs/new/"}),
        ("secretary", DESKTOP, {"secretary-home": "/", "secretary-roll": roll}),
        ("official", DESKTOP, {
            "official-home": "/", "official-bulletin": f"/bulletins/{bulletin.pk}/",
        }),
    ):  # fmt: skip
        page = sign_in(seeded[role], seeded.password, {**look, "device_scale_factor": 1})
        for name, address in pages.items():
            answer = page.goto(address)
            assert answer.ok, f"{address}: {answer.status}"
            page.wait_for_load_state("networkidle")
            page.screenshot(path=DIRECTORY / f"{name}.png")
