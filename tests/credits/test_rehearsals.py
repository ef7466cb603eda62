"""Changes of rules, rehearsed by unit and branch: what is shown is what the change then does."""

from __future__ import annotations

import random
from datetime import date

import pytest
from django.urls import reverse

from credits import certificates, rehearsals, rule_changes, rule_sets, rule_words, verification
from credits.models import Form, Programme, RuleVersion, Standing
from credits.rehearsals import Effect
from portal.models import Job
from tests.cast import NOW, TODAY, days_ago, rules_json
from tests.credits.conftest import PERIODS, branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def change(city, programme):
    def act(new, *, carry=True):
        shown = rule_changes.rehearse(programme, new).shown
        version = rule_changes.change_rules(
            programme, new, since=TODAY, authority="市委文件", reason="调整", shown=shown,
            by=city.by, at=NOW,
        )  # fmt: skip
        if carry:
            for branch in (city.jia, city.yi, city.bing):
                rule_changes.bring_up(programme, branch.pk, at=NOW)
        return version

    return act


def random_rules(dice):
    """A rule set that holds together, unlike the seed's in targets, minimums, caps and joiners."""
    minimum = dice.choice([0, 100, 200, 400])
    forms = [
        {"code": code, "cap": dice.choice([None, 0, 400, 1000]), "points": 10}
        for code in Form.values
    ]
    return rules_json(
        target=dice.choice([1600, 2000, 2400, 3200]),
        targets=dice.choice([{}, {"retired": 1600}]),
        forms=forms,
        periods=[p | {"minimum": minimum} for p in rules_json()["periods"]],
        groups=dice.choice([[], [{"name": "自学类", "forms": ["self", "online"], "cap": 800}]]),
    )


def study(dice, city, programme, post):
    """Everybody and a few more study a little of everything."""
    people = [*city.people.values(), *(city.enrol(b) for b in (city.jia, city.yi, city.bing))]
    people.append(city.enrol(city.jia, category="retired"))
    for number, member in enumerate(people):
        for day in range(dice.randint(0, 12)):
            form, period = dice.choice(Form.values), dice.choice(PERIODS)
            line = earn(member, dice.choice([90, 180, 360]), day=days_ago(day + 1), period=period,
                        form=form)  # fmt: skip
            post(programme, line, key=f"{number}-{day}")


def complete_by_branch(programme):
    due = Standing.objects.filter(programme=programme).due()
    return {
        "members": set(due.filter(shortfall=0).values_list("member", flat=True)),
        "short": dict(due.values_list("member", "shortfall")),
    }


@pytest.mark.parametrize("seed", range(6))
def test_the_rehearsed_numbers_are_what_the_change_then_does_by_branch(
    city, programme, post, change, seed
):
    dice = random.Random(seed)
    study(dice, city, programme, post)
    change(random_rules(dice), carry=False)
    for _ in range(2):  # the first change finds standings that were not carried over yet
        new = random_rules(dice)
        rehearsal = rule_changes.rehearse(programme, new)
        for branch in (city.jia, city.yi, city.bing):
            rule_changes.bring_up(programme, branch.pk, at=NOW)
        before = complete_by_branch(programme)
        rows = {b.pk: branch_row(programme, b).completed for b in (city.jia, city.yi, city.bing)}
        change(new)

        after = complete_by_branch(programme)
        assert set(rehearsal.gain) == after["members"] - before["members"]
        assert set(rehearsal.lose) == before["members"] - after["members"]
        for branch, effect in rehearsal.branches.items():
            own = Standing.objects.filter(programme=programme, branch=branch).due()
            people = set(own.values_list("member", flat=True))
            assert effect.due == len(people)
            assert branch_row(programme, city_branch(city, branch)).completed == (
                rows[branch] + effect.gain - effect.lose
            )
            assert effect.farther == sum(after["short"][m] > before["short"][m] > 0 for m in people)
            assert effect.nearer == sum(before["short"][m] > after["short"][m] > 0 for m in people)
    assert verification.verify(at=NOW).problems == []


def city_branch(city, pk):
    return next(b for b in (city.jia, city.yi, city.bing) if b.pk == pk)


def test_a_change_that_is_still_being_carried_over_is_rehearsed_from_its_end(
    city, programme, complete, change, lin
):
    complete(programme, lin)
    change(rules_json(target=2800), carry=False)
    assert standing_of(programme, lin).shortfall == 0  # nobody has come by yet

    assert rule_changes.rehearse(programme, rules_json(target=2000)).shown == (1, 0)
    assert rule_changes.rehearse(programme, rules_json(target=2600)).shown == (0, 0)


def test_units_come_first_and_only_branches_that_change_are_listed(city, programme, complete, lin):
    complete(programme, lin)
    rehearsal = rule_changes.rehearse(programme, rules_json(target=2800))

    county, bureau = rehearsals.by_unit(programme, rehearsal)

    assert (county.name, county.effect) == ("青川县", Effect(lose=1, farther=3))
    assert (bureau.name, bureau.effect.farther, bureau.branches) == ("市文化局", 4, 1)
    rows = rehearsals.in_unit(programme, rehearsal, city.county.pk)
    assert [(p.name, p.effect.lose, p.effect.farther) for p in rows] == [
        ("青川县甲支部", 1, 1), ("青川县乙支部", 0, 2)
    ]  # fmt: skip
    same = rule_changes.rehearse(programme, rules_json(daily_cap=1200))
    assert rehearsals.by_unit(programme, same) == []
    assert same.whole == Effect(kept=1, still=7)


def test_the_exempt_are_in_no_number(city, programme, lin):
    Standing.objects.filter(member=lin).update(exempt=True)

    assert rule_changes.rehearse(programme, rules_json(target=2800)).whole.due == 7


def test_differences_are_told_before_and_after():
    old = rule_sets.parse(rules_json())
    forms = [f | {"cap": 0} if f["code"] == "self" else f for f in rules_json()["forms"]]
    new = rule_sets.parse(rules_json(target=3200, forms=forms, targets={"retired": 1600}))

    assert rule_words.differences(old, new) == [
        ("应学学时", "24", "32"), ("个人自学最多计学时", "10", "不计"),
        ("离退休应学学时", "无", "16"),
    ]  # fmt: skip
    assert rule_words.differences(old, old) == []


# --- The page -------------------------------------------------------------------------------------


@pytest.fixture
def fields(enter, evening, programme):
    """The page's fields as the official finds them, with a higher target."""
    form = enter("shi").get(reverse("programme-rules")).context["form"]
    found = {field.name: field.value() for field in form if field.value() is not None}
    return found | {"target": "28", "authority": "市委文件", "reason": "提高要求"}


def test_mistake_18_the_page_names_units_and_branches_before_it_applies(
    city, programme, complete, enter, fields, lin
):
    complete(programme, lin)
    browser, address = enter("shi"), reverse("programme-rules")

    whole = browser.post(address, fields).content.decode()
    county = browser.post(address, fields | {"unit": str(city.county.pk)})

    assert "不再学满 <strong>1</strong> 人" in whole
    assert "青川县" in whole
    assert "甲支部" not in whole
    assert [b["name"] for b in county.context["branches"]] == ["青川县甲支部", "青川县乙支部"]
    assert lin.name not in county.content.decode()
    assert ("应学学时", "24", "28") in county.context["differences"]
    assert RuleVersion.objects.count() == 1
    assert Standing.objects.get(member=lin).rules == 1


def test_applying_leads_to_the_recomputation_with_its_progress(
    city, programme, complete, enter, fields, lin
):
    complete(programme, lin)
    browser, address = enter("shi"), reverse("programme-rules")

    answer = browser.post(address, fields | {"apply": "1", "shown": "0/1"})

    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.pk])
    assert job.arguments == {"programme": programme.pk, "version": 2}
    assert "还有 8 人" in browser.get(reverse("programme")).content.decode()
    assert "应学学时 24 → 28" in browser.get(reverse("programme")).content.decode()


def test_another_number_than_the_one_shown_is_not_applied(programme, complete, enter, fields, lin):
    browser, address = enter("shi"), reverse("programme-rules")
    complete(programme, lin)  # after the official has looked

    answer = browser.post(address, fields | {"apply": "1", "shown": "0/0"})

    assert answer.status_code == 422
    assert "试算结果已经变化" in answer.content.decode()
    assert RuleVersion.objects.count() == 1


@pytest.mark.parametrize("name", ["lin", "zhou", "gao", "xun"])
def test_who_does_not_govern_the_programme_rehearses_nothing(programme, enter, fields, name):
    browser = enter(name)

    for body in (fields, fields | {"apply": "1", "shown": "0/0"}):
        assert browser.post(reverse("programme-rules"), body).status_code == 403
    assert RuleVersion.objects.count() == 1


def test_the_statement_says_which_version_counts_and_that_a_certificate_stays(
    city, programme, complete, change, enter, evening, lin
):
    complete(programme, lin)
    certificate = certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)
    change(rules_json(target=2800))

    said = enter("lin").get(reverse("my-hours")).content.decode()

    assert "按规则第 2 版计算（自 2021年6月3日 起；依据：市委文件）" in said
    assert "按规则第 1 版签发；规则后来变更，本证明不受影响。" in said
    certificate.refresh_from_db()
    assert certificate.state == "valid"


def test_rules_of_a_draft_are_written_anew_without_a_new_version(city, programme, enter, fields):
    Programme.objects.update(state="draft")
    browser, address = enter("shi"), reverse("programme-rules")

    seen = browser.post(address, fields)
    assert seen.context["differences"] == [("应学学时", "24", "28")]
    browser.post(address, fields | {"apply": "1"})

    version = RuleVersion.objects.get()
    assert (version.number, version.rules["target"], version.since) == (1, 2800, date(2021, 3, 1))
    assert version.authority == "市委文件"
