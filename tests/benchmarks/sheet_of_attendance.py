"""python -m tests.benchmarks.sheet_of_attendance lay|take ROWS FILE: an attendance sheet of so many
rows is laid out with its people and sessions; or imported and taken back, in this process.

The tables are those of the machine that the environment names; its day is the cast's.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import django

django.setup()

from courses import sessions, who_is_due  # noqa: E402
from courses.sessions import Plan  # noqa: E402
from courses.sheets import long_sheets, sheets_in  # noqa: E402
from credits.models import Programme  # noqa: E402
from portal import collector, jobs  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.members import Enrolment, enrol_many  # noqa: E402
from portal.models import Job, Member, Organization  # noqa: E402
from tests.benchmarks.sheets_written import MEETINGS, name_of, write_attendance  # noqa: E402
from tests.cast import BEFORE, NOW, days_ago, moment  # noqa: E402


def lay(rows: int, path: Path) -> None:
    """Enrol the people, plan the meetings, write the sheet."""
    many = [
        Enrolment(number=f"6{n:07d}", name=name_of(n), branch=branch, day=date(2020, 1, 1),
                  key=f"sheet{n}")
        for n in range(rows // MEETINGS)
    ]  # fmt: skip
    enrol_many(many, by=Actor(Member.objects.get(name="石市成"), "official"), at=BEFORE)
    held = []
    for number in range(MEETINGS):
        start = moment(days_ago(number + 1), 20)
        plan = Plan("学习", "seminar", start, start + timedelta(hours=1), "reform")
        held.append(sessions.schedule(branch, [Programme.objects.get()], plan, by=by, at=start))
    write_attendance(path, held, [member for member, _ in who_is_due.members_of(held[0])])


def take(path: Path) -> None:
    """Import the sheet as a worker does, and take it back."""
    sheet = sheets_in.stage(branch, path.read_bytes(), "全年.xlsx", by=by, at=NOW)
    run(long_sheets.check_later(sheet, by=by, at=NOW, back_url="/", refused_url="/"))
    sheet.refresh_from_db()
    seen = sheet.said["fingerprint"]
    run(long_sheets.confirm_later(sheet, seen=seen, by=by, at=NOW, back_url="/"))
    run(long_sheets.undo_later(sheet, by=by, at=NOW, back_url="/"))


def run(job: Job) -> None:
    """Do a queued job's work here and now."""
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.message


branch = Organization.objects.get(name="青川县甲支部")
by = Actor(Member.objects.get(name="周明远"), "secretary")
collector.relax()  # as the worker does
if sys.argv[1] == "lay":
    lay(int(sys.argv[2]), Path(sys.argv[3]))
else:
    take(Path(sys.argv[3]))
