"""python -m tests.concurrency.lay_out: a city with sixteen more branches, guests and open rolls.

The programme takes in the county only: members of 丙 are credited as guests and have no standing
before they are. All of it is committed, as the processes that follow need it.
"""

import django

django.setup()

from datetime import timedelta  # noqa: E402

from django.core.management import call_command  # noqa: E402

from courses import attendance_plans, roll_call, sessions, walk_ins  # noqa: E402
from courses.models import StudyGroup, StudySession  # noqa: E402
from courses.online import answers, discussions  # noqa: E402
from courses.online.discussions import Question  # noqa: E402
from courses.sessions import Plan  # noqa: E402
from credits import programmes  # noqa: E402
from portal import mobile_stays, organizations  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.mobile_stays import Away  # noqa: E402
from portal.models import Member, Organization  # noqa: E402
from portal.organizations import Founding  # noqa: E402
from tests import cast  # noqa: E402
from tests.cast import (  # noqa: E402
    BEFORE,
    ENDS,
    NOW,
    STARTS,
    TODAY,
    days_ago,
    moment,
    rules_json,
)
from tests.courses import lesson_hands  # noqa: E402

call_command("migrate", verbosity=0)
city = cast.lay_out_city()
for number in range(16):
    founding = Founding(
        f"YL-QC-P{number}",
        f"青川县第 {number} 支部",
        Organization.Kind.BRANCH,
        city.county,
        cast.BEFORE.date(),
    )
    branch = organizations.found(founding, by=city.by, at=BEFORE)
    for _ in range(3):
        city.enrol(branch, day=BEFORE.date())
for number in range(32):
    name = "赵钱孙李郑冯陈褚"[number // 4] + "安平和顺"[number % 4]
    city.enrol(city.jia, name, number=f"9{number:07d}")
for number in range(8):
    city.enrol(city.bing, f"客人{number}", number=f"8{number:07d}")
programme = programmes.found(
    code="dsxx-2021",
    name="党史学习教育",
    organiser=city.root,
    scopes=[city.county],
    starts=STARTS,
    ends=ENDS,
    rules_=rules_json(),
    authority="测试依据",
    by=city.by,
    at=BEFORE,
)
programmes.open_(programme, by=city.by, at=moment(STARTS, 8))


def open_roll(
    key: str, day: int, minute: int, method: str = "roll_call", where: Organization = city.jia
) -> None:
    start = moment(days_ago(day), 9, minute)
    end = start + timedelta(minutes=90)
    plan = Plan(key, "seminar", start, end, "reform", method=method, key=key)
    session = sessions.schedule(where, [programme], plan, by=city.by, at=BEFORE)
    roll_call.open_(session, by=city.by, at=min(start, NOW))


open_roll("shared", 9, 0)
for number in range(16):
    open_roll(f"roll{number}", number // 2 + 1, 45 * (number % 2))
open_roll("check-in", 0, 0, "check_in")
open_roll("host", 10, 0, where=city.yi)
for member in Member.objects.filter(number__startswith="9").order_by("pk")[:8]:
    here = Away(days_ago(200), "云岭市", "work", host=city.yi)
    mobile_stays.register(member, here, by=city.by, at=NOW)
group = StudyGroup.objects.create(
    organiser=city.jia, name="学习群", leader=city.people["lin"], made_by=city.by.member,
    made_at=BEFORE,
)  # fmt: skip
question = Question("怎么学", TODAY, TODAY, 45, "online", "reform")
talk = discussions.ask(
    group, programme, question, by=city.actor("lin"), at=moment(TODAY, 8), key="talk"
)
for member in Member.objects.filter(number__startswith="9").order_by("pk")[:8]:
    group.people.create(member=member, since=BEFORE)
    answers.answer(talk, "边干边学。", by=Actor(member, "member"), at=NOW)
attendance_plans.ask_leave(
    StudySession.objects.get(key="roll0"), "sick", by=city.actor("lin"), at=NOW
)
walk_ins.ask(
    StudySession.objects.get(key="check-in"),
    Member.objects.get(number="80000001"),
    scanned_at=moment(days_ago(0), 9),
)
lesson_hands.published(city.actor("shi", "official"))
