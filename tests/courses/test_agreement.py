"""Mistake 22: every place that shows a member's hours shows the same, at the same moment."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from courses import matrices_out, roll_call, sessions, study_logs
from courses.sessions import Plan
from courses.study_logs import Study
from credits import bulletins, certificates, exports, figures, ledger, rankings, statements
from credits.ledger import Source
from credits.models import Standing
from credits.rankings import Choice, Level
from portal import organizations
from portal.models import Cohort, Organization
from portal.organizations import Founding
from tests.cast import BEFORE, NOW, days_ago, moment

pytestmark = [pytest.mark.django_db, pytest.mark.both]
PERIODS = ("new-democratic", "socialist", "reform", "new-era")


@pytest.fixture
def lonely(city, programme):
    """A unit with one branch with one member, so that all sums are that member's."""
    unit = organizations.found(
        Founding("YL-E1", "企业一党委", Organization.Kind.COMMITTEE, city.root, BEFORE.date(),
                 short_name="企业一", cohort=Cohort.ENTERPRISE, is_unit=True),
        by=city.by, at=BEFORE,
    )  # fmt: skip
    branch = organizations.found(
        Founding("YL-E1-1", "企业一支部", Organization.Kind.BRANCH, unit, BEFORE.date()),
        by=city.by, at=BEFORE,
    )  # fmt: skip
    return unit, branch, city.enrol(branch, "丁一人")


@pytest.fixture
def studied(city, programme, lonely):
    """Twenty hours in sessions, twelve alone of which ten count, and one line reversed."""
    _, branch, member = lonely
    for number, period in enumerate(PERIODS, 1):
        start = moment(days_ago(number), 9)
        plan = Plan(f"活动{number}", "seminar", start, start + timedelta(minutes=225), period)
        session = sessions.schedule(branch, [programme], plan, by=city.by, at=BEFORE)
        roll_call.open_(session, by=city.by, at=start)
        roll_call.close(session, {}, by=city.by, at=plan.ends_at)
    logs = [
        study_logs.submit(programme, member, Study("self", days_ago(n), 135, f"自学{n}", "reform"),
                          by=city.by, at=NOW)
        for n in range(10, 15)
    ]  # fmt: skip
    study_logs.confirm(logs, by=city.by, at=NOW)
    study_logs.reverse(logs[0], reason="误记", by=city.by, at=NOW)
    return member


def sheet_of(export):
    book = openpyxl.load_workbook(BytesIO(export.data()))
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def line_of(rows, first, **where):
    """The row of a table below the heading that begins with `first`, as a mapping."""
    at = next(n for n, row in enumerate(rows) if row[0] == first)
    lines = [dict(zip(rows[at], row, strict=True)) for row in rows[at + 1 :]]
    [line] = [n for n in lines if all(n[k] == v for k, v in where.items())]
    return line


def everywhere(city, programme, unit, branch, member):
    """The recognised hours of the member as each place has them."""
    standing = Standing.objects.get(programme=programme, member=member)
    by, cohort = city.actor("shi", "official"), Choice(cohort=Cohort.ENTERPRISE)
    draft = bulletins.draw_up(programme, title="通报", cohorts=[Cohort.ENTERPRISE], by=by, at=NOW)
    bulletin = bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    board = rankings.leaderboard(programme, cohort, at=NOW)
    inside = Choice(Level.BRANCH, unit=unit.pk)
    committees = rankings.leaderboard(programme, Choice(Level.COMMITTEE, unit=unit.pk), at=NOW)
    with time_machine.travel(NOW, tick=False):
        browser = Client()
        browser.force_login(member, "portal.sign_in.MemberBackend")
        home, page = browser.get(reverse("home")), browser.get(reverse("my-hours"))
    matrix = sheet_of(matrices_out.matrix(programme, branch, by=by, at=NOW))
    summary = sheet_of(matrices_out.summary(programme, unit, by=by, at=NOW))
    ranking = sheet_of(exports.ranking(programme, cohort, board, by=by, at=NOW))
    places = {
        "standing": standing.recognised,
        "statement": statements.of(programme, member).total,
        "start page": home.context["standing"].recognised,
        "start page, from totals": home.context["worth"],
        "hours page": page.context["statement"].total,
        "ranking of units": board.places[0].hours,
        "ranking of committees": committees.places[0].hours,
        "ranking of branches": rankings.leaderboard(programme, inside, at=NOW).places[0].hours,
        "bulletin": bulletin.rows.get().hours,
        "figures": figures.of(programme, unit).hours,
        "points": standing.points // 10,
        "matrix": round(100 * line_of(matrix, "序号", 姓名="丁一人")["认定学时"]),
        "summary": round(100 * line_of(summary, "序号", 党支部="合计")["认定学时"]),
        "export": round(100 * line_of(ranking, "名次", 单位="企业一")["认定学时"]),
    }
    for shown in (home, page):
        text = shown.content.decode()
        assert f"{standing.recognised / 100:g}" in text.partition("<main")[2]
    return places


def test_mistake_22_start_page_statement_matrix_ranking_bulletin_and_export_agree(
    city, programme, lonely, studied
):
    places = everywhere(city, programme, *lonely)

    assert set(places.values()) == {3000}, places  # 20 in sessions, 10 of 12 alone


def test_mistake_22_the_certificate_agrees_and_so_do_all_after_a_correction(
    city, programme, lonely, studied
):
    _, branch, member = lonely
    standing = Standing.objects.get(programme=programme, member=member)
    certificate = certificates.issue(standing, by=city.by, at=NOW)
    assert (certificate.hours, certificate.completed_on) == (3000, standing.completed_on)
    session = branch.sessions.get(title="活动3") if hasattr(branch, "sessions") else None
    key = session.key if session else ledger.Posting.objects.get(title="活动3").key

    ledger.correct(programme, Source("session", key, "活动3"), revision=2, organiser=branch,
                   withdraw=[member], credits=[], reason="未到会", by=city.by, at=NOW)  # fmt: skip

    places = everywhere(city, programme, *lonely)
    assert set(places.values()) == {2500}, places
    lines = statements.of(programme, member).lines
    assert lines[-1].earned == lines[-1].recognised == -500  # the line that explains the fall
