"""Reflections: saved from several devices, handed in, read, returned, recommended, accepted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from courses.models import Course, Lesson, Recommendation, Reflection, TextPrint
from courses.online import exemplars, reflection_reading, reflections
from courses.online.reflection_reading import NotYourself
from courses.online.reflections import NotNow, OtherDevice, Writing
from credits.models import LedgerEntry
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]
TEXT = "读了《共产党宣言》的译介经过，才知道一本小书走了多远的路。\n我在车间里也想做好一件小事。"
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def author(city):
    return city.actor("lin", "member")


@pytest.fixture
def secretary(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def official(city):
    return city.actor("gao", "official")


@pytest.fixture
def write(author):
    """Hand one in, of 林小满 unless said otherwise."""

    def hand(key="mine", *, by=author, title="一件小事", text=TEXT, consent=True, about=""):
        writing = Writing(title, text, about, consent)
        return reflections.hand_in(key, writing, seen_version=0, by=by, at=NOW)

    return hand


def save(by, text, seen, key="mine", **values):
    writing = Writing(values.pop("title", "题"), text, **values)
    return reflections.save(key, writing, seen_version=seen, by=by, at=NOW)


def test_a_draft_is_made_by_the_first_saving_and_grows_with_each(author):
    first = save(author, "一", 0)
    second = save(author, "一二", first.version)

    row = Reflection.objects.get()
    assert (first.version, second.version, row.text) == (1, 2, "一二")
    assert (row.state, row.branch, row.member) == ("draft", None, author.member)


def test_saving_the_same_again_changes_nothing_whatever_was_seen(author):
    save(author, "一", 0)

    assert save(author, "一", 0).version == 1
    assert save(author, "一\n", 7).version == 1


def test_a_second_device_that_saw_less_is_told_and_loses_nothing(author):
    save(author, "手机上写的", 0)
    save(author, "手机上又写的", 1)

    with pytest.raises(OtherDevice) as refused:
        save(author, "电脑上写的", 1)

    assert refused.value.row.text == "手机上又写的"
    assert Reflection.objects.get().text == "手机上又写的"
    assert save(author, "电脑上写的", refused.value.row.version).version == 3


def test_a_draft_thrown_away_elsewhere_is_begun_anew_by_the_device_that_still_writes(author):
    row = save(author, "一", 0)
    reflections.discard(row, by=author)
    assert not Reflection.objects.exists()

    assert save(author, "一二", 1).text == "一二"


def test_nobody_writes_on_in_somebody_elses(author, city):
    row = save(author, "一", 0)
    other = city.actor("zhou", "secretary")

    for act in (
        lambda: save(other, "二", 1),
        lambda: reflections.discard(row, by=other),
        lambda: reflections.take_back(row, by=other, at=NOW),
        lambda: reflections.hand_in("mine", Writing("题", "二"), seen_version=1, by=other, at=NOW),
    ):
        with pytest.raises(Refusal, match="别人写的"):
            act()
    assert Reflection.objects.get().text == "一"


@pytest.mark.parametrize(
    ("writing", "said"),
    [
        (Writing("题" * 61, "文"), "题目最多 60 个字"),
        (Writing("题", "文" * 10_001), "正文最多 10000 个字，现在有 10001 个字"),
        (Writing("题", "文", "lesson-999"), "没有找到所选的"),
        (Writing("题", "文", "session-1"), "没有找到所选的"),
        (Writing("题", "文", "member-1"), "没有找到所选的"),
        (Writing("题", "文", "course-" + "9" * 30), "没有找到所选的"),
    ],
)
def test_what_cannot_be_kept_is_refused(author, writing, said):
    with pytest.raises(Refusal, match=said):
        reflections.save("mine", writing, seen_version=0, by=author, at=NOW)
    assert not Reflection.objects.exists()


def test_so_many_drafts_and_no_more(author, monkeypatch):
    monkeypatch.setattr(reflections, "MOST_OPEN", 2)
    save(author, "一", 0, key="a")
    save(author, "一", 0, key="b")

    with pytest.raises(Refusal, match="已有 2 篇"):
        save(author, "一", 0, key="c")
    assert save(author, "一二", 1, key="b").version == 2


def test_it_may_be_about_a_course_or_a_session_one_was_at(author, opened, city):
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    row = save(author, "一", 0, about=f"course-{course.pk}")
    assert (row.about, row.about_name) == (course, f"course-{course.pk}")

    row = save(author, "一", row.version, about=f"session-{opened.pk}")
    assert row.about == opened
    assert save(author, "一", row.version).about is None
    with pytest.raises(Refusal, match="没有找到"):
        save(city.actor("wu", "member"), "一", 0, key="other", about=f"session-{opened.pk}")


def test_handed_in_it_is_the_branchs_and_stays_as_it_is(write, author, city):
    row = write()

    assert (row.state, row.branch_id, row.handed_in_at) == ("handed_in", city.jia.pk, NOW)
    with pytest.raises(NotNow, match="已提交"):
        save(author, "改", row.version)
    with pytest.raises(NotNow, match="不能删除"):
        reflections.discard(row, by=author)


@pytest.mark.parametrize(("title", "text", "said"), [("", TEXT, "题目"), ("题", " \n", "还是空的")])
def test_only_a_whole_one_is_handed_in(write, title, text, said):
    with pytest.raises(Refusal, match=said):
        write(title=title, text=text)


def test_handing_in_from_an_older_page_is_refused_as_saving_is(author):
    save(author, "一", 0)
    save(author, "一二", 1)

    with pytest.raises(OtherDevice):
        reflections.hand_in("mine", Writing("题", "三"), seen_version=1, by=author, at=NOW)
    assert Reflection.objects.get().state == "draft"


def test_it_is_taken_back_until_somebody_has_read_it(write, author, secretary):
    row = reflections.take_back(write(), by=author, at=LATER)
    assert (row.state, row.branch_id, row.handed_in_at) == ("draft", None, None)
    assert not TextPrint.objects.exists()

    row = reflections.hand_in(
        "mine", Writing("题", TEXT), seen_version=row.version, by=author, at=LATER
    )
    reflection_reading.read(row, by=secretary, at=LATER)
    with pytest.raises(NotNow, match="支部已经看过"):
        reflections.take_back(row, by=author, at=LATER)


def test_it_is_returned_with_a_remark_changed_and_handed_in_once_more(write, author, secretary):
    row = write()
    with pytest.raises(Refusal, match="退回的原因"):
        reflection_reading.return_(row, remark=" ", by=secretary, at=LATER)

    row = reflection_reading.return_(row, remark="请写自己的话", by=secretary, at=LATER)
    assert (row.state, row.read_by, row.remark) == ("returned", secretary.member, "请写自己的话")
    again = reflections.hand_in(
        "mine", Writing("题", TEXT + "是我想的。"), seen_version=row.version, by=author, at=LATER
    )

    assert (again.state, again.read_by, again.remark) == ("handed_in", None, "请写自己的话")
    told = AuditEvent.objects.filter(event="study", subject__startswith="心得体会").get()
    assert (told.by, told.detail["reason"]) == (secretary.member, "请写自己的话")
    assert TEXT[:8] not in str(told.detail) + told.subject


def test_reading_twice_changes_nothing_and_what_was_read_is_not_returned(write, secretary, city):
    row = reflection_reading.read(write(), remark="写得实在", by=secretary, at=LATER)
    officer = Actor(city.enrol(city.jia, "组织委"), "organiser")

    assert reflection_reading.read(row, by=officer, at=LATER).read_by == secretary.member
    with pytest.raises(NotNow, match="已阅"):
        reflection_reading.return_(row, remark="重写", by=officer, at=LATER)


def test_it_is_about_no_lesson_that_is_still_being_written(author):
    course = Course.objects.create(key="c", title="微党课", kind="series", form="online")
    lesson = Lesson.objects.create(
        course=course, key="l", title="还没有写完", form="online", minutes=20, state="draft"
    )
    with pytest.raises(Refusal, match="没有找到"):
        save(author, "一", 0, about=f"lesson-{lesson.pk}")

    Lesson.objects.filter(pk=lesson.pk).update(state="withdrawn")  # it was read before
    assert save(author, "一", 0, about=f"lesson-{lesson.pk}").about == lesson


def test_nobody_decides_about_their_own(write, secretary, city):
    own = write("own", by=secretary)

    for act in (
        lambda: reflection_reading.read(own, by=secretary, at=LATER),
        lambda: reflection_reading.return_(own, remark="改", by=secretary, at=LATER),
        lambda: reflection_reading.recommend(own, city.county, reason="好", by=secretary, at=LATER),
    ):
        with pytest.raises(NotYourself):
            act()
    assert not Recommendation.objects.exists()


def test_drafts_and_what_is_taken_back_are_decided_by_nobody(author, secretary, write):
    draft = save(author, "一", 0, key="draft")
    with pytest.raises(NotNow):
        reflection_reading.read(draft, by=secretary, at=LATER)

    row = write()
    reflections.take_back(row, by=author, at=LATER)
    with pytest.raises(NotNow, match="撤回"):
        reflection_reading.read(row, by=secretary, at=LATER)


def test_without_consent_it_cannot_be_recommended(write, secretary, city):
    row = write(consent=False)

    with pytest.raises(Refusal, match="作者没有同意"):
        reflection_reading.recommend(row, city.county, reason="好", by=secretary, at=LATER)
    row.refresh_from_db()
    assert row.state == "handed_in"


def test_it_is_recommended_upward_only_with_a_reason_and_once(write, secretary, city):
    row = write()

    for where in (city.jia, city.yi, city.bureau):
        with pytest.raises(Refusal, match="上级党组织"):
            reflection_reading.recommend(row, where, reason="好", by=secretary, at=LATER)
    with pytest.raises(Refusal, match="推荐理由"):
        reflection_reading.recommend(row, city.county, reason=" ", by=secretary, at=LATER)
    made = reflection_reading.recommend(row, city.root, reason="实在", by=secretary, at=LATER)
    row.refresh_from_db()
    assert (made.state, row.state, row.read_by) == ("waiting", "read", secretary.member)
    with pytest.raises(Refusal, match="已经推荐过"):
        reflection_reading.recommend(row, city.county, reason="好", by=secretary, at=LATER)


@pytest.fixture
def recommended(write, secretary, city):
    return reflection_reading.recommend(write(), city.county, reason="实在", by=secretary, at=LATER)


def test_accepted_it_is_shown_to_everybody_below_and_to_nobody_else(recommended, official, city):
    seen = Recommendation.objects.shown_to
    assert not seen(city.people["wu"]).exists()

    exemplars.accept(recommended, by=official, at=LATER)
    exemplars.accept(recommended, by=official, at=LATER)

    assert seen(city.people["wu"]).get() == recommended
    assert seen(city.people["lin"]).get() == recommended
    assert not seen(city.people["guan"]).exists(), "of another unit"


def test_who_wrote_or_recommended_it_does_not_accept_it(recommended, secretary, author):
    for somebody in (secretary, author):
        with pytest.raises(NotYourself):
            exemplars.accept(recommended, by=somebody, at=LATER)
        with pytest.raises(NotYourself):
            exemplars.decline(recommended, reply="不", by=somebody, at=LATER)


def test_declined_with_a_reason_it_may_be_recommended_once_more(
    recommended, official, secretary, city
):
    with pytest.raises(Refusal, match="不采用的理由"):
        exemplars.decline(recommended, reply="", by=official, at=LATER)
    row = exemplars.decline(recommended, reply="太短", by=official, at=LATER)
    assert (row.state, row.reply) == ("declined", "太短")
    with pytest.raises(NotNow, match="未采用"):
        exemplars.accept(recommended, by=official, at=LATER)

    again = reflection_reading.recommend(
        row.reflection, city.root, reason="补充过", by=secretary, at=LATER
    )
    assert again.state == "waiting"


def test_the_author_withdraws_and_takes_the_consent_back(
    recommended, official, author, secretary, city
):
    exemplars.accept(recommended, by=official, at=LATER)
    row = exemplars.withdraw(recommended, by=author, at=LATER)

    assert (row.state, row.ended_by) == ("withdrawn", author.member)
    assert not Recommendation.objects.shown_to(city.people["wu"]).exists()
    with pytest.raises(Refusal, match="没有同意"):
        reflection_reading.recommend(
            row.reflection, city.county, reason="好", by=secretary, at=LATER
        )
    with pytest.raises(NotNow, match="已撤下"):
        exemplars.withdraw(recommended, by=author, at=LATER)


def test_the_official_withdraws_and_the_consent_stands(recommended, official):
    exemplars.accept(recommended, by=official, at=LATER)
    row = exemplars.withdraw(recommended, by=official, at=LATER)

    assert row.reflection.consent
    assert row.decided_by == official.member


def test_the_database_keeps_reflections_in_order(write, author, secretary, opened):
    row = write()
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    rows = Reflection.objects.filter(pk=row.pk)
    for wrong in (
        {"branch": None}, {"handed_in_at": None}, {"title": ""}, {"text": ""},
        {"state": "draft"}, {"state": "read"}, {"state": "returned"},
        {"course": course, "session": opened},
        {"state": "read", "read_by": author.member, "read_at": NOW},
        {"state": "returned", "read_by": secretary.member, "read_at": NOW, "remark": ""},
        {"read_by": secretary.member},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_the_database_keeps_recommendations_in_order(recommended, official, secretary, author):
    rows = Recommendation.objects.filter(pk=recommended.pk)
    for wrong in (
        {"by": author.member}, {"reason": ""}, {"state": "accepted"}, {"state": "withdrawn"},
        {"decided_by": official.member},
        {"state": "accepted", "decided_by": author.member, "decided_at": NOW},
        {"state": "accepted", "decided_by": secretary.member, "decided_at": NOW},
        {"state": "declined", "decided_by": official.member, "decided_at": NOW},
        {"ended_by": official.member},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)
    recommended.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        recommended.save()


def test_a_transfer_leaves_it_with_the_branch_that_got_it(write, city, secretary):
    row = write()
    city.people["lin"].branch = city.yi
    city.people["lin"].save()

    row.refresh_from_db()
    assert row.branch == city.jia
    assert reflection_reading.read(row, by=secretary, at=LATER).state == "read"


def test_it_earns_no_hours(recommended, official):
    exemplars.accept(recommended, by=official, at=LATER)

    assert not LedgerEntry.objects.exists()
