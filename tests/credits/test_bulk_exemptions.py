"""Exemption for a selection: handed in at once, approved in one tap, whoever cannot be is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits import exemptions, exemptions_in_force, programmes, rebuilding, verification
from credits.exemptions import BadExemption, NotYourself, Terms
from credits.models import Exemption, TargetChange
from portal.models import AuditEvent
from tests.cast import NOW, TODAY, days_ago, moment
from tests.credits.conftest import PERIODS, branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
FULL = Terms(None, TODAY, None, "离退休老同志")


@pytest.fixture
def old(city, programme):
    """Three retired members of 甲支部."""
    return [city.enrol(city.jia, f"老同志{n}", category="retired") for n in "甲乙丙"]


@pytest.fixture
def ask(city, programme):
    def make(people, terms=FULL, *, by="zhou"):
        return exemptions.ask_many(programme, people, terms, by=city.actor(by), at=NOW)

    return make


@pytest.fixture
def decide(city, programme):
    def make(rows, *, yes=True, by="shi", at=NOW):
        return exemptions.decide_many(programme, rows, approve=yes, answer="", by=city.actor(by),
                                      at=at)  # fmt: skip

    return make


def named(outcome):
    return {member.name: refusal.message for member, refusal in outcome.refused}


def test_one_request_each_of_one_batch_dated_and_in_the_trail(ask, old):
    outcome = ask(old)

    assert [row.member for row in outcome.done] == old
    assert outcome.refused == []
    rows = Exemption.objects.order_by("pk")
    assert len({row.batch for row in rows}) == 1
    assert rows[0].batch
    assert {(row.since, row.until, row.reason) for row in rows} == {(TODAY, None, "离退休老同志")}
    trail = AuditEvent.objects.filter(event="exemption", subject__startswith="申报减免")
    assert trail.count() == 3


def test_whoever_cannot_be_exempted_is_named_and_the_rest_goes_through(
    city, programme, ask, decide, old, zhou
):
    decide(ask([old[0]]).done)
    ask([old[1]])
    outsider = city.people["wu"]
    standing = standing_of(programme, outsider)
    standing.on_roll = False
    standing.save()

    outcome = ask([*old, zhou, outsider])

    assert [row.member for row in outcome.done] == [old[2]]
    told = named(outcome)
    assert "生效中的减免" in told["老同志甲"]
    assert "待审批的减免" in told["老同志乙"]
    assert "本人以外" in told["周明远"]
    assert "不在党史学习教育的学习名单上" in told["吴远舟"]
    assert Exemption.objects.count() == 3


def test_dates_that_do_not_overlap_do_not_stand_in_the_way(city, ask, decide, old):
    july, august = date(2021, 7, 1), date(2021, 8, 1)
    decide(ask(old, Terms(None, july, august, "一")).done)

    assert named(ask(old, Terms(None, TODAY, None, "二"))).keys() == {m.name for m in old}
    assert named(ask(old, Terms(None, TODAY, july, "三"))) == {}
    assert named(ask(old, Terms(800, august, None, "四"))) == {}


def test_a_lowered_target_must_lower_each_persons_own(city, found_programme, old):
    """16 hours lower those who owe 24, and nothing for who owes 16."""
    programme = found_programme("second", targets={"retired": 1600})
    young = city.enrol(city.jia, "年轻人")
    terms = Terms(1600, TODAY, None, "工作在外")

    outcome = exemptions.ask_many(programme, [old[0], young], terms, by=city.actor("zhou"), at=NOW)

    assert [row.member for row in outcome.done] == [young]
    assert named(outcome) == {"老同志甲": "减至学时要在 0 和 16 之间。"}


@pytest.mark.parametrize(
    ("terms", "field"),
    [(Terms(None, TODAY, TODAY, "病"), "until"), (Terms(None, TODAY, None, " "), "reason")],
)
def test_terms_that_fit_nobody_refuse_the_whole_batch(ask, old, terms, field):
    with pytest.raises(BadExemption) as caught:
        ask(old, terms)

    assert caught.value.field == field
    assert not Exemption.objects.exists()


def test_the_whole_batch_is_approved_at_once(city, programme, ask, decide, old, post):
    for person in old[:2]:
        for number, period in enumerate(PERIODS, 1):
            post(programme, earn(person, 90, day=days_ago(number), period=period))
    asked = ask(old, Terms(800, TODAY, None, "年事已高")).done

    outcome = decide(asked, at=moment(TODAY, 21))

    assert {row.state for row in outcome.done} == {"approved"}
    assert all(row.in_force and row.decided_by == city.people["shi"] for row in outcome.done)
    rows = [standing_of(programme, person) for person in old]
    assert [(row.target, row.shortfall) for row in rows] == [(800, 0), (800, 0), (800, 800)]
    assert (branch_row(programme, city.jia).due, branch_row(programme, city.jia).completed) == (
        5,
        2,
    )
    assert rebuilding.rebuild(programme) == 0
    assert verification.verify(at=NOW).problems == []


def test_who_asked_or_benefits_decides_on_nothing_of_their_own(city, ask, decide, old):
    shi = city.people["shi"]
    asked = ask([*old, shi]).done

    assert set(named(decide(asked, by="zhou"))) == {m.name for m in [*old, shi]}
    outcome = decide(asked, by="shi")

    assert [row.member for row in outcome.done] == old
    assert [type(refusal) for _, refusal in outcome.refused] == [NotYourself]
    assert Exemption.objects.get(member=shi).state == "asked"


def test_mistake_27_deciding_again_changes_nothing(programme, ask, decide, old):
    asked = ask(old, Terms(800, TODAY, None, "年事已高")).done
    decide(asked)
    before = list(TargetChange.objects.values_list("pk"))

    again = decide(asked, yes=False)

    assert not again.done
    assert len(again.refused) == 3
    assert set(Exemption.objects.values_list("state", flat=True)) == {"approved"}
    assert list(TargetChange.objects.values_list("pk")) == before


def test_nothing_is_approved_when_the_books_are_closed(city, programme, ask, decide, old):
    asked = ask(old).done
    programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=15))

    with pytest.raises(BadExemption, match="已封账"):
        decide(asked, at=NOW + timedelta(days=15))

    assert not standing_of(programme, old[0]).exempt


def test_many_take_no_more_queries_than_few(city, programme, ask, decide):
    counts = []
    for size in (2, 12):
        people = [city.enrol(city.jia) for _ in range(size)]
        with CaptureQueriesContext(connection) as asking:
            asked = ask(people, Terms(800, TODAY, TODAY + timedelta(days=size), "病")).done
        with CaptureQueriesContext(connection) as deciding:
            decide(asked)
        with CaptureQueriesContext(connection) as turning:
            later = NOW + timedelta(days=size)
            assert exemptions_in_force.turn(programme, at=later) == size
        counts.append((len(asking), len(deciding), len(turning)))

    assert counts[0] == counts[1]


def test_mistake_22_standings_are_locked_before_branch_rows(city, programme, ask, decide, old):
    """By the documented order; the figures of branch and persons agree afterwards."""
    asked = ask([*old, city.people["lin"], city.people["wu"]]).done
    with CaptureQueriesContext(connection) as queries:
        decide(asked)

    writes = [q["sql"] for q in queries if "UPDATE " in q["sql"] or "INSERT " in q["sql"]]
    standings_ = [i for i, sql in enumerate(writes) if "credits_standing" in sql]
    branches = [i for i, sql in enumerate(writes) if "credits_branchstanding" in sql]
    assert standings_
    assert branches
    assert max(standings_) < min(branches)
    assert [branch_row(programme, b).exempt for b in (city.jia, city.yi)] == [4, 1]
    assert verification.verify(at=NOW).problems == []


# --- Pages ----------------------------------------------------------------------------------------

BODY = {"kind": "full", "since": "2021-06-03", "reason": "离退休老同志"}


@pytest.mark.usefixtures("evening")
def test_the_secretary_narrows_to_a_category_ticks_and_hands_in(enter, old, zhou):
    page = enter("zhou").get(reverse("exemption-many"), {"category": "retired"}).content.decode()
    assert page.count('name="member"') == 3
    assert "林小满" not in page

    body = BODY | {"member": [m.pk for m in old], "category": "retired"}
    shown = enter("zhou").post(reverse("exemption-many"), body, follow=True).content.decode()

    assert "已为 3 人申报减免" in shown
    assert shown.count("申报免学，待审批") == 3
    again = enter("zhou").post(reverse("exemption-many"), body)
    text = again.content.decode()
    assert again.status_code == 422
    assert "老同志甲已有待审批的减免" in text
    assert "离退休老同志" in text
    assert text.count(" checked") >= 3  # what was ticked stays ticked
    assert Exemption.objects.count() == 3


@pytest.mark.usefixtures("evening")
def test_one_bad_apple_is_named_and_the_rest_is_handed_in(enter, ask, old):
    ask(old[:1])

    body = BODY | {"member": [m.pk for m in old]}
    text = enter("zhou").post(reverse("exemption-many"), body, follow=True).content.decode()

    assert "已为 2 人申报减免" in text
    assert "未申报 1 人：老同志甲已有待审批的减免" in text


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("foreign", ["wu", "999999", "x"])
def test_mistake_04_ids_outside_the_scope_write_nothing(city, enter, old, foreign):
    known = city.people.get(foreign)
    body = BODY | {"member": [old[0].pk, known.pk if known else foreign]}

    response = enter("zhou").post(reverse("exemption-many"), body)

    assert response.status_code == 422
    assert "请先勾选本支部的党员" in response.content.decode()
    assert not Exemption.objects.exists()


@pytest.mark.usefixtures("evening")
def test_nobody_finds_themselves_on_the_list(enter, old, zhou):
    text = enter("zhou").get(reverse("exemption-many")).content.decode()
    assert f'value="{zhou.pk}"' not in text

    response = enter("zhou").post(reverse("exemption-many"), BODY | {"member": [zhou.pk]})
    assert response.status_code == 422
    assert not Exemption.objects.exists()


@pytest.mark.usefixtures("evening")
def test_the_official_approves_a_batch_in_one_tap(enter, ask, old, programme):
    [batch] = {row.batch for row in ask(old).done}
    listed = enter("gao").get(reverse("exemption-list")).content.decode()
    assert "3 人" in listed
    assert "全部同意" in listed
    assert listed.count("exemptions/decide/") == 1

    body = {"batch": batch, "act": "approve"}
    text = enter("gao").post(reverse("exemption-decide-many"), body, follow=True).content.decode()

    assert "已批准 3 人的减免" in text
    assert all(standing_of(programme, m).exempt for m in old)


@pytest.mark.usefixtures("evening")
def test_one_of_a_batch_may_be_decided_singly(enter, ask, old):
    rows = ask(old).done
    enter("gao").post(reverse("exemption-decide", args=[rows[0].pk]), {"act": "refuse"})

    body = {"batch": rows[0].batch, "act": "approve"}
    enter("gao").post(reverse("exemption-decide-many"), body)

    states = list(Exemption.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["refused", "approved", "approved"]


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("batch", ["", "unknown"])
def test_an_empty_or_unknown_batch_decides_nothing(city, programme, enter, batch):
    """Requests of their own have no batch: an empty key must not mean all of them."""
    exemptions.ask(programme, city.people["lin"], target=None, since=TODAY,
                   until=None, reason="病", by=city.actor("zhou"), at=NOW)  # fmt: skip

    enter("gao").post(reverse("exemption-decide-many"), {"batch": batch, "act": "approve"})

    assert Exemption.objects.get().state == "asked"


@pytest.mark.usefixtures("evening")
def test_mistake_04_an_official_of_elsewhere_decides_on_none_of_a_batch(city, enter, ask, old):
    from portal import appointments
    from portal.models import Role

    city.people["wen"] = city.enrol(city.bing, "文化官")
    appointments.appoint(city.people["wen"], Role.OFFICIAL, city.bureau, since=days_ago(9),
                         by=city.by, at=NOW)  # fmt: skip
    [batch] = {row.batch for row in ask(old).done}

    body = {"batch": batch, "act": "approve"}
    enter("wen").post(reverse("exemption-decide-many"), body)

    assert set(Exemption.objects.values_list("state", flat=True)) == {"asked"}
