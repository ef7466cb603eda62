"""The statement: every line explained, adding up to the standing, after whatever happened."""

from __future__ import annotations

import pytest

from credits import ledger, rule_changes, statements
from credits.ledger import Source
from credits.models import Standing
from tests.cast import NOW, TODAY, days_ago, rules_json
from tests.credits.conftest import earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def study_alone(post):
    """So many full days of self-study, eight hours each."""

    def make(programme, member, days):
        for number in range(1, days + 1):
            post(programme, earn(member, 360, day=days_ago(number), form="self"), kind="log",
                 key=f"self{number}")  # fmt: skip

    return make


def test_each_line_says_what_was_earned_what_was_recognised_and_why(
    programme, study_alone, post, lin
):
    study_alone(programme, lin, 2)
    post(programme, earn(lin, 90, day=TODAY))

    found = statements.of(programme, lin)

    assert [(n.earned, n.recognised, n.why) for n in found.lines] == [
        (800, 800, ""),
        (800, 200, "个人自学最多计 10 学时，超出的部分不计入。"),
        (200, 200, ""),
    ]
    assert found.total == standing_of(programme, lin).recognised == 1200


def test_a_reversal_frees_room_under_the_cap_by_itself(city, programme, study_alone, lin):
    study_alone(programme, lin, 2)
    ledger.correct(programme, Source("log", "self1", "自学"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[], reason="误记", by=city.by, at=NOW)  # fmt: skip

    found = statements.of(programme, lin)

    assert [(n.earned, n.recognised) for n in found.lines] == [(800, 800), (800, 200), (-800, -200)]
    assert found.lines[2].why == "个人自学最多计 10 学时，冲销的部分原本超出上限，未计入。"
    assert found.lines[0].reversed_by == found.lines[2].entry
    assert found.total == standing_of(programme, lin).recognised == 800


def test_after_a_rule_change_the_lines_add_up_under_the_new_rules(city, programme, study_alone,
                                                                  lin):  # fmt: skip
    study_alone(programme, lin, 2)
    forms = [{"code": "self", "cap": 300, "points": 10}, {"code": "seminar", "cap": None,
             "points": 10}]  # fmt: skip
    new = rules_json(forms=forms)
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="测试", reason="测试",
        shown=rule_changes.rehearse(programme, new).shown, by=city.by, at=NOW,
    )  # fmt: skip
    before = statements.of(programme, lin).total
    rule_changes.bring_up(programme, city.jia.pk, at=NOW)

    assert before == 1000  # the standing had not come to the new rules yet, nor has its statement
    assert statements.of(programme, lin).total == standing_of(programme, lin).recognised == 300


def test_periods_forms_and_missing_hours_stand_beside_the_lines(programme, study_alone, lin):
    study_alone(programme, lin, 2)

    found = statements.of(programme, lin)

    assert ("个人自学", 1600, 1000, 1000) in found.forms
    assert ("改革开放新时期", 1600, 400) in found.periods
    assert found.worth.shortfall == 1400


def test_mistake_22_no_progress_exceeds_100_percent(programme, complete, post, enter, evening, lin):
    from django.urls import reverse

    complete(programme, lin)
    for number in range(8, 12):
        post(programme, earn(lin, 360, day=days_ago(number)))
    assert standing_of(programme, lin).recognised == 5600

    browser = enter("lin")
    for address in (reverse("home"), reverse("my-hours")):
        text = browser.get(address).content.decode()
        assert "233%" not in text
        assert "56" in text


def test_whoever_has_no_standing_has_an_empty_statement(programme, lin):
    Standing.objects.filter(member=lin).delete()

    found = statements.of(programme, lin)

    assert (found.standing, found.lines, found.total) == (None, (), 0)
