"""The pages of own study: the same again in one tap, bulk decisions on exactly what is ticked."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from courses import study_logs
from courses.models import Course, StudyLog
from courses.study_logs import Study
from credits.models import Standing
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def enter(city, programme):
    def make(name):
        browser = Client()
        browser.force_login(city.people[name], "portal.sign_in.MemberBackend")
        return browser

    return make


@pytest.fixture
def hand_in(city, programme):
    def make(member, topic="自学", **values):
        values = {"form": "self", "day": days_ago(1), "minutes": 45, "period": "reform"} | values
        by = city.actor("lin")
        return study_logs.submit(programme, member, Study(topic=topic, **values), by=by, at=NOW)

    return make


def ticked(page):
    """What "select all on this page" would tick."""
    return re.findall(r'name="log" value="(\d+)"', page.content.decode())


def states():
    return dict(StudyLog.objects.values_list("topic", "state"))


def test_mistake_33_a_filtered_bulk_action_touches_exactly_the_rows_on_the_screen(
    enter, hand_in, city, lin
):
    other = city.enrol(city.jia, "沈寒露")
    hand_in(lin, "小满自学")
    hand_in(lin, "小满网上", form="online", day=days_ago(2))
    hand_in(other, "寒露自学")
    hand_in(other, "寒露网上", form="online", day=days_ago(2))
    desk = enter("zhou")
    shown = desk.get(reverse("log-list"), {"q": "沈寒露", "form": "online"})
    assert "寒露网上" in shown.content.decode()
    assert "寒露自学" not in shown.content.decode()
    assert "小满网上" not in shown.content.decode()

    told = desk.post(
        reverse("log-decide"),
        {"log": ticked(shown), "act": "confirm", "q": "沈寒露", "form": "online"},
        follow=True,
    )

    assert "已确认 1 条并记入学时。" in told.content.decode()
    assert told.redirect_chain[-1][0].endswith("?q=%E6%B2%88%E5%AF%92%E9%9C%B2&form=online")
    assert states() == {
        "小满自学": "pending", "小满网上": "pending",
        "寒露自学": "pending", "寒露网上": "confirmed",
    }  # fmt: skip


def test_mistake_33_a_bulk_action_stops_at_the_end_of_the_page(enter, hand_in, city):
    for number in range(60):
        hand_in(city.enrol(city.jia), f"第 {number} 条")
    desk = enter("zhou")
    shown = desk.get(reverse("log-list"))
    assert len(ticked(shown)) == 50

    told = desk.post(
        reverse("log-decide"),
        {"log": ticked(shown), "act": "return", "reason": "请写明学了哪一章"},
        follow=True,
    )

    assert "已退回 50 条。" in told.content.decode()
    assert StudyLog.objects.filter(state="pending").count() == 10
    assert set(StudyLog.objects.exclude(state="pending").values_list("pk", flat=True)) == set(
        map(int, ticked(shown))
    )


def test_what_somebody_else_decided_meanwhile_is_counted_apart(enter, hand_in, secretary, lin):
    first = hand_in(lin, "一")
    hand_in(lin, "二")
    desk = enter("zhou")
    shown = ticked(desk.get(reverse("log-list")))
    study_logs.return_([first], reason="请写明", by=secretary, at=NOW)

    told = desk.post(reverse("log-decide"), {"log": shown, "act": "confirm"}, follow=True)

    text = told.content.decode()
    assert "已确认 1 条并记入学时。" in text
    assert "其中 1 条已经有人处理过了，没有改动。" in text
    assert states() == {"一": "returned", "二": "confirmed"}


@pytest.mark.parametrize("sent", [[], ["x"], ["²"], ["9" * 30], ["0"]])
def test_forged_rows_decide_nothing(enter, hand_in, lin, sent):
    log = hand_in(lin)

    told = enter("zhou").post(
        reverse("log-decide"), {"log": [*sent, *([str(log.pk)] if sent else [])], "act": "confirm"},
        follow=True,
    )  # fmt: skip

    assert "请先勾选本支部的学习记录" in told.content.decode()
    assert states() == {"自学": "pending"}


def test_ones_own_log_has_no_box_and_says_who_confirms_it(enter, hand_in, zhou):
    hand_in(zhou, "书记自学")

    page = enter("zhou").get(reverse("log-list"))

    assert ticked(page) == []
    assert "本人的记录由组织委员或上级确认" in page.content.decode()


def test_a_return_without_reason_changes_nothing_and_says_so(enter, hand_in, lin):
    log = hand_in(lin)

    told = enter("zhou").post(
        reverse("log-decide"), {"log": [log.pk], "act": "return", "reason": " "}, follow=True
    )

    assert "请写明退回的理由" in told.content.decode()
    assert states() == {"自学": "pending"}


@pytest.mark.parametrize(
    ("sent", "why"),
    [({"log": True}, "请写明退回的理由"), ({"reason": "没有写日期"}, "请先勾选")],
)
def test_what_was_ticked_or_written_is_there_again_after_a_refusal_once(
    enter, hand_in, lin, sent, why
):
    chosen, _ = hand_in(lin), hand_in(lin, "另一次", day=days_ago(3))
    desk, posted = enter("zhou"), {"act": "return"} | sent
    if "log" in sent:
        posted["log"] = [chosen.pk]

    told = desk.post(reverse("log-decide"), posted, follow=True).content.decode()
    later = desk.get(reverse("log-list")).content.decode()

    assert why in told
    boxes = re.findall(r'name="log" value="(\d+)" data-chosen checked', told)
    assert boxes == [str(pk) for pk in posted.get("log", [])]
    assert f'name="reason" value="{sent.get("reason", "")}"' in told
    assert "data-chosen checked" not in later
    assert 'name="reason" value=""' in later


def test_a_refusal_comes_back_to_the_page_of_the_list_from_which_it_was_sent(
    enter, hand_in, lin, monkeypatch
):
    monkeypatch.setattr("courses.views.study_logs.PER_PAGE", 1)
    hand_in(lin, "先", day=days_ago(3))
    second, desk = hand_in(lin, "后"), enter("zhou")
    shown = desk.get(reverse("log-list"), {"page": 2})
    assert ticked(shown) == [str(second.pk)]
    assert '<input type="hidden" name="page" value="2">' in shown.content.decode()

    posted = {"log": [second.pk], "act": "return", "page": "2"}
    told = desk.post(reverse("log-decide"), posted, follow=True).content.decode()

    assert f'value="{second.pk}" data-chosen checked' in told


def test_the_same_as_last_time_is_one_button_whatever_named_material_came_between(
    enter, hand_in, lin
):
    Course.objects.create(key="reader", title="指定读本", kind="reader", form="self", once=True)
    hand_in(lin, "学习强国", form="online", minutes=60)
    hand_in(lin, "指定读本", content="course:reader", day=days_ago(2))

    page = enter("lin").get(reverse("log-new")).content.decode()

    again = page[page.index("和上次一样") - 900 : page.index("和上次一样") + 200]
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', again))
    assert sent["topic"] == "学习强国"
    assert (sent["form"], sent["minutes"], sent["day"]) == ("online", "60", TODAY.isoformat())
    told = enter("lin").post(reverse("log-new"), sent, follow=True)
    assert "等支部确认" in told.content.decode()
    assert StudyLog.objects.filter(topic="学习强国", day=TODAY).count() == 1


def test_the_secretary_enters_a_log_for_somebody_without_a_phone(enter, lin, zhou):
    desk = enter("zhou")
    form = {
        "day": TODAY, "form": "self", "period": "reform", "topic": "听广播学党史", "minutes": "90",
    }  # fmt: skip

    desk.post(reverse("log-for", args=[lin.pk]), form)

    log = StudyLog.objects.get()
    assert (log.member, log.entered_by, log.state) == (lin, zhou, "pending")
    page = desk.get(reverse("log-list")).content.decode()
    assert "（代记）" in page
    desk.post(reverse("log-decide"), {"log": [log.pk], "act": "confirm"})
    assert Standing.objects.get(member=lin).recognised == 200


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"day": "2021-06-04"}, "2021-06-04 的学习还没有结束"),
        ({"day": "2021-02-27"}, "2021-03-01"),
        ({"day": "2021-04-30"}, "30 天"),
        ({"minutes": "10"}, "10 分钟"),
        ({"minutes": "400"}, "每日上限 8 学时"),
        ({"topic": ""}, "写明学了什么"),
    ],
)
def test_a_log_that_cannot_count_is_refused_beside_its_field_with_the_numbers(enter, values, words):
    form = {
        "day": TODAY, "form": "self", "period": "reform", "topic": "自学", "minutes": "90",
    }  # fmt: skip

    answer = enter("lin").post(reverse("log-new"), form | values)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not StudyLog.objects.exists()


def test_pending_hours_are_rounded_one_by_one_as_they_will_be_credited(hand_in, lin):
    """Three times 110 minutes make 3 × 2.25 hours: one more of 1.25 just fits under the cap."""
    for _ in range(3):
        hand_in(lin, minutes=110)

    hand_in(lin, minutes=60)
    with pytest.raises(study_logs.CannotLog, match=r"待确认 8 学时，再记 1 学时"):
        hand_in(lin, minutes=45)
