"""What the hot path and the rankings cost beside the least that the database could do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from courses import roll_call, sessions
from courses.models import AttendanceCredit, StudySession
from courses.sessions import Plan
from credits import ledger, ledger_sql, rankings
from credits.chain import ENTRY
from credits.ledger import Credit, Request, Source
from credits.models import BranchStanding, CreditTotal, LedgerEntry, Standing
from credits.rankings import Choice
from portal import organizations, set_wise
from portal.members import Enrolment, enrol_many
from portal.models import Cohort, Member, Organization
from portal.organizations import Founding
from tests.benchmarks.stopwatch import ratio
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment

pytestmark = [pytest.mark.bench, pytest.mark.django_db]


def crowd(city, branch, size):
    start = Member.objects.count()
    return enrol_many(
        [
            Enrolment(number=f"7{start + n:07d}", name=f"学员{n}", branch=branch,
                      day=BEFORE.date(), key=f"bench{start + n}")
            for n in range(size)
        ],
        by=city.by, at=NOW,
    )  # fmt: skip


def rows_of(programme, posting):
    """The entries of a posting as values, to be written once more."""
    names = [LedgerEntry._meta.get_field(name).attname for name in ENTRY]
    return [list(row) for row in LedgerEntry.objects.filter(posting=posting).values_list(*names)]


def write_entries(rows, posting):
    """The bare executemany of the same rows, behind those that are there."""
    ids = set_wise.next_ids(LedgerEntry, len(rows))
    set_wise.insert(LedgerEntry, ENTRY, [[pk, r[1], posting, *r[3:]] for pk, r in
                                           zip(ids, rows, strict=True)])  # fmt: skip


@pytest.fixture
def class_of_thirty(city, programme):
    crowd(city, city.jia, 28)  # with 林小满 and 周明远 thirty
    start = moment(days_ago(1), 9)
    plan = Plan("读书班", "seminar", start, start + timedelta(minutes=90), "reform")
    session = sessions.schedule(city.jia, [programme], plan, by=city.by, at=BEFORE)
    return roll_call.open_(session, by=city.by, at=start)


def test_closing_a_class_of_thirty_against_executemany_of_the_same_rows(
    city, programme, class_of_thirty
):
    """The rows: entries, occupied time, totals, standings, marks credited; the rest is checking,
    chaining and telling the history."""
    session = class_of_thirty

    def close():
        return roll_call.close(StudySession.objects.get(pk=session.pk), {}, by=city.by, at=NOW)

    [posted] = close()
    assert len(posted.lines) == 30
    rows = rows_of(programme, posted.posting)
    totals = list(CreditTotal.objects.values_list("member", "period", "form", "earned"))
    standings = [(200, 2200, pk) for pk in Standing.objects.values_list("pk", flat=True)[:30]]
    marks = list(session.attendances.values_list("pk", flat=True))
    AttendanceCredit.objects.all().delete()

    def bare():
        write_entries(rows, posted.posting.pk + 1)
        ledger_sql.write_totals(programme.pk, totals)
        set_wise.update_by_id(Standing, ["recognised", "shortfall"], standings)
        set_wise.insert(
            AttendanceCredit,
            ["attendance", "programme", "state", "hours", "code", "reason"],
            [(pk, programme.pk, "credited", 200, "", "") for pk in marks],
        )

    again = class_again(city, programme)
    assert ratio("closing a class", lambda: again(city), bare, goal=40, n=30).is_met


def class_again(city, programme):
    """A second open roll of the same thirty, which is closed and undone again and again."""
    start = moment(days_ago(2), 9)
    plan = Plan("读书班", "seminar", start, start + timedelta(minutes=90), "reform")
    session = sessions.schedule(city.jia, [programme], plan, by=city.by, at=BEFORE)
    roll_call.open_(session, by=city.by, at=start)

    def close(city):
        found = StudySession.objects.get(pk=session.pk)
        [posted] = roll_call.close(found, {}, by=city.by, at=NOW)
        assert len(posted.lines) == 30

    return close


def test_posting_two_thousand_lines_against_executemany_of_the_same_rows(city, programme):
    people = crowd(city, city.jia, 2000)
    start = moment(days_ago(1), 9)
    end = start + timedelta(minutes=90)
    credits_ = [
        Credit(m, "seminar", days_ago(1), 90, "reform", start=start, end=end) for m in people
    ]
    source = Source("session", "many", "大课")
    request = [Request(source, city.jia, credits_)]
    first = Request(Source("session", "first", "首课"), city.jia, [
        Credit(m, "lecture", TODAY, 45, "reform") for m in people])  # fmt: skip
    [posted] = ledger.post_many(programme, [first], by=city.by, at=NOW)
    rows = rows_of(programme, posted.posting)

    def post():
        [posted] = ledger.post_many(programme, request, by=city.by, at=NOW)
        assert len(posted.lines) == 2000

    def bare():
        write_entries(rows, posted.posting.pk + 1)

    assert ratio("posting lines", post, bare, goal=25, n=2000, pairs=7).is_met


@pytest.fixture
def thousand_branches(city, programme):
    """1,000 branches of 60 enterprises, with figures."""
    units = [
        organizations.found(
            Founding(f"YL-B{n:02d}", f"企业{n}党委", Organization.Kind.COMMITTEE, city.root,
                     BEFORE.date(), short_name=f"企业{n}", cohort=Cohort.ENTERPRISE, is_unit=True),
            by=city.by, at=BEFORE,
        )
        for n in range(60)
    ]  # fmt: skip
    branches = [
        organizations.found(
            Founding(f"YL-B{n:04d}-1", f"第{n}支部", Organization.Kind.BRANCH, units[n % 60],
                     BEFORE.date()),
            by=city.by, at=BEFORE,
        )
        for n in range(1000)
    ]  # fmt: skip
    BranchStanding.objects.filter(branch__in=branches).delete()
    BranchStanding.objects.bulk_create(
        BranchStanding(programme=programme, branch=b, unit=b.unit, cohort=b.cohort, due=30,
                       exempt=1, completed=n % 30, hours=30 * (n % 2400), points=n)
        for n, b in enumerate(branches)
    )  # fmt: skip


def bare_sums(programme):
    """The one aggregate that a ranking of units cannot do without."""
    sql = (
        "SELECT unit_id, SUM(due), SUM(completed), SUM(hours) FROM credits_branchstanding "
        "WHERE programme_id = %s AND cohort = %s GROUP BY unit_id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [programme.pk, Cohort.ENTERPRISE])
        return cursor.fetchall()


def test_a_ranking_against_its_bare_sum(programme, thousand_branches):
    choice = Choice(cohort=Cohort.ENTERPRISE)

    assert len(rankings.leaderboard(programme, choice, at=NOW).places) == len(bare_sums(programme))
    assert ratio(
        "ranking of 60 units over branches",
        lambda: rankings.leaderboard(programme, choice, at=NOW),
        lambda: bare_sums(programme),
        goal=25,
        n=1000,
    ).is_met


def test_the_ranking_page_against_a_bare_signed_in_page(city, programme, thousand_branches):
    browser = Client()
    browser.force_login(city.people["lin"], "portal.sign_in.MemberBackend")

    def page(name, **query):
        response = browser.get(reverse(name), query)
        assert response.status_code == 200

    assert ratio(
        "the ranking page against a bare page",
        lambda: page("ranking", cohort="enterprise"),
        lambda: page("account"),
        goal=15,
        n=1000,
    ).is_met
