"""Rankings: shared ranks, sum over sum, windows, movement, the permit, pages, the export."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO

import openpyxl
import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from credits import bulletins, exemptions, exports, kept_rankings, ledger, programmes, rankings
from credits.ledger import Source
from credits.models import BranchStanding, RankingPermit
from credits.rankings import Choice, Level, Measure, NotPermitted, Place, Window
from portal import organizations
from portal.models import AuditEvent, Cohort, Organization
from portal.organizations import Founding
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment
from tests.credits.conftest import branch_row, earn

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def found_unit(city):
    """Further units of one cohort, each with one branch and some members."""

    def make(number, size, cohort=Cohort.ENTERPRISE):
        unit = organizations.found(
            Founding(f"YL-E{number:03d}", f"企业{number:03d}党委", Organization.Kind.COMMITTEE,
                     city.root, BEFORE.date(), short_name=f"企业{number:03d}", cohort=cohort,
                     is_unit=True),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        branch = organizations.found(
            Founding(f"YL-E{number:03d}-1", f"企业{number:03d}支部", Organization.Kind.BRANCH, unit,
                     BEFORE.date()),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        return unit, branch, [city.enrol(branch) for _ in range(size)]

    return make


def place(organization, value, *, hours=0, due=1, code=""):
    return Place(organization, code or f"c{organization:03d}", f"u{organization}", due, 0, 0, hours,
                 0, value=value)  # fmt: skip


ENTERPRISES = Choice(cohort=Cohort.ENTERPRISE)


def test_mistake_25_ties_read_1_2_2_4():
    rows = [place(1, 0.5), place(2, 0.9), place(3, 0.5), place(4, 0.1), place(5, 0.0)]

    ranked = rankings.ranked(rows)

    assert [(p.organization, p.rank) for p in ranked] == [(2, 1), (1, 2), (3, 2), (4, 4), (5, 5)]


def test_equal_values_stand_in_order_of_hours_then_code_and_share_the_rank():
    ranked = rankings.ranked([place(1, 0.5, hours=10), place(2, 0.5, hours=90), place(3, 0.5)])

    assert [(p.organization, p.rank) for p in ranked] == [(2, 1), (1, 1), (3, 1)]


def test_mistake_25_units_with_no_hours_have_a_rank_and_those_with_nobody_due_stand_apart(
    programme, found_unit
):
    found_unit(1, 2)
    found_unit(2, 0)

    board = rankings.leaderboard(programme, ENTERPRISES, at=NOW)

    assert [(p.name, p.rank, p.due, p.hours) for p in board.places] == [("企业001", 1, 2, 0)]
    assert [(p.name, p.rank, p.value) for p in board.apart] == [("企业002", None, None)]


def test_mistake_24_a_rate_is_sum_over_sum_and_no_mean_of_means(city, programme, found_unit):
    """3 members at 100 % and 80 at 50 % give 43/83 = 51.8 %, not 75 %."""
    unit, _, _ = found_unit(1, 0)
    for number, (due, completed) in enumerate([(3, 3), (80, 40)]):
        branch = organizations.found(
            Founding(f"YL-E001-{number + 5}", f"第{number}支部", Organization.Kind.BRANCH, unit,
                     BEFORE.date()),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        BranchStanding.objects.filter(programme=programme, branch=branch).delete()
        BranchStanding.objects.create(programme=programme, branch=branch, unit=unit, due=due,
                                      cohort=unit.cohort, completed=completed, exempt=0,
                                      hours=due * 1000, points=0)  # fmt: skip

    [row] = rankings.leaderboard(programme, ENTERPRISES, at=NOW).places

    assert (row.completed, row.due) == (43, 83)
    assert f"{row.rate:.1%}" == "51.8%"
    assert row.mean_hours == 1000


def test_the_exempt_are_counted_apart_and_neither_due_nor_ranked(city, programme, complete, lin,
                                                                 zhou):  # fmt: skip
    complete(programme, lin, zhou)
    asked = exemptions.ask(programme, zhou, target=None, since=TODAY, until=None,
                               reason="长期病假", by=city.by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)

    board = rankings.leaderboard(
        programme, Choice(Level.BRANCH, Cohort.COUNTY, measure=Measure.HOURS), at=NOW
    )

    [jia] = [p for p in board.places if p.organization == city.jia.pk]
    assert (jia.due, jia.exempt, jia.completed, jia.hours) == (1, 1, 1, 2400)
    assert [s.member for _, s in rankings.members_of(programme, city.jia)] == [lin]


def test_a_window_shows_the_hours_of_its_months_and_the_newly_completed(
    city, programme, post, lin, zhou
):
    post(programme, earn(lin, 90, day=days_ago(4)), at=NOW)  # 30 May
    post(programme, earn(lin, 45, day=TODAY), earn(zhou, 45, day=TODAY))  # 3 June
    county = Choice(cohort=Cohort.COUNTY, measure=Measure.HOURS)

    def hours(window):
        choice = Choice(cohort=Cohort.COUNTY, window=window, measure=county.measure)
        return rankings.leaderboard(programme, choice, at=NOW).places[0].hours

    assert hours(Window.ALL) == 400
    assert hours(Window.MONTH) == 200
    assert hours(Window.QUARTER) == 400


def test_newly_completed_count_in_the_month_of_the_line_that_completed_them(
    city, programme, complete, lin
):
    complete(programme, lin)  # the last of its lines lies in May

    def new(window, day=TODAY):
        choice = Choice(cohort=Cohort.COUNTY, window=window, measure=Measure.NEW)
        return rankings.leaderboard(programme, choice, at=moment(day)).places[0].new

    assert (new(Window.MONTH), new(Window.QUARTER), new(Window.ALL)) == (0, 1, 1)
    assert new(Window.MONTH, date(2021, 5, 31)) == 1


def test_a_reversal_lowers_the_month_of_the_line_that_it_reverses(city, programme, post, lin):
    post(programme, earn(lin, 90, day=date(2021, 5, 20)), key="may")
    ledger.correct(programme, Source("session", "may", "五月"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[earn(lin, 45, day=date(2021, 5, 20))], reason="早退",
                   by=city.by, at=NOW)  # fmt: skip
    june = Choice(cohort=Cohort.COUNTY, window=Window.MONTH, measure=Measure.HOURS)

    assert rankings.leaderboard(programme, june, at=NOW).places[0].hours == 0
    assert rankings.leaderboard(programme, june, at=moment(date(2021, 5, 31))).places[0].hours == (
        100
    )


def test_a_transfer_moves_all_time_figures_and_leaves_the_month_with_its_home(
    city, programme, post, lin
):
    from portal import members

    post(programme, earn(lin, 90, day=TODAY))
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)

    assert branch_row(programme, city.jia).hours == 0
    assert branch_row(programme, city.bing).hours == 200
    month = Choice(Level.BRANCH, Cohort.COUNTY, Window.MONTH, Measure.HOURS)
    hours = {p.organization: p.hours for p in rankings.leaderboard(programme, month, at=NOW).places}
    assert hours[city.jia.pk] == 200


def publish(city, programme, at=NOW):
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=at)
    return bulletins.publish(draft, seen_version=draft.version, by=by, at=at)


def test_movement_compares_with_the_last_bulletin_that_stands(
    city, programme, complete, found_unit
):
    first, branch_one, [one] = found_unit(1, 1)
    second, branch_two, [two] = found_unit(2, 1)
    complete(programme, one, organiser=branch_one)
    publish(city, programme)  # 1: first, 2: second
    complete(programme, two, organiser=branch_two)
    withdrawn = publish(city, programme)  # both share rank 1
    bulletins.withdraw(withdrawn, reason="有误", by=city.actor("shi"), at=NOW)

    board = rankings.leaderboard(programme, ENTERPRISES, at=NOW)

    assert {p.organization: (p.rank, p.movement) for p in board.places} == {
        first.pk: (1, 0),
        second.pk: (1, 1),
    }


@pytest.mark.parametrize(
    "choice",
    [
        Choice(window=Window.MONTH, measure=Measure.HOURS),
        Choice(measure=Measure.POINTS),
        Choice(Level.BRANCH),
    ],
)
def test_movement_exists_for_the_ranking_that_bulletins_print_only(city, programme, choice):
    publish(city, programme)

    board = rankings.leaderboard(programme, choice, at=NOW)

    assert not choice.has_movement
    assert {p.movement for p in board.places} == {None}


def test_points_rank_all_time_only(enter, programme, evening):
    page = enter("lin").get(reverse("ranking"), {"window": "month", "measure": "points"})

    assert page.context["choice"].measure == Measure.HOURS
    assert Measure.POINTS not in page.context["measures"]


# --- The permit ---------------------------------------------------------------------------------


def test_without_a_permit_nothing_is_ranked(found_programme):
    with pytest.raises(NotPermitted, match="还没有取得排行许可"):
        rankings.leaderboard(found_programme(permit=""), Choice(), at=NOW)


def test_a_permit_for_organisations_ranks_no_members(city, found_programme):
    programme = found_programme(permit="organisations")

    rankings.leaderboard(programme, Choice(), at=NOW)
    with pytest.raises(NotPermitted, match="不对党员个人排行"):
        rankings.members_of(programme, city.jia)


def test_when_the_permit_is_withdrawn_rankings_and_movement_disappear_with_a_page_that_says_why(
    city, programme, enter, evening
):
    publish(city, programme)
    by = city.actor("shi", "official")
    number = programme.bulletins.get()
    kept = kept_rankings.of(programme, Choice(), at=NOW)
    draft = bulletins.draw_up(programme, title="通报", cohorts=["county"], by=by, at=NOW)
    programmes.permit(programme, RankingPermit.Level.OFF, document="云办〔2021〕9号", by=by, at=NOW)
    member, official = enter("lin"), enter("shi")

    for browser, method, address in (
        (member, "get", reverse("ranking")),
        (member, "get", f"{reverse('ranking')}?as={kept.token}"),
        (member, "post", reverse("ranking-export")),
        (member, "get", reverse("member-ranking")),
        (official, "get", reverse("home")),
        (official, "get", reverse("draft-preview", args=[draft.pk])),
        (official, "get", reverse("draft-edit", args=[draft.pk])),
        (official, "get", reverse("bulletin-detail", args=[number.pk])),
        (member, "get", reverse("bulletin-detail", args=[number.pk])),
    ):
        answer = getattr(browser, method)(address)
        assert answer.status_code == 200, address
        text = answer.content.decode()
        assert "云办〔2021〕9号" in text, address
        assert "升降" not in text, address
        assert "升 " not in text
        assert "企业" not in text
    answer = official.post(
        reverse("draft-publish", args=[draft.pk]), {"version": draft.version}, follow=True
    )
    assert "云办〔2021〕9号" in answer.content.decode()
    assert programme.bulletins.count() == 1


def test_the_newest_permit_counts(city, programme):
    by = city.actor("shi", "official")
    programmes.permit(programme, RankingPermit.Level.OFF, document="甲", by=by, at=NOW)
    programmes.permit(programme, RankingPermit.Level.MEMBERS, document="乙", by=by, at=NOW)

    assert rankings.check_permitted(programme, of_members=True).document == "乙"


@pytest.mark.parametrize("level", ["", *RankingPermit.Level.values])
def test_the_form_of_the_permit_begins_at_the_level_that_counts_now(
    city, enter, found_programme, evening, level
):
    found_programme(permit="members")
    newest = found_programme("dsxx-2021-b", permit=level)

    page = enter("shi").get(reverse("programme"), {"programme": newest.code}).content.decode()

    chosen = re.findall(r'<option value="(\w+)" selected', page.split('name="level"')[1])
    assert chosen == ([level] if level else [])


# --- Pages and export -----------------------------------------------------------------------------


def places_on(page):
    return [p.organization for p in page.context["page"].object_list]


def test_mistake_25_over_all_pages_each_unit_stands_once_even_while_scores_change(
    enter, programme, found_unit, complete, evening
):
    made = [found_unit(number, 1) for number in range(1, 118)]
    browser = enter("lin")
    address = {"cohort": "enterprise"}
    first = browser.get(reverse("ranking"), address)
    assert len(places_on(first)) == 50

    seen = places_on(first)
    for number in (2, 3):
        _, branch, [last] = made[117 - number]  # from the last page they rise to the first
        complete(programme, last, organiser=branch)
        query = f"{first.context['query'][:-1]}&page={number}"
        seen += places_on(browser.get(f"{reverse('ranking')}?{query}"))

    assert len(seen) == len(set(seen)) == 117
    assert set(seen) == {unit.pk for unit, *_ in made}
    assert places_on(browser.get(reverse("ranking"), address)) == places_on(first)
    with time_machine.travel(NOW + kept_rankings.FRESH, tick=False):
        fresh = browser.get(reverse("ranking"), address)
    assert set(places_on(fresh)[:2]) == {made[115][0].pk, made[114][0].pk}


def test_my_unit_is_found_on_its_page(enter, city, programme, found_unit, evening):
    unit, branch, _ = [found_unit(number, 1) for number in range(1, 60)][-1]
    from portal import members

    members.transfer(city.people["lin"], branch, on=TODAY, by=city.by, at=NOW)

    page = enter("lin").get(reverse("ranking"), {"find": "1"})

    assert page.context["page"].number == 2
    assert unit.pk in places_on(page)
    assert "我的单位" in page.content.decode()


def test_my_unit_stays_in_view_on_every_page_and_in_every_ranking(
    enter, city, programme, found_unit, complete, evening
):
    """Beside the table wherever the table does not hold it, in the ranking's own figures."""
    complete(programme, city.people["lin"])
    made = [found_unit(number, 1) for number in range(1, 60)]
    browser = enter("lin")

    def pinned(**query):
        page = browser.get(reverse("ranking"), query)
        own = page.context["pinned"]
        assert (own is None) or own["name"] in page.content.decode()
        return own

    assert pinned() is None  # the table holds it
    elsewhere = pinned(cohort="enterprise")
    assert (elsewhere["name"], elsewhere["rank"], elsewhere["completed"]) == ("青川县", "1", "1/4")
    assert elsewhere["cohort"] == "县（区）"
    assert browser.get(reverse("ranking") + elsewhere["where"]).context["pinned"] is None
    branch = pinned(level="branch", cohort="enterprise", page="2")
    assert (branch["name"], branch["completed"]) == (city.jia.short_name, "1/2")
    inside = pinned(level="branch", unit=made[0][0].pk)
    assert inside["name"] == city.jia.short_name

    from portal import members

    members.transfer(city.people["wu"], made[-1][1], on=TODAY, by=city.by, at=NOW)
    browser = enter("wu")
    with time_machine.travel(NOW + kept_rankings.FRESH, tick=False):
        first = pinned(cohort="enterprise")
        assert (first["name"], first["cohort"]) == (made[-1][0].short_name, "")
        assert pinned(cohort="enterprise", page="2") is None


def test_a_unit_is_searched_by_name_and_a_wrong_name_says_so(enter, programme, found_unit, evening):
    [found_unit(number, 1) for number in range(1, 60)]
    ask = {"cohort": "enterprise"}

    found = enter("lin").get(reverse("ranking"), ask | {"q": "企业059"})
    nothing = enter("lin").get(reverse("ranking"), ask | {"q": "没有的"})

    assert found.context["page"].number == 2
    assert "这个排行里没有“没有的”。" in nothing.content.decode()


def test_mistake_26_an_official_without_hours_sees_the_ranking(city, enter, programme, evening):
    page = enter("gao").get(reverse("ranking"), {"cohort": "county"})

    assert page.status_code == 200
    assert "青川县" in page.content.decode()


def test_the_export_has_every_line_with_its_denominators_and_stands_in_the_audit_trail(
    city, programme, complete, found_unit
):
    _, branch, [one] = found_unit(1, 1)
    found_unit(2, 3)
    found_unit(3, 0)
    complete(programme, one, organiser=branch)
    publish(city, programme)
    board = rankings.leaderboard(programme, ENTERPRISES, at=NOW)

    answer = exports.ranking(programme, ENTERPRISES, board, by=city.actor("lin"), at=NOW)

    sheet = openpyxl.load_workbook(BytesIO(answer.data())).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    table = rows[[row[0] for row in rows].index("名次") + 1 :]
    assert [row[:7] for row in table] == [
        [1, "企业001", "YL-E001", 1, 0, 1, 1],
        [2, "企业002", "YL-E002", 3, 0, 0, 0],
        [None, "企业003", "YL-E003", 0, 0, 0, "—"],
    ]
    assert table[0][7:9] == [24, 24]
    event = AuditEvent.objects.filter(event=AuditEvent.Event.EXPORT).latest("pk")
    assert event.detail["rows"] == 3


def test_the_page_needs_as_many_queries_for_many_units_as_for_few(
    enter, programme, found_unit, django_assert_max_num_queries, evening
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = enter("lin")
    browser.get(reverse("ranking"), {"cohort": "enterprise"})
    counts = []
    for number in (range(1, 3), range(3, 49)):
        [found_unit(n, 1) for n in number]
        cache.clear()  # what is kept would be asked for nothing
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(reverse("ranking"), {"cohort": "enterprise"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- A copy that is still right -------------------------------------------------------------------


@pytest.fixture
def kept_page(enter, programme, found_unit, evening):
    """A browser that has seen a ranking, its address, and the tag of its copy."""
    found_unit(1, 1)
    browser = enter("lin")
    ask = f"{reverse('ranking')}?cohort=enterprise"
    browser.get(ask)  # brings the cookie of forms
    return browser, ask, browser.get(ask)["ETag"]


def test_a_ranking_that_did_not_change_is_not_sent_again(kept_page):
    browser, ask, tag = kept_page

    again = browser.get(ask, HTTP_IF_NONE_MATCH=tag)

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert again["Cache-Control"] == "private, no-cache"


def test_a_copy_is_wrong_once_the_frame_or_the_permit_or_the_figures_changed(
    kept_page, city, programme
):
    browser, ask, tag = kept_page

    browser.cookies["look"] = "large"
    assert browser.get(ask, HTTP_IF_NONE_MATCH=tag).status_code == 200
    del browser.cookies["look"]
    assert browser.get(ask + "&page=1", HTTP_IF_NONE_MATCH=tag).status_code == 200
    with time_machine.travel(NOW + kept_rankings.FRESH, tick=False):
        assert browser.get(ask, HTTP_IF_NONE_MATCH=tag).status_code == 200
    by = city.actor("shi", "official")
    programmes.permit(programme, RankingPermit.Level.OFF, document="云办〔2021〕9号", by=by, at=NOW)
    text = browser.get(ask, HTTP_IF_NONE_MATCH=tag).content.decode()
    assert "云办〔2021〕9号" in text


def test_somebody_elses_copy_is_never_right(kept_page, city, enter, client):
    _, ask, tag = kept_page
    other = enter("wu")

    other.get(ask)

    assert other.get(ask, HTTP_IF_NONE_MATCH=tag).status_code == 200
