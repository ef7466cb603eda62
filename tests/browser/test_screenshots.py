"""Takes the pictures of README.md and docs/ (`make screenshots`); never part of `make test`."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page
from pypdf import PdfReader

from courses.models import StudySession
from credits import paper_pdf, papers
from credits.models import Bulletin
from tests.browser import pages
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_axe import sheet

pytestmark = [pytest.mark.screenshots, pytest.mark.django_db(transaction=True)]
DIRECTORY = Path(os.environ.get("SCREENSHOTS", "docs/screenshots"))
COLOURS, LARGEST = 96, 120_000  # of a picture; bytes


def take(page: Page, name: str) -> None:
    """Keep what the screen shows, in few colours: the repository carries these pictures."""
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = DIRECTORY / f"{name}.png"
    few.save(file, optimize=True)
    assert file.stat().st_size < LARGEST, f"{file}: {file.stat().st_size} bytes"


def print_bulletin(bulletin: Bulletin) -> None:
    """The first page of its PDF, one with charts, the first annex and the last page."""
    with TemporaryDirectory() as folder:
        made = Path(folder, "bulletin.pdf")
        paper_pdf.write(papers.of_bulletin(bulletin), made, copies="各县（区）委，市直各单位")
        texts = [page.extract_text() for page in PdfReader(made).pages]
        annex = next(number for number, text in enumerate(texts, 1) if text.startswith("附件1"))
        charts = next(number for number, text in enumerate(texts, 1) if "人均学时（竖线" in text)
        for name, number in (("first", 1), ("charts", charts), ("annex", annex),
                             ("last", len(texts))):  # fmt: skip
            target = DIRECTORY / f"bulletin-pdf-{name}"
            subprocess.run(
                ["pdftoppm", "-r", "60", "-png", "-singlefile", "-f", str(number), "-l",
                 str(number), made, target],
                check=True,
            )  # fmt: skip


def test_take_the_pictures(sign_in: Any, seeded: Any):
    """The start page of each of the three, then what docs/ speaks of, on the screens they use."""
    branch = seeded.people["secretary"].branch
    roll = StudySession.objects.filter(organiser=branch, state="open").earliest("starts_at")
    bulletin = pages.some(Bulletin.objects.all())
    people = {
        role: sign_in(seeded[role], seeded.password, {**look, "device_scale_factor": 1})
        for role, look in (("member", PHONE), ("secretary", DESKTOP), ("official", DESKTOP))
    }
    for role, page in people.items():
        take(page, f"{role}-home")
    ids = pages.made(seeded.people)
    for name, address in {
        "member-log": "/logs/new/",
        "member-check-in": "/check-in/",
        "member-hours": "/hours/",
        "secretary-roll": f"/sessions/{roll.pk}/",
        "secretary-screen": f"/sessions/{ids['live']}/screen/",
        "secretary-logs": "/logs/",
        "official-ranking": "/ranking/",
        "official-draft": f"/bulletins/drafts/{ids['draft']}/",
        "official-bulletin": f"/bulletins/{bulletin}/",
    }.items():
        page = people[name.partition("-")[0]]
        answer = page.goto(address)
        assert answer.ok, f"{address}: {answer.status}"
        take(page, name)
    print_bulletin(Bulletin.objects.get(pk=bulletin))
    sheet(people["secretary"], seeded)
    take(people["secretary"], "secretary-sheet")
