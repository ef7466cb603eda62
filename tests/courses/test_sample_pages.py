"""Pages of samples: drawn in one form, answered in three taps, judged with feedback to both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from courses import samples, study_logs
from courses.models import Sample, SampleItem, SamplePhoto
from courses.study_logs import Study
from tests.cast import NOW, TODAY, days_ago
from tests.courses.test_mending_pages import Hand
from tests.courses.test_samples import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def hand(city):
    return lambda name: Hand(city.people[name])


@pytest.fixture
def logged(city, programme, secretary, lin):
    study = Study("self", days_ago(1), 45, "《简史》第五章", "reform")
    log = study_logs.submit(programme, lin, study, by=city.actor("lin"), at=NOW)
    study_logs.confirm([log], by=secretary, at=NOW)
    return log


@pytest.fixture
def item(city, programme, logged):
    sample = samples.draw(
        programme, city.county, first=days_ago(9), last=TODAY, reason="季度抽查",
        due_on=TODAY + timedelta(days=10), by=city.actor("gao", "official"), at=NOW,
    )  # fmt: skip
    return sample.items.get()


def file(data, name="笔记.jpg"):
    return SimpleUploadedFile(name, data, "image/jpeg")


def test_an_official_draws_from_one_form_and_sees_how(city, hand, logged):
    desk = hand("gao").open(reverse("sample-list"))
    desk.follow("发起抽查")
    desk.send(
        "随机抽取", organization=city.county.pk, first="2021-03-01", last="2021-06-03", rate="3.0",
        reason="季度抽查", due_on="2021-06-13",
    )  # fmt: skip

    sample = Sample.objects.get()
    assert desk.taps == 2
    assert "1 条中抽取 1 条" in desk.text
    assert sample.seed in desk.text
    assert "共 1 条，按 3% 抽 1 条" in desk.text
    desk.follow("重抽核对")
    assert "一致：" in desk.text
    assert "不一致" not in desk.text


def test_a_form_that_cannot_be_drawn_keeps_what_was_typed(city, hand, logged):
    desk = hand("gao").open(reverse("sample-new"))
    desk.send(
        "随机抽取", organization=city.county.pk, first="2021-03-01", last="2021-03-02", rate="3.0",
        reason="季度抽查之一", due_on="2021-06-13",
    )  # fmt: skip
    assert desk.page.status_code == 422
    assert "没有可抽查的" in desk.text
    assert "季度抽查之一" in desk.text
    assert not Sample.objects.exists()


def test_nobody_draws_outside_their_scope(city, programme, client, logged):
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    body = {"organization": city.bureau.pk, "first": "2021-03-01", "last": "2021-06-03",
            "rate": "3", "reason": "x", "due_on": "2021-06-13", "key": "k"}  # fmt: skip
    assert client.post(reverse("sample-new"), body).status_code == 422
    assert not Sample.objects.exists()


def test_a_member_answers_with_a_photo_in_three_taps(hand, item):
    member = hand("lin").open(reverse("my-logs"))
    member.follow("抽查说明")
    assert "《简史》第五章" in member.text
    assert "请在 6月13日（周日）前说明" in member.text
    member.taps += 1  # the photo is chosen
    member.send("提交说明", note="", photo=file(picture()))

    assert member.taps == 3
    assert "已提交，核查结果会显示在这里" in member.text
    assert SampleItem.objects.get().state == "answered"
    shown = member.browser.get(reverse("sample-photo", args=[item.pk]))
    assert shown.content[:3] == b"\xff\xd8\xff"
    assert shown["Content-Type"] == "image/jpeg"
    assert "no-store" in shown["Cache-Control"]
    assert shown["X-Content-Type-Options"] == "nosniff"


def test_a_wrong_file_is_told_and_the_note_stays(hand, item):
    member = hand("lin").open(reverse("my-samples"))
    member.send("提交说明", note="晚上在家读的", photo=file(b"%PDF-1.7", "笔记.pdf"))

    assert member.page.status_code == 422
    assert "不是 JPG、PNG 或 WebP 照片" in member.text
    assert ">晚上在家读的</textarea>" in member.text
    assert SampleItem.objects.get().state == "asked"


@pytest.mark.parametrize(("who", "status"), [("zhou", 404), ("wu", 404), ("gao", (403, 404))])
def test_nobody_else_can_send_anything(city, client, item, who, status):
    client.force_login(city.people[who], "portal.sign_in.MemberBackend")
    body = {"note": "替他写", "photo": file(picture())}
    answer = client.post(reverse("sample-answer", args=[item.pk]), body)
    assert answer.status_code in (403, 404)
    assert not SamplePhoto.objects.exists()
    assert SampleItem.objects.get().state == "asked"


@pytest.mark.parametrize(
    ("who", "status"),
    [("lin", 200), ("gao", 200), ("shi", 200), ("zhou", 404), ("wu", 404), ("xun", 404)],
)
def test_a_photo_is_for_whoever_sent_it_and_whoever_judges_it(city, client, item, who, status):
    samples.answer(item, "", picture(), by=city.actor("lin"), at=NOW)
    client.force_login(city.people[who], "portal.sign_in.MemberBackend")
    assert client.get(reverse("sample-photo", args=[item.pk])).status_code == status


def test_a_judgement_is_read_by_the_member_and_the_secretary_who_may_reverse(city, hand, item):
    samples.answer(item, "晚上读的", picture(), by=city.actor("lin"), at=NOW)
    desk = hand("gao").open(reverse("sample-detail", args=[item.sample_id]))
    desk.follow("林小满")
    assert "晚上读的" in desk.text
    desk.send("不属实", feedback="")
    assert "请写明哪里不属实" in desk.text
    desk.send("不属实", feedback="笔记是去年的")
    assert "100.0%" in desk.text

    told = hand("lin").open(reverse("my-samples")).text
    assert "核查不属实</b>：笔记是去年的" in told
    assert "提交说明" not in told
    branch = hand("zhou").open(reverse("log-list"))
    branch.follow("上级抽查")
    assert "笔记是去年的" in branch.text
    branch.follow("冲销")
    branch.send("冲销", reason="抽查不属实")
    assert item.log.member.study_logs.get().state == "reversed"
    assert "已冲销" in hand("zhou").open(reverse("branch-samples")).text


def test_the_secretary_of_another_branch_reads_nothing(hand, item):
    assert "林小满" in hand("zhou").open(reverse("branch-samples")).text
    assert "林小满" not in hand("zheng").open(reverse("branch-samples")).text


def test_whoever_was_drawn_as_an_official_finds_no_buttons_on_their_own(
    city, programme, hand, secretary
):
    shi = city.people["shi"]
    study = Study("self", days_ago(1), 45, "自学", "reform")
    log = study_logs.submit(programme, shi, study, by=city.actor("shi"), at=NOW)
    study_logs.confirm([log], by=city.by, at=NOW)
    official = city.actor("shi", "official")
    sample = samples.draw(programme, city.bureau, first=days_ago(9), last=TODAY, reason="抽查",
                          due_on=TODAY, by=official, at=NOW)  # fmt: skip
    item = samples.answer(sample.items.get(), "读的", by=city.actor("shi"), at=NOW)
    desk = hand("shi").open(reverse("sample-item", args=[item.pk]))
    assert "由其他同志或上级核查" in desk.text
    assert 'name="verdict"' not in desk.text
    answer = desk.browser.post(desk.at, {"verdict": "in_order"})
    assert answer.status_code == 422
    assert SampleItem.objects.get().state == "answered"


def test_what_is_overdue_says_so_to_all_three(city, hand, item):
    Sample.objects.update(due_on=days_ago(1))
    assert "已过期限" in hand("lin").open(reverse("my-samples")).text
    assert "逾期" in hand("zhou").open(reverse("branch-samples")).text
    assert "有逾期" in hand("gao").open(reverse("sample-list")).text
    assert "1 条逾期" in hand("gao").open(reverse("sample-detail", args=[item.sample_id])).text


def test_whoever_was_not_drawn_is_asked_for_nothing(hand, item):
    page = hand("wu").open(reverse("my-samples"))
    assert "没有抽到您" in page.text
    assert 'type="file"' not in page.text
