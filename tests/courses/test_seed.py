"""`manage.py seed`: Fushun's programme as it was, deterministic, and by the rules throughout."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from io import StringIO

import pytest
import yaml
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Count, F

from courses import seeding
from courses.models import (
    Attendance,
    AttendanceCredit,
    AttendancePlan,
    Discussion,
    GroupMember,
    GroupRobot,
    HostAttendance,
    LineQuery,
    ReadingClass,
    Scan,
    SessionChange,
    StudyGroup,
    StudyLog,
    StudySession,
)
from courses.seeding.calendar import Calendar
from courses.seeding.people import mobile_count
from courses.seeding.tree import numeral
from credits import rule_book, unit_check_states, verification
from credits.models import (
    Bulletin,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
    UnitWeek,
)
from portal.access import Capability, scope_of
from portal.models import (
    Appointment,
    AuditEvent,
    Cohort,
    Member,
    MobileStay,
    Organization,
    Role,
    Suggestion,
)
from tests.cast import moment, rules_json
from tests.seeded import MEMBERS, TODAY

pytestmark = [pytest.mark.usefixtures("seeded"), pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def programme(seeded):
    return Programme.objects.get(state="running")


@pytest.fixture
def who(seeded):
    """Members of the cast by their key in seeds/cast.yaml."""
    people = yaml.safe_load((settings.BASE_DIR / "seeds/cast.yaml").read_text())["people"]
    members = Member.objects.select_related("branch").in_bulk(
        [p["number"] for p in people], field_name="number"
    )
    return {p["key"]: members[p["number"]] for p in people}


def facts():
    return yaml.safe_load((settings.BASE_DIR / "seeds/fushun-2021.yaml").read_text())


def heads():
    """The ends of all books' chains, and the digests of the bulletins."""
    books = LedgerBook.objects.values_list(
        "programme__code", "organization__code", "last_sequence", "last_digest"
    )
    return sorted(books), sorted(Bulletin.objects.values_list("number", "digest"))


def rows():
    models = [m for m in apps.get_models() if m._meta.app_label in ("portal", "credits", "courses")]
    return {m.__name__: m.objects.count() for m in models}


# --- Who is there -----------------------------------------------------------------------------


def test_the_152_units_stand_by_cohort_under_the_city():
    told = facts()["organisations"]

    units = Organization.objects.units()

    assert Counter(units.values_list("cohort", flat=True)) == {
        Cohort.COUNTY: told["counties"]["count"],
        Cohort.MUNICIPAL: told["municipal_units"],
        Cohort.WORK: told["municipal_work_committees"],
        Cohort.UNIVERSITY: told["municipal_universities"],
        Cohort.EDUCATION: told["education_bureau_units"],
        Cohort.ENTERPRISE: told["municipal_enterprises"],
        Cohort.HEALTH: told["municipal_hospitals"],
    }
    assert units.count() == 152
    counties = units.filter(cohort=Cohort.COUNTY).values_list("short_name", flat=True)
    assert set(counties) == set(told["counties"]["names"])
    assert set(units.values_list("parent__name", flat=True)) == {"中共抚顺市委员会"}


def test_every_unit_has_members_due():
    due = Standing.objects.filter(programme__state="running", on_roll=True)

    assert due.values("branch__unit").distinct().count() == 152
    assert Member.objects.count() == due.count() + Member.objects.filter(is_active=False).count()
    assert Member.objects.count() == MEMBERS


@pytest.mark.parametrize(("size", "mobile"), [(2500, 375), (11_999, 1800), (12_000, 1830)])
def test_mobile_members_are_as_many_as_were_counted(size, mobile):
    assert mobile_count(size) == mobile


def test_every_mobile_member_is_in_a_study_group_and_the_casts_has_had_pushes():
    away = set(MobileStay.objects.open().values_list("member", flat=True))
    placed = list(GroupMember.objects.now().values_list("member", flat=True))
    assert sorted(placed) == sorted(away)
    sizes = StudyGroup.objects.annotate(n=Count("people")).values_list("n", flat=True)
    assert max(sizes) <= 30
    group = StudyGroup.objects.get(name="水务局机关流动党员学习群")
    assert list(group.deliveries.values_list("state", flat=True)) == ["sent"] * 3
    assert not GroupRobot.objects.exists()


def test_every_study_group_was_set_up_by_somebody_who_may_run_it():
    """And may push to it today."""
    groups = StudyGroup.objects.select_related("organiser", "made_by")
    scopes = {group: scope_of(group.made_by, at=moment(TODAY)) for group in groups}
    may = [s.can(Capability.RUN_GROUPS, g.organiser.path) for g, s in scopes.items()]
    assert len(may) > 10
    assert all(may)


def test_mobile_members_have_a_stay_that_is_open():
    assert MobileStay.objects.open().count() == MEMBERS * 15 // 100


def test_every_branch_has_somebody_who_runs_it():
    branches = Organization.objects.branches()
    run = Appointment.objects.filter(role=Role.SECRETARY).values("organization")

    assert not branches.exclude(pk__in=run).exists()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "一"),
        (10, "十"),
        (11, "十一"),
        (31, "三十一"),
        (100, "一百"),
        (105, "一百零五"),
        (112, "一百一十二"),
        (240, "二百四十"),
    ],
)
def test_branches_are_numbered_in_chinese(number, text):
    assert numeral(number) == text


# --- When -------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-400, -7, -1, 0, 1, 6, 7, 1995, 2000])
def test_the_day_is_the_95th_to_101st_of_a_programme_that_begins_on_a_monday(days):
    today = TODAY + timedelta(days=days)

    starts = Calendar(today).on(date(2021, 3, 1))

    assert starts.weekday() == 0
    assert 95 <= (today - starts).days + 1 <= 101


def test_on_the_day_of_the_report_nothing_is_moved(programme):
    assert (programme.starts, programme.ends) == (date(2021, 3, 1), date(2021, 12, 31))
    assert (TODAY - programme.starts).days + 1 == 95


def test_acts_are_written_in_order_of_their_moments_and_none_is_to_come():
    horizon = moment(TODAY, 5)

    moments = list(Posting.objects.order_by("pk").values_list("at", flat=True))

    assert moments == sorted(moments)
    assert not AuditEvent.objects.filter(at__gt=horizon).exists()
    assert not StudySession.objects.filter(closed_at__gt=horizon).exists()


# --- What happened ----------------------------------------------------------------------------


def test_sessions_are_in_every_state():
    states = set(StudySession.objects.values_list("state", flat=True))

    assert states == set(StudySession.State.values)


def test_sessions_of_this_week_are_open_and_later_ones_planned():
    planned = StudySession.objects.filter(state="planned")
    open_ = StudySession.objects.filter(state="open")

    assert open_.filter(starts_at__gte=moment(TODAY - timedelta(days=5), 0)).count() > 3
    assert not planned.filter(starts_at__lt=moment(TODAY, 0)).exists()
    assert planned.filter(starts_at__gt=moment(TODAY + timedelta(days=30), 0)).exists()


def test_classes_lay_out_all_four_periods():
    periods = {p["code"] for p in facts()["history_periods"]}

    for held in ReadingClass.objects.prefetch_related("sessions")[:20]:
        assert periods <= {s.period for s in held.sessions.all()} | {"socialist"}


def test_study_logs_are_pending_confirmed_and_returned():
    states = Counter(StudyLog.objects.values_list("state", flat=True))

    assert min(states["pending"], states["confirmed"], states["returned"]) > 0
    assert not StudyLog.objects.filter(decided_by=F("member")).exists()


def test_a_fifth_to_two_fifths_have_completed_and_units_differ(programme):
    due = Standing.objects.filter(programme=programme, on_roll=True, exempt=False)
    rate = due.filter(shortfall=0).count() / due.count()
    units = due.filter(shortfall=0).values("branch__unit").distinct().count()

    assert 0.15 < rate < 0.45
    assert 30 < units < 152


def test_two_bulletins_rest_on_an_invented_document(programme):
    first, second = Bulletin.objects.filter(programme=programme).order_by("number")

    assert (first.number, second.number, second.previous) == (1, 2, first)
    assert "虚构" in first.document
    assert first.rows.count() == second.rows.count() == 152
    assert second.rows.exclude(rank=F("previous_rank")).exists()
    assert (
        0 < sum(r.completed for r in first.rows.all()) < sum(r.completed for r in second.rows.all())
    )


def test_every_past_week_has_its_figures(programme):
    weeks = UnitWeek.objects.filter(programme=programme)

    found = sorted(set(weeks.values_list("week", flat=True)))

    assert found == [date(2021, 3, 1) + timedelta(weeks=n) for n in range(13)]
    assert weeks.count() == 13 * 152


def test_a_small_programme_has_ended_and_is_closed():
    ended = Programme.objects.get(state="closed")

    assert ended.scopes.count() == 3
    assert ended.ends < date(2021, 1, 1)
    assert Standing.objects.filter(programme=ended, shortfall=0).exists()
    held = StudySession.objects.filter(programmes=ended)
    assert set(held.values_list("state", flat=True)) == {"closed"}


def test_the_rules_are_the_assumptions_that_are_named(programme):
    version = programme.rule_versions.get()

    assert version.rules == rules_json()
    assert "假定" in version.authority
    assert rule_book.of(programme).current.rules.target == 2400


def test_the_ledger_verifies():
    report = verification.verify(at=moment(TODAY))

    assert report.problems == []
    assert report.ok


# --- The cast ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "recognised", "shortfall"),
    [
        ("member", 1525, 875),
        ("below", 2200, 200),
        ("at", 2400, 0),
        ("above", 2600, 0),
        ("over_cap", 2500, 0),
        ("short_period", 2400, 400),
        ("lowered", 2200, 0),
        ("homonym", 1800, 600),
        ("other_homonym", 2200, 200),
        ("refused", 2200, 200),
        ("made_up", 2200, 200),
        ("corrected", 2200, 200),
        ("mobile", 500, 1900),
    ],
)
def test_the_cast_stands_where_the_documentation_says(who, programme, key, recognised, shortfall):
    standing = Standing.objects.get(programme=programme, member=who[key])

    assert (standing.recognised, standing.shortfall) == (recognised, shortfall)


def test_one_discussion_of_the_casts_group_was_credited_and_one_runs(who, programme):
    told = Discussion.objects.order_by("first_day").values_list("state", "organiser")
    assert list(told) == [("closed", who["helper"].branch_id), ("open", who["helper"].branch_id)]
    answered = Discussion.objects.get(state="closed").answers.all()
    assert {(a.state, a.hours) for a in answered} == {("recognised", 100)}
    posting = Posting.objects.get(programme=programme, kind="discussion")
    assert posting.lines == len(answered) > 0


def test_hosts_attested_two_and_home_recognised_one_of_them(who, programme):
    """So that the pages of both secretaries have something to show."""
    rows = HostAttendance.objects.filter(session__organiser=who["secretary"].branch)
    assert sorted(rows.values_list("state", flat=True)) == ["recognised", "waiting"]
    credited = rows.get(state="recognised")
    line = LedgerEntry.objects.of_source(programme, "host", credited.key).live().get()
    assert (line.member_id, line.hours) == (credited.member_id, credited.hours)
    assert line.home_id != credited.session.organiser_id
    own = HostAttendance.objects.get(branch=who["secretary"].branch)
    assert (own.member, own.state) == (who["returned"], "waiting")


def test_one_is_exempt_and_one_has_a_lowered_target(who, programme):
    standings = Standing.objects.filter(programme=programme)

    assert standings.get(member=who["exempt"]).exempt
    assert standings.get(member=who["lowered"]).target == 1200


def test_one_was_transferred_with_the_hours(who, programme):
    member = who["transferred"]

    spans = [(m.branch.name, m.until) for m in member.memberships.order_by("since")]

    assert spans == [
        ("抚顺市水务局离退休党支部", date(2021, 5, 10)),
        ("抚顺市水务局机关第一党支部", None),
    ]
    standing = Standing.objects.get(programme=programme, member=member)
    assert standing.branch == member.branch
    homes = set(member.attendances.values_list("home", flat=True))
    assert len(homes) == 2


def test_two_of_one_name_are_in_one_branch_and_were_exchanged(who):
    one, other = who["homonym"], who["other_homonym"]

    assert (one.name, one.branch) == (other.name, other.branch)
    assert one.tail != other.tail
    change = SessionChange.objects.get(session__key="cast-03", member=other)
    assert one.tail in change.what
    assert Attendance.objects.get(session__key="cast-03", member=other).status == "present"


def test_one_was_refused_at_closing_with_the_reason(who):
    refused = AttendanceCredit.objects.get(attendance__member=who["refused"], state="refused")

    assert refused.code == "content"
    assert "共产党员的样子" in refused.reason


def test_the_parent_acts_for_a_branch_without_secretary(who):
    acting = Appointment.objects.get(acting=True)

    assert acting.member == who["acting"]
    assert acting.organization.name.endswith("第二党支部")
    assert who["acting"].branch != acting.organization


def test_the_secretarys_branch_has_everything_to_do(who):
    branch = who["secretary"].branch
    own = Counter(StudySession.objects.filter(organiser=branch).values_list("state", flat=True))

    assert min(own[s] for s in ("open", "planned", "closed", "corrected")) >= 1
    assert {"cancelled", "not_held"} <= own.keys()
    assert StudyLog.objects.filter(branch=branch, state="pending").count() >= 3
    assert StudySession.objects.get(key="cast-open").method == "check_in"
    assert Scan.objects.filter(session__key="cast-yesterday", accepted=False).exists()


def test_something_of_what_members_say_waits_and_something_is_decided(who):
    plans = AttendancePlan.objects.filter(session__key="cast-planned-1")
    assert Counter(plans.values_list("state", flat=True)) == {
        "coming": 2, "pending": 2, "approved": 1, "declined": 1,
    }  # fmt: skip
    asked = LineQuery.objects.values_list("member", "state")
    assert sorted(asked) == sorted([(who["helper"].pk, "open"), (who["pending"].pk, "declined")])
    assert sorted(Suggestion.objects.values_list("state", flat=True)) == ["answered", "open"]


def test_each_role_has_an_account_that_signs_in():
    accounts = seeding.demo_sign_ins()

    assert [a.role for a in accounts] == [
        "党员", "支部书记", "组织委员", "帮学人", "巡回指导组", "机关干部", "系统管理员",
        "单位机关干部",
    ]  # fmt: skip
    member = Member.objects.get(number=accounts[0].number)
    assert member.check_password(settings.DEMO_PASSWORD)
    roles = {
        a.role: set(
            Appointment.objects.filter(member__number=a.number).values_list("role", flat=True)
        )
        for a in accounts
    }
    assert roles.pop("单位机关干部") == {"secretary", "official"}  # acts for a branch, too
    assert roles == {a.role: ({r.value for r in Role if r.label == a.role} - {"member"})
                     for a in accounts[:-1]}  # fmt: skip


def test_every_unit_has_somebody_who_checks_its_figures():
    units = set(Organization.objects.filter(unit=F("pk")).values_list("pk", flat=True))
    held = {unit for unit, _ in unit_check_states.checkers(units, at=moment(TODAY))}
    seated = Member.objects.filter(appointments__role=Role.SECRETARY)
    others = Member.objects.exclude(pk__in=seated).filter(branch__unit__in=units - held)
    joined = others.filter(memberships__since__lt=Programme.objects.open().get().starts)
    assert len(held) > 100
    assert not joined.exists()


def test_outside_a_demonstration_no_account_is_named(settings):
    settings.DEMO = False
    out = StringIO()

    call_command("demo_sign_ins", stdout=out)

    assert out.getvalue() == ""
    settings.DEMO = True
    call_command("demo_sign_ins", stdout=out)
    assert out.getvalue().count("2104000") == 8


# --- Again ------------------------------------------------------------------------------------


@pytest.mark.parametrize("today", ["2021-06-03", "2021-06-10", "2026-01-01"])
def test_a_second_seed_changes_nothing_whatever_its_day(today):
    before, ends, out = rows(), heads(), StringIO()

    call_command("seed", "fushun", members=MEMBERS, today=date.fromisoformat(today), stdout=out)

    assert "一切保持原样" in out.getvalue()
    assert (rows(), heads()) == (before, ends)


def test_too_few_members_are_refused_with_the_number():
    with pytest.raises(CommandError, match="每个单位才有人"):
        call_command("seed", "fushun", members=100, today=TODAY, stdout=StringIO())


def test_a_seed_of_its_own_process_and_database_has_the_same_digests(tmp_path):
    """Another process, other hash seeds, other row ids, on PostgreSQL another engine too."""
    file = tmp_path / "other.sqlite3"
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment |= {"SQLITE_FILE": str(file), "DEMO": "on", "PYTHONHASHSEED": "77"}
    for command in (["migrate", "-v0"], ["seed", "fushun", "--today", f"{TODAY}"]):
        if command[0] == "seed":
            command += ["--members", str(MEMBERS)]
        subprocess.run(
            [sys.executable, settings.BASE_DIR / "manage.py", *command],
            env=environment,
            check=True,
            capture_output=True,
            timeout=120,
        )

    with sqlite3.connect(file) as connection:
        books = connection.execute(
            "SELECT p.code, o.code, b.last_sequence, b.last_digest FROM credits_ledgerbook b"
            " JOIN credits_programme p ON p.id = b.programme_id"
            " JOIN portal_organization o ON o.id = b.organization_id"
        ).fetchall()
        bulletins = connection.execute("SELECT number, digest FROM credits_bulletin").fetchall()

    assert (sorted(books), sorted(bulletins)) == heads()
