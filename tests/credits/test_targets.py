"""Why somebody owes what they owe: the rule for joiners, category, exemption; on verb and page."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from credits import exemptions, rebuilding, rule_changes, targets, verification
from credits.models import TargetChange
from portal import members, mending, organizations
from portal.models import Organization, OrganizationMove
from portal.organizations import Founding
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
MAY = date(2021, 5, 12)  # eight of the programme's ten months are left
PARTS = {"full": (2400, False), "months": (1900, False), "exempt": (2400, True)}


@pytest.fixture
def outside(city):
    """A branch that takes no part, beside the city's tree."""
    founding = Founding("YL-X", "外单位支部", Organization.Kind.BRANCH, None, BEFORE.date())
    return organizations.found(founding, by=city.by, at=BEFORE)


@pytest.fixture
def sound():
    """Afterwards the ledger verifies, and replay comes to the same."""
    yield
    assert verification.verify(at=NOW).problems == []


def said(programme, member):
    row = standing_of(programme, member)
    return targets.why(programme, [row])[member.pk].reasons


WORDS = {
    "full": (),
    "months": ("2021年5月12日入册，按剩余 8 个月（共 10 个月）折算：19 学时",),
    "exempt": ("2021年5月12日入册，按规则免学",),
}


def owes(programme, member):
    row = standing_of(programme, member)
    return row.target, row.exempt


@pytest.mark.parametrize("rule", ["full", "months", "exempt"])
def test_who_is_enrolled_in_mid_year_owes_by_the_rule(city, found_programme, sound, rule):
    programme = found_programme(joiners=rule)

    late = city.enrol(city.jia, "后来人", day=MAY)

    assert owes(programme, late) == PARTS[rule]
    assert said(programme, late) == WORDS[rule]


@pytest.mark.parametrize("rule", ["full", "months", "exempt"])
def test_who_is_transferred_in_from_outside_owes_by_the_rule(
    city, found_programme, outside, sound, rule
):
    programme = found_programme(joiners=rule)
    comer = city.enrol(outside, "外来客")

    members.transfer(comer, city.jia, on=MAY, by=city.by, at=NOW)

    assert owes(programme, comer) == PARTS[rule]
    assert said(programme, comer) == WORDS[rule]
    assert branch_row(programme, city.jia).exempt == (1 if rule == "exempt" else 0)


@pytest.mark.parametrize("rule", ["full", "months", "exempt"])
def test_who_was_a_guest_before_owes_by_the_rule_from_the_first_day_on_the_roll(
    city, found_programme, outside, post, sound, rule
):
    programme = found_programme(joiners=rule)
    comer = city.enrol(outside, "外来客")
    post(programme, earn(comer, day=days_ago(25)))
    assert owes(programme, comer) == (2400, False)

    members.transfer(comer, city.jia, on=MAY, by=city.by, at=NOW)

    assert owes(programme, comer) == PARTS[rule]
    assert said(programme, comer) == WORDS[rule]
    changes = TargetChange.objects.filter(member=comer).values_list("before", "after", "reason")
    assert list(changes) == ([(2400, 1900, "5月12日入册")] if rule == "months" else [])
    assert rebuilding.rebuild(programme) == 0


@pytest.mark.parametrize("rule", ["months", "exempt"])
def test_who_was_there_from_the_start_owes_the_whole_however_they_move(
    city, found_programme, outside, sound, lin, rule
):
    programme = found_programme(joiners=rule)
    members.transfer(lin, city.yi, on=days_ago(20), by=city.by, at=NOW)
    members.transfer(lin, outside, on=days_ago(15), by=city.by, at=NOW)
    members.transfer(lin, city.jia, on=days_ago(10), by=city.by, at=NOW)

    assert owes(programme, lin) == (2400, False)
    assert said(programme, lin) == ()


# --- Branches that come into the scope in mid-year ------------------------------------------------

WITH_BRANCH = {
    "full": (),
    "months": ("2021年6月3日随支部划入，按剩余 7 个月（共 10 个月）折算：16.75 学时",),
    "exempt": ("2021年6月3日随支部划入，按规则免学",),
}
FROM_JUNE = {"full": (2400, False), "months": (1675, False), "exempt": (2400, True)}


@pytest.mark.parametrize("rule", ["full", "months", "exempt"])
def test_who_comes_into_the_scope_with_the_branch_owes_like_who_joins_on_that_day(
    city, found_programme, outside, sound, rule
):
    programme = found_programme(joiners=rule)
    comer = city.enrol(outside, "老党员", day=date(2019, 1, 1))

    organizations.move(outside, city.county, by=city.by, at=NOW)

    joiner = city.enrol(city.jia, "当天入册", day=TODAY)
    assert owes(programme, comer) == owes(programme, joiner) == FROM_JUNE[rule]
    assert said(programme, comer) == WITH_BRANCH[rule]
    assert branch_row(programme, outside).exempt == (1 if rule == "exempt" else 0)


def test_a_guest_whose_branch_comes_into_the_scope_owes_from_that_day(
    city, found_programme, outside, post, sound
):
    programme = found_programme(joiners="months")
    comer = city.enrol(outside, "外来客")
    post(programme, earn(comer, day=days_ago(25)))

    organizations.move(outside, city.county, by=city.by, at=NOW)

    assert owes(programme, comer) == FROM_JUNE["months"]
    assert said(programme, comer) == WITH_BRANCH["months"]
    [change] = TargetChange.objects.filter(member=comer)
    assert (change.before, change.after, change.reason) == (2400, 1675, "6月3日随支部划入")
    assert rebuilding.rebuild(programme) == 0


@pytest.mark.parametrize("rule", ["months", "exempt"])
def test_a_branch_that_goes_and_comes_back_owes_what_it_owed(
    city, found_programme, sound, lin, rule
):
    """Out with its county, back without it: from the start all the same, and moves inside the
    scope make no joiner."""
    founding = Founding("YL-Y", "外市委员会", Organization.Kind.COMMITTEE, None, BEFORE.date())
    elsewhere = organizations.found(founding, by=city.by, at=BEFORE)
    programme = found_programme(joiners=rule)
    for parent, hour in ((city.bureau, 9), (elsewhere, 10), (city.root, 11)):
        organizations.move(city.jia, parent, by=city.by, at=moment(days_ago(5), hour))
    organizations.move(city.county, city.bureau, by=city.by, at=moment(days_ago(4)))

    assert owes(programme, lin) == owes(programme, city.people["wu"]) == (2400, False)
    assert said(programme, lin) == ()


def test_who_was_on_the_roll_with_a_branch_that_left_is_no_joiner_elsewhere(
    city, found_programme, sound, lin
):
    founding = Founding("YL-Y", "外市委员会", Organization.Kind.COMMITTEE, None, BEFORE.date())
    elsewhere = organizations.found(founding, by=city.by, at=BEFORE)
    programme = found_programme(joiners="months")
    organizations.move(city.jia, elsewhere, by=city.by, at=moment(days_ago(5)))

    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)

    assert owes(programme, lin) == (2400, False)
    assert said(programme, lin) == ()


def test_who_joins_a_branch_after_it_came_in_is_said_to_have_joined(
    city, found_programme, outside, sound
):
    programme = found_programme(joiners="months")
    organizations.move(outside, city.county, by=city.by, at=moment(MAY))

    late = city.enrol(outside, "后来人", day=TODAY)

    assert owes(programme, late) == FROM_JUNE["months"]
    assert said(programme, late) == (WITH_BRANCH["months"][0].replace("随支部划入", "入册"),)


def test_who_enters_the_register_late_owes_from_the_day_the_branch_came_in(
    city, found_programme, outside, sound
):
    programme = found_programme(joiners="months")
    organizations.move(outside, city.county, by=city.by, at=moment(MAY))

    old = city.enrol(outside, "补登老党员", day=date(2019, 1, 1))

    assert owes(programme, old) == PARTS["months"]
    assert said(programme, old) == (WORDS["months"][0].replace("入册", "随支部划入"),)
    assert branch_row(programme, outside).due == 1


def test_the_database_keeps_moves_and_refuses_one_to_the_same_place(city):
    organizations.move(city.jia, city.bureau, by=city.by, at=NOW)
    move = OrganizationMove.objects.get()
    assert (move.organization, move.on) == (city.jia, TODAY)

    for refused in (
        lambda: OrganizationMove.objects.update(on=days_ago(9)),
        lambda: OrganizationMove.objects.create(
            organization=city.jia, on=TODAY, from_path="0000", to_path="0000"
        ),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()


def test_a_joiner_who_leaves_and_comes_back_owes_what_they_owed(city, found_programme, sound):
    programme = found_programme(joiners="months")
    late = city.enrol(city.jia, "后来人", day=MAY)
    members.leave(late, on=days_ago(10), by=city.by, at=NOW)

    members.readmit(late, city.yi, on=TODAY, by=city.by, at=NOW)

    assert owes(programme, late) == (1900, False)


def test_the_category_is_a_reason_and_goes_with_the_months(city, found_programme, sound):
    programme = found_programme(joiners="months", targets={"retired": 1600})
    old = city.enrol(city.jia, "老同志", category="retired")
    late = city.enrol(city.jia, "后来人", category="retired", day=MAY)

    assert said(programme, old) == ("人员类别：离退休，应学 16 学时",)
    assert owes(programme, late) == (1275, False)
    assert said(programme, late) == (
        "人员类别：离退休，应学 16 学时",
        "2021年5月12日入册，按剩余 8 个月（共 10 个月）折算：12.75 学时",
    )


def test_a_new_rule_keeps_the_proportion_and_the_reason(city, found_programme, sound):
    programme = found_programme(joiners="months")
    late = city.enrol(city.jia, "后来人", day=MAY)
    new = rules_json(target=3200)  # its joiners owe the whole
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="测试", reason="测试",
        shown=rule_changes.rehearse(programme, new).shown, by=city.by, at=NOW,
    )  # fmt: skip
    rule_changes.bring_up(programme, city.jia.pk, at=NOW)

    assert standing_of(programme, late).target == 2525  # 19 of 24 of 32, down to the step
    assert said(programme, late) == ("2021年5月12日入册，按规则折算：25.25 学时",)


def test_an_exemption_is_the_reason_while_it_is_in_force(city, found_programme, sound):
    """Afterwards a joiner owes a joiner's part again, not the whole."""
    programme = found_programme(joiners="months")
    late = city.enrol(city.jia, "后来人", day=MAY)
    terms = {"target": 800, "since": TODAY, "until": None, "reason": "长期患病"}
    asked = exemptions.ask(programme, late, by=city.actor("zhou"), at=NOW, **terms)
    row = standing_of(programme, late)
    assert targets.why(programme, [row])[late.pk].waiting == "申报减至 8 学时，待审批"

    asked = exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)

    assert said(programme, late) == ("减免获批：减至 8 学时（2021-06-03 起，石市成批准）",)
    exemptions.end(asked, by=city.by, at=moment(TODAY, 21))
    assert owes(programme, late) == (1900, False)
    assert said(programme, late) == WORDS["months"]


def test_a_joiner_is_not_lowered_to_more_than_they_owe(city, found_programme):
    programme = found_programme(joiners="months")
    late = city.enrol(city.jia, "后来人", day=MAY)

    with pytest.raises(exemptions.BadExemption, match="在 0 和 19 之间"):
        exemptions.ask(programme, late, target=2000, since=TODAY, until=None, reason="病",
                       by=city.actor("zhou"), at=NOW)  # fmt: skip


# --- Pages ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("rule", ["full", "months", "exempt"])
def test_the_statement_and_the_branch_page_say_why(city, found_programme, enter, rule):
    found_programme(joiners=rule)
    city.people["late"] = city.enrol(city.jia, "后来人", day=MAY)

    own = enter("late").get(reverse("my-hours")).content.decode()
    listed = enter("zhou").get(reverse("branch-hours")).content.decode()

    for reason in WORDS[rule]:
        assert reason in own
        assert listed.count(reason) == 1
    assert ("入册" in own) is (rule != "full")
    if rule == "full":
        assert "应学 24 学时" in own
        assert "按规则第 1 版" in own


@pytest.mark.usefixtures("evening")
def test_the_statement_lists_changes_with_day_and_version(city, found_programme, enter, lin):
    programme = found_programme(targets={"retired": 1600})
    mending.mend(lin, {"category": "retired"}, by=city.by, at=NOW)

    own = enter("lin").get(reverse("my-hours")).content.decode()

    assert "人员类别：离退休，应学 16 学时" in own
    assert "24 → 16 学时：人员类别变动（规则第 1 版）" in own
    assert standing_of(programme, lin).target == 1600


@pytest.mark.usefixtures("evening")
def test_a_helper_reads_that_somebody_is_exempt_and_not_why(city, programme, enter, lin):
    from portal import appointments
    from portal.models import Role

    helper = city.people["helper"] = city.enrol(city.jia, "帮学人")
    appointments.appoint(helper, Role.HELPER, city.jia, since=days_ago(9), by=city.by, at=NOW,
                         helped=[lin])  # fmt: skip
    asked = exemptions.ask(programme, lin, target=None, since=TODAY, until=None,
                           reason="术后休养", by=city.actor("zhou"), at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)

    read = {
        who: enter(who).get(reverse("member-hours", args=[lin.pk])).content.decode()
        for who in ("lin", "zhou", "helper")
    }

    assert all("减免获批：免学" in text for text in read.values())
    assert {who for who, text in read.items() if "术后休养" in text} == {"lin", "zhou"}
