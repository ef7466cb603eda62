"""EPUB files: accepted by epubcheck without a word, and holding exactly what the portal holds."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from courses.models import BookBag, Lesson, Material
from courses.online import book_bag_out, book_bags, epub, lesson_markdown, reading_rights
from courses.online.epub import Book, Chapter
from courses.seeding import book_bags as seeded_bags
from courses.seeding import syllabus
from courses.seeding.agenda import Agenda
from courses.seeding.calendar import Calendar
from courses.seeding.files import load
from courses.seeding.world import World
from tests.cast import NOW, TODAY

XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"
DC = "{http://purl.org/dc/elements/1.1/}"
PLAIN = Book(
    "urn:uuid:0b6e8f3a-9d4c-5a51-8a63-5d4c3b2a1f00", "第一辑", "简介", "某县委",
    datetime(2021, 6, 3, 12, tzinfo=UTC),
    (Chapter("火种", "微党课", ("第一段。", "第二段。"), "传播依据：自行编写。"),),
)  # fmt: skip
# What a text may bring: markup, XML's own signs, characters that XML forbids, emoji, rare names.
NASTY = '<script>alert("1")</script> & ]]> \x00\x0b\x1b\ufffe 😀喆堃𠮷 &nbsp; <!-- '


@pytest.fixture
def seeded_bag(city):
    """The demonstration's bag in the small city."""
    world = World(Calendar(TODAY), 1, 1, Agenda(Calendar(TODAY).horizon))
    world.city, world.cast = city.root, {"official": city.people["shi"]}
    syllabus.lay_out(at=NOW)
    seeded_bags.plan(world)
    world.agenda.run(world, lambda said: None)
    return BookBag.objects.select_related("organiser").get()


def checked(path: Path) -> list[dict[str, object]]:
    """What epubcheck says of a file, information aside."""
    command = shutil.which("epubcheck")
    assert command, "epubcheck is missing; `make test` installs it (apt-get install epubcheck)"
    said_in = path.with_suffix(".json")
    # It is a jar that a kernel starts by itself only where binfmt_misc is on: not in containers.
    words = ["java", "-jar", command, str(path), "--json", str(said_in)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    said = json.loads(said_in.read_text())
    assert said["publication"], done.stderr
    messages = [m for m in said["messages"] if m["severity"] not in ("INFO", "USAGE")]
    assert messages or done.returncode == 0, done.stderr
    return messages


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def texts(data: bytes) -> list[tuple[str, list[str]]]:
    """Title and paragraphs of every chapter, in the order of the spine, as a reader reads them."""
    parts = contents(data)
    package = ElementTree.fromstring(parts["EPUB/package.opf"])  # noqa: S314 - our own file
    files = {i.get("id"): i.get("href") for i in package.iter(f"{OPF}item")}
    found = []
    for reference in package.iter(f"{OPF}itemref"):
        name = str(files[reference.get("idref")])
        if name.startswith("text-"):
            root = ElementTree.fromstring(parts[f"EPUB/{name}"])  # noqa: S314 - our own file
            plain = [p.text or "" for p in root.iter(f"{XHTML}p") if p.get("class") is None]
            found.append((root.findtext(f".//{XHTML}h1", ""), plain))
    return found


@pytest.mark.django_db
@pytest.mark.both
def test_epubcheck_has_nothing_to_say_of_the_demonstration_s_bag(seeded_bag, tmp_path):
    file = tmp_path / "bag.epub"
    said = io.StringIO()
    call_command("book_bag", seeded_bag.slug, epub=file, stdout=said)

    assert checked(file) == []
    assert "7 篇" in said.getvalue()
    held = [item.right.reading for item in book_bag_out.items_of(seeded_bag)]
    assert [title for title, _ in texts(file.read_bytes())] == [r.title for r in held]
    lessons = list(Lesson.objects.all())
    for (_, paragraphs), reading in zip(texts(file.read_bytes()), held, strict=True):
        said_in_it = lesson_markdown.plain(reading.body) if reading in lessons else reading.body
        assert "".join(paragraphs) == "".join(said_in_it.split("\n")).strip()


def test_epubcheck_has_nothing_to_say_of_a_hostile_book(tmp_path):
    chapters = tuple(Chapter(f"{n}{NASTY}", NASTY, (NASTY, "正文"), NASTY) for n in range(3))
    file = tmp_path / "nasty.epub"
    title = (NASTY + "长" * 60)[:60]
    file.write_bytes(
        epub.write(replace(PLAIN, title=title, summary=NASTY, publisher=NASTY, chapters=chapters))
    )

    assert checked(file) == []
    shown = texts(file.read_bytes())[0][1][0]
    assert shown == '<script>alert("1")</script> & ]]>  😀喆堃𠮷 &nbsp; <!-- '


def test_epubcheck_is_asked_in_earnest(tmp_path):
    """A book with an error and one with a warning are both told of."""
    data = contents(epub.write(PLAIN))
    for name, old, new in (
        ("EPUB/nav.xhtml", b"text-001.xhtml", b"text-009.xhtml"),
        ("EPUB/package.opf", b"zh-CN</dc:language>", b"</dc:language>"),
    ):
        file = tmp_path / "broken.epub"
        with zipfile.ZipFile(file, "w") as packed:
            for part, content in data.items():
                packed.writestr(part, content.replace(old, new) if part == name else content)
        assert checked(file), name


def test_the_type_stands_first_and_uncompressed():
    with zipfile.ZipFile(io.BytesIO(epub.write(PLAIN))) as packed:
        first = packed.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert epub.write(PLAIN)[30:58] == b"mimetypeapplication/epub+zip"


def test_the_same_book_gives_the_same_bytes_and_another_gives_others():
    assert epub.write(PLAIN) == epub.write(replace(PLAIN))
    assert epub.write(PLAIN) != epub.write(replace(PLAIN, title="第二辑"))


def test_metadata_cover_and_contents():
    parts = contents(epub.write(PLAIN))
    package = ElementTree.fromstring(parts["EPUB/package.opf"])  # noqa: S314 - our own file
    said = {name: package.find(f".//{DC}{name}").text for name in ("identifier", "title",
            "language", "publisher", "description")}  # fmt: skip
    assert said == {
        "identifier": PLAIN.identifier, "title": "第一辑", "language": "zh-CN",
        "publisher": "某县委", "description": "简介",
    }  # fmt: skip
    assert (
        package.find(f".//{OPF}meta[@property='dcterms:modified']").text == "2021-06-03T12:00:00Z"
    )
    cover = package.find(f".//{OPF}item[@properties='cover-image']")
    assert "第一辑" in parts[f"EPUB/{cover.get('href')}"].decode()
    assert '<a href="text-001.xhtml">火种</a>' in parts["EPUB/nav.xhtml"].decode()
    style = parts["EPUB/style.css"].decode()
    assert "text-indent: 2em" in style
    assert "@font-face" not in style


@pytest.mark.django_db
@pytest.mark.both
def test_the_identifier_stays_when_the_bag_changes(seeded_bag, city):
    def identifier():
        bag = BookBag.objects.select_related("organiser").get()
        return book_bag_out.book_of(bag, book_bag_out.readings_of(bag)).identifier

    before, by = identifier(), city.actor("shi", "official")
    book_bags.describe(seeded_bag, title="改名", summary="", by=by, at=NOW)
    book_bags.take_out(seeded_bag.items.first(), by=by, at=NOW)
    assert identifier() == before
    other = book_bags.make(city.county, slug="other", title="另一辑", by=by, at=NOW)
    assert book_bag_out.book_of(other, []).identifier != before


@pytest.mark.django_db
@pytest.mark.both
def test_every_text_of_the_demonstration_s_bag_says_why_it_may_be_given_out(seeded_bag):
    listed = load("book-bags")
    assert {entry["reading"] for entry in listed["rights"]} == set(listed["bag"]["readings"])
    for reading in book_bag_out.readings_of(seeded_bag):
        assert reading.chapter.rests_on.startswith("传播依据：")
    assert Lesson.objects.filter(right=None).exists()
    assert not Material.objects.filter(right=None).exists()


@pytest.mark.django_db
def test_the_command_says_what_there_is_and_where_it_cannot_write(seeded_bag, city, tmp_path):
    with pytest.raises(CommandError, match="没有标识为 nothing 的书包。现有：mobile-2021"):
        call_command("book_bag", "nothing", epub=tmp_path / "x.epub")
    with pytest.raises(CommandError, match="写不了文件"):
        call_command("book_bag", seeded_bag.slug, epub=tmp_path / "no" / "x.epub")
    book_bags.make(city.county, slug="empty", title="空书包", by=city.by, at=NOW)
    with pytest.raises(CommandError, match="还没有读物"):
        call_command("book_bag", "empty", epub=tmp_path / "x.epub")


@pytest.mark.parametrize(
    "text", ["短。", "一段。\n" * 3000, "没有标点的长文" * 3000, "！" * 20000, '""<&>' * 5000, ""]
)
def test_pages_to_keep_are_small_and_lose_nothing(text):
    paragraphs = epub.paragraphs_of(text)
    pages = book_bag_out.pages_of(paragraphs)

    assert "".join("".join(page) for page in pages) == "".join(paragraphs)
    assert all(sum(map(book_bag_out._size, page)) <= book_bag_out.PART for page in pages)
    assert len(pages) == 1 or all(pages)


def test_paragraphs_are_lines_without_their_indents():
    assert epub.paragraphs_of("　　第一段。\r\n\r\n\t第二段。 \n") == ("第一段。", "第二段。")


def test_a_right_of_another_kind_is_named_in_the_text(city, db):
    """The line at the end of a chapter is the right as it is recorded."""
    syllabus.lay_out(at=NOW)
    reading = Material.objects.get(key="xia-minghan")
    by = city.actor("shi", "official")
    reading_rights.record(reading, "licensed", "授权书3号", by=by, at=NOW)
    bag = book_bags.make(city.root, slug="x1", title="书包", by=by, at=NOW)
    book_bags.put_in(bag, reading, by=by, at=NOW)
    (shown,) = book_bag_out.readings_of(bag)
    assert shown.chapter.rests_on == "传播依据：授权。授权书3号"
    assert shown.chapter.note == "红色电子书包"
