"""Spreadsheets of a whole city: time beside the least it could take, memory, and who waits."""

from __future__ import annotations

import gc
import io
import random
import re
import sqlite3
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter
from django.db import connection

from courses import sessions, who_is_due
from courses.models import Attendance
from courses.sessions import Plan
from courses.sheets import long_sheets, sheets_in
from portal import collector, exporting, jobs, people_out
from portal.audit import Actor
from portal.members import Enrolment, enrol_many
from portal.models import Job, Member, Organization, Upload
from portal.people_in import long_lists
from tests.benchmarks.scale import SCALE
from tests.benchmarks.sheets_written import FAMILY, GIVEN, MEETINGS, name_of, write_attendance
from tests.benchmarks.stopwatch import ROWS, Row, ratio
from tests.cast import BEFORE, NOW, days_ago, moment
from tests.faults import machine as machines
from tests.portal.conftest import MEMBER_HEADINGS

pytestmark = [pytest.mark.bench, pytest.mark.django_db]
MEGABYTES = 300
SECONDS = 5
BRANCHES = ("青川县甲支部", "青川县乙支部")


def write_list(path: Path, count: int) -> bytes:
    """A list of people who are in no register yet."""
    lot = random.Random(1)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("名册")
    sheet.write_row(0, 0, MEMBER_HEADINGS)
    for n in range(count):
        name = lot.choice(FAMILY) + "".join(lot.choices(GIVEN, k=2))
        day = date(1960 + n % 60, 1 + n % 12, 1 + n % 28).isoformat()
        sheet.write_row(
            n + 1, 0,
            [f"0{7_000_000 + n}", name, BRANCHES[n * 2 // count], f"第{n % 4 + 1}小组", "正式党员",
             f"139{n:08d}", day],
        )  # fmt: skip
    book.close()
    return path.read_bytes()


@pytest.fixture
def _as_the_worker_does():
    """Garbage is collected as rarely as in the worker, for both sides."""
    before = gc.get_threshold()
    collector.relax()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def run(job: Job) -> None:
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.message


def keep(name: str, ours: float, limit: float, unit: str, *, goal: float, n: int) -> Row:
    """A row about something measured once, against a limit."""
    row = Row(name, connection.vendor, ours, limit, round(ours / limit, 2), goal, unit, 1, n, True)
    ROWS.append(row)
    return row


@pytest.mark.usefixtures("_as_the_worker_does")
def test_importing_members_against_a_bare_read_and_bulk_create(city, programme, tmp_path):
    """The reference: one pass of the reader and bulk_create of the people alone, without their
    memberships, search terms, standings."""
    data = write_list(tmp_path / "list.xlsx", SCALE.members_in)
    by = Actor(city.people["shi"], "official")
    branches = {o.name: o for o in Organization.objects.all()}
    before = Member.objects.count()

    def ours():
        run(long_lists.stage(data, "全市.xlsx", by=by, at=NOW, address=lambda pk: "/"))
        upload = Upload.objects.latest("pk")
        run(long_lists.write_later(upload, by=by, at=NOW, back_url="/"))
        assert Member.objects.count() == before + SCALE.members_in

    def bare():
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        rows = book.get_sheet_by_index(0).to_python()[1:]
        Member.objects.bulk_create(
            [
                Member(number=number, name=name, branch=branches[branch], phone=phone,
                       joined_on=joined)
                for number, name, branch, _, _, phone, joined in rows
            ],
            batch_size=1000,
        )  # fmt: skip

    ratio("importing members", ours, bare, goal=4, n=SCALE.members_in, pairs=3, warmed=False)


def watched(one: machines.Machine, *words: str) -> tuple[float, float]:
    """Run a process while somebody keeps writing a small row, as a check-in does; returns the most
    memory that it and its children held (MB), and the longest wait of the writer (s)."""
    worker = one.start(*words)
    waits, peak = [0.0], 0.0
    while worker.poll() is None:
        peak = max(peak, sum(map(megabytes, family(worker.pid))))
        began = time.perf_counter()
        with suppress(sqlite3.OperationalError):  # it has waited longer than anybody would
            one.change("UPDATE portal_periodicrun SET name = name")
        waits.append(time.perf_counter() - began)
        time.sleep(0.05)
    assert worker.returncode == 0, one.output(worker)
    return peak, max(waits)


def family(pid: int) -> list[int]:
    """A process, then those that it started and waits for."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        children = []
    return [pid, *map(int, children)]


def megabytes(pid: int) -> float:
    """What a process holds in memory now; 0 once it is gone. What the kernel adds up for children
    counts their parent's pages, too."""
    try:
        said = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+) kB", said)
    return int(found[1]) / 1024 if found else 0.0


@pytest.fixture(scope="module")
def machine(django_db_setup, tmp_path_factory):
    """The cast's portal, to be copied."""
    folder = tmp_path_factory.mktemp("machine")
    with machines.laid_out(folder, "tests.faults.lay_out", upon=django_db_setup) as laid:
        yield laid


def test_memory_of_importing_members_and_the_longest_wait_beside_it(machine, tmp_path):
    """In processes of their own: a quarter of the list, then the whole while somebody keeps
    writing a small row, as a check-in does."""
    n = SCALE.members_in
    peaks = []
    for count in (n // 4, n):
        folder = tmp_path / str(count)
        folder.mkdir()
        sheet = folder / "list.xlsx"
        size = len(write_list(sheet, count)) / 2**20
        with machines.copied(machine, folder) as one:
            peak, wait = watched(one, "-m", "tests.benchmarks.sheet_of_people", str(sheet))
            assert one.one("SELECT count(*) FROM portal_membership") >= count
            peaks.append(peak)
    keep("memory of importing members", peaks[1], MEGABYTES, "MB", goal=1, n=n)
    keep("memory against a quarter of the rows", peaks[1], peaks[0] + size, "MB", goal=1.3, n=n)
    keep("longest wait of a check-in beside an import", wait, SECONDS, "s", goal=1, n=n)


def test_memory_of_an_attendance_sheet_and_the_longest_wait_beside_it(machine, tmp_path):
    """The same for an attendance sheet that is read, written and taken back."""
    n, module = SCALE.sheet_in, "tests.benchmarks.sheet_of_attendance"
    peaks = []
    for count in (n // 4, n):
        folder = tmp_path / str(count)
        folder.mkdir()
        sheet = folder / "sheet.xlsx"
        with machines.copied(machine, folder) as one:
            laid = one.start("-m", module, "lay", str(count), str(sheet))
            assert laid.wait() == 0, one.output(laid)
            size = sheet.stat().st_size / 2**20
            peak, wait = watched(one, "-m", module, "take", str(count), str(sheet))
            assert one.one("SELECT count(*) FROM courses_sheetimport WHERE state = 'undone'")
            peaks.append(peak)
    keep("memory of an attendance sheet", peaks[1], MEGABYTES, "MB", goal=1, n=n)
    most = peaks[0] + size
    keep("its memory against a quarter of the rows", peaks[1], most, "MB", goal=1.3, n=n)
    keep("longest wait of a check-in beside it", wait, SECONDS, "s", goal=1, n=n)


@pytest.mark.usefixtures("_as_the_worker_does")
def test_importing_an_attendance_sheet_against_a_bare_read_and_bulk_create(
    city, programme, tmp_path
):
    """Ours reads, stages and previews it, and credits every hour; the reference writes the marks
    alone."""
    by = Actor(city.people["zhou"], "secretary")
    many = [
        Enrolment(number=f"6{n:07d}", name=name_of(n), branch=city.jia,
                  day=date(2020, 1, 1), key=f"sheet{n}")
        for n in range(SCALE.sheet_in // MEETINGS)
    ]  # fmt: skip
    enrol_many(many, by=Actor(city.people["shi"], "official"), at=BEFORE)
    held = []
    for number in range(MEETINGS):
        start = moment(days_ago(number + 1), 20)
        plan = Plan("学习", "seminar", start, start + timedelta(hours=1), "reform")
        held.append(sessions.schedule(city.jia, [programme], plan, by=by, at=start))
    people = [member for member, _ in who_is_due.members_of(held[0])]
    n = len(people) * MEETINGS
    data = write_attendance(tmp_path / "sheet.xlsx", held, people)
    numbers = {person.number: person for person in people}

    def ours():
        staged = sheets_in.stage(city.jia, data, "全年.xlsx", by=by, at=NOW)
        assert staged.is_long
        run(long_sheets.check_later(staged, by=by, at=NOW, back_url="/", refused_url="/"))
        staged.refresh_from_db()
        seen = staged.said["fingerprint"]
        run(long_sheets.confirm_later(staged, seen=seen, by=by, at=NOW, back_url="/"))
        assert Attendance.objects.filter(session__in=held).count() == n

    def bare():
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for place, session in enumerate(held):
            rows = book.get_sheet_by_index(place).to_python()[3:]
            Attendance.objects.bulk_create(
                [
                    Attendance(session=session, member=numbers[number], home=city.jia,
                               status="present" if mark == "√" else "leave",
                               leave="" if mark == "√" else "sick", marked_by=by.member,
                               marked_at=NOW)
                    for _, number, _, mark, *_ in rows
                ],
                batch_size=1000,
            )  # fmt: skip

    ratio("importing an attendance sheet", ours, bare, goal=4, n=n, pairs=3, warmed=False)


def test_exporting_a_register_against_xlsxwriter_alone(city, programme, tmp_path, settings):
    settings.VAR_DIR = tmp_path
    people = [
        Member(number=f"9{n:07d}", name=f"王{GIVEN[n % len(GIVEN)]}", branch=city.jia,
               phone=f"139{n:08d}", joined_on=date(1990, 1, 1))
        for n in range(SCALE.sheet_out)
    ]  # fmt: skip
    Member.objects.bulk_create(people, batch_size=1000)
    by = Actor(city.people["shi"], "official")
    names = city.jia.name, city.jia.code

    def ours():
        order = people_out.members_asked
        run(exporting.later(order, title="名册", by=by, at=NOW, back_url="/",
                            text="", mobile=False))  # fmt: skip

    def bare():
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(str(tmp_path / "bare.xlsx"), options)
        sheet = book.add_worksheet()
        cell, day = book.add_format({"border": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
        for row, p in enumerate(people):
            told = (p.number, p.name, *names, "", "正式党员", "在职", p.phone)
            for column, text in enumerate(told):
                sheet.write_string(row, column, text, cell)
            sheet.write_datetime(row, len(told), p.joined_on, day)
        book.close()

    ratio("exporting a register", ours, bare, goal=2, n=SCALE.sheet_out, pairs=3, warmed=False)
