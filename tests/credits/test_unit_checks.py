"""Units check a bulletin's figures before it is published, each its own and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from credits import bulletins, unit_check_states, unit_checks
from credits.models import (
    Measure,
    ObjectionReply,
    UnitAnswer,
    UnitFigures,
    UnitLook,
)
from credits.unit_check_states import State
from portal import appointments
from portal.models import AuditEvent, Cohort, Message, Role
from portal.refusals import NotAllowed, Refusal
from tests.cast import NOW, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]
DEADLINE = NOW + timedelta(days=3)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def shi(city):
    return city.actor("shi", "official")


@pytest.fixture
def gao(city):
    """The county's official, who checks for the county."""
    return city.actor("gao", "official")


@pytest.fixture
def bu(city):
    """The bureau's official."""
    city.people["bu"] = city.enrol(city.bing, "布文化")
    appointments.appoint(
        city.people["bu"], Role.OFFICIAL, city.bureau, since=days_ago(99), by=city.by, at=NOW
    )
    return city.actor("bu", "official")


@pytest.fixture
def draft(city, programme, bu, shi):
    return bulletins.draw_up(programme, title="六月通报", cohorts=COHORTS, by=shi, at=NOW)


@pytest.fixture
def check(draft, shi):
    return unit_checks.send(draft, deadline=DEADLINE, by=shi, at=NOW)


def row_of(check, unit):
    return check.rows.select_related("units_check__draft", "unit").get(unit=unit)


def state_of(check, unit, *, at=LATER):
    return next(u for u in unit_check_states.states(check, at=at) if u.row.unit_id == unit.pk)


def objection_of(row, measure="completed"):
    return row.answers.filter(measure=measure).latest("pk")


# --- Sending ------------------------------------------------------------------------------------


def test_what_is_sent_is_a_snapshot_of_every_unit(city, programme, complete, check):
    row = row_of(check, city.county)
    complete(programme, city.people["lin"])

    assert {r.unit_name for r in check.rows.all()} == {"青川县", "市文化局"}
    assert (row.due, row.completed, row.rank) == (4, 0, 1)
    assert row_of(check, city.county).completed == 0
    now = bulletins.figures(programme, COHORTS)
    assert [r.completed for r in now.rows if r.unit_id == city.county.pk] == [1]


def test_those_appointed_at_the_unit_are_told_once(city, check):
    told = Message.objects.filter(key__startswith="unit-check:")
    assert {m.member.name for m in told} == {"高望川", "布文化"}
    own = told.get(member=city.people["gao"])
    assert own.link == reverse("unit-check", args=[row_of(check, city.county).pk])
    assert "市文化局" not in own.text


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(days=-1), timedelta(days=31)])
def test_a_deadline_lies_ahead_and_not_too_far(draft, shi, wait):
    with pytest.raises(Refusal) as refused:
        unit_checks.send(draft, deadline=NOW + wait, by=shi, at=NOW)
    assert refused.value.field == "deadline"


def test_a_published_draft_is_sent_to_nobody(draft, shi):
    bulletins.publish(draft, seen_version=draft.version, by=shi, at=NOW)
    with pytest.raises(bulletins.NotADraft):
        unit_checks.send(draft, deadline=DEADLINE, by=shi, at=NOW)


# --- Looking and answering ----------------------------------------------------------------------


def test_the_official_sees_who_has_not_looked_looked_confirmed_objected(city, check, gao, bu):
    county = row_of(check, city.county)
    assert state_of(check, city.county).state == State.UNSEEN

    unit_checks.look(county, by=gao, at=NOW)
    unit_checks.look(county, by=gao, at=LATER)
    assert [look.at for look in county.looks.all()] == [NOW]
    assert state_of(check, city.county).state == State.LOOKED

    unit_checks.answer(county, {}, by=gao, at=LATER)
    assert state_of(check, city.county).state == State.CONFIRMED
    assert {a.measure for a in county.answers.all()} == set(Measure.values)

    unit_checks.answer(row_of(check, city.bureau), {"due": "应为 6 人"}, by=bu, at=LATER)
    found = state_of(check, city.bureau)
    assert found.state == State.OBJECTED
    assert [(o.measure, o.reason) for o in found.objections] == [("due", "应为 6 人")]
    assert unit_check_states.summary(check.draft, at=LATER).text == (
        "送核 2 个单位，有异议 1，已确认 1"
    )


def test_silence_after_the_deadline_counts_as_not_looked(city, check, gao):
    row = row_of(check, city.county)
    unit_checks.look(row, by=gao, at=NOW)
    late = DEADLINE + timedelta(seconds=1)

    assert state_of(check, city.county, at=late).state == State.UNSEEN
    summary = unit_check_states.summary(check.draft, at=late)
    assert (summary.late, summary.silent, summary.counts[State.UNSEEN]) == (True, 1, 2)
    with pytest.raises(unit_checks.TooLate):
        unit_checks.answer(row, {}, by=gao, at=late)
    assert not row.answers.exists()


def test_the_same_answer_twice_is_one_and_a_changed_one_is_new(city, check, gao):
    row = row_of(check, city.county)
    unit_checks.answer(row, {"completed": "少 1 人"}, by=gao, at=NOW)
    assert unit_checks.answer(row, {"completed": "少 1 人"}, by=gao, at=LATER) == []
    made = unit_checks.answer(row, {}, by=gao, at=LATER)

    assert [(a.measure, a.says) for a in made] == [("completed", "confirmed")]
    assert not unit_check_states.open_objections(check.draft).exists()
    assert Message.objects.filter(key__startswith="objected:").count() == 1


@pytest.mark.parametrize("objections", [{"due": " "}, {"rank": "应为第 1"}])
def test_an_objection_needs_a_line_and_a_reason(city, check, gao, objections):
    row = row_of(check, city.county)
    with pytest.raises(Refusal):
        unit_checks.answer(row, objections, by=gao, at=NOW)
    assert not row.answers.exists()


@pytest.mark.parametrize("who", ["shi", "zhou", "lin", "bu", "xun", "guan"])
def test_only_the_unit_itself_answers(city, check, who):
    row, by = row_of(check, city.county), city.actor(who, "official")
    for act in (unit_checks.look, lambda *a, **k: unit_checks.answer(a[0], {}, **k)):
        with pytest.raises(NotAllowed):
            act(row, by=by, at=NOW)
    assert not UnitAnswer.objects.exists()
    assert not UnitLook.objects.exists()


def test_a_second_sending_ends_the_first(city, check, draft, shi, gao):
    first = row_of(check, city.county)
    again = unit_checks.send(draft, deadline=DEADLINE, by=shi, at=LATER)
    with pytest.raises(unit_checks.TooLate):
        unit_checks.answer(first, {}, by=gao, at=LATER)
    assert again.turn == 2
    waiting = unit_check_states.waiting_at([city.county.pk], at=LATER)
    assert [r.units_check_id for r in waiting] == [again.pk]


# --- Replying -----------------------------------------------------------------------------------


@pytest.fixture
def objected(city, check, gao):
    row = row_of(check, city.county)
    unit_checks.answer(row, {"completed": "林小满已学满"}, by=gao, at=NOW)
    return objection_of(row)


def test_a_correction_is_proved_by_the_figure_that_changed(
    city, programme, complete, objected, check, shi
):
    with pytest.raises(Refusal, match="没有变化"):
        unit_checks.correct(objected, what="补记林小满学时", by=shi, at=LATER)
    complete(programme, city.people["lin"])
    reply = unit_checks.correct(objected, what="补记林小满学时", by=shi, at=LATER)

    assert (reply.was, reply.now) == (0, 1)
    assert state_of(check, city.county).state == State.SETTLED
    told = Message.objects.get(member=city.people["gao"], key=f"replied:{reply.pk}")
    assert "学满" in told.text
    assert "林小满" not in told.text


def test_a_figure_stays_for_a_reason(city, objected, check, shi):
    with pytest.raises(Refusal) as refused:
        unit_checks.explain(objected, why=" ", by=shi, at=LATER)
    assert refused.value.field == "text"
    unit_checks.explain(objected, why="历史时期最低学时未满", by=shi, at=LATER)
    with pytest.raises(Refusal, match="已经答复"):
        unit_checks.explain(objected, why="再说一次", by=shi, at=LATER)
    assert state_of(check, city.county).state == State.SETTLED


def test_nobody_replies_to_themselves(city, objected, gao, shi):
    with pytest.raises(NotAllowed):
        unit_checks.explain(objected, why="无误", by=gao, at=LATER)
    made = ObjectionReply(objection=objected, kind="explained", text="无误", by=gao.member,
                          objected_by=gao.member, at=LATER)  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()


def test_nothing_is_published_nor_sent_again_over_an_open_objection(draft, objected, shi):
    for act in (
        lambda: bulletins.publish(draft, seen_version=draft.version, by=shi, at=LATER),
        lambda: unit_checks.send(draft, deadline=DEADLINE, by=shi, at=LATER),
    ):
        with pytest.raises(unit_check_states.ObjectionsOpen, match="1 条"):
            act()
    unit_checks.explain(objected, why="按规则不足", by=shi, at=LATER)
    bulletins.publish(draft, seen_version=draft.version, by=shi, at=LATER)


# --- The database -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", ["unitscheck", "unitfigures", "unitlook", "unitanswer", "objectionreply"]
)
def test_a_check_is_insert_only(objected, gao, shi, table):
    unit_checks.explain(objected, why="按规则不足", by=shi, at=LATER)
    for act in (f"UPDATE credits_{table} SET id = id + 100", f"DELETE FROM credits_{table}"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


@pytest.mark.parametrize(("says", "reason"), [("objected", ""), ("confirmed", "理由")])
def test_an_answer_has_a_reason_exactly_when_it_objects(city, check, gao, says, reason):
    made = UnitAnswer(row=row_of(check, city.county), measure="due", says=says, reason=reason,
                      by=gao.member, at=NOW)  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()


@pytest.mark.parametrize(
    ("kind", "was", "now"), [("corrected", 1, 1), ("corrected", None, None), ("explained", 1, 2)]
)
def test_a_correction_names_two_figures_that_differ(objected, shi, kind, was, now):
    made = ObjectionReply(objection=objected, kind=kind, text="更正", was=was, now=now,
                          objected_by=objected.by, by=shi.member, at=LATER)  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()


# --- Pages --------------------------------------------------------------------------------------


@pytest.fixture
def page_of(check, city):
    return reverse("unit-check", args=[row_of(check, city.county).pk])


@pytest.mark.usefixtures("evening")
def test_a_unit_confirms_in_three_taps(city, check, page_of, enter):
    browser = enter("gao")
    assert page_of in browser.get(reverse("unit-check-list")).content.decode()
    before = browser.get(page_of).content.decode()
    assert "应学" not in before
    assert not UnitLook.objects.exists()

    figures = browser.post(page_of, {"act": "look"}, follow=True).content.decode()
    assert "应学" in figures
    said = browser.post(page_of, {"act": "answer"}, follow=True).content.decode()
    assert "已确认无误" in said
    assert state_of(check, city.county).state == State.CONFIRMED
    assert AuditEvent.objects.filter(subject="核对通报数据：无误").exists()


@pytest.mark.usefixtures("evening")
def test_an_objection_on_the_page_its_correction_and_the_reply(
    city, programme, complete, draft, check, page_of, enter
):
    unit = enter("gao")
    unit.post(page_of, {"act": "answer", "reason-completed": "林小满已学满"})
    official, address = enter("shi"), reverse("draft-check", args=[draft.pk])
    shown = official.get(address).content.decode()
    assert "林小满已学满" in shown
    assert "有异议 1" in official.get(reverse("draft-preview", args=[draft.pk])).content.decode()

    reply = reverse("objection-reply", args=[objection_of(row_of(check, city.county)).pk])
    refused = official.post(reply, {"kind": "corrected", "text": "补记了一次专题课"})
    assert refused.status_code == 422
    assert "补记了一次专题课" in refused.content.decode()
    complete(programme, city.people["lin"])
    official.post(reply, {"kind": "corrected", "text": "补记了一次专题课"})

    seen = unit.get(page_of).content.decode()
    assert "已更正" in seen
    assert "补记了一次专题课" in seen
    assert "0 人 → 1 人" in official.get(address).content.decode()


@pytest.mark.usefixtures("evening")
def test_no_unit_sees_another_s_objection(city, check, enter, bu):
    other = row_of(check, city.bureau)
    unit_checks.answer(other, {"due": "文化局的理由"}, by=bu, at=NOW)
    browser = enter("gao")
    address = reverse("unit-check", args=[other.pk])

    assert browser.get(address).status_code == 404
    for body in ({"act": "look"}, {"act": "answer", "reason-due": "伪造"}):
        assert browser.post(address, body).status_code == 404
    reply = reverse("objection-reply", args=[objection_of(other, "due").pk])
    assert browser.post(reply, {"kind": "explained", "text": "伪造"}).status_code in (403, 404)
    for name in ("unit-check-list", "bulletin-list"):
        shown = browser.get(reverse(name)).content.decode()
        assert "文化局的理由" not in shown
    listed = browser.get(reverse("unit-check-list")).content.decode()
    assert "市文化局" not in listed
    check_page = reverse("draft-check", args=[check.draft_id])
    assert browser.get(check_page).status_code in (403, 404)
    assert UnitLook.objects.filter(row=other).count() == 1
    assert not ObjectionReply.objects.exists()


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("who", ["lin", "zhou", "xun", "shi"])
def test_strangers_to_the_unit_open_nothing(page_of, enter, who):
    browser = enter(who)
    assert browser.get(page_of).status_code in (403, 404)
    assert browser.post(page_of, {"act": "answer"}).status_code in (403, 404)
    assert not UnitAnswer.objects.exists()


@pytest.mark.usefixtures("evening")
def test_a_secretary_of_a_unit_that_is_a_branch_checks_for_it(city, programme, shi, enter):
    row = UnitFigures(unit=city.jia, unit_code="x", unit_name="甲支部", cohort=Cohort.MUNICIPAL,
                      due=2, exempt=0, completed=0, hours=0, points=0, sessions=0)  # fmt: skip
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=NOW)
    row.units_check = unit_checks.send(draft, deadline=DEADLINE, by=shi, at=NOW)
    row.save()
    enter("zhou").post(reverse("unit-check", args=[row.pk]), {"act": "answer"})
    assert row.answers.filter(by=city.people["zhou"]).count() == len(Measure)


def test_the_publishing_page_says_that_silence_counts_as_not_looked(draft, check, enter):
    with time_machine.travel(DEADLINE + timedelta(hours=1), tick=False):
        shown = enter("shi").get(reverse("draft-preview", args=[draft.pk])).content.decode()
    assert "没有答复的按未查看计" in shown
    assert "未查看 2" in shown
