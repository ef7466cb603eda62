"""Committees in rankings: every branch counts exactly once, and units are the sums of theirs."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits import bulletins, exemptions, exports, programmes, rankings
from credits.models import BranchMonth, BranchStanding
from credits.rankings import Choice, Level, Measure, Window
from portal import members, organizations, reorganizations
from portal.models import AuditEvent, Cohort, Organization
from portal.organizations import Founding
from tests.cast import BEFORE, ENDS, NOW, TODAY, days_ago, moment
from tests.credits.conftest import earn

pytestmark = [pytest.mark.django_db, pytest.mark.both]
Kind = Organization.Kind
WINDOWS = [
    (Window.ALL, Measure.RATE),
    (Window.ALL, Measure.POINTS),
    (Window.ALL, Measure.HOURS),
    (Window.ALL, Measure.NEW),
    (Window.MONTH, Measure.HOURS),
    (Window.MONTH, Measure.NEW),
    (Window.QUARTER, Measure.HOURS),
    (Window.QUARTER, Measure.NEW),
]


@pytest.fixture
def stand(city):
    """Found an organisation below another; what it is follows from its name, the code from it."""
    kinds = {"支部": Kind.BRANCH, "总支": Kind.GENERAL, "党委": Kind.COMMITTEE}

    def found(name, parent, **values):
        founding = Founding(f"YL-{name}", name, kinds[name[-2:]], parent, BEFORE.date(), **values)
        return organizations.found(founding, by=city.by, at=BEFORE)

    return found


@pytest.fixture
def tree(city, stand):
    """The county with two committees, one in the other; a branch in each, and two directly below
    (甲支部, 乙支部); a general branch in the inner one and one right below the county."""
    made = {"县": city.county, "甲": city.jia, "乙": city.yi}
    made["街道党委"] = stand("街道党委", city.county)
    made["街道支部"] = stand("街道支部", made["街道党委"])
    made["社区党委"] = stand("社区党委", made["街道党委"])
    made["社区支部"] = stand("社区支部", made["社区党委"])
    made["社区总支"] = stand("社区总支", made["社区党委"])
    made["小区支部"] = stand("小区支部", made["社区总支"])
    made["县属总支"] = stand("县属总支", city.county)
    made["县属支部"] = stand("县属支部", made["县属总支"])
    return made


def ranking(programme, window=Window.ALL, measure=Measure.RATE, *, at=NOW, **values):
    choice = Choice(Level.COMMITTEE, values.pop("cohort", Cohort.COUNTY), window, measure, **values)
    return rankings.leaderboard(programme, choice, at=at)


def lines(board):
    return {place.name: place for place in (*board.places, *board.apart)}


def naively(programme, window, measure):
    """Due, exempt, completed, hours, points, new by cohort and committee: branch by branch, each
    climbing the tree."""
    sums = defaultdict(lambda: [0] * 6)
    for row in BranchStanding.objects.filter(programme=programme).exclude(unit=None):
        above = row.branch
        while above.kind != Kind.COMMITTEE and above.pk != above.unit_id:
            above = above.parent
        own = [row.due, row.exempt, row.completed, row.hours, row.points, 0]
        months = BranchMonth.objects.filter(programme=programme, branch=row.branch)
        if window != Window.ALL:
            first = TODAY.replace(day=1, month=4 if window == Window.QUARTER else TODAY.month)
            months = [month for month in months if month.month >= first]
            own[3] = sum(month.hours for month in months)
        if window != Window.ALL or measure == Measure.NEW:
            own[5] = sum(month.completed for month in months)
        if any(own) or row.branch.dissolved_on is None:
            so_far = sums[above.cohort, above.pk]
            sums[above.cohort, above.pk] = [a + b for a, b in zip(so_far, own, strict=True)]
    return dict(sums)


@pytest.fixture
def busy(city, programme, tree, stand, complete, post):
    """Everything at once: hours in three months, somebody exempt, branches merged and moved, a
    dissolved committee, general branches as units, units of other cohorts."""
    sizes = {"甲": 2, "街道支部": 3, "社区支部": 4, "小区支部": 5, "县属支部": 1}
    people = {name: [city.enrol(tree[name]) for _ in range(n)] for name, n in sizes.items()}
    complete(programme, people["甲"][0], people["社区支部"][0], *people["小区支部"][:3])
    for number, name in enumerate(people, 1):
        post(programme, earn(people[name][-1], 45 * number, day=days_ago(30)))
        post(programme, earn(people[name][-1], 45 * number, day=TODAY))
    asked = exemptions.ask(programme, people["街道支部"][1], target=None, since=TODAY,
                               until=None, reason="长期病假", by=city.by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)

    gone = stand("撤销党委", city.county)
    last = stand("末了支部", gone)
    member = city.enrol(last)
    complete(programme, member)
    reorganizations.merge(last, tree["街道支部"], on=TODAY, by=city.by, at=NOW)
    reorganizations.dissolve(gone, on=TODAY, by=city.by, at=NOW)

    plant = stand("工厂党委", city.root, cohort=Cohort.ENTERPRISE, is_unit=True)
    moved = stand("划转支部", plant)
    post(programme, earn(city.enrol(moved), 90, day=TODAY))
    city.enrol(stand("工厂支部", plant))
    organizations.move(moved, tree["社区党委"], by=city.by, at=NOW)
    shop = stand("商店总支", city.root, cohort=Cohort.ENTERPRISE, is_unit=True)
    city.enrol(stand("柜台支部", shop))
    alone = stand("独立支部", city.root, cohort=Cohort.ENTERPRISE, is_unit=True)
    complete(programme, city.enrol(alone))
    stand("空白支部", stand("空白党委", plant))
    stand("无支部党委", plant)
    return programme


@pytest.mark.parametrize(("window", "measure"), WINDOWS)
def test_a_ranking_of_committees_is_what_counting_branch_by_branch_up_the_tree_gives(
    busy, window, measure
):
    naive = naively(busy, window, measure)
    for cohort in (Cohort.COUNTY, Cohort.MUNICIPAL, Cohort.ENTERPRISE):
        board = ranking(busy, window, measure, cohort=cohort)

        found = {p.organization: [p.due, p.exempt, p.completed, p.hours, p.points, p.new]
                 for p in (*board.places, *board.apart)}  # fmt: skip
        assert found == {pk: own for (of, pk), own in naive.items() if of == cohort}
        for place in board.places:
            due, _, completed, hours, points, new = found[place.organization]
            by = {"rate": completed, "points": points, "hours": hours, "new": new}[measure]
            better = [p for p in board.places if p.value > by / due]
            assert (place.value, place.rank) == (by / due, len(better) + 1)
        assert {p.due for p in board.apart} <= {0}


@pytest.mark.parametrize(("window", "measure"), WINDOWS)
def test_the_committees_of_a_unit_sum_up_to_the_unit(city, busy, window, measure):
    for unit in Organization.objects.units():
        choice = Choice(Level.UNIT, unit.cohort, window, measure)
        board = rankings.leaderboard(busy, choice, at=NOW)
        [whole] = [p for p in (*board.places, *board.apart) if p.organization == unit.pk]

        inside = lines(ranking(busy, window, measure, unit=unit.pk)).values()

        for name in ("due", "exempt", "completed", "hours", "points", "new"):
            assert sum(getattr(p, name) for p in inside) == getattr(whole, name), (unit, name)


def test_a_branch_counts_with_the_nearest_committee_and_else_directly_with_its_unit(
    city, programme, tree
):
    for branch, size in (("街道支部", 1), ("社区支部", 2), ("小区支部", 3), ("县属支部", 4)):
        for _ in range(size):
            city.enrol(tree[branch])

    board = ranking(programme)

    assert {name: place.due for name, place in lines(board).items()} == {
        "青川县（直属）": 4 + 4,  # 林, 周, 吴 and 郑 of 甲 and 乙, and through the general branch
        "街道党委（直属）": 1,
        "社区党委": 2 + 3,
    }


def test_a_unit_that_is_a_committee_is_its_branches_committee_and_bears_its_own_name(
    city, programme
):
    board = ranking(programme, cohort=Cohort.MUNICIPAL)

    assert {(p.organization, p.name, p.due) for p in board.places} == {
        (city.bureau.pk, "市文化局", 4)
    }


def test_a_rate_of_committees_is_sum_over_sum_and_no_mean_of_means(city, programme, tree, stand):
    """3 members at 100 % and 80 at 50 % give 43/83 = 51.8 %, not 75 %."""
    second = stand("社区二支部", tree["社区党委"])
    for branch, due, completed in ((tree["社区支部"], 3, 3), (second, 80, 40)):
        BranchStanding.objects.filter(programme=programme, branch=branch).update(
            due=due, completed=completed, hours=due * 1000
        )

    place = lines(ranking(programme))["社区党委"]

    assert (place.completed, place.due, f"{place.rate:.1%}") == (43, 83, "51.8%")
    assert place.mean_hours == 1000


def test_committees_share_ranks_and_those_with_nobody_due_stand_apart(
    city, programme, tree, complete
):
    people = [city.enrol(tree["街道支部"]), city.enrol(tree["社区支部"])]
    complete(programme, *people)

    board = ranking(programme)

    assert [(p.name, p.rank) for p in board.places] == [
        ("社区党委", 1),
        ("街道党委（直属）", 1),
        ("青川县（直属）", 3),
    ]
    members.transfer_many([members.Move(m, city.yi, TODAY) for m in people], by=city.by, at=NOW)
    board = ranking(programme)
    assert [(p.name, p.rank, p.value) for p in board.apart] == [
        ("社区党委", None, None),
        ("街道党委（直属）", None, None),
    ]


def test_where_all_branches_of_a_committee_are_gone_its_months_stand_apart_and_it_is_not_ranked(
    city, programme, tree, complete, stand
):
    gone = stand("撤销党委", city.county)
    last = stand("末了支部", gone)
    complete(programme, city.enrol(last))
    reorganizations.merge(last, tree["街道支部"], on=TODAY, by=city.by, at=NOW)
    reorganizations.dissolve(gone, on=TODAY, by=city.by, at=NOW)

    everything = lines(ranking(programme))
    quarter = ranking(programme, Window.QUARTER, Measure.HOURS)
    month = ranking(programme, Window.MONTH, Measure.HOURS)

    assert "撤销党委" not in everything
    assert everything["街道党委（直属）"].completed == 1
    assert [(p.name, p.due, p.hours, p.new) for p in quarter.apart if p.hours] == [
        ("撤销党委", 0, 2400, 1)
    ]
    assert lines(quarter)["街道党委（直属）"].hours == 0
    assert lines(month)["撤销党委"].hours == 1200  # two of its four days lie in June


def test_a_moved_branch_takes_its_figures_and_months_to_the_committee_where_it_stands(
    city, programme, tree, post
):
    post(programme, earn(city.enrol(tree["街道支部"]), 90, day=TODAY))

    organizations.move(tree["街道支部"], tree["社区党委"], by=city.by, at=NOW)

    for window in (Window.ALL, Window.MONTH):
        found = lines(ranking(programme, window, Measure.HOURS))
        assert found["社区党委"].hours == 200
        assert "街道党委（直属）" not in found


def test_in_a_closed_programme_what_went_elsewhere_counts_directly_with_its_unit(
    city, programme, tree, stand
):
    """Also where the other unit is of the same cohort and has committees of its own."""
    near = stand("邻县党委", city.root, cohort=Cohort.COUNTY, is_unit=True)
    town = stand("邻镇党委", near)
    city.enrol(stand("邻镇支部", town))
    for name in ("街道支部", "县属支部"):
        city.enrol(tree[name])
    programmes.close_study(programme, by=city.by, at=moment(ENDS, 18))
    programmes.close_books(programme, by=city.by, at=moment(date(2022, 1, 14)))

    later = moment(date(2022, 2, 1))
    organizations.move(tree["街道党委"], city.bureau, by=city.by, at=later)
    organizations.move(tree["县属支部"], town, by=city.by, at=later)

    assert {name: p.due for name, p in lines(ranking(programme)).items()} == {
        "青川县": 6,
        "邻镇党委": 1,
    }
    bureau = ranking(programme, cohort=Cohort.MUNICIPAL)
    assert {p.organization: p.due for p in bureau.places} == {city.bureau.pk: 4}


def test_a_unit_whose_committees_are_all_dissolved_bears_its_own_name_again(city, programme, stand):
    gone = stand("撤销党委", city.county)
    assert [p.name for p in ranking(programme).places] == ["青川县（直属）"]

    reorganizations.dissolve(gone, on=TODAY, by=city.by, at=NOW)

    assert [p.name for p in ranking(programme).places] == ["青川县"]


def test_nothing_above_the_units_is_ranked(city, programme, stand):
    city.enrol(stand("市属支部", stand("市属党委", city.root)))

    for cohort in Cohort.values:
        assert "市属党委" not in lines(ranking(programme, cohort=cohort))


def test_committees_have_no_movement(city, programme):
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)

    assert not Choice(Level.COMMITTEE).has_movement
    assert {p.movement for p in ranking(programme, cohort=Cohort.MUNICIPAL).places} == {None}


# --- Pages and export -----------------------------------------------------------------------------

ASK = {"level": "committee", "cohort": "county"}


@pytest.fixture
def many(city, programme, stand):
    """Committees of the county by their numbers, each with one branch of one member."""

    def grow(numbers):
        made = []
        for number in numbers:
            committee = stand(f"第{number:03d}党委", city.county)
            branch = stand(f"第{number:03d}支部", committee)
            made.append((committee, branch, city.enrol(branch)))
        cache.clear()  # no ranking from before is shown
        return made

    return grow


def places_on(page):
    return [p.organization for p in page.context["page"].object_list]


def mine_on(page):
    [line] = re.findall('<tr class="mine">.*', page.content.decode())
    return line


@pytest.mark.parametrize(("window", "measure"), WINDOWS)
def test_my_committee_is_found_on_its_page(city, enter, many, evening, window, measure):
    _, branch, _ = many(range(1, 61))[-1]
    members.transfer(city.people["lin"], branch, on=TODAY, by=city.by, at=NOW)

    page = enter("lin").get(
        reverse("ranking"), ASK | {"find": "1", "window": window, "measure": measure}
    )

    assert page.context["page"].number == 2
    assert page.context["pinned"] is None  # it stands on this page
    assert "第060党委 <span" in mine_on(page)
    assert "我的单位" in mine_on(page)


def test_somebody_without_a_committee_finds_the_unit_that_stands_for_it(enter, many, evening):
    many(range(1, 3))

    page = enter("lin").get(reverse("ranking"), ASK | {"find": "1"})

    assert "青川县（直属） <span" in mine_on(page)


def test_fifty_committees_stand_on_a_page_and_over_all_pages_each_once(enter, many, evening):
    made = many(range(1, 61))
    browser = enter("lin")

    first = browser.get(reverse("ranking"), ASK)
    second = browser.get(f"{reverse('ranking')}?{first.context['query']}page=2")
    found = browser.get(reverse("ranking"), ASK | {"q": "第060党委"})

    assert (len(places_on(first)), len(places_on(second))) == (50, 11)
    assert {c.pk for c, *_ in made} < {*places_on(first), *places_on(second)}
    assert len({*places_on(first), *places_on(second)}) == 61
    assert found.context["page"].number == 2
    assert "<th>基层党委</th>" in first.content.decode()
    assert "每个党支部只计入上面最近的一个基层党委" in first.content.decode()


def test_committees_of_one_unit_only(city, enter, many, stand, evening):
    plant = stand("工厂党委", city.root, cohort=Cohort.COUNTY, is_unit=True)
    city.enrol(stand("工厂支部", plant))
    many([1])

    page = enter("lin").get(reverse("ranking"), ASK | {"unit": str(plant.pk)})

    assert places_on(page) == [plant.pk]


@pytest.mark.parametrize("query", [{}, {"window": "month", "measure": "new"}, {"find": "1"}])
def test_the_page_asks_no_more_for_more_committees(enter, many, evening, query):
    browser = enter("lin")
    browser.get(reverse("ranking"), ASK | query)
    counts = []
    for numbers in (range(1, 3), range(3, 40)):
        many(numbers)
        cache.clear()  # what is kept would be asked for nothing
        with CaptureQueriesContext(connection) as queries:
            browser.get(reverse("ranking"), ASK | query)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_export_has_every_committee_with_its_denominators(city, programme, tree, complete):
    complete(programme, city.enrol(tree["社区支部"]))
    choice = Choice(Level.COMMITTEE, Cohort.COUNTY)
    board = rankings.leaderboard(programme, choice, at=NOW)

    answer = exports.ranking(programme, choice, board, by=city.actor("lin"), at=NOW)

    sheet = openpyxl.load_workbook(BytesIO(answer.data())).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    table = rows[[row[0] for row in rows].index("名次") + 1 :]
    assert "县（区）基层党委学满率排行" in rows[0][0]
    assert "每个党支部只计入上面最近的一个基层党委" in rows[2][0]
    assert [row[:7] for row in table] == [
        [1, "社区党委", "YL-社区党委", 1, 0, 1, 1],
        [2, "青川县（直属）", "YL-QC", 4, 0, 0, 0],
        [None, "街道党委（直属）", "YL-街道党委", 0, 0, 0, "—"],
    ]
    event = AuditEvent.objects.filter(event=AuditEvent.Event.EXPORT).latest("pk")
    assert event.detail["rows"] == 3
