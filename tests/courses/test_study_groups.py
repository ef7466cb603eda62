"""Study groups: who may be in one, what is refused, what follows a merger."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from courses.models import Attempt, Delivery, GroupMember, GroupRobot, Push, StudyGroup
from courses.online import group_robots, study_groups
from courses.online.study_groups import BadGroup, GroupEnded, NotMobileHere
from courses.unfinished import LeftOpen
from portal import members, mobile_stays, reorganizations
from portal.access import Capability, scope_of
from portal.audit import Actor
from portal.mobile_stays import Away
from portal.models import AuditEvent, Organization
from portal.organizations import Founding, found
from portal.refusals import NotAllowed, Refusal
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both]
ADDRESS = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7abc-0001"


def send_away(city, member, **values):
    away = Away(days_ago(300), "广东省深圳市", "work", **values)
    return mobile_stays.register(member, away, by=city.by, at=NOW)


@pytest.fixture
def group(city):
    """乙支部 asks 吴远舟 to answer for its group."""
    by = city.actor("zheng", "secretary")
    return study_groups.set_up(city.yi, name="乙群", leader=city.people["wu"], by=by, at=NOW)


@pytest.fixture
def away(city):
    """Somebody of 乙支部 who lives away."""
    member = city.enrol(city.yi, "远方")
    member.stay = send_away(city, member)
    return member


def names(group):
    return {row.member.name for row in group.people.now().select_related("member")}


# --- Set up, mended


def test_a_group_is_set_up_and_the_trail_says_so(city, group):
    assert (group.organiser, group.leader, group.is_alive) == (city.yi, city.people["wu"], True)
    assert AuditEvent.objects.get(subject="学习群“乙群”：建立").organization == city.yi


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "长" * 41}, "name"),
        ({"name": "乙群"}, "name"),
        ({"plan": "长" * 2001}, "plan"),
    ],
)
def test_what_a_group_cannot_be_called(city, group, values, field):
    whole = {"name": "另一群", "leader": city.people["wu"], "plan": ""} | values
    with pytest.raises(BadGroup) as refused:
        study_groups.set_up(city.yi, **whole, by=city.by, at=NOW)
    assert refused.value.field == field


def test_another_organisation_may_use_the_same_name(city, group):
    study_groups.set_up(city.jia, name="乙群", leader=city.people["lin"], by=city.by, at=NOW)
    assert StudyGroup.objects.filter(name="乙群").count() == 2


def test_a_contact_person_belongs_to_the_organisation_or_is_hosted_there(city):
    values = {"name": "群", "by": city.by, "at": NOW}
    with pytest.raises(BadGroup, match="联系人"):
        study_groups.set_up(city.yi, leader=city.people["lin"], **values)
    study_groups.set_up(city.county, leader=city.people["lin"], **values)
    guest = city.enrol(city.bing, "来客")
    send_away(city, guest, host=city.yi)
    assert study_groups.set_up(city.yi, leader=guest, **values).leader == guest


def test_mending_keeps_what_was_not_changed_and_refuses_what_has_ended(city, group):
    by = city.actor("zheng", "secretary")
    mended = study_groups.mend(
        group, name="乙群", leader=city.people["zheng"], plan=" 第一周 ", by=by, at=NOW
    )
    assert (mended.leader, mended.plan) == (city.people["zheng"], "第一周")
    study_groups.end(group, by=by, at=NOW)
    with pytest.raises(GroupEnded):
        study_groups.mend(group, name="乙", leader=city.people["wu"], plan="", by=by, at=NOW)


# --- People


def test_only_mobile_members_of_the_place_are_taken_in_all_or_none(city, group, away, lin):
    guest = city.enrol(city.bing, "来客")
    send_away(city, guest, host=city.yi)
    stays_home = city.enrol(city.yi, "在家")
    for stranger in (stays_home, lin):
        with pytest.raises(NotMobileHere, match=stranger.name):
            study_groups.add(group, [away, stranger], by=city.by, at=NOW)
    assert names(group) == set()
    assert study_groups.add(group, [away, guest], by=city.by, at=NOW) == 2
    assert study_groups.add(group, [away, guest], by=city.by, at=NOW) == 0
    assert names(group) == {"远方", "来客"}


def test_the_county_takes_in_those_of_its_branches(city, away):
    group = study_groups.set_up(
        city.county, name="县群", leader=city.people["wu"], by=city.by, at=NOW
    )
    assert study_groups.add(group, [away], by=city.by, at=NOW) == 1
    outside = city.enrol(city.bing, "外人")
    send_away(city, outside)
    with pytest.raises(NotMobileHere, match="外人"):
        study_groups.add(group, [outside], by=city.by, at=NOW)


def test_a_group_holds_as_many_as_a_chat(city, group, away, monkeypatch):
    other = city.enrol(city.yi, "又一位")
    send_away(city, other)
    monkeypatch.setattr(study_groups, "MOST", 1)
    with pytest.raises(BadGroup, match="最多 1 人"):
        study_groups.add(group, [away, other], by=city.by, at=NOW)
    study_groups.add(group, [away], by=city.by, at=NOW)
    with pytest.raises(BadGroup, match="已满 1 人"):
        study_groups.join(group, by=Actor(other, "member"), at=NOW)


def test_a_mobile_member_joins_by_themselves_and_leaves(city, group, away, lin):
    me = Actor(away, "member")
    assert study_groups.open_to(away) == [group]
    assert study_groups.open_to(lin) == []
    study_groups.join(group, by=me, at=NOW)
    study_groups.join(group, by=me, at=NOW)
    assert names(group) == {"远方"}
    assert study_groups.open_to(away) == []
    with pytest.raises(NotMobileHere):
        study_groups.join(group, by=Actor(lin, "member"), at=NOW)
    study_groups.leave(group, by=me, at=NOW + timedelta(days=1))
    study_groups.leave(group, by=me, at=NOW + timedelta(days=2))
    assert names(group) == set()
    assert group.people.get().until == NOW + timedelta(days=1)
    study_groups.join(group, by=me, at=NOW + timedelta(days=3))
    assert group.people.count() == 2


def test_groups_above_ones_branch_and_ones_host_are_open_the_nearest_first(city, group):
    guest = city.enrol(city.bing, "来客")
    send_away(city, guest, host=city.yi)
    county = study_groups.set_up(
        city.county, name="县群", leader=city.people["wu"], by=city.by, at=NOW
    )
    study_groups.set_up(city.jia, name="甲群", leader=city.people["lin"], by=city.by, at=NOW)
    bureau = study_groups.set_up(
        city.bureau, name="局群", leader=city.people["xun"], by=city.by, at=NOW
    )
    assert study_groups.open_to(guest)[0] == group
    assert set(study_groups.open_to(guest)) == {group, county, bureau}


def test_whoever_comes_home_stays_in_until_they_are_taken_out(city, group, away):
    study_groups.add(group, [away], by=city.by, at=NOW)
    assert study_groups.back_home(group) == set()
    mobile_stays.end(away.stay, on=TODAY, by=city.by, at=NOW)
    assert study_groups.back_home(group) == {away.pk}
    assert names(group) == {"远方"}
    rows = list(group.people.select_related("group"))
    assert study_groups.take_out(rows, by=city.by, at=NOW) == 1
    assert study_groups.take_out(rows, by=city.by, at=NOW) == 0
    assert names(group) == set()


def test_only_the_contact_person_hands_over_and_to_somebody_of_the_group(city, group, away, wu):
    leader = city.actor("wu")
    with pytest.raises(BadGroup, match="不在这个群里"):
        study_groups.hand_over(group, away, by=leader, at=NOW)
    study_groups.add(group, [away], by=city.by, at=NOW)
    with pytest.raises(NotAllowed):
        study_groups.hand_over(group, away, by=city.actor("zheng"), at=NOW)
    assert study_groups.hand_over(group, away, by=leader, at=NOW).leader == away


def test_ending_takes_everybody_out_and_forgets_the_robots(city, group, away):
    study_groups.add(group, [away], by=city.by, at=NOW)
    robot = group_robots.add(group, "wechat_work", ADDRESS, by=city.by, at=NOW)
    study_groups.end(group, by=city.by, at=NOW)
    robot.refresh_from_db()
    assert (robot.address, robot.removed_at, names(group)) == ("", NOW, set())
    for act in (
        lambda: study_groups.add(group, [away], by=city.by, at=NOW),
        lambda: study_groups.end(group, by=city.by, at=NOW),
        lambda: group_robots.add(group, "wechat_work", ADDRESS, by=city.by, at=NOW),
    ):
        with pytest.raises(GroupEnded):
            act()


# --- Reorganisations


def test_a_merged_branch_hands_its_groups_to_its_successor(city, group, away):
    reorganizations.merge(city.yi, city.jia, on=TODAY, by=city.by, at=NOW)
    group = StudyGroup.objects.get(pk=group.pk)
    heir = scope_of(city.people["zhou"], at=NOW)
    assert group in StudyGroup.objects.within(heir, Capability.RUN_GROUPS)
    city.jia.refresh_from_db()
    newcomer = city.enrol(city.jia, "新人")
    send_away(city, newcomer)
    away.refresh_from_db()
    assert study_groups.add(group, [newcomer, away], by=city.by, at=NOW) == 2
    study_groups.mend(group, name="并群", leader=city.people["lin"], plan="", by=city.by, at=NOW)


def test_groups_are_run_by_the_people_of_their_own_organisation(city):
    """An official holds it over the county, neither over what stands below nor above."""
    official, secretary = (scope_of(city.people[name], at=NOW) for name in ("gao", "zhou"))
    run = Capability.RUN_GROUPS
    held = [official.can(run, place.path) for place in (city.root, city.county, city.jia)]
    assert held == [False, True, False]
    assert official.places(run) == [city.county.path]
    held = [secretary.can(run, place.path) for place in (city.county, city.jia, city.yi)]
    assert held == [False, True, False]
    others = (scope_of(city.people[name], at=NOW) for name in ("guan", "xun", "lin"))
    assert not any(scope.has(run) for scope in others)


def test_the_official_of_what_absorbed_a_unit_runs_its_groups(city):
    made = study_groups.set_up(
        city.bureau, name="局群", leader=city.people["guan"], by=city.by, at=NOW
    )
    gone = Organization.objects.filter(pk=city.bureau.pk)
    gone.update(merged_into=city.county, dissolved_on=TODAY)
    heir = scope_of(city.people["gao"], at=NOW)
    assert made in StudyGroup.objects.within(heir, Capability.RUN_GROUPS)


def test_a_branch_with_a_group_is_not_dissolved(city, group):
    for person in ("wu", "zheng"):
        members.transfer(city.people[person], city.jia, on=TODAY, by=city.by, at=NOW)
    with pytest.raises(LeftOpen, match="流动党员学习群 1 个"):
        reorganizations.dissolve(city.yi, on=TODAY, by=city.by, at=NOW)
    study_groups.end(group, by=city.by, at=NOW)
    reorganizations.dissolve(city.yi, on=TODAY, by=city.by, at=NOW)


def test_nor_is_an_organisation_above_branches(city):
    general = found(
        Founding("YL-QC-Z", "青川县总支", "general", city.county, days_ago(100)),
        by=city.by,
        at=NOW,
    )
    StudyGroup.objects.create(
        organiser=general, name="总支群", leader=city.people["lin"], made_by=city.people["lin"],
        made_at=NOW,
    )  # fmt: skip
    with pytest.raises(LeftOpen, match="流动党员学习群"):
        reorganizations.dissolve(general, on=TODAY, by=city.by, at=NOW)


# --- Robots


def test_a_robot_stands_once_and_only_its_last_characters_are_known(city, group, caplog):
    robot = group_robots.add(group, "wechat_work", ADDRESS, by=city.by, at=NOW)
    other = study_groups.set_up(
        city.jia, name="甲群", leader=city.people["lin"], by=city.by, at=NOW
    )
    for where, said in ((group, "本群"), (other, "另一个学习群")):
        with pytest.raises(Refusal, match=said):
            group_robots.add(where, "wechat_work", ADDRESS, by=city.by, at=NOW)
    assert str(robot) == "企业微信机器人（…0001）"
    assert group_robots.address_of(robot) == (ADDRESS, "")
    kept = repr(GroupRobot.objects.filter(pk=robot.pk).values_list())
    trail = repr(list(AuditEvent.objects.values_list()))
    for text in (kept, trail, repr(robot), caplog.text):
        assert "693a91f6" not in text
    group_robots.remove(robot, by=city.by, at=NOW)
    again = group_robots.add(other, "wechat_work", ADDRESS, by=city.by, at=NOW)
    assert again.pk != robot.pk


def test_the_same_robot_is_found_after_a_new_key_and_all_are_sealed_anew(city, group, settings):
    settings.SEALING_KEYS = ["o" * 40]
    dingtalk = "https://oapi.dingtalk.com/robot/send?access_token=693a91f6"
    robot = group_robots.add(group, "dingtalk", dingtalk, "SEC12345678", by=city.by, at=NOW)
    settings.SEALING_KEYS = ["n" * 40, "o" * 40]
    with pytest.raises(group_robots.AlreadyThere):
        group_robots.add(group, "dingtalk", dingtalk, by=city.by, at=NOW)
    assert group_robots.seal_anew(at=NOW) == 1
    settings.SEALING_KEYS = ["n" * 40]
    robot.refresh_from_db()
    assert group_robots.address_of(robot) == (dingtalk, "SEC12345678")
    with pytest.raises(group_robots.AlreadyThere):
        group_robots.add(group, "dingtalk", dingtalk, by=city.by, at=NOW)


@pytest.mark.parametrize(
    ("service", "secret"), [("wechat_work", "SEC12345678"), ("dingtalk", "短"), ("dingtalk", "x")]
)
def test_a_signing_secret_that_is_none_is_refused(city, group, service, secret):
    address = (
        ADDRESS
        if service == "wechat_work"
        else ("https://oapi.dingtalk.com/robot/send?access_token=693a91f6")
    )
    with pytest.raises(Refusal) as refused:
        group_robots.add(group, service, address, secret, by=city.by, at=NOW)
    assert refused.value.field == "secret"
    assert not GroupRobot.objects.exists()


# --- What the database refuses


def test_the_database_refuses_what_contradicts_itself(city, group, away):
    robot = group_robots.add(group, "wechat_work", ADDRESS, by=city.by, at=NOW)
    person = city.people["wu"]
    push = Push.objects.create(
        code="abcdefgh", kind="lesson", target=1, title="t", link="/x/", by=person, at=NOW
    )
    second = Push.objects.create(
        code="bcdefghi", kind="lesson", target=1, title="t", link="/x/", by=person, at=NOW
    )
    own = {"push": push, "group": group, "changed_at": NOW}
    fresh = own | {"push": second}
    sent = Delivery.objects.create(**own, robot=robot, state="sending")
    Attempt.objects.create(delivery=sent, robot=robot, turn=1, began_at=NOW, outcome="sending")
    GroupMember.objects.create(group=group, member=away, since=NOW)
    same = GroupRobot.objects.values().get()
    for row in (
        GroupMember(group=group, member=away, since=NOW),
        GroupRobot(**{**same, "id": None}),
        GroupRobot(**{**same, "id": None, "mark": "other", "removed_at": NOW}),
        GroupRobot(**{**same, "id": None, "mark": "other", "address": ""}),
        GroupRobot(**{**same, "id": None, "mark": "other", "service": "sms"}),
        Push(code="abcdefgh", kind="x", target=1, title="t", link="/", by=person, at=NOW),
        Push(code="b", kind="x", target=1, title="", link="/", by=person, at=NOW),
        Delivery(**own, robot=robot, state="sent"),  # twice to a robot
        Delivery(**own, state="failed"),  # messages are sent
        Delivery(**fresh, robot=robot, state="waiting"),  # for no moment
        Delivery(**fresh, robot=robot, state="sent", due_at=NOW),
        Delivery(**fresh, robot=robot, state="thrown"),
        Attempt(delivery=sent, robot=robot, turn=2, began_at=NOW, outcome="sending"),
        Attempt(delivery=sent, robot=robot, turn=1, began_at=NOW, outcome="sent", ended_at=NOW),
        Attempt(delivery=sent, robot=robot, turn=3, began_at=NOW, outcome="sent"),
        Attempt(
            delivery=sent, robot=robot, turn=3, began_at=NOW, outcome="sent",
            ended_at=NOW - timedelta(seconds=1),
        ),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)
    Delivery.objects.create(**own, state="sent")
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(**own, state="sent")
