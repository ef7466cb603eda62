"""Book bags: made of readings whose right to be given out is recorded, and of nothing else."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from courses.models import BookBag, BookBagItem, Course, Lesson, Material, ReadingRight
from courses.online import (
    book_bag_out,
    book_bags,
    lesson_publishing,
    lesson_texts,
    reading_rights,
)
from courses.online.lesson_texts import Text
from courses.online.reading_rights import NoRight
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import NOW, moment
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def official(city):
    return city.actor("gao", "official")


@pytest.fixture
def course(city):
    return Course.objects.create(key="c", title="课程", kind="series", form="online")


@pytest.fixture
def lesson(course):
    return Lesson.objects.create(
        course=course, key="l", title="火种", form="online", minutes=20, body="第一段。\n第二段。"
    )


@pytest.fixture
def material(course):
    return Material.objects.create(course=course, key="m", title="提纲", body="一、开头。")


@pytest.fixture
def bag(city, official):
    return book_bags.make(city.county, slug="one", title="第一辑", by=official, at=NOW)


@pytest.fixture
def packed(bag, lesson, material, official):
    for reading in (lesson, material):
        reading_rights.record(reading, "own", "本单位编写", by=official, at=NOW)
        book_bags.put_in(bag, reading, by=official, at=NOW)
    return bag


def titles(bag):
    return [str(item) for item in bag.items.all()]


@transaction.atomic
def at_once(sql, *values):
    """Raw SQL with the foreign keys asked now, not at the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
    connection.check_constraints()


def test_readings_stand_in_the_order_in_which_they_were_put_in(packed):
    assert titles(packed) == ["火种", "提纲"]


def test_what_has_no_right_recorded_is_refused_by_the_verb(bag, lesson, official):
    with pytest.raises(book_bags.NoRightRecorded, match="《火种》还没有登记传播依据"):
        book_bags.put_in(bag, lesson, by=official, at=NOW)
    assert titles(bag) == []


@pytest.mark.parametrize("right", ["NULL", "987654"])
def test_what_has_no_right_recorded_is_refused_by_the_database(bag, lesson, right):
    """An item has no column but its right by which it could name a text."""
    sql = f'INSERT INTO courses_bookbagitem (bag_id, right_id, "order") VALUES (%s, {right}, 0)'
    with pytest.raises(IntegrityError):
        at_once(sql, bag.pk)
    assert not BookBagItem.objects.exists()
    assert {f.name for f in BookBagItem._meta.fields} == {"id", "bag", "right", "order"}


def test_a_right_in_use_cannot_be_deleted_under_its_reading(packed):
    right = packed.items.all()[0].right
    with pytest.raises(IntegrityError):
        at_once("DELETE FROM courses_readingright WHERE id = %s", right.pk)


def test_a_bag_holds_the_text_to_which_a_right_was_stated_until_it_is_stated_anew(bag, official):
    lesson = hands.published(official)
    reading_rights.record(lesson, "licensed", "某出版社授权", by=official, at=NOW)
    book_bags.put_in(bag, lesson, by=official, at=NOW)

    def text():
        [reading] = book_bag_out.readings_of(bag)
        return reading.chapter.title, "".join(reading.chapter.paragraphs)

    before = text()
    assert (before[0], reading_rights.behind([lesson])) == ("火种", set())
    other = Text("另一篇", "online", 45, body="没有授权的文字。" * 50)
    seen = lesson_texts.save(
        lesson, other, seen=lesson_texts.draft_of(lesson).version, by=official, at=NOW
    ).version
    lesson_publishing.publish(lesson, seen=seen, by=official, at=NOW)

    assert text() == before
    assert reading_rights.behind([lesson]) == {lesson.pk}
    with pytest.raises(NoRight, match="刚刚发布了新的版本"):
        reading_rights.record(lesson, "own", "自编", seen=1, by=official, at=NOW)
    assert text() == before
    reading_rights.record(lesson, "own", "自编", seen=2, by=official, at=NOW)
    assert text() == ("另一篇", "没有授权的文字。" * 50)


def test_new_questions_are_no_new_words(official):
    lesson = hands.published(official)
    reading_rights.record(lesson, "own", "自编", by=official, at=NOW)
    hands.ask(lesson, official, 9)

    seen = lesson_texts.draft_of(lesson).version
    version = lesson_publishing.publish(lesson, seen=seen, by=official, at=NOW)

    assert version.number == 2
    assert reading_rights.behind([lesson]) == set()


@pytest.mark.parametrize(
    "values",
    [
        {"source": ""},
        {"kind": "bought"},
        {"lesson": None},
        {"material": "too"},
        {"by": None},
    ],
)
def test_the_database_takes_no_half_right(city, lesson, material, values):
    row = {"lesson": lesson, "kind": "own", "source": "自编", "by": city.people["gao"], "at": NOW}
    if values.get("material"):
        values = {"material": material}
    with pytest.raises(IntegrityError), transaction.atomic():
        ReadingRight.objects.create(**row | values)


def test_a_right_says_by_whom_and_why_and_is_kept_in_the_audit_trail(lesson, official):
    right = reading_rights.record(lesson, "public", " 作者1928年去世 ", by=official, at=NOW)

    assert (right.kind, right.source, right.by, right.at) == (
        "public", "作者1928年去世", official.member, NOW,
    )  # fmt: skip
    event = AuditEvent.objects.latest("pk")
    assert event.subject == "登记传播依据：火种"
    assert event.detail["source"] == "作者1928年去世"


def test_a_right_stated_again_is_the_same_right_in_new_words(packed, lesson, official):
    reading_rights.record(lesson, "licensed", "授权书〔2021〕3号", by=official, at=NOW)

    assert ReadingRight.objects.count() == 2
    assert str(packed.items.all()[0].right) == "授权：授权书〔2021〕3号"


@pytest.mark.parametrize(
    ("kind", "source", "says"),
    [("", "自编", "请选择传播依据"), ("own", "  ", "请写明《火种》"), ("own", "长" * 201, "201")],
)
def test_a_right_that_says_too_little_or_too_much_is_refused(lesson, official, kind, source, says):
    with pytest.raises(reading_rights.NoRight, match=says):
        reading_rights.record(lesson, kind, source, by=official, at=NOW)


def test_what_has_no_text_needs_no_right_and_is_in_no_bag(bag, lesson, official):
    reading_rights.record(lesson, "own", "自编", by=official, at=NOW)
    Lesson.objects.update(body=" \n")
    lesson.refresh_from_db()
    with pytest.raises(book_bags.CannotPack, match="没有正文"):
        book_bags.put_in(bag, lesson, by=official, at=NOW)
    with pytest.raises(reading_rights.NoRight, match="没有正文"):
        reading_rights.record(lesson, "own", "自编", by=official, at=NOW)


def test_a_right_taken_back_takes_the_reading_out_of_every_bag(city, packed, lesson, official):
    other = book_bags.make(city.bureau, slug="two", title="第二辑", by=official, at=NOW)
    book_bags.put_in(other, lesson, by=official, at=NOW)
    for bag in (packed, other):
        book_bags.publish(bag, by=official, at=NOW)

    bags = reading_rights.revoke(lesson.right, reason="授权到期", by=official, at=NOW)

    assert {bag.slug for bag in bags} == {"one", "two"}
    assert titles(packed) == ["提纲"]
    packed.refresh_from_db()
    other.refresh_from_db()
    assert packed.is_published
    assert not other.is_published, "an empty bag is published no longer"
    assert AuditEvent.objects.latest("pk").detail["reason"] == "授权到期"


def test_a_right_is_not_taken_back_without_a_reason_or_twice(packed, lesson, official):
    right = lesson.right
    with pytest.raises(reading_rights.NoRight, match="原因"):
        reading_rights.revoke(right, reason=" ", by=official, at=NOW)
    assert titles(packed) == ["火种", "提纲"]
    reading_rights.revoke(right, reason="授权到期", by=official, at=NOW)
    with pytest.raises(reading_rights.NoRight, match="已经撤回"):
        reading_rights.revoke(right, reason="授权到期", by=official, at=NOW)


def test_putting_in_twice_puts_in_once(packed, lesson, official):
    book_bags.put_in(packed, lesson, by=official, at=NOW)
    assert titles(packed) == ["火种", "提纲"]


def test_a_bag_holds_no_more_than_a_hundred(packed, course, official, monkeypatch):
    monkeypatch.setattr(book_bags, "MOST", 2)
    third = Material.objects.create(course=course, key="n", title="第三篇", body="正文")
    reading_rights.record(third, "own", "自编", by=official, at=NOW)
    with pytest.raises(book_bags.CannotPack, match="最多放 2 篇"):
        book_bags.put_in(packed, third, by=official, at=NOW)


def test_readings_change_places_and_stop_at_the_ends(packed, official):
    first, second = packed.items.all()
    book_bags.move(second, up=True, by=official, at=NOW)
    assert titles(packed) == ["提纲", "火种"]
    book_bags.move(second, up=True, by=official, at=NOW)
    book_bags.move(first, up=False, by=official, at=NOW)
    assert titles(packed) == ["提纲", "火种"]


def test_a_reading_taken_out_can_be_put_in_again_at_the_end(packed, lesson, official):
    item = packed.items.all()[0]
    book_bags.take_out(item, by=official, at=NOW)
    book_bags.take_out(item, by=official, at=NOW)
    book_bags.put_in(packed, lesson, by=official, at=NOW)
    assert titles(packed) == ["提纲", "火种"]
    with pytest.raises(book_bags.CannotPack, match="已经不在书包里"):
        book_bags.move(item, up=True, by=official, at=NOW)


def test_a_published_bag_is_never_empty(packed, official):
    book_bags.publish(packed, by=official, at=NOW)
    first, second = packed.items.all()
    book_bags.take_out(first, by=official, at=NOW)
    with pytest.raises(book_bags.CannotPack, match="最后一篇"):
        book_bags.take_out(second, by=official, at=NOW)
    book_bags.withdraw(packed, by=official, at=NOW)
    book_bags.take_out(second, by=official, at=NOW)
    with pytest.raises(book_bags.CannotPack, match="放进至少一篇"):
        book_bags.publish(packed, by=official, at=NOW)


def test_publishing_says_by_whom_and_when_once(packed, official, city):
    first = book_bags.publish(packed, by=official, at=NOW)
    again = book_bags.publish(packed, by=city.by, at=moment(hour=21))

    assert (again.published_by, again.published_at) == (official.member, first.published_at)
    assert AuditEvent.objects.filter(subject="书包《第一辑》：发布").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        BookBag.objects.filter(pk=packed.pk).update(published_by=None)


def test_every_act_moves_the_day_of_the_last_change(packed, official):
    later = moment(hour=21)
    book_bags.move(packed.items.all()[1], up=True, by=official, at=later)
    packed.refresh_from_db()
    assert packed.changed_at == later


@pytest.mark.parametrize("slug", ["", "A", "一号", "-x", "x" * 31, "a/b"])
def test_a_slug_that_is_no_address_is_refused(city, official, slug):
    with pytest.raises(book_bags.CannotPack, match="标识"):
        book_bags.make(city.county, slug=slug, title="书包", by=official, at=NOW)


def test_a_slug_is_taken_once_and_a_title_is_needed(city, bag, official):
    with pytest.raises(book_bags.CannotPack, match="已经有书包用了"):
        book_bags.make(city.bureau, slug="one", title="另一辑", by=official, at=NOW)
    for title, summary in ((" ", ""), ("长" * 61, ""), ("书包", "长" * 301)):
        with pytest.raises(Refusal):
            book_bags.describe(bag, title=title, summary=summary, by=official, at=NOW)
    row = book_bags.describe(bag, title=" 新名 ", summary="简介", by=official, at=NOW)
    assert (row.title, row.summary, row.slug) == ("新名", "简介", "one")
