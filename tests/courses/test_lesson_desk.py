"""Lessons are written, looked at, published and withdrawn; what comes out holds no foreign mark."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image

from courses.models import BookBagItem, Lesson, LessonFile, LessonVersion, Question
from courses.online import (
    book_bags,
    lesson_bank,
    lesson_markdown,
    lesson_media,
    lesson_publishing,
    lesson_texts,
    reading_rights,
)
from courses.online.lesson_bank import Wording
from courses.online.lesson_texts import CannotWrite, Text
from portal.refusals import Conflict
from tests.cast import NOW
from tests.courses import lesson_hands as hands

CAPTIONS = b"WEBVTT\n\n00:00 --> 00:01\nx"
FILM = b"\0\0\0\x18ftypmp42" + b"\0" * 64


def picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (2400, 1200), "red").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
def zhou(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def lesson(city, programme, zhou):
    return hands.published(zhou, organiser=city.jia)


@pytest.fixture
def desk(client, city, programme):
    client.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    with time_machine.travel(NOW, tick=False):
        yield client


def text_of(lesson, **said) -> Text:
    draft = lesson_texts.draft_of(lesson)
    values = {name: getattr(draft, name) for name in Text.__dataclass_fields__}
    return Text(**{**values, **said})


def publish(lesson, by):
    seen = lesson_texts.draft_of(lesson).version
    return lesson_publishing.publish(lesson, seen=seen, by=by, at=NOW)


def save(lesson, by, **said):
    seen = lesson_texts.draft_of(lesson).version
    return lesson_texts.save(lesson, text_of(lesson, **said), seen=seen, by=by, at=NOW)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        "[点我](javascript:alert(1))",
        "[点我](JaVaScRiPt:alert(1))",
        "[点我](data:text/html;base64,PHNjcmlwdD4=)",
        "![图](data:image/svg+xml;base64,PHN2Zz4=)",
        "![图](https://elsewhere.example/x.png)",
        "![图](//elsewhere.example/x.png)",
        "[点我](//elsewhere.example/)",
        "[点我](file:1)",
        '<iframe src="/"></iframe>',
        '<a href="/" onclick="alert(1)">点我</a>',
        "<style>body{display:none}</style>",
        '<form action="/sign-out/"><button>点我</button></form>',
        '[点我](/ "x" onmouseover=alert(1))',
        '![" onerror="alert(1)](file:1)',
        "<javascript:alert(1)>",
    ],
)
def test_only_known_marks_survive(hostile):
    html = lesson_markdown.html_of(hostile)

    for mark in ("<script", "<img", "<iframe", "<style", "<form", "<button", "<svg"):
        assert mark not in html.lower()
    for tag in html.lower().split("<")[1:]:
        inside = tag.partition(">")[0]
        for bad in (
            "javascript:",
            "data:",
            "onerror",
            "onclick",
            "onmouseover",
            "src=",
        ):
            assert bad not in inside
        assert 'href="//' not in inside
        assert 'href="file:' not in inside


def test_headings_lists_and_emphasis_are_made():
    html = lesson_markdown.html_of(
        "# 一\n\n**重点**和*强调*\n第二行\n\n- 甲\n- 乙\n\n> 引文\n\n    缩进"
    )

    for mark in ("<h2>一</h2>", "<strong>重点</strong>", "<em>强调</em>", "<br>", "<li>甲</li>",
                 "<blockquote>", "<p>缩进</p>"):  # fmt: skip
        assert mark in html
    assert lesson_markdown.plain("# 一\n\n**重点**和*强调*\n\n- 甲") == "一\n重点和强调\n甲"


def test_a_picture_stands_where_the_text_names_it_alone():
    files = [LessonFile(pk=pk, kind="picture", caption=f"图{pk}") for pk in (1, 2)]

    html = lesson_markdown.html_of(
        "前。\n\n![图1](file:1)\n\n句中![图2](file:2)，![外](https://e.example/x.png)。"
        "\n\n![没有](file:9)",
        files,
    )

    assert re.findall(r'<img src="([^"]+)" alt="([^"]+)"', html) == [
        (reverse("lesson-file", args=[1]), "图1")
    ]
    assert html.count("<img") == 1
    assert "<p>句中，。</p>" in html
    assert "没有" not in html


@pytest.mark.django_db
class TestPublishing:
    pytestmark = pytest.mark.both

    def test_readers_see_the_draft_only_when_it_is_published(self, lesson, zhou):
        before = lesson.body
        save(lesson, zhou, body=before + "\n\n新的一段。", title="新名字")
        lesson.refresh_from_db()
        assert (lesson.body, lesson.title, lesson.version) == (before, "火种", 1)

        made = publish(lesson, zhou)

        lesson.refresh_from_db()
        assert (made.number, lesson.version, lesson.title) == (2, 2, "新名字")
        assert lesson.body.endswith("新的一段。")
        assert LessonVersion.objects.get(number=1).body == before

    def test_versions_questions_and_answers_never_change(self, lesson, city, zhou):
        hands.answer(lesson, city.people["lin"])
        for rows in (lesson.versions.all(), lesson.questions.all(), lesson.attempts.all()):
            with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
                rows.update(lesson=lesson)
            with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
                rows.filter(pk=rows[0].pk)._raw_delete("default")

    def test_two_editors_do_not_overwrite_each_other(self, lesson, zhou):
        seen = lesson_texts.draft_of(lesson).version
        lesson_texts.save(lesson, text_of(lesson, title="甲"), seen=seen, by=zhou, at=NOW)

        with pytest.raises(Conflict, match="没有保存"):
            lesson_texts.save(lesson, text_of(lesson, title="乙"), seen=seen, by=zhou, at=NOW)
        with pytest.raises(CannotWrite, match="又有修改"):
            lesson_publishing.publish(lesson, seen=seen, by=zhou, at=NOW)

    @pytest.mark.parametrize("questions", [2, 3])
    def test_credit_takes_more_questions_than_are_asked(self, city, programme, zhou, questions):
        with pytest.raises(CannotWrite, match=f"题库里只有 {questions} 题.*至少要 4 题"):
            hands.published(zhou, organiser=city.jia, questions=questions)
        assert hands.published(zhou, organiser=city.jia, questions=4, band=30).version == 1
        assert hands.published(zhou, organiser=city.jia, questions=2, band=0).version == 1

    @pytest.mark.parametrize(
        ("minutes", "band", "fits"),
        [(7, 15, "不凭答题记学时"), (22, 30, "15 分钟"), (37, 45, "30 分钟")],
    )
    def test_credit_takes_the_length_of_its_band(
        self, city, programme, zhou, minutes, band, fits
    ):  # fmt: skip
        said = {"organiser": city.jia, "band": band}
        with pytest.raises(CannotWrite, match=f"约 {minutes} 分钟.*“{fits}”"):
            hands.published(zhou, body="字" * 300 * minutes, **said)
        assert hands.published(zhou, body="字" * (300 * minutes + 1), **said).band == band

    def test_an_empty_lesson_is_not_published(self, city, programme, zhou):
        with pytest.raises(CannotWrite, match="正文还是空的"):
            hands.published(zhou, organiser=city.jia, body="  ")

    def test_a_film_needs_its_words_before_it_goes_out(self, lesson, zhou):
        film = lesson_media.add(lesson, FILM, "参观", minutes=3, by=zhou, at=NOW)
        save(lesson, zhou, body=f"{hands.LONG}\n\n![参观](file:{film.pk})")
        said = {"caption": "参观", "minutes": 3, "by": zhou, "at": NOW}
        lesson_media.mend(film, transcript="走进展馆。", **said)
        with pytest.raises(CannotWrite, match="没有字幕"):
            publish(lesson, zhou)

        with pytest.raises(CannotWrite, match="WebVTT"):
            lesson_media.mend(film, transcript="走进展馆。", captions=b"no", **said)
        lesson_media.mend(film, transcript="走进展馆。", captions=CAPTIONS, **said)
        publish(lesson, zhou)
        kept = lesson_media.mend(film, transcript="", **said)
        assert (kept.transcript, kept.captions) == ("", CAPTIONS.decode())

    def test_a_sound_needs_a_transcript_whatever_else_it_has(self, lesson, zhou):
        sound = lesson_media.add(
            lesson, hands.SOUND, "录音", minutes=3, captions=CAPTIONS, by=zhou, at=NOW
        )
        save(lesson, zhou, body=f"{hands.LONG}\n\n![录音](file:{sound.pk})")
        with pytest.raises(CannotWrite, match="没有文字稿"):
            publish(lesson, zhou)

        said = {"caption": "录音", "minutes": 3, "by": zhou, "at": NOW}
        lesson_media.mend(sound, transcript="油灯下。", **said)
        publish(lesson, zhou)
        with pytest.raises(CannotWrite, match="不能清空"):
            lesson_media.mend(sound, transcript="", **said)

    def test_files_of_another_lesson_are_not_shown(self, city, lesson, zhou):
        other = hands.published(zhou, organiser=city.jia, title="另一课")
        film = lesson_media.add(other, FILM, "参观", minutes=3, transcript="词", by=zhou, at=NOW)
        save(lesson, zhou, body=f"{hands.LONG}\n\n![参观](file:{film.pk})")

        with pytest.raises(CannotWrite, match="不是这一课的"):
            publish(lesson, zhou)

    def test_a_withdrawn_lesson_leaves_the_bags_and_comes_back_by_publishing(
        self, city, lesson, zhou
    ):
        shi = city.actor("shi", "official")
        reading_rights.record(lesson, "own", "自编", by=shi, at=NOW)
        bag = book_bags.make(city.county, slug="bag", title="书包", by=shi, at=NOW)
        book_bags.put_in(bag, lesson, by=shi, at=NOW)

        lesson_publishing.withdraw(lesson, by=zhou, at=NOW)

        assert not BookBagItem.objects.exists()
        with pytest.raises(book_bags.CannotPack, match="发布以后"):
            book_bags.put_in(bag, Lesson.objects.get(), by=shi, at=NOW)
        with pytest.raises(CannotWrite, match="不用撤下"):
            lesson_publishing.withdraw(lesson, by=zhou, at=NOW)
        assert publish(lesson, zhou).number == 2
        assert Lesson.objects.get().is_published

    def test_a_retired_question_is_drawn_no_more_once_published(self, lesson, zhou, city):
        first = Question.objects.earliest("pk")
        hands.ask(lesson, zhou, 4)
        lesson_bank.retire(first, by=zhou, at=NOW)
        assert first.pk in hands.version_of(lesson).bank
        publish(lesson, zhou)
        lesson.refresh_from_db()
        assert first.pk not in hands.version_of(lesson).bank

        lesson_bank.restore(first, by=zhou, at=NOW)
        assert first.pk in lesson_texts.draft_of(lesson).bank

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "essay"}, "题型"),
            ({"text": " "}, "题目请写"),
            ({"explanation": ""}, "提示请写"),
            ({"choices": ["甲"]}, "选项请写"),
            ({"choices": ["甲", "甲"]}, "一样"),
            ({"right": []}, "标出正确"),
            ({"right": [5]}, "标出正确"),
            ({"right": [0, 1]}, "只能有一个"),
            ({"kind": "multiple"}, "至少有两个"),
        ],
    )
    def test_a_question_that_cannot_be_asked_is_refused(self, lesson, zhou, change, message):
        values = {"kind": "single", "text": "问？", "choices": ["甲", "乙"], "right": [0],
                  "explanation": "见第一节。", **change}  # fmt: skip
        with pytest.raises(CannotWrite, match=message):
            lesson_bank.add(lesson, Wording(**values), by=zhou, at=NOW)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"title": " "}, "名称"),
            ({"form": "seminar"}, "点名记学时"),
            ({"body": "字" * 20_001}, "20000 字"),
            ({"minutes": 0}, "1 到 240"),
            ({"band": 20}, "档次"),
            ({"minutes": 44}, "不能超过这一课的时长"),
            ({"needed": 4}, "不能多于"),
            ({"asked": 11, "needed": 2}, "1 到 10"),
        ],
    )
    def test_a_text_that_cannot_be_kept_is_refused(self, lesson, zhou, change, message):
        with pytest.raises(CannotWrite, match=message):
            save(lesson, zhou, **change)

    def test_the_database_knows_the_bands(self, lesson):
        for name, change in (
            ("lesson_band_known", {"band": 20}),
            ("lesson_band_known", {"minutes": 44}),
            ("lesson_needs_what_it_asks", {"needed": 4}),
        ):
            with pytest.raises(IntegrityError, match=name), transaction.atomic():
                Lesson.objects.update(**change)

    def test_pictures_are_made_small_and_other_kinds_refused(self, lesson, zhou):
        made = lesson_media.add(lesson, picture(), "展馆", by=zhou, at=NOW)
        with Image.open(BytesIO(made.content)) as kept:
            assert (kept.format, kept.size) == ("JPEG", (960, 480))
        for content, message in ((b"<svg onload=alert(1)>", "只能上传"), (b"%PDF-1.4", "只能上传"),
                                 (FILM + b"\0" * 20 * 1024 * 1024, "超过 20 MB")):  # fmt: skip
            with pytest.raises(CannotWrite, match=message):
                lesson_media.add(lesson, content, "x", minutes=1, by=zhou, at=NOW)
        with pytest.raises(CannotWrite, match="播放几分钟"):
            lesson_media.add(lesson, FILM, "x", by=zhou, at=NOW)
        with pytest.raises(CannotWrite, match="WebVTT"):
            lesson_media.add(lesson, FILM, "x", minutes=1, captions=b"no", by=zhou, at=NOW)

    def test_the_band_is_proposed_from_length(self, lesson):
        film = LessonFile(kind="video", minutes=20)

        assert lesson_texts.proposed("字" * 300, [])[0] == 1
        assert lesson_texts.proposed("字" * 2400, []) == (8, 15)
        assert lesson_texts.proposed("字" * 1000, [film]) == (24, 30)


@pytest.mark.django_db
class TestPages:
    def test_a_secretary_writes_previews_and_publishes(self, desk, city):
        hands.published(city.actor("shi", "official"))  # so that there is a series
        course = Lesson.objects.get().course_id
        made = desk.post(reverse("lesson-new"), {"title": "支部小课", "course": course,
                                                 "organiser": city.jia.pk})  # fmt: skip
        lesson = Lesson.objects.get(title="支部小课")
        address = reverse("lesson-edit", args=[lesson.pk])
        assert made.url == address
        assert (lesson.organiser, lesson.state) == (city.jia, "draft")
        fields = {"title": "支部小课", "form": "online", "minutes": 15, "band": 15, "asked": 1,
                  "needed": 1, "body": f"## 夜校\n\n<b>灯</b>{hands.LONG}",
                  "period": "reform"}  # fmt: skip
        shown = desk.post(reverse("lesson-preview"), {**fields, "lesson": lesson.pk})
        assert "<h2>夜校</h2>" in shown.content.decode()
        assert "&lt;b&gt;灯" in shown.content.decode()
        assert "<html" not in shown.content.decode()

        assert desk.post(address, {**fields, "seen": 1}).url == address
        assert desk.post(address, {**fields, "seen": 1}).status_code == 409
        question = {"kind": "single", "text": "点的是什么？", "choices": "*油灯\n火把",
                    "explanation": "见夜校。"}  # fmt: skip
        for _ in range(2):
            asked = desk.post(reverse("lesson-questions", args=[lesson.pk]), question)
            assert asked.status_code == 302
        act = reverse("lesson-act", args=[lesson.pk])
        desk.post(act, {"act": "publish", "seen": lesson_texts.draft_of(lesson).version})
        lesson.refresh_from_db()
        assert (lesson.state, lesson.version, lesson.band) == ("published", 1, 15)
        assert (
            "<h2>夜校</h2>" in desk.get(reverse("lesson-detail", args=[lesson.pk])).content.decode()
        )
        assert "第 1 版" in desk.get(reverse("lesson-versions", args=[lesson.pk])).content.decode()
        desk.post(act, {"act": "withdraw"})
        assert desk.get(reverse("lesson-detail", args=[lesson.pk])).status_code == 404

    def test_a_question_is_turned_off_and_on(self, desk, lesson):
        first = Question.objects.earliest("pk")
        address = reverse("lesson-bank", args=[lesson.pk])
        desk.post(address, {"question": first.pk, "act": "retire"})
        assert first.pk not in lesson_texts.draft_of(lesson).bank
        page = desk.get(reverse("lesson-questions", args=[lesson.pk])).content.decode()
        assert "停用的题目（1）" in page
        desk.post(address, {"question": first.pk, "act": "restore"})
        assert first.pk in lesson_texts.draft_of(lesson).bank

    def test_drafts_and_their_files_are_the_editors_alone(self, desk, city, lesson):
        zhou = city.actor("zhou", "secretary")
        film = lesson_media.add(
            lesson, FILM, "参观", minutes=3, transcript="词", captions=CAPTIONS, by=zhou, at=NOW,
        )  # fmt: skip
        file, words = (reverse(name, args=[film.pk]) for name in ("lesson-file", "lesson-captions"))
        assert desk.get(file).status_code == 200
        desk.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
        assert desk.get(file).status_code == desk.get(words).status_code == 404

        save(lesson, zhou, body=f"{hands.LONG}\n\n![参观](file:{film.pk})")
        assert desk.get(file).status_code == 404
        publish(lesson, zhou)

        whole = desk.get(file)
        assert (whole.status_code, whole["Content-Type"], whole.content) == (200, "video/mp4", FILM)
        assert "no-store" not in whole["Cache-Control"]
        part = desk.get(file, HTTP_RANGE="bytes=4-7")
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert part["Content-Range"] == f"bytes 4-7/{len(FILM)}"
        assert desk.get(file, HTTP_RANGE="bytes=900-").status_code == 416
        assert desk.get(words)["Content-Type"].startswith("text/vtt")
        page = desk.get(reverse("lesson-detail", args=[lesson.pk])).content.decode()
        assert 'preload="none"' in page
        assert "<track" in page
        assert "文字稿：参观" in page
        transcript = reverse("lesson-transcript", args=[film.pk])
        assert "<p>词</p>" in desk.get(transcript).content.decode()
        desk.logout()
        assert desk.get(file).status_code == 302

    def test_files_are_uploaded_and_their_words_mended(self, desk, lesson):
        upload = reverse("lesson-upload", args=[lesson.pk])
        bad = desk.post(upload, {"file": SimpleUploadedFile("x.png", b"nothing"), "caption": "图"})
        assert bad.status_code == 422
        sent = {"file": SimpleUploadedFile("x.png", picture()), "caption": "展馆"}
        assert desk.post(upload, sent).status_code == 302
        made = LessonFile.objects.get()
        assert (
            f"![展馆](file:{made.pk})"
            in desk.get(reverse("lesson-edit", args=[lesson.pk])).content.decode()
        )
        mend = reverse("file-mend", args=[lesson.pk, made.pk])
        assert 'name="captions"' in desk.get(mend).content.decode()
        sent = {"caption": "展馆正门", "minutes": 0, "transcript": "",
                "captions": SimpleUploadedFile("x.vtt", CAPTIONS)}  # fmt: skip
        desk.post(mend, sent)
        made.refresh_from_db()
        assert (made.caption, made.captions) == ("展馆正门", CAPTIONS.decode())

    def test_the_syllabus_is_edited_by_who_governs_the_city(self, desk, city):
        lesson = hands.published(city.actor("shi", "official"))
        address = reverse("lesson-edit", args=[lesson.pk])
        assert desk.get(address).status_code == 404
        for name, status in (("shi", 200), ("gao", 403), ("lin", 403)):
            desk.force_login(city.people[name], "portal.sign_in.MemberBackend")
            assert desk.get(address).status_code == status, name

    def test_the_branchs_secretary_takes_hours_back_on_the_page(self, desk, city):
        lesson = hands.published(city.actor("shi", "official"))
        hands.answer(lesson, city.people["lin"])
        hands.answer(lesson, city.people["wu"])
        page = desk.get(reverse("lesson-credits")).content.decode()
        assert "林小满" in page
        assert city.people["wu"].name not in page
        credit = city.people["lin"].lesson_credits.get()
        address = reverse("lesson-reverse", args=[credit.pk])
        assert desk.post(address, {"reason": ""}).status_code == 422
        assert desk.post(address, {"reason": "他人代答"}).url == reverse("lesson-credits")
        credit.refresh_from_db()
        assert credit.state == "reversed"
        assert "他人代答" in desk.get(reverse("lesson-credits"), {"q": "林"}).content.decode()
