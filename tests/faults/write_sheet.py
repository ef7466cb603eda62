"""python -m tests.faults.write_sheet: a secretary's sheet of one meeting is imported."""

from datetime import timedelta

import django

django.setup()

from courses import sessions  # noqa: E402
from courses.sessions import Plan  # noqa: E402
from courses.sheets import sheets_in  # noqa: E402
from credits.models import Programme  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.models import Member, Organization  # noqa: E402
from tests.cast import TODAY, moment  # noqa: E402
from tests.courses.test_sheets_in import both  # noqa: E402

branch = Organization.objects.get(name="青川县甲支部")
by, start = Actor(Member.objects.get(name="周明远"), "secretary"), moment(TODAY, 9)
plan = Plan("读书班", "seminar", start, start + timedelta(minutes=90), "reform")
sessions.schedule(branch, [Programme.objects.get()], plan, by=by, at=start)
at = moment(TODAY, 20)
sheet = sheets_in.stage(branch, both("迟到"), "签到表.xlsx", by=by, at=at)
sheets_in.confirm(sheet, seen=sheets_in.look(sheet, at=at).fingerprint, by=by, at=at)
