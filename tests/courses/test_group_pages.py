"""Pages of study groups and pushes: kept by the organisation, read by its mobile members."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from courses import sessions
from courses.models import BookBag, Course, Delivery, GroupRobot, Lesson, Push, StudyGroup
from courses.online import deliveries, group_robots, push_kinds, pushes, study_groups
from portal import appointments, mobile_stays
from portal.access import scope_of
from portal.audit import Actor
from portal.mobile_stays import Away
from portal.models import Message
from tests.cast import NOW, TODAY, days_ago
from tests.courses.test_mending_pages import Hand

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
KEY = "693a91f6-7abc-4bc4-97a0-0ec2abcd9876"
ADDRESS = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}"


@pytest.fixture
def hand(city):
    return lambda name: Hand(city.people[name])


@pytest.fixture
def away(city):
    """Somebody of 甲支部 who lives away."""
    city.people["yuan"] = member = city.enrol(city.jia, "远方")
    mobile_stays.register(member, Away(days_ago(300), "广东省", "work"), by=city.by, at=NOW)
    return member


@pytest.fixture
def group(city, away, secretary):
    made = study_groups.set_up(
        city.jia,
        name="甲群",
        leader=city.people["lin"],
        plan="第一周：读提纲",
        by=secretary,
        at=NOW,
    )
    study_groups.add(made, [away], by=secretary, at=NOW)
    return made


@pytest.fixture
def lesson(programme):
    course = Course.objects.create(key="c", title="微党课", kind="series", form="online")
    values = {"title": "火种", "form": "online", "minutes": 20}
    return Lesson.objects.create(course=course, key="spark", **values)


@pytest.fixture
def pushed(group, lesson, secretary):
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    return pushes.push(thing, [group], sentence="周五前学完", code="abcdefgh", by=secretary, at=NOW)


def test_a_secretary_sets_up_a_group_takes_people_in_and_pushes(city, hand, away, lesson):
    desk = hand("zhou").open(reverse("home"))
    desk.follow("学习群")
    assert "还没有学习群" in desk.text
    desk.follow("建群")
    desk.send("建群", name="甲群", organization=city.jia.pk, leader="00000002", plan="")
    group = StudyGroup.objects.get()
    assert group.leader == city.people["lin"]
    desk.send("加入选中的", member=[away.pk])
    assert "已加入 1 人" in desk.text
    desk.open(reverse("push-new"))
    assert "checked> 甲群" in desk.text  # the only one is chosen already
    desk.send("推送", thing=f"lesson-{lesson.pk}", sentence="周五前学完", groups=[group.pk])
    assert "已推送" in desk.text
    push = Push.objects.get()
    link = f"http://testserver/p/{push.code}/"
    assert f"【微党课】《火种》\n周五前学完\n{link}</textarea>" in desk.text
    assert Message.objects.get().member == away


def test_a_member_reads_plan_contact_and_pushes_and_follows_the_short_link(hand, pushed, lesson):
    phone = hand("yuan").open(reverse("home"))
    phone.follow("我的学习群")
    for text in ("第一周：读提纲", "联系人：林小满", "周五前学完"):
        assert text in phone.text
    assert "textarea" not in phone.text
    phone.follow("【微党课】《火种》")
    assert phone.page.redirect_chain[-1][0] == reverse("lesson-detail", args=[lesson.pk])


def test_the_newest_push_stands_first(hand, group, pushed, lesson, secretary):
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    later = pushes.push(thing, [group], sentence="", code="bcdefghi", by=secretary, at=NOW)
    page = hand("zhou").open(reverse("group-detail", args=[group.pk])).text
    first, second = (reverse("push-detail", args=[one.pk]) for one in (later, pushed))
    assert page.index(first) < page.index(second)


def test_a_short_link_leads_there_after_signing_in(client, pushed, lin):
    answer = client.get("/p/abcdefgh/")
    assert answer["Location"].endswith("/sign-in/?next=/p/abcdefgh/")
    client.force_login(lin, "portal.sign_in.MemberBackend")
    assert client.get("/p/nowhere0/").status_code == 404
    assert client.get("/p/abcdefgh/")["Location"] == pushed.link


def test_what_somebody_may_not_open_is_told_without_it(city, client, group, opened, secretary):
    thing = push_kinds.KINDS["session"].thing("session", opened)
    pushes.push(thing, [group], sentence="线上参加", code="bcdefghi", by=secretary, at=NOW)
    client.force_login(city.people["wu"], "portal.sign_in.MemberBackend")
    page = client.get("/p/bcdefghi/")
    assert page.status_code == 200
    assert "不在您的名单里" in page.content.decode()
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    assert client.get("/p/bcdefghi/")["Location"] == f"/sessions/{opened.pk}/"


def test_a_pushed_session_leads_hosted_members_to_where_they_may_visit_it(
    city, client, group, schedule, secretary
):
    """Who is hosted here is on no roll of the session; once it is over nobody is led there."""
    guest = city.enrol(city.bing, "来客")
    away = Away(days_ago(300), "云岭市", "work", host=city.jia)
    mobile_stays.register(guest, away, by=city.by, at=NOW)
    study_groups.add(group, [guest], by=secretary, at=NOW)
    session = schedule("线上党课", day=TODAY + timedelta(days=1))
    thing = push_kinds.KINDS["session"].thing("session", session)
    push = pushes.push(thing, [group], sentence="", code="bcdefghi", by=secretary, at=NOW)

    client.force_login(guest, "portal.sign_in.MemberBackend")
    page = client.get("/p/bcdefghi/", follow=True)

    assert page.redirect_chain[-1][0] == reverse("session-visit", args=[session.pk])
    assert "线上党课" in page.content.decode()
    scope, later = scope_of(guest, at=NOW), NOW + timedelta(days=2)
    assert push_kinds.leads_to(push, scope, later) == ""
    zhou = scope_of(city.people["zhou"], at=NOW)
    assert push_kinds.leads_to(push, zhou, NOW) == reverse("session-detail", args=[session.pk])


def test_every_kind_leads_to_a_page_of_the_portal(city, lesson, opened):
    bag = BookBag(pk=3, slug="one", title="辑")
    assert push_kinds.KINDS["lesson"].link(lesson) == reverse("lesson-detail", args=[lesson.pk])
    assert push_kinds.KINDS["session"].link(opened) == reverse("session-detail", args=[opened.pk])
    assert push_kinds.KINDS["bag"].link(bag) == reverse("bag-detail", args=["one"])
    push = Push(code="abcdefgh")
    assert pushes.short_link(push) == reverse("push-follow", args=["abcdefgh"])


@pytest.mark.parametrize("state", ["draft", "withdrawn"])
def test_a_lesson_that_is_not_published_is_neither_pushed_nor_led_to(city, lesson, state):
    scope, name = scope_of(city.people["zhou"], at=NOW), f"lesson-{lesson.pk}"
    push = Push(kind="lesson", target=lesson.pk, link="/l/")
    assert push_kinds.find(name, scope, NOW) is not None
    assert push_kinds.leads_to(push, scope, NOW) == "/l/"

    Lesson.objects.filter(pk=lesson.pk).update(state=state)

    assert push_kinds.find(name, scope, NOW) is None
    assert push_kinds.leads_to(push, scope, NOW) == ""


def test_only_what_is_in_ones_scope_is_offered(city, group, hand, schedule):
    foreign = schedule("邻支部党课", organiser=city.yi, hour=21)
    own = schedule("本支部党课", hour=21)
    desk = hand("zhou").open(reverse("push-new"))
    assert "本支部党课" in desk.text
    assert "邻支部党课" not in desk.text
    for name in (f"session-{foreign.pk}", "lesson-99999999999999999999", "x-1", ""):
        desk.send("推送", thing=name, groups=[group.pk])
        assert desk.page.status_code == 422
    other = study_groups.set_up(city.yi, name="乙群", leader=city.people["wu"], by=city.by, at=NOW)
    desk.send("推送", thing=f"session-{own.pk}", groups=[group.pk, other.pk])
    assert desk.page.status_code == 422
    assert not Push.objects.exists()


def test_one_push_goes_to_many_groups_by_one_page(city, group, hand, lesson, secretary):
    second = study_groups.set_up(
        city.jia, name="又一群", leader=city.people["lin"], by=secretary, at=NOW
    )
    desk = hand("zhou").open(reverse("push-new"))
    desk.send("推送", thing=f"lesson-{lesson.pk}", groups=[group.pk, second.pk], sentence="")
    assert Push.objects.get().deliveries.count() == 2


def test_a_robot_is_added_by_its_address_which_no_page_shows_again(hand, group, caplog):
    desk = hand("zhou").open(reverse("robot-new", args=[group.pk]))
    desk.send("添加", service="wechat_work", address="https://evil.example/" + KEY, secret="")
    assert desk.page.status_code == 422
    assert "以 https://qyapi.weixin.qq.com/ 开头" in desk.text
    assert KEY not in desk.text
    desk.send("添加", service="wechat_work", address=ADDRESS, secret="")
    assert "企业微信机器人（…9876）" in desk.text
    for name in ("group-detail", "group-mend"):
        assert KEY not in desk.open(reverse(name, args=[group.pk])).text
    assert KEY not in caplog.text
    desk.open(reverse("group-detail", args=[group.pk]))
    desk.send("移除")
    assert "地址不再保存" in desk.text
    assert GroupRobot.objects.get().address == ""


def test_a_lost_answer_is_shown_and_sent_once_more_by_hand(hand, group, lesson, secretary):
    group_robots.add(group, "wechat_work", ADDRESS, by=secretary, at=NOW)
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    push = pushes.push(thing, [group], sentence="", code="abcdefgh", by=secretary, at=NOW)
    row = push.deliveries.get(robot__isnull=False)
    deliveries.claim(row.pk, at=NOW)
    deliveries.find_lost(at=NOW + 2 * deliveries.DEAD)
    desk = hand("zhou").open(reverse("group-list"))
    assert "结果不明" in desk.text
    desk.follow("看看要不要重发")
    assert "先到那个群里看一眼" in desk.text
    desk.send("重发")
    assert "一分钟内重发" in desk.text
    assert Delivery.objects.get(pk=row.pk).state == "waiting"


@pytest.mark.parametrize("state", ["failed", "dropped"])
def test_what_was_not_sent_stands_on_the_list_and_is_sent_once_more(
    hand, group, lesson, secretary, state
):
    robot = group_robots.add(group, "wechat_work", ADDRESS, by=secretary, at=NOW)
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    push = pushes.push(thing, [group], sentence="", code="abcdefgh", by=secretary, at=NOW)
    rows = push.deliveries.filter(robot=robot)
    rows.update(state=state, due_at=None, answer="超过三天没有发出")
    assert "看看要不要重发" not in hand("gao").open(reverse("group-list")).text

    desk = hand("zhou").open(reverse("home"))
    desk.open(reverse("group-list"))
    desk.follow("看看要不要重发")
    assert "群里已收到" not in desk.text
    desk.send("重发")

    assert rows.get().state == "waiting"
    rows.update(state=state, due_at=None)
    group_robots.remove(robot, by=secretary, at=NOW)
    desk.open(reverse("push-detail", args=[push.pk]))
    assert "重发</button>" not in desk.text


def test_who_finds_a_lost_one_in_the_chat_says_so_and_is_asked_no_more(
    hand, group, lesson, secretary
):
    robot = group_robots.add(group, "wechat_work", ADDRESS, by=secretary, at=NOW)
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    push = pushes.push(thing, [group], sentence="", code="abcdefgh", by=secretary, at=NOW)
    rows = push.deliveries.filter(robot=robot)
    deliveries.claim(rows.get().pk, at=NOW)
    deliveries.find_lost(at=NOW + 2 * deliveries.DEAD)

    desk = hand("zhou").open(reverse("push-detail", args=[push.pk]))
    desk.send("群里已收到")

    assert (rows.get().state, rows.get().answer) == ("sent", "周明远核实群里已收到")
    assert "看看要不要重发" not in desk.open(reverse("group-list")).text
    with pytest.raises(pushes.CannotPush, match="不用核实"):
        pushes.arrived(rows.get(), by=secretary, at=NOW)


def test_at_night_sending_once_more_names_the_hour_at_which_it_will_be(
    hand, group, lesson, secretary, clock
):
    group_robots.add(group, "wechat_work", ADDRESS, by=secretary, at=NOW)
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    push = pushes.push(thing, [group], sentence="", code="abcdefgh", by=secretary, at=NOW)
    deliveries.claim(push.deliveries.get(robot__isnull=False).pk, at=NOW)
    deliveries.find_lost(at=NOW + 2 * deliveries.DEAD)
    clock.move_to(NOW + timedelta(hours=3))  # eleven in the evening

    desk = hand("zhou").open(reverse("push-detail", args=[push.pk]))
    desk.send("重发")

    assert "夜里不打扰，2021年6月4日 07:00 重发" in desk.text
    assert "一分钟内" not in desk.text


def test_whoever_came_home_is_named_to_the_secretary_who_takes_them_out(hand, city, group, away):
    mobile_stays.end(away.mobile_stays.get(), on=TODAY, by=city.by, at=NOW)
    desk = hand("zhou").open(reverse("group-detail", args=[group.pk]))
    assert "系统不会自动移出" in desk.text
    assert "已返回" in desk.text
    desk.send("移出选中的", row=[])
    assert "请先勾选" in desk.text
    desk.send("移出选中的", row=[group.people.get().pk])
    assert "已移出 1 人" in desk.text


def test_people_of_other_branches_are_taken_in_by_number_alone(city, hand, group, secretary):
    guest = city.enrol(city.bing, "来客")
    at_home = city.enrol(city.jia, "在家")
    away = Away(days_ago(300), "云岭市", "work", host=city.jia)
    mobile_stays.register(guest, away, by=city.by, at=NOW)
    desk = hand("zhou").open(reverse("group-detail", args=[group.pk]))
    assert "来客" in desk.text  # hosted here, so the secretary sees them
    desk.open(reverse("group-add", args=[group.pk]))
    desk.send("加入", numbers=f"{guest.number}\n{at_home.number}")
    assert "在家不是本组织管理或流入的流动党员" in desk.text
    desk.send("加入", numbers="9")
    assert "没有找到这些编号" in desk.text
    desk.send("加入", numbers=guest.number)
    assert "已加入 1 人" in desk.text
    outsider = city.enrol(city.bing, "外人")
    desk.open(reverse("group-add", args=[group.pk])).send("加入", numbers=outsider.number)
    assert f"没有找到这些编号的在册党员：{outsider.number}" in desk.text
    assert "外人" not in desk.text
    forged = {"member": [outsider.pk]}
    page = desk.browser.post(reverse("group-add", args=[group.pk]), forged, follow=True)
    assert "有人已经不在名单里" in page.content.decode()


def test_a_member_joins_leaves_and_the_contact_person_hands_over(city, hand, group, away):
    other = city.people["ta"] = city.enrol(city.jia, "他乡")
    mobile_stays.register(other, Away(days_ago(300), "广东省", "work"), by=city.by, at=NOW)
    phone = hand("ta").open(reverse("my-groups"))
    phone.send("加入")
    assert "已加入学习群" in phone.text
    leader = hand("lin").open(reverse("my-groups"))
    assert "联系人：我" in leader.text
    leader.send("交接", to=group.people.get(member=other).pk)
    assert "已交接" in leader.text
    group.refresh_from_db()
    assert group.leader == other
    phone.open(reverse("my-groups")).send("退出学习群")
    assert "已退出" in phone.text


@pytest.mark.parametrize("name", ["group-join", "group-leave", "group-hand-over"])
def test_who_has_nothing_to_do_with_a_group_changes_nothing_in_it(client, city, group, name, wu):
    client.force_login(wu, "portal.sign_in.MemberBackend")
    body = {"to": group.people.get().pk}
    page = client.post(reverse(name, args=[group.pk]), body, follow=True)
    assert "没有这个学习群" in page.content.decode()
    group.refresh_from_db()
    assert group.leader == city.people["lin"]
    assert group.people.now().count() == 1


def test_a_group_that_has_ended_is_kept_in_its_list_and_has_no_buttons(hand, group, pushed):
    desk = hand("zhou").open(reverse("group-detail", args=[group.pk]))
    desk.send("结束学习群")
    assert "已结束" in desk.text
    desk.open(reverse("group-list") + "?show=ended").follow("甲群")
    assert "《火种》" in desk.text
    assert not re.search(r"<form[^>]*/(end|add|take-out)/", desk.text)
    desk.browser.post(reverse("group-end", args=[group.pk]))
    assert "已经结束" in desk.open(reverse("group-list")).text


def test_the_contact_person_pushes_to_the_group_alone(city, hand, away, group, lesson, secretary):
    other = study_groups.set_up(
        city.jia, name="别的群", leader=city.people["zhou"], plan="", by=secretary, at=NOW
    )
    phone = hand("lin").open(reverse("my-groups"))
    phone.follow("推送")
    assert "别的群" not in phone.text
    phone.send("推送", thing=f"lesson-{lesson.pk}", sentence="周五前学完", groups=[other.pk])
    assert not Push.objects.exists()

    phone.open(reverse("group-push", args=[group.pk]))
    phone.send("推送", thing=f"lesson-{lesson.pk}", sentence="周五前学完", groups=[group.pk])

    push = Push.objects.get()
    assert (push.by, Message.objects.get().member) == (city.people["lin"], away)
    assert phone.at == reverse("my-groups")
    assert "已推送" in phone.text
    assert f"http://testserver/p/{push.code}/</textarea>" in phone.text
    assert "甲群" in hand("zhou").open(reverse("push-detail", args=[push.pk])).text


def test_an_official_reads_the_groups_of_the_county_and_changes_none(city, client, group, pushed):
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    assert "甲群" in client.get(reverse("group-list")).content.decode()
    page = client.get(reverse("group-detail", args=[group.pk])).content.decode()
    assert "远方" in page
    assert "结束学习群" not in page
    assert client.post(reverse("group-end", args=[group.pk])).status_code == 403
    other = study_groups.set_up(
        city.bing, name="丙群", leader=city.people["gao"], by=city.by, at=NOW
    )
    assert client.get(reverse("group-detail", args=[other.pk])).status_code == 404


def test_an_official_runs_the_groups_of_their_own_organisation(city, hand, away, group, lesson):
    """Sets one up, takes mobile members of the branches below in, pushes, and begins a discussion;
    to the branch's group nothing is pushed from above."""
    desk = hand("gao").open(reverse("group-list"))
    desk.follow("建群")
    lin = city.people["lin"]
    desk.send("建群", name="县群", organization=city.county.pk, leader=lin.number, plan="")
    made = StudyGroup.objects.get(name="县群")
    assert made.organiser == city.county
    desk.send("加入选中的", member=[away.pk])
    assert "已加入 1 人" in desk.text
    desk.open(reverse("push-new"))
    assert "县群" in desk.text
    assert "甲群" not in desk.text
    desk.send("推送", thing=f"lesson-{lesson.pk}", sentence="", groups=[made.pk])
    assert "已推送" in desk.text
    assert Push.objects.get().by == city.people["gao"]
    assert "发起专题讨论" in desk.open(reverse("discussion-new", args=[made.pk])).text
    shi = hand("shi").open(reverse("group-detail", args=[made.pk]))
    assert "结束学习群" not in shi.text


def test_an_open_list_asks_the_database_no_more_for_more_groups(
    city, client, group, secretary, django_assert_max_num_queries
):
    client.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    for number in range(8):
        made = study_groups.set_up(
            city.jia, name=f"群{number}", leader=city.people["lin"], by=secretary, at=NOW
        )
        study_groups.join(made, by=Actor(city.people["yuan"], "member"), at=NOW)
    with django_assert_max_num_queries(14):
        client.get(reverse("group-list"))
    with django_assert_max_num_queries(20):
        client.get(reverse("group-detail", args=[group.pk]))


def test_an_organiser_above_takes_in_by_number_whom_a_branch_below_looks_after(city, hand, away):
    zheng, by = city.people["zheng"], city.actor("zheng", "organiser")
    appointments.appoint(zheng, "organiser", city.county, since=days_ago(9), by=city.by, at=NOW)
    group = study_groups.set_up(city.county, name="县群", leader=zheng, by=by, at=NOW)
    desk = hand("zheng").open(reverse("group-add", args=[group.pk]))

    desk.send("加入", numbers=away.number)

    assert "已加入 1 人" in desk.text


def test_mobile_members_see_their_own_stay_and_what_is_asked_of_them(
    city, hand, away, secretary, django_assert_num_queries
):
    """Nobody else does, and nobody who is back."""
    stay = away.mobile_stays.get()
    later = Away(days_ago(300), "广东省", "work", host=city.bing, contact=city.people["lin"],
                 last_contact_on=days_ago(100), expected_until=TODAY)  # fmt: skip
    mobile_stays.mend(stay, later, by=secretary, at=NOW)
    phone = hand("yuan").open(reverse("my-groups"))

    card = phone.text.split("我的流动情况")[1].split("</section>")[0]
    for said in ("广东省", str(days_ago(300)), "市文化局丙支部", "还没有报到", "林小满",
                 str(days_ago(100)), "超过三个月", "每三个月", "交纳党费"):  # fmt: skip
        assert said in card
    with django_assert_num_queries(9):
        phone.browser.get(reverse("my-groups"))

    mobile_stays.report_in(stay, on=days_ago(2), by=secretary, at=NOW)
    card = phone.open(reverse("my-groups")).text
    assert "还没有报到" not in card
    assert "超过三个月" not in card
    mobile_stays.end(stay, on=TODAY, by=secretary, at=NOW)
    assert "我的流动情况" not in phone.open(reverse("my-groups")).text
    assert "我的流动情况" not in hand("lin").open(reverse("my-groups")).text


def test_hosted_members_see_what_their_host_holds_and_nobody_else_does(
    city, hand, schedule, programme
):
    """In a group or not; what is over or called off is not there."""
    city.people["ke"] = guest = city.enrol(city.bing, "来客")
    away = Away(days_ago(300), "云岭市", "work", host=city.jia)
    mobile_stays.register(guest, away, by=city.by, at=NOW)
    held = schedule(
        "线上的党课", day=TODAY + timedelta(days=2), link="https://meeting.tencent.com/dm/x"
    )
    schedule("昨天的活动", day=days_ago(1))
    off = schedule("不开了", day=TODAY + timedelta(days=3))
    sessions.cancel(off, reason="停电", by=city.actor("zhou", "secretary"), at=NOW)

    phone = hand("ke").open(reverse("my-groups"))

    assert "流入地的活动" in phone.text
    assert "线上的党课" in phone.text
    assert "昨天的活动" not in phone.text
    assert "不开了" not in phone.text
    phone.open(reverse("session-visit", args=[held.pk]))
    assert "meeting.tencent.com" in phone.text
    assert "线上的党课" not in hand("wu").open(reverse("my-groups")).text
