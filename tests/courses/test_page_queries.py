"""Pages need as many queries for many rows as for few: no page asks once a line."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses import (
    check_in,
    corrections,
    host_decisions,
    host_sessions,
    reading_classes,
    roll_call,
    samples,
    sessions,
    study_logs,
)
from courses.models import Course, Lesson, Material, Sample, SampleItem, StudyLog
from courses.online import book_bags, reading_rights
from courses.sessions import Plan
from courses.study_logs import Study
from credits import (
    bulletins,
    catch_up,
    certificates,
    claim_decisions,
    claims,
    exemptions,
    ledger,
    registers,
    unit_checks,
    unit_texts,
)
from credits.catch_up import Span
from credits.ledger import Credit, Source
from credits.models import BranchClosing, Standing
from portal import appointments, mobile_stays, organizations
from portal.audit import Actor
from portal.mobile_stays import Away
from portal.models import Cohort, Organization, PeopleImport, PeopleImportLine, Role
from portal.organizations import Founding
from tests.cast import BEFORE, NOW, STARTS, TODAY, days_ago, moment

pytestmark = pytest.mark.django_db
PERIODS = ("new-democratic", "socialist", "reform", "new-era")


@pytest.fixture
def grow(city, programme):
    """Adds two of everything that a page could list: people, hours, sessions, logs, branches …"""
    count = iter(range(100))

    def act():
        for number in (next(count), next(count)):
            _study(city, programme, number)
            _plan(city, programme, number)
            _found(city, number)
            _draw(city, programme, number)
            _pack(city, number)
            _import(city, number)
            _attest(city, programme, number)

    return act


def _study(city, programme, number):
    """Somebody with a completed programme, a certificate, logs, an exemption asked for."""
    done, other = city.enrol(city.jia), city.enrol(city.jia)
    for days, period in enumerate(PERIODS, 1):
        start = moment(days_ago(days), 9)
        credits_ = [
            Credit(m, "seminar", days_ago(days), 270, period, start=start,
                   end=start + timedelta(minutes=270))
            for m in (done,)
        ]  # fmt: skip
        ledger.post(programme, Source("session", f"g{number}-{days}", "课"), organiser=city.jia,
                    credits=credits_, by=city.by, at=NOW)  # fmt: skip
    certificates.issue(Standing.objects.get(member=done), by=city.by, at=NOW)
    for person in (other, city.people["lin"]):
        study = Study("self", days_ago(number % 12 + 1), 45, f"自学{number}", "reform")
        study_logs.submit(programme, person, study, by=Actor(person, "member"), at=NOW)
    lines = [
        claims.Stated(m, "opening", "lecture", "reform", days_ago(90), 400, f"{number}", n)
        for n, m in enumerate((done, other))
    ]
    batch = claims.hand_in(programme, city.jia, lines, key=f"q{number}", by=city.by, at=NOW)
    first, second = batch.claims.all()
    claim_decisions.approve([first], by=city.actor("gao", "official"), at=NOW)
    if number % 2:
        claim_decisions.return_([second], reason="看不清", by=city.actor("gao"), at=NOW)
    exemptions.ask(programme, other, target=None, since=TODAY, until=None, reason="病",
                       by=city.by, at=NOW)  # fmt: skip
    catch_up.open_(programme, city.county, days=Span(STARTS, days_ago(number)),
                   dates=Span(TODAY, TODAY), reason="换届", by=city.by, at=NOW)  # fmt: skip


def _plan(city, programme, number):
    """A session that was held with a guest, one to come, a class, a course with a lesson."""
    start = moment(days_ago(number % 12 + 1), 14, number)
    end = start + timedelta(minutes=45)
    held = Plan(f"已开{number}", "lecture", start, end, "reform", method="check_in")
    session = sessions.schedule(city.jia, [programme], held, by=city.by, at=BEFORE)
    roll_call.open_(session, by=city.by, at=start)
    roll_call.add(session, city.people["wu"], "present", by=city.by, at=start)
    roll_call.close(session, {}, by=city.by, at=end, not_yet_becomes="present")
    later = Plan(f"将开{number}", "seminar", start + timedelta(days=40),
                 end + timedelta(days=40), "reform")  # fmt: skip
    reading_classes.found(programme, city.jia, name=f"读书班{number}", plans=[later], starts=TODAY,
                          ends=TODAY + timedelta(days=60), by=city.by, at=NOW)  # fmt: skip
    course = Course.objects.create(key=f"c{number}", title=f"课程{number}", kind="course",
                                   form="online")  # fmt: skip
    Lesson.objects.create(course=course, key=f"l{number}", title="课", form="online", minutes=30)
    Material.objects.create(course=course, key=f"m{number}", title="材料", body="正文")


def _draw(city, programme, number):
    """Confirmed logs of two people, and a sample that has drawn both."""
    for key, person in ((f"s{number}", city.people["lin"]), (f"t{number}", city.enrol(city.jia))):
        StudyLog.objects.create(
            key=key, programme=programme, member=person, branch=city.jia, form="self",
            topic="自学", day=days_ago(20), minutes=45, state="confirmed", entered_by=person,
            entered_at=NOW, decided_by=city.people["guan"], decided_at=NOW,
        )  # fmt: skip
    sample = samples.draw(programme, city.root, first=days_ago(20), last=days_ago(20), rate=200,
                          reason="抽查", due_on=TODAY, by=city.by, at=NOW)  # fmt: skip
    held = sample.items.values("log")
    for log in StudyLog.objects.filter(day=days_ago(20)).exclude(pk__in=held):
        SampleItem.objects.create(sample=sample, log=log, member=log.member,
                                  confirmed_by=log.decided_by)  # fmt: skip


def _pack(city, number):
    """A published bag with a material of its own."""
    reading = Material.objects.get(key=f"m{number}")
    reading_rights.record(reading, "own", "自编", by=city.by, at=NOW)
    bag = book_bags.make(city.root, slug=f"bag{number}", title=f"书包{number}", by=city.by, at=NOW)
    book_bags.put_in(bag, reading, by=city.by, at=NOW)
    book_bags.publish(bag, by=city.by, at=NOW)


def _found(city, number):
    """A branch of the county, and a committee with another."""
    kind = Organization.Kind
    founding = Founding(f"YL-QC-G{number}", f"增设{number}支部", kind.BRANCH, city.county,
                        BEFORE.date())  # fmt: skip
    city.enrol(organizations.found(founding, by=city.by, at=BEFORE))
    founding = Founding(f"YL-QC-D{number}", f"增设{number}党委", kind.COMMITTEE, city.county,
                        BEFORE.date())  # fmt: skip
    committee = organizations.found(founding, by=city.by, at=BEFORE)
    founding = Founding(f"YL-QC-D{number}-1", f"增设{number}党委支部", kind.BRANCH, committee,
                        BEFORE.date())  # fmt: skip
    city.enrol(organizations.found(founding, by=city.by, at=BEFORE))


def _import(city, number):
    """A list of members that was imported and taken back, and a helper who was appointed."""
    person = city.enrol(city.jia)
    receipt = PeopleImport.objects.create(
        organization=city.jia, filename=f"名册{number}.xlsx", by=city.people["zhou"], at=NOW,
        rows=1, counts={"create": 1}, undone_by=person, undone_at=NOW,
    )  # fmt: skip
    PeopleImportLine.objects.create(
        receipt=receipt, row=2, action="create", member=person, outcome="kept", reason="已有学时"
    )
    appointments.appoint(person, Role.ORGANISER, city.jia, since=TODAY, by=city.by, at=NOW)


def _attest(city, programme, number):
    """Mobile members of 甲 at a session of 乙, and somebody of 乙 at one of 甲: one each waits, one
    is recognised."""
    for host, home, minute in ((city.jia, city.yi, 0), (city.yi, city.jia, 30)):
        stays = [
            mobile_stays.register(
                city.enrol(home), Away(days_ago(200), "云岭市", "work", host=host), by=city.by,
                at=NOW,
            )
            for _ in range(2)
        ]  # fmt: skip
        start = moment(days_ago(number % 12 + 1), 18, minute)
        held = Plan(f"流入{number}", "lecture", start, start + timedelta(minutes=45), "reform")
        session = sessions.schedule(host, [programme], held, by=city.by, at=BEFORE)
        roll_call.open_(session, by=city.by, at=start)
        roll_call.close(session, {}, by=city.by, at=session.ends_at)
        session.refresh_from_db()
        rows = host_sessions.attest(session, stays, by=city.by, at=NOW)
        host_decisions.recognise(rows[:1], by=city.actor("shi", "official"), at=NOW)


PAGES = [
    ("lin", "home"),
    ("lin", "my-hours"),
    ("lin", "my-logs"),
    ("lin", "log-new"),
    ("lin", "my-samples"),
    ("lin", "course-list"),
    ("lin", "bag-list"),
    ("shi", "bag-desk"),
    ("shi", "reading-rights"),
    ("lin", "ranking"),
    ("lin", "member-ranking"),
    ("zhou", "home"),
    ("zhou", "branch-hours"),
    ("zhou", "warning-list"),
    ("lin", "my-warnings"),
    ("lin", "message-list"),
    ("zhou", "exemption-many"),
    ("zhou", "log-list"),
    ("zhou", "branch-samples"),
    ("zhou", "host-sessions"),
    ("zhou", "host-list"),
    ("zhou", "host-decided"),
    ("zhou", "class-list"),
    ("zhou", "member-list"),
    ("zhou", "sheets"),
    ("zhou", "claim-list"),
    ("zhou", "handover"),
    ("zhou", "member-imports"),
    ("shi", "home"),
    ("shi", "member-list"),
    ("shi", "organization-list"),
    ("shi", "audit-list"),
    ("shi", "exemption-list"),
    ("shi", "claims-waiting"),
    ("shi", "window-list"),
    ("shi", "sample-list"),
    ("shi", "sample-new"),
    ("shi", "programme"),
    ("shi", "programme-ending"),
    ("shi", "programme-archive"),
    ("shi", "closing-list"),
    ("shi", "bulletin-list"),
    ("shi", "ranking-trend"),
    ("shi", "feed-choose"),
    ("gao", "unit-check-list"),
]


@pytest.mark.parametrize(("who", "name"), PAGES)
def test_a_list_asks_no_more_for_more_rows(city, grow, who, name):
    _constant(city, grow, who, lambda: reverse(name))


def test_a_receipt_and_what_was_decided_ask_no_more_for_more_lines(city, programme):
    made, official = [], city.actor("gao", "official")

    def more():
        people = [city.enrol(city.jia) for _ in range(4 * (len(made) + 1))]
        lines = [
            claims.Stated(m, "outside", "lecture", "", days_ago(90), 400, "证明", n)
            for n, m in enumerate(people)
        ]
        made.append(
            claims.hand_in(programme, city.jia, lines, key=f"{len(made)}", by=city.by, at=NOW)
        )
        claim_decisions.approve(list(made[-1].claims.all())[::2], by=official, at=NOW)

    _constant(city, more, "zhou", lambda: reverse("claim-batch", args=[made[-1].pk]))
    _constant(city, more, "gao", lambda: f"{reverse('claims-waiting')}?decided")
    _constant(city, more, "gao", lambda: reverse("claims-waiting"))


def test_a_check_asks_no_more_for_more_units_objections_and_checkers(city, programme):
    by, deadline = city.actor("shi", "official"), NOW + timedelta(days=3)
    made, drafts = [], []

    def more():
        for number in range(3):
            code = f"U{len(drafts)}{number}"
            unit = organizations.found(
                Founding(code, f"{code}党委", Organization.Kind.COMMITTEE, city.root, BEFORE.date(),
                         cohort=Cohort.COUNTY, is_unit=True),
                by=by, at=BEFORE,
            )  # fmt: skip
            branch = organizations.found(
                Founding(f"{code}-1", f"{code}支部", Organization.Kind.BRANCH, unit, BEFORE.date()),
                by=by, at=BEFORE,
            )  # fmt: skip
            made.append((unit, city.enrol(branch)))
            appointments.appoint(
                made[-1][1], Role.OFFICIAL, unit, since=days_ago(9), by=by, at=BEFORE
            )
        drafts.append(
            bulletins.draw_up(programme, title="通报", cohorts=[Cohort.COUNTY], by=by, at=NOW)
        )
        check = unit_checks.send(drafts[-1], deadline=deadline, by=by, at=NOW)
        for unit, person in made:
            row = check.rows.get(unit=unit)
            unit_checks.answer(row, {"due": "少一人"}, by=Actor(person, Role.OFFICIAL), at=NOW)

        rows = bulletins.figures_of(drafts[-1]).rows
        unit_texts.ask_anew(drafts[-1], rows, by=by, at=NOW)
        for request in drafts[-1].text_requests.select_related("draft", "unit"):
            person = {unit.pk: who for unit, who in made}.get(request.seat_id)
            if person:
                writer = Actor(person, Role.OFFICIAL)
                unit_texts.write(request, "做法。", by=writer, at=NOW)

    for name in ("draft-check", "draft-edit", "draft-preview"):
        _constant(city, more, "shi", lambda name=name: reverse(name, args=[drafts[-1].pk]))


def test_a_receipt_asks_no_more_for_more_lines(city, programme):
    receipt = PeopleImport.objects.create(
        organization=city.jia, at=NOW, rows=9, undone_by=city.people["zhou"], undone_at=NOW
    )

    def more():
        PeopleImportLine.objects.create(
            receipt=receipt, row=2, action="update", member=city.enrol(city.jia),
            before={"phone": ""}, after={"phone": "1"}, outcome="kept", reason="已有学时",
        )  # fmt: skip

    more()
    _constant(city, more, "zhou", lambda: reverse("member-import", args=[receipt.pk]))


def test_changing_units_asks_no_more_for_more_people(city, programme):
    def more():
        for _ in range(3):
            city.enrol(city.jia)

    _constant(city, more, "shi", lambda: reverse("unit-divide", args=[city.jia.pk]))


@pytest.mark.parametrize("name", ["session-detail", "check-in-screen", "session-paper"])
def test_a_roll_asks_no_more_for_more_people(city, programme, schedule, secretary, name):
    made = schedule(method="check_in")

    def more():
        for _ in range(4):
            city.enrol(city.jia)
        roll_call_of = sessions.schedule(
            city.jia, [programme], _roll_plan(), by=secretary, at=BEFORE
        )
        at = roll_call_of.starts_at
        nonlocal made
        made = roll_call.open_(roll_call_of, by=secretary, at=at)
        for guest in ("wu", "zheng"):
            roll_call.add(made, city.people[guest], "present", by=secretary, at=at)

    _constant(city, more, "zhou", lambda: reverse(name, args=[made.pk]))


def _roll_plan():
    start = moment(TODAY, 19, 30)
    return Plan("点名", "seminar", start, start + timedelta(minutes=90), "reform",
                method="check_in")  # fmt: skip


@pytest.mark.parametrize("query", ["show=decided", "q=学员", "form=self"])
def test_logs_narrowed_ask_no_more_for_more_rows(city, grow, programme, query):
    def more():
        grow()
        pending = StudyLog.objects.filter(state="pending", member__name__startswith="学员")
        study_logs.confirm(list(pending[:1]), by=city.actor("zhou", "secretary"), at=NOW)

    _constant(city, more, "zhou", lambda: f"{reverse('log-list')}?{query}")


@pytest.mark.parametrize("level", ["committee", "branch"])
@pytest.mark.parametrize("query", ["find=1", "window=month&measure=new"])
def test_rankings_below_the_units_ask_no_more_for_more_branches(city, grow, level, query):
    _constant(city, grow, "lin", lambda: f"{reverse('ranking')}?level={level}&{query}")


@pytest.mark.parametrize(("who", "name"), [("zhou", "class-detail"), ("zhou", "home")])
def test_a_class_asks_no_more_for_more_people_of_other_branches(city, programme, who, name):
    by, made = city.actor("zhou", "secretary"), []

    def more():
        if not made:
            made.append(
                reading_classes.found(programme, city.jia, name="读书班", plans=[], starts=TODAY,
                                      ends=TODAY, by=by, at=NOW)
            )  # fmt: skip
        people = [city.enrol(branch) for branch in (city.jia, city.yi, city.bing)]
        reading_classes.enrol(made[0], people, by=by, at=NOW)
        city.enrol(city.jia)  # a newcomer, not enrolled
        day = days_ago(len(made[0].enrolments.all()))
        start = moment(day, 19)
        sessions.schedule(city.jia, [programme],
                          Plan("加一次", "seminar", start, start + timedelta(minutes=45), "reform"),
                          by=by, at=NOW, reading_class=made[0])  # fmt: skip

    _constant(city, more, who, lambda: reverse(name, args=[made[0].pk] if name != "home" else []))


@pytest.mark.parametrize("name", ["sample-detail", "sample-redraw"])
def test_a_sample_asks_no_more_for_more_logs_drawn(city, grow, name):
    _constant(city, grow, "shi", lambda: reverse(name, args=[Sample.objects.latest("pk").pk]))


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("lin", "bag-detail"),
        ("lin", "bag-offline"),
        ("lin", "bag-reading"),
        ("lin", "bag-epub"),
        ("shi", "bag-edit"),
    ],
)
def test_a_bag_asks_no_more_for_more_readings(city, programme, who, name):
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    bag = book_bags.make(city.root, slug="bag", title="书包", by=city.by, at=NOW)
    count = iter(range(100))

    def more():
        for number in (next(count), next(count)):
            lesson = Lesson.objects.create(course=course, key=f"l{number}", title="课", minutes=30,
                                           form="online", body="正文")  # fmt: skip
            material = Material.objects.create(course=course, key=f"m{number}", title="材料",
                                               body="正文")  # fmt: skip
            for reading in (lesson, material):
                reading_rights.record(reading, "own", "自编", by=city.by, at=NOW)
                book_bags.put_in(bag, reading, by=city.by, at=NOW)
        book_bags.publish(bag, by=city.by, at=NOW)

    def address():
        if name == "bag-edit":
            return reverse(name, args=[bag.pk])
        item = [bag.items.all()[0].pk, 1] if name == "bag-reading" else []
        return reverse(name, args=[bag.slug, *item])

    _constant(city, more, who, address)


@pytest.mark.parametrize("name", ["course-detail", "lesson-detail"])
def test_a_course_asks_no_more_for_more_lessons_and_materials(city, programme, name):
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    first = Lesson.objects.create(course=course, key="l", title="课", form="online", minutes=30)
    count = iter(range(100))

    def more():
        for number in (next(count), next(count)):
            lesson = Lesson.objects.create(course=course, key=f"l{number}", title="课", minutes=30,
                                           form="online")  # fmt: skip
            for place in (None, lesson, first):
                Material.objects.create(course=course, lesson=place, title="材料", body="正文",
                                        key=f"m{number}-{place.pk if place else 0}")  # fmt: skip

    pk = course.pk if name == "course-detail" else first.pk
    _constant(city, more, "lin", lambda: reverse(name, args=[pk]))


def test_closed_rolls_and_their_history_ask_no_more_for_more_corrections(city, programme, schedule,
                                                                         secretary):  # fmt: skip
    session = schedule(day=days_ago(1))
    roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.close(session, {}, by=secretary, at=session.ends_at)

    def more():
        for _ in range(2):
            corrections.add(session, city.enrol(city.yi), "present", reason="来听课", by=secretary,
                            at=NOW)  # fmt: skip
            check_in.refuse(session, city.people["wu"], "不在名单上", at=NOW)

    _constant(city, more, "zhou", lambda: reverse("session-detail", args=[session.pk]))
    member = city.people["lin"].pk
    _constant(city, more, "zhou", lambda: reverse("session-one", args=[session.pk, member]))


@pytest.mark.parametrize("who", ["gao", "shi"])
def test_the_overview_asks_no_more_for_more_branches(city, grow, who):
    where = city.county if who == "gao" else city.root
    _constant(city, grow, who, lambda: reverse("figures", args=[where.pk]))


def _constant(city, grow, who, address):
    browser = Client()
    browser.force_login(city.people[who], "portal.sign_in.MemberBackend")
    counts = []
    with time_machine.travel(NOW, tick=False):
        for _ in range(2):
            grow()
            assert browser.get(address()).status_code == 200  # fills what is kept for a while
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(address()).status_code == 200
            counts.append([q["sql"] for q in queries])
    few, many = (len(c) for c in counts)
    seen = [sql[:160] for sql in counts[1] if counts[1].count(sql) > 1 or "LIMIT 21" in sql]
    assert many <= few, f"{few} queries for few rows, {many} for more: {seen}"


@pytest.mark.parametrize("who", ["zhou", "gao"])
def test_what_is_left_asks_no_more_for_more_sessions_and_branches(city, programme, schedule, who):
    numbers = iter(range(100))

    def more():
        for organiser in (city.jia, city.yi):
            for _ in range(2):
                number = next(numbers)
                schedule(f"没交表{number}", organiser=organiser, day=days_ago(1 + number % 20),
                         hour=6 + number % 12)  # fmt: skip

    where = city.jia if who == "zhou" else city.county
    _constant(city, more, who, lambda: reverse("loose-ends", args=[where.pk]))


def test_a_certificate_of_a_closing_asks_no_more_for_more_people(city, programme):
    lines = [{"number": "1", "name": "某", "target": 2400, "hours": 0, "shortfall": 2400,
              "exempt": False, "completed_on": "", "why": ""}]  # fmt: skip
    turns = iter(range(1, 9))
    made = []

    def more():
        turn = next(turns)
        closing = BranchClosing(
            programme=programme, branch=city.jia, turn=turn, number=f"n{turn}", branch_name="甲",
            rules=1, due=turn, exempt=0, completed=0, hours=0, lines=lines * turn,
            closed_by=city.people["shi"], closed_at=NOW,
        )  # fmt: skip
        made.append(registers.enter(closing))

    _constant(city, more, "zhou", lambda: reverse("closing-detail", args=[made[-1].pk]))
