# ruff: noqa: F811 - fixtures of the credits tests
"""The pages before publishing: each count stands with its unit and leads to what was counted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from courses import roll_call, sessions
from courses.models import AttendanceCredit
from courses.sessions import Plan
from credits import bulletins, claim_decisions, claims, ledger
from credits.ledger import Source
from portal.models import Cohort
from tests.cast import NOW, STARTS, days_ago, moment
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
            card["check"].title: [(f.name, f.said) for f in card["check"].found]
            for card in answer.context["cards"]
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


@pytest.fixture
def eventful(city, programme, post, lin):
    """One unit of which every check has something to say."""
    old = days_ago(5)
    held = _session(city, programme, "研讨", old, 9)
    at_once = _session(city, programme, "同时的党课", old, 9)  # nobody can be in both
    for one in (held, at_once):
        opened = roll_call.open_(one, by=city.by, at=one.starts_at)
        roll_call.close(opened, {}, by=city.by, at=NOW - timedelta(hours=2))
    refused = AttendanceCredit.objects.filter(state="refused")
    assert refused.exists()
    sessions.reverse_all(held, reason="没有举行", by=city.by, at=NOW - timedelta(hours=1))
    stated = claims.Stated(lin, "opening", "seminar", "reform", days_ago(60), 400, "登记簿", 1)
    batch = claims.hand_in(
        programme, city.jia, [stated], key="k", by=city.actor("zhou", "secretary"), at=NOW
    )
    claim_decisions.approve(list(batch.claims.all()), by=city.actor("gao", "official"), at=NOW)
    post(programme, ledger_log(lin), kind="log", key="log1", title="夜里读书", at=NOW)
    _session(city, programme, "还没登记", days_ago(1), 9, organiser=city.bing)


def ledger_log(member):
    return earn(member, day=days_ago(6), form="self")


def _session(city, programme, title, day, hour, organiser=None):
    start = moment(day, hour)
    plan = Plan(title, "seminar", start, start + timedelta(minutes=90), "reform")
    where = organiser or city.jia
    return sessions.schedule(where, [programme], plan, by=city.by, at=moment(STARTS, 9))


def links(answer):
    text = answer.content.decode()
    return {a.replace("&amp;", "&") for a in re.findall(r'href="(/[^"#]*)"', text)
            if not a.startswith("/static/")}  # fmt: skip


def test_each_finding_leads_to_its_matter_and_every_link_opens(
    city, programme, complete, enter, eventful
):
    for name in ("lin", "zhou", "wu"):
        complete(programme, city.people[name], at=NOW - timedelta(hours=1), organiser=city.yi)
    by, browser = city.actor("shi", "official"), enter("shi")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)

    first = browser.get(reverse("draft-look", args=[draft.pk]))

    leads = {card["check"].matter: [h for _, h in card["rows"]] for card in first.context["cards"]}
    assert all(leads.values()), leads
    assert leads.pop("jumps") == [
        f"{reverse('ranking-trend')}?programme={programme.code}&unit={city.county.pk}"
    ]
    for matter, (address, *_) in leads.items():
        assert f"/look/{matter}/" in address
    seen = set()
    for address in {a for found in leads.values() for a in found} | links(first):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        if "/look/" in address:
            seen |= links(answer)
    for address in seen:
        assert browser.get(address).status_code == 200, address


def matter(browser, draft, name, unit):
    answer = browser.get(reverse("draft-matter", args=[draft.pk, name, unit.pk]))
    assert answer.status_code == 200
    return answer.context


def test_what_stands_behind_a_finding_names_sessions_claims_and_branches(
    city, programme, enter, eventful
):
    by, browser = city.actor("shi", "official"), enter("shi")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)

    def read(name, unit=city.county):
        return matter(browser, draft, name, unit)

    [(idle, _)] = read("sessions", city.bureau)["idle"]
    assert (idle.name, idle.due, idle.overdue) == (city.bing.short_name, 4, 1)
    bulk = {(p.title, p.lines > 0) for p, _ in read("bulk")["postings"]}
    assert {"研讨", "个人自学"} <= {title for title, _ in bulk}
    [(granted, address)] = read("granted")["postings"]
    assert (granted.kind, granted.hours) == ("opening", 400)
    assert address.startswith("/claims/lines/")
    [(corrected, address)] = read("corrected")["postings"]
    assert (corrected.title, corrected.turn, corrected.reason) == ("研讨", 2, "没有举行")
    assert corrected.hours < 0
    assert address.startswith("/sessions/")
    [(conflict, _)] = read("conflicts")["conflicts"]
    assert (conflict.title, conflict.people) == ("同时的党课", 2)


def test_nobody_is_named_behind_a_finding(city, programme, enter, eventful):
    by, browser = city.actor("shi", "official"), enter("shi")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)
    for name in ("sessions", "bulk", "granted", "corrected", "conflicts"):
        address = reverse("draft-matter", args=[draft.pk, name, city.county.pk])
        text = browser.get(address).content.decode()
        assert "林小满" not in text
        assert "夜里读书" not in text


def test_a_matter_that_is_none_and_a_unit_of_others_are_not_found(city, programme, enter):
    by, browser = city.actor("shi", "official"), enter("shi")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)
    for matter_ in ("jumps", "other"):
        address = reverse("draft-matter", args=[draft.pk, matter_, city.county.pk])
        assert browser.get(address).status_code == 404
    address = reverse("draft-matter", args=[draft.pk, "bulk", city.county.pk])
    assert enter("gao").get(address).status_code == 404


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
    for name in ("sessions", "bulk", "granted", "corrected", "conflicts"):
        with django_assert_max_num_queries(12):
            assert matter(browser, draft, name, city.county)["title"]
