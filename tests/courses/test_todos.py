"""What waits for somebody on their start page: each kind counted for whom it concerns alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from courses import samples, start_pages, study_logs, todos
from courses.models import Course, Discussion, Lesson, LessonCredit, Push, SampleItem
from courses.online import (
    answers,
    discussions,
    group_robots,
    lesson_credits,
    push_kinds,
    pushes,
    recognition,
    study_groups,
)
from courses.study_logs import Study
from credits import (
    bulletins,
    claim_decisions,
    claims,
    exemptions,
    ledger,
    statements,
    unit_checks,
)
from credits.ledger import Credit, Source
from credits.models import Programme
from portal import appointments, messages, suggestions
from portal.access import scope_of
from portal.messages import Letter
from portal.models import Cohort, Role
from tests.cast import NOW, TODAY, days_ago
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.both]
ROBOT = "https://open.feishu.cn/open-apis/bot/v2/hook/693a91f6-7abc-4bc4"


@pytest.fixture
def waits(city, programme):
    """One of every kind, and how a person's list reads."""
    lin, zhou = city.people["lin"], city.people["zhou"]
    for topic in ("一", "二"):
        log = study_logs.submit(
            programme, lin, Study("self", days_ago(2), 45, topic, "reform"), by=city.actor("lin"),
            at=NOW,
        )  # fmt: skip
    study_logs.confirm([log], by=city.actor("zhou", "secretary"), at=NOW)
    samples.draw(programme, city.county, first=days_ago(9), last=TODAY, reason="抽查",
                 due_on=TODAY, by=city.actor("gao", "official"), at=NOW, rate=200)  # fmt: skip
    messages.send_many(
        [Letter(m.pk, "weekly", "w", "提醒", "还差 2 学时。", "/") for m in (lin, zhou)], at=NOW
    )
    lines = [claims.Stated(lin, "opening", "seminar", "reform", days_ago(90 + n), 400, "册", n)
             for n in (0, 1)]  # fmt: skip
    batch = claims.hand_in(programme, city.jia, lines, key="k", by=city.actor("zhou"), at=NOW)
    claim_decisions.return_([batch.claims.first()], reason="看不清", by=city.actor("gao"), at=NOW)
    exemptions.ask(programme, lin, target=None, since=TODAY, until=None, reason="病",
                   by=city.actor("zhou"), at=NOW)  # fmt: skip
    suggestions.hand_in("advice", "字再大一些", by=city.actor("lin"), at=NOW)

    def read(who, of):
        return [(kind.code, n) for kind, n in of(programme, scope_of(city.people[who], at=NOW))]

    return read


def member(programme, scope):
    return start_pages.own(programme, scope.member, at=NOW).waiting


def secretary(programme, scope):
    return start_pages.desk(programme, scope, scope.organization, at=NOW).waiting


def official(_, scope):
    return todos.of_official(scope, at=NOW)


def test_each_role_reads_what_waits_for_it(waits):
    assert waits("lin", member) == [("asked", 1), ("messages", 1)]
    assert waits("zhou", secretary) == [("logs", 1), ("returned", 1), ("messages", 1)]
    asked = [("exemptions", 1), ("claims", 1), ("suggestions", 1)]
    assert waits("gao", official) == asked
    assert waits("shi", official) == asked


def test_nobody_reads_what_waits_elsewhere(waits):
    assert waits("wu", member) == []
    assert waits("zheng", secretary) == []


def test_an_answered_sample_waits_for_the_official_and_an_untrue_one_for_the_branch(waits, city):
    item = SampleItem.objects.get()
    samples.answer(item, "晚上在家读的。", by=city.actor("lin"), at=NOW)
    assert ("samples", 1) in waits("gao", official)
    assert waits("lin", member) == [("messages", 1)]

    samples.judge(item, in_order=False, feedback="没有看到", by=city.actor("gao"), at=NOW)

    assert ("untrue", 1) in waits("zhou", secretary)


def test_figures_wait_for_whoever_answers_for_the_unit_and_for_nobody_else(waits, city, programme):
    by, gao = city.actor("shi", "official"), city.actor("gao", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=[Cohort.COUNTY], by=by, at=NOW)
    check = unit_checks.send(draft, deadline=NOW + timedelta(days=1), by=by, at=NOW)
    row = check.rows.get(unit=city.county)

    assert ("checks", 1) in waits("gao", official)
    for who, of in (("shi", official), ("zhou", secretary)):
        assert "checks" not in dict(waits(who, of))

    appointments.appoint(
        city.people["zheng"], Role.SECRETARY, city.county, since=days_ago(1), by=by, at=NOW
    )
    assert ("checks", 1) in waits("zheng", secretary)
    unit_checks.answer(row, {}, by=gao, at=NOW)
    assert "checks" not in dict(waits("gao", official))


@pytest.mark.parametrize("state", ["failed", "unknown", "dropped"])
@pytest.mark.parametrize(
    ("place", "who", "of"), [("jia", "zhou", secretary), ("county", "gao", official)]
)
def test_a_push_that_did_not_arrive_waits_for_who_runs_the_group_and_nobody_else(
    waits, city, place, who, of, state
):
    """As long as its robot is there and it is news; the secretary of another branch, and the
    officials above and below, are not asked."""
    by, where = city.by, getattr(city, place)
    group = study_groups.set_up(where, name="群", leader=city.people["lin"], by=by, at=NOW)
    robot = group_robots.add(group, "feishu", ROBOT, by=by, at=NOW)
    course = Course.objects.create(key="c", title="课", kind="series", form="online")
    lesson = Lesson.objects.create(course=course, key="l", title="火种", form="online", minutes=20)
    thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
    push = pushes.push(thing, [group], sentence="", code="abcdefgh", by=by, at=NOW)
    others = {"zhou": secretary, "gao": official, "shi": official, "zheng": secretary}
    others.pop(who)
    assert "pushes" not in dict(waits(who, of))

    push.deliveries.filter(robot=robot).update(state=state, due_at=None)

    assert ("pushes", 1) in waits(who, of)
    for name, list_of in others.items():
        assert "pushes" not in dict(waits(name, list_of)), name
    Push.objects.update(at=NOW - pushes.FRESH)
    assert "pushes" not in dict(waits(who, of))
    Push.objects.update(at=NOW)
    group_robots.remove(robot, by=by, at=NOW)
    assert "pushes" not in dict(waits(who, of))


def test_a_discussion_past_its_last_day_waits_until_its_answers_are_decided(
    waits, city, talk, leader
):
    """For the leader and the organiser's people; nobody else, and not for one's own answer."""
    lists = {"lin": member, "wu": member, "zheng": secretary, "zhou": secretary, "gao": official}
    last = talk.last_day

    def asked():
        return {who for who, list_of in lists.items() if "talks" in dict(waits(who, list_of))}

    answers.answer(talk, "从农村开始。", by=city.actor("wu"), at=NOW)
    assert asked() == set()
    Discussion.objects.update(last_day=days_ago(1), first_day=days_ago(2))
    assert asked() == {"lin", "zhou"}
    Discussion.objects.update(organiser=city.county)
    assert asked() == {"lin", "gao"}
    Discussion.objects.update(organiser=city.jia, last_day=last)
    discussions.close(talk, by=leader, at=NOW)
    assert asked() == {"lin", "zhou"}
    recognition.decline(talk, talk.answers.all(), reason="不切题", by=leader, at=NOW)
    assert asked() == set()
    talk.answers.create(member=city.people["lin"], text="我也答。", said_at=NOW)
    assert asked() == {"zhou"}  # nobody recognises themselves
    Programme.objects.update(state="closed", books_close_on=TODAY)
    assert asked() == set()


def test_a_lesson_that_a_full_day_kept_out_waits_for_its_member_from_the_next_day_on(
    waits, city, programme
):
    lesson, lin = hands.published(city.actor("shi", "official")), city.people["lin"]
    credit = Credit(lin, "lecture", TODAY, minutes=360, period="reform")
    ledger.post(programme, Source("session", "full", "全天"), organiser=city.jia,
                credits=[credit], by=city.by, at=NOW)  # fmt: skip
    hands.answer(lesson, lin)
    scope = scope_of(lin, at=NOW)

    def asked(at):
        own = start_pages.own(programme, scope.member, at=at).waiting
        return {kind.code for kind, _ in own}

    assert "lessons" not in asked(NOW)
    tomorrow = NOW + timedelta(days=1)
    assert "lessons" in asked(tomorrow)
    kept = LessonCredit.objects.get()
    LessonCredit.objects.update(reason="本专题教育不计这种学习方式的学时。")
    assert "lessons" not in asked(tomorrow)
    LessonCredit.objects.update(reason=kept.reason)
    lesson_credits.credit_now(kept, by=city.actor("lin"), at=tomorrow)
    assert "lessons" not in asked(tomorrow)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("lin", "1 条学习记录</b>被抽查到，请说明"),
        ("zhou", "1 行学时申报</b>被退回"),
        ("gao", "1 份减免</b>等待审批"),
    ],
)
def test_the_start_page_names_it(waits, client, city, who, words):
    client.force_login(city.people[who], "portal.sign_in.MemberBackend")

    with time_machine.travel(NOW, tick=False):
        text = client.get(reverse("home")).content.decode()

    assert words in text


def test_planned_sessions_are_enough_only_under_caps_and_minimums(programme, city, schedule):
    """Twelve times two hours of one period leave the others' minimums open."""
    for days in range(1, 13):
        schedule(day=TODAY + timedelta(days=days))
    found = statements.progress(programme, city.people["lin"])
    sessions = start_pages.own(programme, city.people["lin"], at=NOW).coming

    planned = start_pages.planned(sessions, found.rules)

    assert sum(planned.values()) >= found.standing.shortfall
    assert found.shortfall_with(planned) > 0
