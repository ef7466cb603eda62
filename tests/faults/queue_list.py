"""python -m tests.faults.queue_list check FILE | write: queue a step of a long list's import."""

import sys
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402

from portal.audit import Actor  # noqa: E402
from portal.models import Member, Upload  # noqa: E402
from portal.people_in import long_lists  # noqa: E402

by, now = Actor(Member.objects.get(name="石市成"), "official"), timezone.now()
if sys.argv[1] == "check":
    data = Path(sys.argv[2]).read_bytes()
    job = long_lists.stage(data, "全市.xlsx", by=by, at=now, address=lambda pk: "/")
else:
    job = long_lists.write_later(Upload.objects.latest("pk"), by=by, at=now, back_url="/")
print(job.pk)  # noqa: T201
