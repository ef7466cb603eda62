"""A world with one object of every kind inside (甲支部, 青川县) and outside (丙支部, 市文化局)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from courses import (
    attendance_plans,
    check_in,
    line_queries,
    reading_classes,
    roll_call,
    samples,
    sessions,
    study_logs,
)
from courses.models import (
    Course,
    HostAttendance,
    Lesson,
    LessonAttempt,
    LessonCredit,
    LessonFile,
    LessonVersion,
    Material,
    SamplePhoto,
    SheetImport,
    StudyGroup,
    StudyLog,
    WalkIn,
)
from courses.online import (
    answers,
    book_bags,
    discussions,
    exemplars,
    group_robots,
    lesson_texts,
    push_kinds,
    pushes,
    reading_rights,
    reflection_reading,
    reflections,
    study_groups,
)
from courses.online.discussions import Question
from courses.online.lesson_texts import Text
from courses.online.reflections import Writing
from courses.sessions import Plan
from courses.study_logs import Study
from credits import (
    bulletins,
    catch_up,
    certificates,
    claims,
    exemptions,
    feed_keys,
    ledger,
    registers,
    unit_checks,
    unit_texts,
)
from credits.catch_up import Span
from credits.ledger import Credit, Source
from credits.models import BranchClosing, BulletinDraft, Programme, Standing
from portal import appointments, messages, mobile_stays, suggestions
from portal.audit import Actor
from portal.messages import Letter
from portal.mobile_stays import Away
from portal.models import (
    Cohort,
    Job,
    Member,
    Organization,
    PeopleImport,
    PeopleImportLine,
    Role,
    Upload,
)
from portal.people_in import Table
from tests.cast import NOW, STARTS, TODAY, City, days_ago, moment


@dataclass
class World:
    """Who asks, and what they ask for: `inside[kind]` and `outside[kind]` are ids."""

    city: City
    programme: Programme
    people: dict[str, Member | None] = field(default_factory=dict)
    inside: dict[str, int | str] = field(default_factory=dict)
    outside: dict[str, int | str] = field(default_factory=dict)


def lay_out(city: City, programme: Programme) -> World:
    """The world, made by the real verbs wherever one makes such a thing."""
    world = World(city, programme)
    world.people = _people(city)
    _things(world.inside, city, programme, city.jia, city.county, city.people["lin"])
    xia = city.enrol(city.bing, "夏外人")
    _things(world.outside, city, programme, city.bing, city.bureau, xia)
    _uploads(world)
    shared = _shared(city, programme)
    world.inside |= shared
    world.outside |= shared
    _bags(world)
    _lessons(world)
    _discussions(world)
    _checks(world)
    return world


def _bags(world: World) -> None:
    """A bag of the county and one of the bureau; the county's is published, for everybody. Each
    unit has a lesson of its own with a right."""
    city = world.city
    by, reading = city.actor("shi", "official"), Material.objects.get(pk=world.inside["material"])
    reading_rights.record(reading, "own", "自编", by=by, at=NOW)
    for ids, unit in ((world.inside, city.county), (world.outside, city.bureau)):
        lesson = Lesson.objects.create(
            course=reading.course, organiser=unit, key=f"of-{unit.pk}", title="本单位的课",
            form="online", minutes=20, body="正文。",
        )  # fmt: skip
        right = reading_rights.record(lesson, "own", "自编", by=by, at=NOW)
        bag = book_bags.make(unit, slug=unit.code.lower(), title="书包", by=by, at=NOW)
        item = book_bags.put_in(bag, reading, by=by, at=NOW)
        book_bags.publish(bag, by=by, at=NOW)
        ids |= {"book_bag": bag.pk, "bag": bag.slug, "reading": item.pk, "part": 1,
                "right": right.pk}  # fmt: skip


def _lessons(world: World) -> None:
    """A lesson that each branch writes, with a film; and hours that one earned a member."""
    city, course = world.city, Course.objects.get(pk=world.inside["course"])
    lesson = Lesson.objects.get(pk=world.inside["lesson"])
    version = LessonVersion.objects.create(
        lesson=lesson, number=1, title="课", form="online", minutes=30, band=0, asked=3, needed=2,
        published_at=NOW,
    )  # fmt: skip
    for ids, branch in ((world.inside, city.jia), (world.outside, city.bing)):
        own = lesson_texts.begin(course, branch, Text("我们的课", "online", 20), by=city.by, at=NOW)
        film = LessonFile.objects.create(
            lesson=own, kind="video", type="video/mp4", content=b"film", size=4, caption="短片",
            captions="WEBVTT", transcript="词", added_by=city.by.member, added_at=NOW,
        )  # fmt: skip
        person = Member.objects.get(pk=ids["member"])
        attempt = LessonAttempt.objects.create(
            token=uuid4(), lesson=lesson, version=version, member=person, turn=0, drawn=[],
            given={}, right=2, asked=3, state="credited", message="已通过。", day=TODAY, at=NOW,
        )  # fmt: skip
        credit = LessonCredit.objects.create(
            key=f"lesson-{branch.code}", programme=world.programme, lesson=lesson, member=person,
            attempt=attempt, branch=branch, state="credited", day=TODAY, hours=50,
        )  # fmt: skip
        ids |= {"own_lesson": own.pk, "lesson_file": film.pk, "lesson_credit": credit.pk}


def _discussions(world: World) -> None:
    """A question in each group: inside 林小满 asks and answers it, and the helper is in the group,
    too."""
    helper = world.people["helper"]
    assert helper is not None
    for ids in (world.inside, world.outside):
        group = StudyGroup.objects.select_related("leader").get(pk=ids["study_group"])
        by, days = Actor(group.leader, "member"), (TODAY, TODAY + timedelta(days=3))
        question = Question("怎么学", *days, 45, "online", "reform")
        talk = discussions.ask(group, world.programme, question, by=by, at=NOW)
        answers.answer(talk, "边干边学。", by=by, at=NOW)
        ids["discussion"] = talk.pk
    StudyGroup.objects.get(pk=world.inside["study_group"]).people.create(member=helper, since=NOW)


def _checks(world: World) -> None:
    """The draft's figures at the units; the county objects to one."""
    city, draft = world.city, BulletinDraft.objects.get(pk=world.inside["draft"])
    deadline = NOW + timedelta(days=3)
    check = unit_checks.send(draft, deadline=deadline, by=city.actor("shi", "official"), at=NOW)
    for ids, unit in ((world.inside, city.county), (world.outside, city.bureau)):
        ids["unit_figures"] = check.rows.get(unit=unit).pk
    row = check.rows.get(unit=city.county)
    unit_checks.answer(row, {"due": "少一人"}, by=city.actor("gao", "official"), at=NOW)
    official, rows = city.actor("shi", "official"), bulletins.figures_of(draft).rows
    unit_texts.ask_anew(draft, rows, by=official, at=NOW)
    for request in draft.text_requests.all():
        ids = world.inside if request.unit_id == city.county.pk else world.outside
        ids["unit_text_request"] = request.pk
    secret = feed_keys.make(by=city.actor("shi", "official"), at=NOW)
    world.inside["secret"] = world.outside["secret"] = secret
    world.inside["objection"] = world.outside["objection"] = row.answers.get(measure="due").pk


def _people(city: City) -> dict[str, Member | None]:
    """One person for each role; each belongs to 乙 or 甲 and holds nothing else."""
    lin = city.people["lin"]
    made: dict[str, Member | None] = {"anonymous": None, "member": lin}
    made["stranger"] = city.people["wu"]
    made["secretary"] = city.people["zhou"]
    for role, where in (
        (Role.ORGANISER, city.jia),
        (Role.HELPER, city.jia),
        (Role.GUIDANCE, city.county),
        (Role.OFFICIAL, city.county),
        (Role.ADMINISTRATOR, city.county),
    ):
        person = city.enrol(city.yi, f"{role.label[:2]}某")
        helped = [lin] if role is Role.HELPER else []
        appointments.appoint(
            person, role, where, since=days_ago(300), by=city.by, at=NOW, helped=helped
        )
        made[role.value] = person
    made["city"] = city.people["shi"]
    return made


def _things(
    ids: dict[str, int | str],
    city: City,
    programme: Programme,
    branch: Organization,
    unit: Organization,
    person: Member,
) -> None:
    by = city.by
    plan = Plan(
        f"{branch}活动",
        "seminar",
        moment(TODAY, 19),
        moment(TODAY, 20) + timedelta(minutes=30),
        period="reform",
        method="check_in",
    )
    session = sessions.schedule(branch, [programme], plan, by=by, at=moment(TODAY, 8))
    session = roll_call.open_(session, by=by, at=moment(TODAY, 19))
    later = Plan("下月活动", "lecture", moment(TODAY, 19) + timedelta(days=30),
                 moment(TODAY, 20) + timedelta(days=30), period="new-era")  # fmt: skip
    reading_class = reading_classes.found(
        programme, branch, name=f"{branch}读书班", plans=[later], starts=TODAY,
        ends=TODAY + timedelta(days=30), by=by, at=moment(TODAY, 8),
    )  # fmt: skip
    asked = attendance_plans.ask_leave(
        reading_class.sessions.get(), "sick", by=Actor(person, "member"), at=NOW
    )
    study = Study("self", days_ago(2), 60, "自学", "reform")
    log = study_logs.submit(
        programme, person, study, by=Actor(person, "member"), at=moment(TODAY, 9)
    )
    sample, item = _sample(city, programme, branch, unit, person)
    done = city.enrol(branch, f"{branch.name[-3:]}学满")
    other = city.enrol(branch, f"{branch.name[-3:]}结业")
    _complete(programme, branch, [done, other], by)
    standing = Standing.objects.get(member=done)
    certificate = certificates.issue(
        Standing.objects.select_related("member").get(member=other), by=by, at=NOW
    )
    exemption = exemptions.ask(
        programme, person, target=None, since=TODAY, until=None, reason="长期病假", by=by, at=NOW
    )
    window = catch_up.open_(
        programme, unit, days=Span(STARTS, days_ago(30)), dates=Span(TODAY, TODAY),
        reason="换届", by=by, at=NOW,
    )  # fmt: skip
    helper = city.enrol(branch, f"{branch.name[-3:]}委员")
    appointment = appointments.appoint(
        helper, Role.ORGANISER, branch, since=days_ago(10), by=by, at=NOW
    )
    sheet = SheetImport.objects.create(
        organization=branch,
        file_name="考勤.csv",
        digest=branch.code,
        content=b"",
        by=person,
        at=NOW,
    )
    receipt = PeopleImport.objects.create(
        organization=branch, filename="名册.xlsx", by=helper, at=NOW, rows=1, counts={"create": 1}
    )
    PeopleImportLine.objects.create(
        receipt=receipt, row=2, action="create", member=person, opened=1
    )
    job = Job.objects.create(
        title="导出", work="x.y", by=person, role="member", state="failed", created_at=NOW,
        finished_at=NOW,
    )  # fmt: skip
    suggestion = suggestions.hand_in("advice", "活动室太冷", by=Actor(person, "member"), at=NOW)
    elsewhere = Away(days_ago(200), "广东省", "work", host_name="外省某党支部")
    stay = mobile_stays.register(done, elsewhere, by=by, at=NOW)
    guest = city.enrol(city.yi, f"{branch.name[-3:]}流入")
    here = Away(days_ago(200), "云岭市", "work", host=branch)
    hosted = mobile_stays.register(guest, here, by=by, at=NOW)
    common = {"programme": programme, "session": session, "attested_by": helper, "attested_at": NOW}
    attested = HostAttendance.objects.create(
        key=f"here-{branch.code}", stay=hosted, member=guest, branch=city.yi, **common
    )
    recognised = HostAttendance.objects.create(
        key=f"away-{branch.code}", stay=stay, member=done, branch=branch, state="recognised",
        hours=100, decided_by=by.member, decided_at=NOW, **common,
    )  # fmt: skip
    group = study_groups.set_up(branch, name="学习群", leader=person, by=by, at=NOW)
    study_groups.add(group, [done, guest], by=by, at=NOW)
    address = f"https://open.feishu.cn/open-apis/bot/v2/hook/{branch.code.lower()}-robot"
    robot = group_robots.add(group, "feishu", address, by=by, at=NOW)
    thing = push_kinds.KINDS["session"].thing("session", session)
    code = f"push{branch.pk:04d}"
    push = pushes.push(thing, [group], sentence="请参加", code=code, by=by, at=NOW)
    query = line_queries.ask_missing(
        programme, days_ago(2), "上午的党课", by=Actor(person, "member"), at=NOW
    )
    weekly = Letter(person.pk, "weekly", "2021-W22", "学习提醒", "还差 2 学时。", "/warnings/mine/")
    messages.send_many([weekly], at=NOW)
    _reflections(ids, city, branch, unit, person, helper)
    stated = claims.Stated(person, "opening", "seminar", "reform", days_ago(90), 400, "登记簿", 1)
    batch = claims.hand_in(programme, branch, [stated], key=branch.code, by=by, at=NOW)
    closing = registers.enter(
        BranchClosing(
            programme=programme, branch=branch, turn=1, number=f"{programme.code}-{branch.code}-1",
            branch_name=branch.name, rules=1, due=0, exempt=0, completed=0, hours=0,
            closed_by=by.member, closed_at=NOW,
        )
    )  # fmt: skip
    ids |= {
        "message": person.messages.get().pk,
        "batch": batch.pk,
        "claim": batch.claims.get().pk,
        "closing": closing.pk,
        "study_group": group.pk,
        "robot": robot.pk,
        "push": push.pk,
        "delivery": push.deliveries.get(robot=robot).pk,
        "code": code,
        "query": query.pk,
        "sample": sample,
        "item": item,
        "member": person.pk,
        "organization": branch.pk,
        "session": session.pk,
        "reading_class": reading_class.pk,
        "plan": asked.pk,
        "log": log.pk,
        "standing": standing.pk,
        "certificate": certificate.pk,
        "exemption": exemption.pk,
        "window": window.pk,
        "appointment": appointment.pk,
        "sheet_import": sheet.pk,
        "receipt": receipt.pk,
        "job": job.pk,
        "suggestion": suggestion.pk,
        "stay": stay.pk,
        "hosted": hosted.pk,
        "attested": attested.pk,
        "host_attendance": recognised.pk,
        "walk_in": WalkIn.objects.create(session=session, member=person, scanned_at=NOW).pk,
        "kind": "session",
        "key": session.key,
        "token": check_in.code_at(session, moment(TODAY, 19, 30)).token,
    }


def _reflections(
    ids: dict[str, int | str],
    city: City,
    branch: Organization,
    unit: Organization,
    person: Member,
    helper: Member,
) -> None:
    """One to be read, one recommended to the unit, one that the unit shows."""
    own, officer = Actor(person, "member"), Actor(helper, "organiser")
    made = []
    for turn in ("first", "second", "third"):
        writing = Writing("心得", f"{turn}，读史明理。", consent=True)
        key = f"{turn}-{branch.code.lower()}"
        made.append(reflections.hand_in(key, writing, seen_version=0, by=own, at=NOW))
    asked, shown = (
        reflection_reading.recommend(row, unit, reason="写得实在", by=officer, at=NOW)
        for row in made[1:]
    )
    exemplars.accept(shown, by=city.by, at=NOW)
    ids |= {
        "writing": made[0].key, "reflection": made[0].pk, "recommendation": asked.pk,
        "exemplar": shown.pk,
    }  # fmt: skip


def _sample(
    city: City,
    programme: Programme,
    branch: Organization,
    unit: Organization,
    person: Member,
) -> tuple[int, int]:
    """A sample of the unit that drew a log of `person`, who has answered with a photo."""
    log = StudyLog.objects.create(
        key=f"drawn-{branch.code}", programme=programme, member=person, branch=branch, form="self",
        topic="自学抽查", day=days_ago(3), minutes=45, state="confirmed", entered_by=person,
        entered_at=NOW, decided_by=city.people["guan"], decided_at=NOW,
    )  # fmt: skip
    sample = samples.draw(
        programme, unit, first=days_ago(3), last=days_ago(3), reason="季度抽查", due_on=TODAY,
        by=city.actor("shi", "official"), at=NOW,
    )  # fmt: skip
    item = sample.items.get(log=log)
    SamplePhoto.objects.create(item=item, content=b"jpeg", at=NOW)
    return sample.pk, item.pk


def _uploads(world: World) -> None:
    """Inside lies what the secretary and the official uploaded; outside, somebody else's."""
    for ids, asked_by, told_by in (
        (world.inside, "secretary", "official"),
        (world.outside, "stranger", "stranger"),
    ):
        for key, kind, who in (
            ("upload", "members", asked_by),
            ("tree", "organisations", told_by),
            ("stay_list", "stays", asked_by),
        ):
            by = world.people[who]
            assert by is not None
            ids[key] = Upload.objects.create(
                by=by, kind=kind, filename="名册.csv", table=Table(kind, (), {}).as_json(), at=NOW
            ).pk
        by = world.people[asked_by]
        assert by is not None
        table = {"programme": world.programme.pk, "branch": world.city.jia.pk, "digest": "d",
                 "warnings": [], "rows": []}  # fmt: skip
        ids["claim_sheet"] = Upload.objects.create(
            by=by, kind="claims", filename="期初.csv", table=table, at=NOW
        ).pk


def _complete(programme: Programme, branch: Organization, people: list[Member], by: Actor) -> None:
    """Six hours in each period bring anybody to 24."""
    for days, period in enumerate(("new-democratic", "socialist", "reform", "new-era"), start=3):
        start = moment(days_ago(days), 9)
        end = start + timedelta(minutes=270)
        credits = [
            Credit(m, form="lecture", period=period, day=days_ago(days), minutes=270, start=start,
                   end=end)
            for m in people
        ]  # fmt: skip
        source = Source("session", f"{branch.code}-{period}", "专题课")
        ledger.post(programme, source, organiser=branch, credits=credits, by=by, at=NOW)


def _shared(city: City, programme: Programme) -> dict[str, int | str]:
    """What belongs to the whole city, or to nobody."""
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    lesson = Lesson.objects.create(course=course, key="n", title="课", form="online", minutes=30)
    material = Material.objects.create(course=course, key="m", title="材料", body="正文")
    by = Actor(city.people["shi"], Role.OFFICIAL)
    first = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    bulletin = bulletins.publish(first, seen_version=first.version, by=by, at=NOW)
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    return {
        "course": course.pk,
        "lesson": lesson.pk,
        "material": material.pk,
        "bulletin": bulletin.pk,
        "draft": draft.pk,
        "matter": "bulk",
    }
