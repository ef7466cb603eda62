"""The page of trends: chart and table agree, one's own unit is always there, no person is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from credits import programmes, registers, trends
from credits.models import RankingPermit, UnitWeek
from credits.weeks import monday
from tests.cast import NOW, TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("evening")]
COUNTY, BUREAU = (0, 10, 18, 30, 40), (0, 1, 2, 4, 5)


@pytest.fixture
def weeks(city, programme):
    """Five weeks of both units: 50 and 20 are due."""
    first = monday(TODAY) - timedelta(days=35)
    for unit, due, done in ((city.county, 50, COUNTY), (city.bureau, 20, BUREAU)):
        for number, completed in enumerate(done):
            week = UnitWeek(programme=programme, unit=unit, week=first + timedelta(days=7 * number),
                            due=due, exempt=0, completed=completed, hours=0, points=0,
                            at=NOW)  # fmt: skip
            registers.enter(week)
    return programme


def shown(enter, who="lin", **query):
    response = enter(who).get(reverse("ranking-trend"), query)
    assert response.status_code == 200
    return response.content.decode()


def test_sums_of_the_city_are_sums_over_sums(city, weeks):
    found = trends.of_cohorts(weeks)
    assert [(w.completed, w.due) for w in found[""]] == [
        (a + b, 70) for a, b in zip(COUNTY, BUREAU, strict=True)
    ]
    assert [w.completed for w in found["municipal"]] == list(BUREAU)


def test_the_table_says_what_the_chart_draws(city, weeks, enter):
    text = shown(enter)
    chart = re.search(r'<polyline class="own" points="([^"]+)"', text).group(1)
    heights = [float(point.partition(",")[2]) for point in chart.split()]
    drawn = [round((trends.BOTTOM - y) / (trends.BOTTOM - trends.TOP) * 100) for y in heights]
    assert drawn == [2 * completed for completed in COUNTY]
    for completed in COUNTY:
        assert f'{completed / 50:.1%} <span class="muted small">{completed}/50</span>' in text


def test_my_unit_stays_in_view_beside_another(city, weeks, enter):
    text = shown(enter, unit=city.bureau.pk)
    assert 'class="own"' in text
    assert 'class="unit"' in text
    assert text.count("我的单位") >= 3
    assert "level=branch&amp;unit=" in text or "level=branch&unit=" in text


def test_a_forecast_stands_with_its_range_or_the_reason_why_not(city, weeks, enter):
    text = shown(enter)
    assert "前后达到 95%" in text
    assert "最早" in text
    other = shown(enter, "shi", unit=city.county.pk)
    assert "按最近几周的进度" in other


def below(text):
    """The links of what stands below the place that is shown."""
    section = text.partition('class="card below"')[2].partition("</section>")[0]
    return [a.replace("&amp;", "&") for a in re.findall(r'href="(\?[^"]+)"', section)]


def test_down_from_the_city_to_a_branch_and_no_further(city, weeks, enter, complete):
    complete(weeks, city.people["lin"])
    browser, page = enter("shi"), reverse("ranking-trend")
    place = f"?programme={weeks.code}&"

    def read(query):
        response = browser.get(page + query)
        assert response.status_code == 200
        text = response.content.decode()
        assert 'class="own"' in text  # wherever one looks
        return text

    whole = read(f"{place}cohort=all")
    assert 'polyline class="unit"' not in whole
    assert f'href="{place}cohort=county"' in whole.replace("&amp;", "&")
    county = read(f"{place}cohort=county")
    assert below(county) == [f"{place}unit={city.county.pk}"]
    assert "40/50" in county
    unit = read(below(county)[0])
    branches = [f"{place}branch={b.pk}" for b in (city.jia, city.yi)]
    assert below(unit) == branches  # the one where somebody has completed first
    branch = read(branches[0])
    assert '学满 <span class="num">1/2</span> 人' in branch
    assert '<td class="r">1</td>' in branch
    assert below(branch) == []
    for text in (whole, county, unit, branch):
        assert not any(m.name in text for n, m in city.people.items() if n != "shi")


def test_a_branch_outside_the_programme_shows_ones_own_unit(city, weeks, enter):
    text = shown(enter, branch=city.root.pk)
    assert f"{city.county.short_name}各支部" in text


def test_without_weeks_there_is_nothing_to_draw(programme, enter):
    assert "还没有按周的数据" in shown(enter)


@pytest.mark.parametrize("unit", ["0", "x", "9" * 30, "-1"])
def test_an_unknown_unit_shows_one_s_own(weeks, enter, unit):
    assert 'class="own"' in shown(enter, unit=unit)


def test_no_person_stands_in_it(city, weeks, enter):
    text = shown(enter, "gao")
    for member in ("lin", "zhou", "wu", "zheng"):
        assert city.people[member].name not in text


def test_without_a_permit_there_is_none(city, weeks, enter):
    level = RankingPermit.Level.OFF
    programmes.permit(weeks, level, document="停止排行", by=city.by, at=NOW)
    text = shown(enter)
    assert "polyline" not in text
    assert "停止排行" in text
