"""The weekly digest: whom it concerns, once a week, as things stand when it goes out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core import mail as outbox
from django.urls import reverse

from courses import corrections, roll_call, weekly
from portal import appointments, messages
from portal.models import Message, MessageRound, Role
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]
MONDAY = moment(date(2021, 5, 31), 8)


def compose(at=NOW):
    while weekly.compose(at=at):
        pass


def told(member):
    return list(member.messages.order_by("pk").values_list("key", "text", "link"))


def text_of(member):
    [(_, text, _)] = told(member)
    return text


@pytest.fixture
def in_reach(programme, schedule):
    """Sessions enough for everybody in 甲 to reach the target; each period's minimum, too."""
    periods = ("new-democratic", "socialist", "reform", "new-era")

    def make(organiser=None):
        for n, period in enumerate(periods):
            schedule(f"全天{n}", day=TODAY + timedelta(days=n + 2), hour=8, band="day",
                     period=period, organiser=organiser)  # fmt: skip

    return make


# --- Whom it concerns


def test_each_is_told_of_themselves_and_secretaries_how_many(city, programme, schedule, lin, zhou,
                                                            gao):  # fmt: skip
    schedule("乙支部的课", day=TODAY + timedelta(days=3), organiser=city.yi, minutes=90)
    compose()
    assert told(lin) == [
        (
            "2021-W22",
            "按现在的安排，您还差 24 学时。\n可以参加：\n"
            "· 6月6日（周日）09:00–10:30 乙支部的课 · 青川县乙支部 · 2 学时",
            reverse("my-warnings"),
        )
    ]
    [(_, text, link)] = told(zhou)
    assert "您负责的党员中，1 人按现在的安排学不满。" in text
    assert "本月还没有安排活动：青川县甲支部。" in text
    assert link == reverse("warning-list")


def test_no_name_of_another_stands_in_any_message(city, programme, schedule, secretary, lin):
    schedule("没记的", day=days_ago(9))
    helper = city.enrol(city.yi, "何帮学")
    appointments.appoint(helper, Role.HELPER, city.jia, since=days_ago(300), by=city.by, at=NOW,
                         helped=[lin])  # fmt: skip
    compose()
    names = set(city.people["lin"].branch.members.model.objects.values_list("name", flat=True))
    for message in Message.objects.select_related("member"):
        assert not {n for n in names if n in message.text + message.title}
    assert "1 人按现在的安排学不满" in text_of(helper)
    assert "没记的" in text_of(city.people["zhou"])
    assert "没记的" not in text_of(helper)


def test_nobody_is_told_who_has_nothing_to_hear(city, programme, in_reach, lin, zhou, wu):
    in_reach()
    compose()
    assert told(lin) == told(zhou) == []
    assert told(wu) != []


def test_three_absences_are_told_to_the_member_with_dates_and_to_the_secretary_as_a_number(
    city, programme, in_reach, schedule, secretary, lin, zhou
):
    in_reach()
    for days in (9, 6, 3):
        session = schedule(f"第{days}次", day=days_ago(days))
        roll_call.open_(session, by=secretary, at=session.starts_at)
        row = session.attendances.get(member=lin)
        roll_call.close(session, wish(row, "absent"), by=secretary, at=NOW)
    compose()
    assert "5月31日（周一）“第3次”、5月28日（周五）“第6次”" in text_of(lin)
    assert text_of(zhou) == "1 人连续三次缺席。"


def test_officials_are_told_of_themselves_alone(city, programme, gao):
    compose()
    assert "您负责" not in text_of(gao)


# --- Once a week


def test_it_goes_out_once_a_week_from_monday_morning_on(city, programme, lin):
    weekly.compose(at=MONDAY - timedelta(minutes=1))
    assert not Message.objects.exists()
    for hours in (0, 1, 30, 24 * 6):
        compose(MONDAY + timedelta(hours=hours))
    assert [key for key, *_ in told(lin)] == ["2021-W22"]
    compose(MONDAY + timedelta(days=7))
    assert [key for key, *_ in told(lin)] == ["2021-W22", "2021-W23"]


def test_a_week_that_went_by_is_not_made_up_for_and_one_begun_late_is(city, programme, lin):
    compose(MONDAY)
    compose(MONDAY + timedelta(days=7 * 3 + 4))
    assert [key for key, *_ in told(lin)] == ["2021-W22", "2021-W25"]


def test_nothing_goes_out_before_or_after_a_programme(city, lin):
    compose()
    assert not Message.objects.exists()


def test_whoever_holds_several_offices_gets_one_message(city, programme, zhou, lin):
    appointments.appoint(zhou, Role.HELPER, city.yi, since=days_ago(30), by=city.by, at=NOW,
                         helped=[city.people["wu"]])  # fmt: skip
    appointments.appoint(zhou, Role.SECRETARY, city.yi, since=days_ago(30), by=city.by, at=NOW)
    compose()
    text = text_of(zhou)
    assert "您还差 24 学时" in text
    assert "3 人按现在的安排学不满" in text  # 林小满, 吴远舟, 郑书棋


def test_mistake_34_a_worker_that_dies_half_way_is_caught_up_and_nobody_told_twice(
    city, programme, lin, wu, monkeypatch
):
    monkeypatch.setattr(weekly, "BRANCHES", 1)
    whole, calls = messages.send_many, []

    def die_at_the_second(letters, *, at):
        whole(letters, at=at)
        calls.append(letters)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(messages, "send_many", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            weekly.compose(at=NOW)
    before = {m.pk for m in Message.objects.all()}
    assert (len(told(lin)), len(told(wu))) == (1, 0)

    compose(NOW + timedelta(hours=1))
    assert (len(told(lin)), len(told(wu))) == (1, 1)
    assert before <= {m.pk for m in Message.objects.all()}
    assert MessageRound.objects.get().finished_at == NOW + timedelta(hours=1)


# --- As it stands


def test_mistake_34_whoever_was_helped_before_sending_is_not_reached(
    city, programme, in_reach, schedule, secretary, lin, settings
):
    """Three absences were warned of; one was corrected before the e-mail went out."""
    settings.MAIL_ON = True
    messages.choose_mail("lin@example.org", wanted=True, by=city.actor("lin"), at=NOW)
    in_reach()
    for days in (9, 6, 3):
        session = schedule(f"第{days}次", day=days_ago(days))
        roll_call.open_(session, by=secretary, at=session.starts_at)
        row = session.attendances.get(member=lin)
        roll_call.close(session, wish(row, "absent"), by=secretary, at=NOW)
    compose()
    row = session.attendances.get(member=lin)
    corrections.correct(session, wish(row, "present"), reason="在场", by=secretary, at=NOW)

    assert weekly.mail(at=NOW) == 0
    assert outbox.outbox == []
    assert lin.messages.get().mail == Message.Mail.DROPPED


def test_an_e_mail_says_what_holds_when_it_goes_out(city, programme, schedule, lin, settings):
    settings.MAIL_ON = True
    messages.choose_mail("lin@example.org", wanted=True, by=city.actor("lin"), at=NOW)
    compose()
    schedule("新排的", day=TODAY + timedelta(days=3), minutes=90)
    assert weekly.mail(at=NOW) == weekly.mail(at=NOW) + 1
    [sent] = outbox.outbox
    assert "您还差 22 学时" in sent.body


def test_mistake_34_a_message_names_session_and_date(city, programme, schedule, zhou):
    schedule("没记的", day=days_ago(9), hour=18)
    compose()
    assert "结束三天以上还没有记学时：5月25日（周二）“没记的”。" in text_of(zhou)
