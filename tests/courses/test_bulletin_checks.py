# ruff: noqa: F811 - fixtures of the credits tests
"""The page before publishing: each count stands with its unit, and rows cost no query."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from credits import bulletins, ledger
from credits.ledger import Source
from portal.models import Cohort
from tests.cast import NOW, days_ago, moment
from tests.credits.conftest import complete, earn, enter, evening, post  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("evening")]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]


@pytest.fixture
def look(city, programme, enter):
    def found():
        by = city.actor("shi", "official")
        draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)
        answer = enter("shi").get(reverse("draft-look", args=[draft.pk]))
        assert answer.status_code == 200
        return {
            check.title: [(f.name, f.said) for f in check.found]
            for check in answer.context["checks"]
        }

    return found


def test_each_thing_to_look_at_is_counted_by_unit(city, programme, post, complete, look, lin):
    old = moment(days_ago(4))
    post(programme, earn(lin, day=days_ago(5)), key="s", at=old)
    ledger.correct(programme, Source("session", "s", "x"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[], reason="误", by=city.by, at=old)  # fmt: skip
    for name in ("lin", "zhou", "wu"):
        complete(programme, city.people[name], at=NOW - timedelta(hours=1))
    post(programme, earn(city.people["gao"], day=days_ago(6)), kind="opening",
         organiser=city.bing, at=old)  # fmt: skip

    assert look() == {
        "没有开展活动的单位": [("市文化局", "应学 4 人")],
        "突然上升": [("青川县", "三天内学满 3 人（应学 4 人）")],
        "截止前集中记账": [("青川县", "占 100.0%")],
        "期初和转入学时": [("市文化局", "1 条")],
        "更正和冲销": [("青川县", "1 次")],
        "未处理的冲突": [],
    }


def test_a_quiet_programme_has_nothing_but_units_without_sessions(look):
    found = look()

    assert len(found.pop("没有开展活动的单位")) == 2
    assert set(map(len, found.values())) == {0}


def test_more_units_cost_no_more_queries(
    city,
    programme,
    post,
    enter,
    lin,
    django_assert_max_num_queries,
):
    by, browser = city.actor("shi", "official"), enter("shi")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)
    ask = reverse("draft-look", args=[draft.pk])
    browser.get(ask)
    for n in range(6):
        post(programme, earn(lin, day=days_ago(n + 1)), organiser=[city.jia, city.bing][n % 2])

    with django_assert_max_num_queries(40):
        assert browser.get(ask).status_code == 200
