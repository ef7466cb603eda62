"""README.md and docs/: the commands, the start pages and the pictures they name are there."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIRST_SCREEN = 24  # lines


def test_the_first_screen_shows_both_commands_and_the_three_start_pages():
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:FIRST_SCREEN])

    assert "make run" in first
    assert "make test" in first
    assert re.findall(r"screenshots/([\w-]+)\.png", first) == [
        "member-home", "secretary-home", "official-home"
    ]  # fmt: skip


def test_every_picture_that_a_text_names_is_there_and_none_is_unused():
    named = {
        (text.parent / link).resolve()
        for text in TEXTS
        for link in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text.read_text())
    }

    assert named == set((ROOT / "docs" / "screenshots").glob("*.png"))
    assert all(picture.stat().st_size < 120_000 for picture in named)


def test_every_link_between_the_texts_leads_somewhere():
    for text in TEXTS:
        for link in re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)", text.read_text()):
            assert (text.parent / link).exists(), f"{text.name}: {link}"


def test_each_of_the_three_has_a_page_in_chinese():
    for name in ("member", "secretary", "official"):
        text = (ROOT / "docs" / f"{name}.md").read_text()
        assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 300
        assert "screenshots/" in text
