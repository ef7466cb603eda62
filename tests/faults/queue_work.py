"""python -m tests.faults.queue_work NAME FOLDER SECONDS: queue one of `works`, print its number."""

import sys

import django

django.setup()

from portal import jobs  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.models import Member  # noqa: E402
from tests.cast import NOW  # noqa: E402

name, folder, seconds = sys.argv[1:]
job = jobs.start(
    f"tests.faults.works.{name}",
    title=name,
    by=Actor(Member.objects.order_by("pk")[0], "administrator"),
    at=NOW,
    arguments={"folder": folder, "seconds": float(seconds)},
)
print(job.pk)  # noqa: T201
