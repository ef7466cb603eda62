"""python -m tests.faults.poster: post sessions of five people one after the other until killed.

After each commit the number of postings that are certainly there is written to standard output.
"""

import django

django.setup()

from datetime import timedelta  # noqa: E402
from itertools import count  # noqa: E402

from credits import ledger  # noqa: E402
from credits.ledger import Credit, Source  # noqa: E402
from credits.models import Posting, Programme  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.models import Member  # noqa: E402
from tests.cast import NOW, TODAY, moment  # noqa: E402

PEOPLE = 5  # each session credits the first five members of the city
A_DAY, LENGTH = 32, timedelta(minutes=20)  # a quarter of a credit hour each: the daily cap

programme = Programme.objects.get()
people = list(Member.objects.order_by("pk")[:PEOPLE])
by = Actor(people[0], "administrator")
organiser = people[0].branch
assert organiser
for number in count(Posting.objects.count()):
    day = TODAY - timedelta(days=number // A_DAY + 1)
    start = moment(day, 8) + LENGTH * (number % A_DAY)
    credits_ = [
        Credit(
            member,
            "seminar",
            day=day,
            minutes=20,
            period="reform",
            start=start,
            end=start + LENGTH,
        )
        for member in people
    ]
    posted = ledger.post(
        programme,
        Source("session", f"s{number}", f"第 {number} 次"),
        organiser=organiser,
        credits=credits_,
        by=by,
        at=NOW,
    )
    assert len(posted.lines) == PEOPLE, posted.refused
    print(number + 1, flush=True)  # noqa: T201
