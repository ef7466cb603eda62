"""python -m tests.faults.lay_out_groups ORIGIN DOWN: 1,830 mobile members in 61 groups of the
small city, each group with a robot at ORIGIN or DOWN, and one push to all of them."""

import os
import sys

os.environ["ROBOT_ORIGINS"] = ",".join(sys.argv[1:])

import django

django.setup()

from datetime import date  # noqa: E402

from courses.models import Course, Lesson  # noqa: E402
from courses.online import group_robots, push_kinds, pushes, study_groups  # noqa: E402
from portal.audit import Actor  # noqa: E402
from portal.models import Member, MobileStay, Organization  # noqa: E402
from tests.cast import TODAY, moment  # noqa: E402
from tests.faults.test_pushes_killed import (  # noqa: E402
    DOWN,
    GROUPS,
    SERVICES,
    SIZE,
    path_of,
    token_of,
)
from tests.robot_server import SECRET  # noqa: E402

branch = Organization.objects.get(code="YL-QC-2")
by, at = Actor(Member.objects.get(name="郑书棋"), "secretary"), moment(TODAY, 9)
people = Member.objects.bulk_create(
    Member(number=f"9{n:07d}", name=f"流动{n}", branch=branch, key=f"mobile{n:05d}", password="!")
    for n in range(GROUPS * SIZE)
)
MobileStay.objects.bulk_create(
    MobileStay(member=m, since=date(2020, 9, 1), region="广东省", reason="work") for m in people
)
groups = []
for number in range(GROUPS):
    group = study_groups.set_up(branch, name=f"第{number}群", leader=by.member, by=by, at=at)
    study_groups.add(group, people[number * SIZE : (number + 1) * SIZE], by=by, at=at)
    service = SERVICES[number % 3]
    address = sys.argv[2 if number in DOWN else 1] + path_of(service, token_of(number))
    secret = "" if service == "wechat_work" else SECRET
    group_robots.add(group, service, address, secret, by=by, at=at)
    groups.append(group)
course = Course.objects.create(key="c", title="微党课", kind="series", form="online")
lesson = Lesson.objects.create(course=course, key="spark", title="火种", form="online", minutes=20)
thing = push_kinds.KINDS["lesson"].thing("lesson", lesson)
pushes.push(thing, groups, sentence="周五前学完", code="faults23", by=by, at=at)
