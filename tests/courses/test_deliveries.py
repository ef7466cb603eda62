"""Pushes and their deliveries: once a person and robot, never twice by themselves, none forgotten;
against a local server that plays the three services."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection

from courses.models import Attempt, Course, Delivery, Lesson, Push
from courses.online import (
    deliveries,
    group_robots,
    pushes,
    robot_calls,
    robot_services,
    study_groups,
)
from courses.online.group_forms import RobotForm
from courses.online.push_kinds import KINDS
from courses.online.pushes import CannotPush
from portal import messages, mobile_stays, sealed
from portal.audit import Actor
from portal.mobile_stays import Away
from portal.models import AuditEvent, Message
from portal.refusals import Conflict
from tests.cast import NOW, TODAY, days_ago, moment
from tests.robot_server import SECRET, RobotServer, unused_origin

pytestmark = [pytest.mark.django_db, pytest.mark.both]
MORNING = moment(TODAY, 9)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server(settings):
    one = RobotServer()
    settings.ROBOT_ORIGINS = [one.origin]
    settings.SITE_ADDRESS = "https://study.example"
    yield one
    one.stop()
    assert one.wrong == []


@pytest.fixture
def by(city):
    return city.actor("zheng", "secretary")


@pytest.fixture
def group(city, by):
    made = study_groups.set_up(city.yi, name="乙群", leader=city.people["wu"], by=by, at=BEFORE)
    study_groups.add(made, [mobile(city, "远方"), mobile(city, "他乡")], by=by, at=BEFORE)
    return made


BEFORE = moment(days_ago(1), 9)


def mobile(city, name):
    member = city.enrol(city.yi, name)
    away = Away(days_ago(300), "广东省深圳市", "work")
    mobile_stays.register(member, away, by=city.by, at=BEFORE)
    return member


@pytest.fixture
def lesson(programme):
    course = Course.objects.create(key="c", title="微党课", kind="series", form="online")
    values = {"title": "火种", "form": "online", "minutes": 20}
    return Lesson.objects.create(course=course, key="spark", **values)


@pytest.fixture
def thing(lesson):
    return KINDS["lesson"].thing("lesson", lesson)


@pytest.fixture
def push(thing, group, by):
    def send(groups=(), *, at=MORNING, code="abcdefgh", sentence="周五前学完。"):
        return pushes.push(thing, groups or [group], sentence=sentence, code=code, by=by, at=at)

    return send


@pytest.fixture
def robot(server, group, by):
    """Adds a robot of a service to the group, or another."""

    def add(service="wechat_work", name="token0001", *, to=None, secret=""):
        address = server.address(service, name)
        return group_robots.add(to or group, service, address, secret, by=by, at=BEFORE)

    return add


def state(**values):
    return Delivery.objects.filter(robot__isnull=False, **values).values_list("state", flat=True)


def work(at=MORNING):
    return deliveries.send_waiting(at=at)


# --- Pushing


def test_each_member_gets_one_message_that_leads_by_the_short_link(city, group, push, by):
    county = study_groups.set_up(
        city.county, name="县群", leader=city.people["wu"], by=by, at=BEFORE
    )
    both = group.people.select_related("member")[0].member
    study_groups.add(county, [both], by=by, at=BEFORE)
    made = push([group, county])

    told = Message.objects.order_by("member")
    assert [m.key for m in told] == ["push:abcdefgh"] * 2
    assert told[0].text == "【微党课】《火种》\n周五前学完。"
    assert told[0].link == "/p/abcdefgh/"
    rows = made.deliveries.order_by("group")
    assert [(row.state, row.people) for row in rows] == [("sent", 2), ("sent", 1)]
    trail = AuditEvent.objects.filter(subject__startswith="推送到学习群")
    assert {event.organization for event in trail} == {city.yi, city.county}


def test_a_form_sent_twice_pushes_once(group, push, robot, city, thing):
    robot()
    assert push() == push()
    assert Push.objects.count() == 1
    assert Message.objects.count() == 2
    assert len(state()) == 1
    other = city.actor("zhou", "secretary")
    with pytest.raises(Conflict):
        pushes.push(thing, [group], sentence="", code="abcdefgh", by=other, at=MORNING)


def test_a_form_that_came_back_and_was_changed_is_not_taken_for_the_same(city, group, push, by):
    """The browser's Back brings the code back as well: nothing is called pushed that was not."""
    second = study_groups.set_up(city.yi, name="又一群", leader=city.people["wu"], by=by, at=BEFORE)
    made = push()
    for groups, sentence in (
        ([second], "周五前学完。"), ([group, second], "周五前学完。"), ([group], "周六前学完。"),
    ):  # fmt: skip
        with pytest.raises(Conflict, match="这一次没有推送"):
            push(groups, sentence=sentence)
    assert push(sentence=" 周五前学完。\n") == made
    assert Push.objects.count() == 1


def test_an_e_mail_goes_to_members_who_chose_it(settings, city, group, push):
    settings.MAIL_ON = True
    member = group.people.select_related("member")[0].member
    messages.choose_mail("a@example.org", wanted=True, by=Actor(member, "member"), at=NOW)
    push()
    assert list(Message.objects.order_by("mail").values_list("mail", flat=True)) == ["", "waiting"]


@pytest.mark.parametrize(
    ("values", "said"),
    [({"code": "X"}, "过期"), ({"sentence": "长" * 201}, "最多 200"), ({"groups": []}, "勾选")],
)
def test_what_cannot_be_pushed(group, thing, by, values, said):
    whole = {"groups": [group], "sentence": "", "code": "abcdefgh"} | values
    with pytest.raises(CannotPush, match=said):
        pushes.push(thing, by=by, at=MORNING, **whole)
    assert not Push.objects.exists()


def test_a_group_that_has_ended_takes_no_push(group, push, by):
    study_groups.end(group, by=by, at=BEFORE)
    with pytest.raises(CannotPush, match="乙群已经结束"):
        push()


def test_whoever_left_or_is_no_longer_on_the_register_is_told_nothing(group, push):
    first, second = group.people.select_related("member")
    study_groups.leave(group, by=Actor(first.member, "member"), at=BEFORE)
    second.member.is_active = False
    second.member.save()
    push()
    assert not Message.objects.exists()


# --- Delivering


@pytest.mark.parametrize("service", ["wechat_work", "dingtalk", "feishu"])
def test_each_service_gets_its_format_signed_where_it_asks_for_it(server, push, robot, service):
    secret = "" if service == "wechat_work" else SECRET
    robot(service, secret=secret)
    push()
    assert work() == 1
    [said] = server.took["token0001"]
    assert "火种" in said
    assert "周五前学完。" in said
    assert "来自：青川县乙支部" in said
    assert "https://study.example/p/abcdefgh/" in said
    assert server.signed == ({"token0001"} if secret else set())
    assert list(state()) == ["sent"]
    assert work(MORNING + MINUTE) == 0
    assert server.asked["token0001"] == 1


@pytest.mark.parametrize("site", ["", "https://study.example"])
@pytest.mark.parametrize("service", ["wechat_work", "dingtalk", "feishu"])
def test_every_text_holds_the_word_that_a_groups_settings_may_ask_for(
    server, city, thing, robot, by, settings, service, site
):
    """Neither the thing nor the organisation, nor its sentence, needs to name it."""
    settings.SITE_ADDRESS = site
    plain = replace(thing, kind="bag", title="《辑》")
    county = study_groups.set_up(
        city.county, name="县群", leader=city.people["wu"], by=by, at=BEFORE
    )
    robot(service, to=county)
    pushes.push(plain, [county], sentence="", code="abcdefgh", by=by, at=MORNING)
    work()
    [said] = server.took["token0001"]
    assert "党史学习" in said
    assert f"填“{robot_services.KEYWORD}”" in RobotForm().fields["secret"].help_text


def test_it_is_marked_and_committed_before_the_request(server, push, robot, monkeypatch):
    robot()
    push()
    seen = []

    class Spy(robot_calls.Caller):
        def call(self, service, letter):
            seen.append((list(state()), Attempt.objects.get().outcome))
            return super().call(service, letter)

    monkeypatch.setattr(deliveries, "Caller", Spy)
    work()
    assert seen == [(["sending"], "sending")]


@pytest.mark.parametrize("fault", ["429", "500", "503", "too-much", "400-too-much"])
def test_what_the_service_did_not_take_is_tried_again_with_growing_waits(
    server, push, robot, fault
):
    robot()
    push()
    server.faults["token0001"] = [fault] * 2
    work()
    row = Delivery.objects.get(robot__isnull=False)
    assert row.state == "waiting"
    assert MORNING + MINUTE <= row.due_at < MORNING + 2 * MINUTE
    assert work(MORNING + 0.5 * MINUTE) == 0
    assert server.asked["token0001"] == 1
    work(MORNING + 2 * MINUTE)
    assert Delivery.objects.get(pk=row.pk).due_at > MORNING + 6 * MINUTE
    assert work(MORNING + 9 * MINUTE) == 1
    assert len(server.took["token0001"]) == 1
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["again", "again", "sent"]


def test_a_service_that_is_not_reached_is_tried_for_hours_and_then_given_up(
    server, push, robot, settings
):
    made = robot()
    nowhere = unused_origin()
    settings.ROBOT_ORIGINS = [nowhere]
    address = server.address("wechat_work", "token0001").replace(server.origin, nowhere)
    made.address = sealed.seal(address, purpose=group_robots.PURPOSE)
    made.save()
    push()
    for hours in range(8):
        work(MORNING + timedelta(hours=hours))
    assert list(state()) == ["failed"]
    assert Attempt.objects.count() == len(deliveries.WAITS) + 1
    assert Delivery.objects.get(state="failed").answer == "试了 6 次：连接不上平台"


@pytest.mark.parametrize("fault", ["refused", "404", "redirect"])
def test_what_the_service_refuses_is_final(server, push, robot, fault):
    robot()
    push()
    server.faults["token0001"] = [fault]
    work()
    work(MORNING + timedelta(hours=3))
    assert list(state()) == ["failed"]
    assert server.asked["token0001"] == 1
    assert server.asked["elsewhere"] == 0


@pytest.mark.parametrize("fault", ["lost", "garbage", "502", "timeout"])
def test_a_lost_answer_is_unknown_and_never_repeated_by_itself(
    server, push, robot, fault, monkeypatch
):
    monkeypatch.setattr(robot_calls, "PATIENCE", 0.5)
    robot()
    push()
    server.faults["token0001"] = [fault]
    work()
    for hours in (1, 2, 30):
        work(MORNING + timedelta(hours=hours))
    assert list(state()) == ["unknown"]
    assert len(server.took["token0001"]) == server.asked["token0001"] == 1


def test_a_worker_that_died_leaves_its_answer_unknown(server, push, robot, monkeypatch):
    robot()
    push()

    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(robot_calls.Caller, "call", die)
        with pytest.raises(Killed):
            work()
    assert list(state()) == ["sending"]
    work(MORNING + MINUTE)
    assert list(state()) == ["sending"]  # it may be at work still
    for hours in (1, 2):
        work(MORNING + timedelta(hours=hours))
    assert list(state()) == ["unknown"]
    assert Attempt.objects.get().outcome == "unknown"
    assert server.asked["token0001"] == 0


def test_an_answer_that_comes_after_it_was_given_up_is_known_unless_somebody_asked_anew(
    server, push, robot, by
):
    robot()
    push()
    row = Delivery.objects.get(robot__isnull=False)
    first = deliveries.claim(row.pk, at=MORNING)
    assert deliveries.claim(row.pk, at=MORNING) is None
    deliveries.find_lost(at=MORNING + 3 * MINUTE)
    deliveries.note(first, robot_calls.Result("sent"), at=MORNING + 4 * MINUTE)
    assert list(state()) == ["sent"]

    push(code="bcdefghi")
    row = Delivery.objects.get(robot__isnull=False, push__code="bcdefghi")
    first = deliveries.claim(row.pk, at=MORNING + 5 * MINUTE)
    deliveries.find_lost(at=MORNING + 8 * MINUTE)
    pushes.ask_again(row, by=by, at=MORNING + 9 * MINUTE)
    deliveries.note(first, robot_calls.Result("failed"), at=MORNING + 10 * MINUTE)
    row.refresh_from_db()
    assert row.state == "waiting"


@pytest.fixture
def silent(server, city, robot, by, monkeypatch):
    """Makes groups, each with a robot whose service never answers."""
    monkeypatch.setattr(robot_calls, "PATIENCE", 0.3)

    def made(count):
        groups = []
        for number in range(count):
            name, leader = f"token000{number}", city.people["wu"]
            one = study_groups.set_up(city.yi, name=f"群{number}", leader=leader, by=by, at=BEFORE)
            robot(name=name, to=one)
            server.faults[name] = ["timeout"]
            groups.append(one)
        return groups

    return made


def test_a_service_that_stays_silent_is_left_alone_for_the_run(push, silent):
    push(silent(5))
    work()
    assert sorted(state()) == ["unknown"] * 3 + ["waiting"] * 2


def test_behind_a_service_that_is_silent_the_others_do_not_wait(
    group, push, robot, silent, monkeypatch
):
    """Whatever waits for it, and longer."""
    monkeypatch.setattr(deliveries, "AT_ONCE", 4)
    push(silent(6))
    robot(service="dingtalk", name="another0")
    push([group], code="another2")

    work()

    assert list(state(robot__service="dingtalk")) == ["sent"]
    assert sorted(state(robot__service="wechat_work")) == ["unknown"] * 3 + ["waiting"] * 3


# --- Nights, rates, old news


@pytest.mark.parametrize(
    ("hour", "minute", "day"), [(22, 0, 1), (23, 59, 1), (0, 10, 0), (6, 59, 0)]
)
def test_nobody_is_disturbed_at_night(server, push, robot, hour, minute, day):
    robot()
    night = moment(TODAY, hour, minute)
    push(at=night)
    due = moment(TODAY + timedelta(days=day), 7)
    assert Delivery.objects.get(robot__isnull=False).due_at == due
    assert Message.objects.count() == 2  # messages make no sound
    assert work(night) == 0
    assert work(due - MINUTE) == 0
    assert work(due) == 1


@pytest.mark.parametrize(("hour", "minute"), [(7, 0), (21, 59)])
def test_by_day_it_goes_at_once(server, push, robot, hour, minute):
    robot()
    at = moment(TODAY, hour, minute)
    push(at=at)
    assert work(at) == 1


def test_what_is_due_in_the_night_after_a_failure_waits_till_morning(server, push, robot):
    robot()
    server.faults["token0001"] = ["500"]
    push(at=moment(TODAY, 21, 59))
    work(moment(TODAY, 21, 59))
    assert Delivery.objects.get(robot__isnull=False).due_at == moment(TODAY + timedelta(1), 7)


@pytest.mark.parametrize(
    ("service", "most"), [("wechat_work", 20), ("dingtalk", 20), ("feishu", 5)]
)
def test_a_robot_says_no_more_than_its_service_allows(
    server, push, robot, service, most, monkeypatch
):
    monkeypatch.setattr(deliveries, "time", SimpleNamespace(monotonic=lambda: 0.0))
    robot(service)
    for number in range(most + 2):
        push(code=f"code{number:04d}")
    assert work() == most
    assert len(server.took["token0001"]) == most
    put_off = Delivery.objects.filter(state="waiting").order_by("due_at")
    assert put_off.count() == 2
    assert all(row.due_at > MORNING for row in put_off)
    assert work(MORNING + 2 * MINUTE) == 2


def test_rates_are_counted_over_all_workers_from_the_log(server, push, robot):
    made = robot("feishu")
    push(code="earlier0")
    row = Delivery.objects.get(robot=made)
    for turn in range(10, 110):  # a hundred in the last minute, by whomever
        Attempt.objects.create(
            delivery=row, robot=made, turn=turn, outcome="sent",
            began_at=MORNING - timedelta(seconds=59 - turn / 10), ended_at=MORNING,
        )  # fmt: skip
    assert work() == 0
    row.refresh_from_db()
    assert MORNING < row.due_at <= MORNING + MINUTE
    assert work(MORNING + MINUTE) == 1


def test_what_waited_for_days_is_no_news(server, push, robot):
    robot()
    push()
    assert work(MORNING + deliveries.STALE + MINUTE) == 0
    assert list(state()) == ["dropped"]


def test_what_waits_for_a_removed_robot_or_an_ended_group_is_not_sent(
    server, push, robot, group, by
):
    first, _ = robot(), robot("feishu", "token0002")
    push()
    group_robots.remove(first, by=by, at=MORNING)
    assert sorted(state()) == ["dropped", "waiting"]
    study_groups.end(group, by=by, at=MORNING)
    assert list(state()) == ["dropped"] * 2
    work()
    assert server.asked == {}


# --- Once more, by name


def test_a_person_has_a_lost_one_sent_once_more_by_name(server, push, robot, city, by):
    robot()
    push()
    server.faults["token0001"] = ["lost"]
    work()
    row = Delivery.objects.get(robot__isnull=False)
    pushes.ask_again(row, by=by, at=MORNING + 5 * MINUTE)
    with pytest.raises(CannotPush, match="待发"):
        pushes.ask_again(row, by=by, at=MORNING + 5 * MINUTE)
    assert work(MORNING + 5 * MINUTE) == 1
    with pytest.raises(CannotPush, match="已发出"):
        pushes.ask_again(row, by=by, at=MORNING + 6 * MINUTE)
    assert [(a.outcome, a.asked_by) for a in Attempt.objects.all()] == [
        ("unknown", None),
        ("sent", city.people["zheng"]),
    ]
    event = AuditEvent.objects.get(subject__startswith="重发推送")
    assert (event.by, event.detail["before"]) == (city.people["zheng"], "结果不明")


def test_nothing_is_sent_once_more_to_a_robot_that_is_gone(server, push, robot, by):
    made = robot()
    push()
    server.faults["token0001"] = ["refused"]
    work()
    group_robots.remove(made, by=by, at=MORNING)
    with pytest.raises(CannotPush, match="已经移除"):
        pushes.ask_again(Delivery.objects.get(robot=made), by=by, at=MORNING)


# --- Secrets


def test_no_address_stands_in_a_log_a_row_or_the_trail(server, push, robot, caplog):
    caplog.set_level(logging.DEBUG)
    faults = ["", "lost", "garbage", "refused", "500", "404", "redirect"]
    for number, fault in enumerate(faults[:5]):
        robot("dingtalk", f"topsecret{number}", secret=SECRET)
        server.faults[f"topsecret{number}"] = [fault]
    push()
    work()
    assert "delivery" in caplog.text
    assert "topsecret" not in caplog.text
    for model in (Delivery, Attempt, AuditEvent, Push, Message):
        assert "topsecret" not in repr(list(model.objects.values_list()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM courses_grouprobot")
        dumped = repr(cursor.fetchall())
    assert "topsecret" not in dumped
    assert SECRET not in dumped


def test_the_librarys_own_log_which_names_addresses_is_off(settings):
    for name in ("httpx", "httpcore"):
        assert settings.LOGGING["loggers"][name]["level"] == "CRITICAL"


def test_an_address_whose_key_is_gone_or_that_is_no_longer_allowed_fails_in_words(
    server, push, robot, settings
):
    robot()
    push()
    settings.SEALING_KEYS = ["z" * 40]
    work()
    assert "读不出来" in Delivery.objects.get(state="failed").answer
    assert server.asked == {}


def test_a_host_that_the_deployment_has_taken_out_again_gets_nothing(server, push, robot, settings):
    robot()
    push()
    settings.ROBOT_ORIGINS = []
    work()
    assert "不再允许" in Delivery.objects.get(state="failed").answer
    assert server.asked == {}
