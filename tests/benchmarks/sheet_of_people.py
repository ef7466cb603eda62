"""python -m tests.benchmarks.sheet_of_people FILE: import a member list in this process.

The tables are those of the machine that the environment names.
"""

import sys
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402

from portal import jobs  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.models import Job, Member, Upload  # noqa: E402
from portal.people_in import long_lists  # noqa: E402


def run(job: Job) -> None:
    """Do a queued job's work here and now."""
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.message


by = Actor(Member.objects.get(name="石市成"), "official")
now = timezone.now()
data = Path(sys.argv[1]).read_bytes()
run(long_lists.stage(data, "全市.xlsx", by=by, at=now, address=lambda pk: "/"))
del data
run(long_lists.write_later(Upload.objects.latest("pk"), by=by, at=now, back_url="/"))
