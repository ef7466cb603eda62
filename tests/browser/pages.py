"""Every page of the portal on real data: who opens it, and where.

`listed` is compared with the URL configuration (test_axe.py): an address that can be opened and
stands in no list fails there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Model, QuerySet
from django.urls import reverse

from courses import (
    check_in,
    host_decisions,
    host_sessions,
    line_queries,
    roll_call,
    samples,
    sessions,
)
from courses.models import (
    Attendance,
    BookBag,
    Course,
    Discussion,
    Lesson,
    LessonAttempt,
    Material,
    Push,
    ReadingClass,
    Recommendation,
    Reflection,
    SheetImport,
    StudyGroup,
    StudyLog,
    WalkIn,
)
from courses.models import StudySession as Session
from courses.online import (
    answers,
    deliveries,
    group_robots,
    lesson_bank,
    lesson_media,
    lesson_publishing,
    lesson_texts,
    moderation,
    push_kinds,
    pushes,
    reflection_reading,
    reflections,
)
from courses.online.lesson_bank import Wording
from courses.online.lesson_texts import Text
from courses.online.reflections import Writing
from courses.sessions import Plan
from credits import (
    bulletins,
    catch_up,
    certificates,
    claim_decisions,
    claims,
    exemptions,
    registers,
    unit_checks,
    unit_texts,
)
from credits.catch_up import Span
from credits.exemptions import Terms
from credits.models import BranchClosing, Bulletin, BulletinDraft, LedgerEntry, Programme, Standing
from portal import messages, mobile_stays, suggestions
from portal.audit import Actor
from portal.messages import Letter
from portal.mobile_stays import Away
from portal.models import (
    Appointment,
    Cohort,
    Job,
    Member,
    MobileStay,
    Organization,
    PeopleImport,
    PeopleImportLine,
    Role,
    Suggestion,
    Upload,
)
from portal.people_in import Table
from tests.cast import TODAY, moment
from tests.courses import lesson_hands

MATTERS = ("sessions", "bulk", "granted", "corrected", "conflicts")
UNIT_ACTS = ("rename", "move", "merge", "divide", "dissolve")
# Addresses that answer a GET with something other than a page of their own.
NO_PAGE = {
    "bulletin-feed": "an Atom feed",
    "source": "leads to the session or the log behind a ledger line",
    "job-file": "the file that a job has made",
    "sample-photo": "a photo",
    "bag-epub": "a file",
    "lesson-file": "a picture, a sound or a film",
    "lesson-captions": "a track of captions",
    "push-follow": "leads to what was pushed",
    "service-worker": "a script",
    "manifest": "a file of the browser's",
    "reflection-new": "leads to the page of a reflection that is not there yet",
}


def made(people: dict[str, Any]) -> dict[str, int | str]:
    """What the seed lacks: a session with its code on the screen, drafts, uploads, jobs."""
    branch, at = people["secretary"].branch, moment(TODAY, 20)
    by = Actor(people["secretary"], Role.SECRETARY)
    programme = Programme.objects.open().get()
    plan = Plan("夜校", "seminar", moment(TODAY, 19), moment(TODAY, 21), method="check_in")
    live = sessions.schedule(branch, [programme], plan, by=by, at=moment(TODAY, 8))
    live = roll_call.open_(live, by=by, at=moment(TODAY, 19))
    city = Actor(people["official"], Role.OFFICIAL)
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=city, at=at)
    finished = Standing.objects.filter(branch=branch, completed_at__isnull=False, exempt=False)
    complete = finished.exclude(member__certificates__isnull=False).first()
    assert complete is not None
    own = LedgerEntry.objects.of_member(programme, people["member"]).live()
    for entry in own.select_related("programme").order_by("-pk")[:2]:
        member = Actor(people["member"], Role.MEMBER)
        query = line_queries.ask(entry, "length", text="那天我先走", by=member, at=at)
    line_queries.decline(query, reply="签到表上有您的签名", by=by, at=at)
    official = people["official"]
    sample = samples.draw(
        programme, branch, first=programme.starts, last=TODAY, rate=200, reason="季度抽查",
        due_on=TODAY, by=city, at=at,
    )  # fmt: skip
    drawn = sample.items.exclude(member=official).exclude(confirmed_by=official)
    for item in drawn.select_related("member"):
        samples.answer(item, "晚上在家读的。", by=Actor(item.member, Role.MEMBER), at=at)
    samples.judge(drawn[0], in_order=True, by=city, at=at)
    table = Table("members", (), {}).as_json()
    beside = Organization.objects.branches().filter(unit=branch.unit).exclude(pk=branch.pk).first()
    assert beside is not None
    tomorrow = moment(TODAY + timedelta(days=1), 19)
    plan = Plan("邻支部党课", "lecture", tomorrow, tomorrow + timedelta(minutes=90), "reform")
    visit = sessions.schedule(beside, [programme], plan, by=by, at=at)
    now = Plan("线上党课", "lecture", at, at + timedelta(hours=1), "reform", method="check_in",
               link="https://meeting.example.com/dm/1")  # fmt: skip
    distant = sessions.schedule(branch, [programme], now, by=by, at=at)
    roll_call.open_(distant, by=by, at=at)
    far = replace(plan, title="邻支部线上党课", key="far", link=now.link, method="check_in")
    visit_far = sessions.schedule(beside, [programme], far, by=by, at=at)
    foreign = _host_sessions(branch, beside, list(people.values()), by=by, at=at)
    text, link = "还差 2 学时。\n可以参加：", "/warnings/mine/"
    weekly = Letter(people["member"].pk, "weekly", "2021-W22", "学习提醒", text, link)
    messages.send_many([weekly], at=at)
    stated = [
        claims.Stated(
            people["member"], kind, "seminar", "reform", TODAY, hours, f"登记簿第 {n} 页", n
        )
        for n, (kind, hours) in enumerate([("opening", 400), ("outside", 150), ("opening", 25)])
    ]
    sheet = {
        "programme": programme.pk,
        "branch": branch.pk,
        "digest": "d",
        "warnings": ["只读了一张表。"],
    }
    batches = [
        claims.hand_in(programme, branch, [line], key=f"pages{line.row}", by=by, at=at)
        for line in [stated[0], stated[1]]
    ]
    granted, returned = (batch.claims.get() for batch in batches)
    claim_decisions.approve([granted], by=city, at=at)
    claim_decisions.return_([returned], reason="看不清", by=city, at=at)
    window = catch_up.open_(
        programme, branch, days=Span(programme.starts, TODAY), dates=Span(TODAY, TODAY),
        reason="换届", by=city, at=at,
    )  # fmt: skip
    older = Member.objects.filter(branch=branch).exclude(pk=people["secretary"].pk)[:4]
    exemptions.ask_many(programme, list(older), Terms(800, TODAY, None, "年事已高"), by=by, at=at)
    line = {"key": "k", "number": "0042", "name": "林小满", "target": 2400, "hours": 2150,
            "shortfall": 250, "exempt": False, "completed_on": "",
            "why": "差 2.5 学时"}  # fmt: skip
    closing = registers.enter(
        BranchClosing(
            programme=programme, branch=branch, turn=1, number=f"{programme.code}-{branch.code}-1",
            branch_name=branch.name, rules=1, due=1, exempt=0, completed=0, hours=2150,
            lines=[line], closed_by=people["official"], closed_at=at,
        )
    )  # fmt: skip
    group = StudyGroup.objects.get(organiser=branch)
    ids: dict[str, int | str] = {
        **_discussed(people, at),
        "study_group": group.pk,
        "push": _pushed(group, live, by=by, at=at),
        "visit": visit.pk,
        "distant": distant.pk,
        "visit_far": visit_far.pk,
        **_reflections(people, at),
        "claim": granted.pk,
        "returned": returned.pk,
        "batch": claims.hand_in(programme, branch, [stated[2]], key="pages", by=by, at=at).pk,
        "claim_sheet": Upload.objects.create(
            by=people["secretary"], kind="claims", filename="期初.csv", at=at,
            table=sheet | {"rows": [[2, {"name": people["member"].name, "hours": "x"}, False]]},
        ).pk,
        "closing": closing.pk,
        "live": live.pk,
        "window": window.pk,
        "foreign": foreign,
        "key": live.key,
        "token": check_in.code_at(live, at).token,
        "walk_in": WalkIn.objects.create(session=live, member=people["member"], scanned_at=at).pk,
        "sample": sample.pk,
        "item": drawn[1].pk,
        "judged": drawn[0].pk,
        "draft": draft.pk,
        "unit_figures": _checked(people, draft, at),
        "unit_text_request": _asked(people, draft, at),
        **_lessons(people, by=by, at=at),
        "certificate": certificates.issue(complete, by=by, at=at).pk,
        "upload": Upload.objects.create(
            by=people["secretary"], kind="members", filename="名册.csv", table=table, at=at
        ).pk,
        "tree": Upload.objects.create(
            by=people["official"], kind="organisations", filename="党组织.csv", at=at,
            table=Table("organisations", (), {}).as_json(),
        ).pk,
        "stay_list": Upload.objects.create(
            by=people["secretary"], kind="stays", filename="流动党员.csv", at=at,
            table=Table("stays", (), {}).as_json(),
        ).pk,
    }  # fmt: skip
    for key, undone in (("receipt", None), ("undone", at)):
        receipt = PeopleImport.objects.create(
            organization=people["secretary"].branch, filename="名册.xlsx", digest="0a" * 32,
            by=people["secretary"], at=at, rows=2, counts={"create": 1, "update": 1},
            undone_at=undone, undone_by=people["secretary"] if undone else None,
        )  # fmt: skip
        PeopleImportLine.objects.create(
            receipt=receipt, row=2, action="update", member=people["member"], before={"phone": ""},
            after={"phone": "13800000000"}, outcome="kept" if undone else "",
            reason="已有学时" if undone else "",
        )  # fmt: skip
        ids[key] = receipt.pk
    member = Actor(people["member"], Role.MEMBER)
    for key, days in (("late", 16), ("answered", 3), ("withdrawn", 2), ("fresh", 0)):
        when, text = at - timedelta(days=days), f"活动室太冷。\n已经 {days} 天了。"
        ids[key] = suggestions.hand_in("complaint", text, by=member, at=when).pk
    handed = Suggestion.objects.in_bulk([ids["answered"], ids["withdrawn"]])
    suggestions.answer(handed[ids["answered"]], "已报修。\n明天来人。", by=city, at=at)
    suggestions.withdraw(handed[ids["withdrawn"]], by=member, at=at)
    again = suggestions.hand_in("advice", "活动室太暗。", by=member, at=at)
    answered = suggestions.answer(again, "已换灯。", by=city, at=at)
    ids["again"] = suggestions.ask_again(answered, "还是太暗。", by=member, at=at).pk
    for state in Job.State.values:
        over = state in ("done", "failed", "cancelled")
        ids[f"job_{state}"] = Job.objects.create(
            title="重新计算", work="x.y", by=people["official"], role="official", state=state,
            done=30, total=100, created_at=at - timedelta(minutes=2), message="正在计算各支部",
            finished_at=at if over else None, back_url="/programme/" if over else "",
        ).pk  # fmt: skip
    return ids


def _reflections(people: dict[str, Any], at: datetime) -> dict[str, int | str]:
    """A near-copy to be read, one that waits for the official, a draft."""
    member, by = Actor(people["member"], Role.MEMBER), Actor(people["secretary"], Role.SECRETARY)
    copy = Reflection.objects.to_read().get(key="cast-reflection-3")
    text = Reflection.objects.get(key="cast-reflection-1").text
    writing = Writing("学习一张老图纸", text, consent=True)
    made = reflections.hand_in("pages", writing, seen_version=0, by=member, at=at)
    asked = reflection_reading.recommend(
        made, Organization.objects.get(parent=None), reason="实在", by=by, at=at
    )
    reflections.save("draft", Writing("草稿", "写到一半"), seen_version=0, by=member, at=at)
    own = Writing("自己的", text)
    mine = reflections.hand_in("own", own, seen_version=0, by=member, at=at)
    return {
        "copy": copy.pk, "recommendation": asked.pk, "writing": mine.key,
        "exemplar": Recommendation.objects.get(state="accepted").pk,
    }  # fmt: skip


def _host_sessions(
    branch: Organization, beside: Organization, busy: list[Member], *, by: Actor, at: datetime
) -> int:
    """Two mobile members of each branch at a session of the other, attested; one of ours is
    recognised, whose id it returns."""
    for host, home in ((branch, beside), (beside, branch)):
        held = Session.objects.held().filter(organiser=host, ends_at__lte=at).order_by("-starts_at")
        session = held[0]
        people = (
            Member.objects.in_branch(home)
            .filter(mobile_stays=None)
            .exclude(
                pk__in=[
                    *session.attendances.values_list("member", flat=True),
                    *(m.pk for m in busy),
                ]
            )
        )
        away = Away(TODAY - timedelta(days=200), "辽宁省沈阳市", "work", host=host)
        stays = [mobile_stays.register(m, away, by=by, at=at) for m in people.order_by("pk")[:2]]
        officer = Appointment.objects.filter(role="administrator").select_related("member")[0]
        rows = host_sessions.attest(session, stays, by=Actor(officer.member, "secretary"), at=at)
    host_decisions.recognise(rows[:1], by=by, at=at)
    return rows[0].pk


def _lessons(people: dict[str, Any], *, by: Actor, at: datetime) -> dict[str, int]:
    """A lesson of the branch with a film, published and changed since; lessons that the member has
    yet to answer, and has answered wrongly; and what passing one earned somebody of the branch."""
    course, branch = Course.objects.filter(kind="series")[0], by.member.branch
    assert branch is not None
    own = lesson_texts.begin(course, branch, Text("支部小课", "online", 20), by=by, at=at)
    film = lesson_media.add(
        own, b"\0\0\0\x18ftypmp42", "参观", minutes=3, transcript="走进展馆。",
        captions="WEBVTT\n\n00:00 --> 00:01\n走进展馆。".encode(), by=by, at=at,
    )  # fmt: skip
    question = Wording("judge", "展馆在望花。", [], [0], "见第一段。")
    gone = [lesson_bank.add(own, question, by=by, at=at) for _ in range(2)][-1]
    text = Text("支部小课", "online", 20, f"## 参观\n\n展馆在望花。\n\n![参观](file:{film.pk})")
    lesson_texts.save(own, text, seen=lesson_texts.draft_of(own).version, by=by, at=at)
    seen = lesson_texts.draft_of(own).version
    lesson_publishing.publish(own, seen=seen, by=by, at=at)
    lesson_bank.retire(gone, by=by, at=at)
    asking = Lesson.objects.exclude(band=0).exclude(attempts__member=people["member"])
    others = Member.objects.in_branch(branch).exclude(pk__in=[p.pk for p in people.values()])
    passed = lesson_hands.answer(asking[0], others.order_by("pk")[0], at=at)
    tried = LessonAttempt.objects.filter(member=people["member"], state="failed")
    return {
        "own_lesson": own.pk,
        "film": film.pk,
        "asking": some(asking),
        "failed": tried.values_list("lesson", flat=True)[0],
        "passed": passed.credits.get(state="credited").pk,
    }


def _discussed(people: dict[str, Any], at: datetime) -> dict[str, int | str]:
    """The seed's discussions, in the running one of which the member answers, replies and reports;
    something is hidden."""
    talk = Discussion.objects.get(state="open")
    talk.group.people.get_or_create(member=people["member"], since=talk.group.made_at)
    by, first = Actor(people["member"], Role.MEMBER), talk.answers.get()
    own = answers.answer(talk, "通了高铁。", by=by, at=at)
    answers.edit(own, "通了高铁，半小时到沈阳。", seen=0, by=by, at=at)
    reply = answers.reply(first, "我们村也是。", by=by, at=at)
    moderation.report(first, "跑题", by=by, at=at)
    moderation.hide(reply, "重复", by=Actor(people["secretary"], Role.SECRETARY), at=at)
    credited = Discussion.objects.get(state="closed")
    return {"talk": talk.pk, "credited": credited.pk}


def _pushed(group: StudyGroup, session: Session, *, by: Actor, at: datetime) -> int:
    """A push to two robots of a group, one of which has lost its answer; somebody has come home."""
    for name in ("first", "second"):
        address = f"https://open.feishu.cn/open-apis/bot/v2/hook/of-the-{name}"
        group_robots.add(group, "feishu", address, by=by, at=at)
    thing = push_kinds.KINDS["session"].thing("session", session)
    push = pushes.push(thing, [group], sentence="线上参加", code="pages234", by=by, at=at)
    deliveries.claim(push.deliveries.filter(robot__isnull=False)[0].pk, at=at)
    deliveries.find_lost(at=at + 2 * deliveries.DEAD)
    stay = MobileStay.objects.open().get(member=group.people.now()[0].member)
    mobile_stays.end(stay, on=TODAY, by=by, at=at)
    Push.objects.create(
        code="gone2345", kind="bag", target=0, title="《旧书包》", link="/bags/old/", by=by.member,
        at=at,
    )  # fmt: skip
    return push.pk


def _checked(people: dict[str, Any], draft: BulletinDraft, at: datetime) -> int:
    """A draft sent to its units: one is looked at, another has objected."""
    by, own = Actor(people["official"], Role.OFFICIAL), people["unit_official"]
    check = unit_checks.send(draft, deadline=at + timedelta(days=3), by=by, at=at)
    beside = Appointment.objects.filter(role=Role.OFFICIAL, organization__unit=F("organization"))
    seat = beside.exclude(member=own).select_related("member").order_by("pk")[0]
    objecting = check.rows.get(unit=seat.organization_id)
    unit_checks.answer(objecting, {"due": "少一人"}, by=Actor(seat.member, Role.OFFICIAL), at=at)
    row = check.rows.get(unit=own.branch.unit_id)
    unit_checks.look(row, by=Actor(own, Role.OFFICIAL), at=at)
    return row.pk


def _asked(people: dict[str, Any], draft: BulletinDraft, at: datetime) -> int:
    """The unit's own official is asked for a text as well, and has written one."""
    by, own = Actor(people["official"], Role.OFFICIAL), people["unit_official"]
    unit = own.branch.unit_id
    rows = [row for row in bulletins.figures_of(draft).rows if row.unit_id == unit]
    unit_texts.ask_anew(draft, rows, by=by, at=at)
    request = draft.text_requests.select_related("draft", "unit").get(unit=unit)
    writer = Actor(own, Role.OFFICIAL)
    unit_texts.write(request, "倒班的党员分三班学，一个不落。", by=writer, at=at)
    return request.pk


def listed(people: dict[str, Any], ids: dict[str, int | str]) -> dict[str, list[str]]:
    """Every page by the role that opens it; "" is somebody who is not signed in."""
    branch = people["secretary"].branch
    own = Session.objects.filter(organiser=branch)
    states = {s.state: s.pk for s in own.exclude(pk=ids["live"]).order_by("starts_at")}
    planned, closed, opened = states["planned"], states["closed"], states["open"]
    confirmed = StudyLog.objects.filter(branch=branch, state="confirmed")
    log = some(confirmed.exclude(member=people["secretary"]))
    bulletin, member = some(Bulletin.objects.all()), people["member"].pk
    course = some(Course.objects.filter(lessons__isnull=False))
    lesson, material = some(Lesson.objects.all()), some(Material.objects.all())
    sheet = SheetImport.objects.create(
        organization=branch, file_name="考勤.csv", digest="x", content=b"", at=moment(TODAY, 20),
        by=people["secretary"],
    )  # fmt: skip
    reading_class = some(ReadingClass.objects.filter(organiser=branch))
    city = Organization.objects.get(parent=None)
    seats = Appointment.objects.filter(organization=branch, role="secretary", until=None)

    bag = BookBag.objects.get()
    stay = some(MobileStay.objects.open().filter(member__branch=branch))

    def at(name: str, *args: Any, query: str = "") -> str:
        return reverse(name, args=args) + query

    away = Attendance.objects.filter(session=closed, status__in=["leave", "absent"])
    to = f"?number={away.values_list('member__number', flat=True)[0]}"
    scan = at("scan", ids["key"], ids["token"])
    return {
        "": [at("sign-in"), at("first-sign-in"), scan, at("paper-check")],
        "member": [
            at("home"), at("log-new"), at("my-logs"), at("check-in"), scan,
            at("scan", ids["key"], "old"), at("check-in-confirm", query="?proof=x"),
            at("course-list"), at("course-list", query="?period=reform&form=lecture"),
            at("course-detail", course), at("lesson-detail", lesson), at("lesson-list"),
            *(at("lesson-detail", pk) for pk in (ids["asking"], ids["failed"])),
            at("lesson-transcript", ids["film"]),
            at("material-detail", material), at("my-hours"), at("member-ranking"), at("account"),
            at("my-warnings"), at("session-visit", ids["visit"]), at("message-list"),
            at("message-by-mail"), at("suggestions"),
            at("suggestion-again", ids["answered"]), at("bulletin-list"),
            at("bulletin-detail", bulletin), at("walk-in", ids["walk_in"]),
            at("my-groups"), at("push-follow", "gone2345"),
            at("my-samples"), at("bag-list"), at("bag-detail", bag.slug), at("no-network"),
            at("bag-offline", bag.slug), at("bag-reading", bag.slug, some(bag.items.all()), 1),
            at("discussion-list"), at("discussion-detail", ids["talk"]),
            *(at("session-detail", pk) for pk in (closed, planned, opened, states["cancelled"])),
            at("session-detail", ids["distant"]), at("session-visit", ids["visit_far"]),
            at("my-reflections"), at("reflection-write", "draft"), at("reflection-write", "fresh"),
            at("reflection-write", ids["writing"]), at("reflection-write", "pages"),
            at("exemplar-list"), at("exemplar-detail", ids["exemplar"]),
        ],
        "secretary": [
            at("home"), at("class-list"), at("class-new"), at("class-detail", reading_class),
            at("class-roll", reading_class),
            at("session-new"), *(at("session-detail", pk) for pk in states.values()),
            at("session-detail", ids["live"]), at("session-change", planned),
            at("session-detail", ids["distant"]), at("session-link", ids["distant"]),
            at("check-in-screen", ids["distant"]), at("reflection-list"),
            at("reflection-list", query="?show=decided"), at("reflection-read", ids["copy"]),
            at("session-call-off", planned), at("session-one", closed, member),
            at("session-move", closed, member), at("session-move", closed, member, query=to),
            at("query-list"), at("query-list", query="?show=decided"), at("branch-samples"),
            at("session-reopen", closed), at("session-paper", closed),
            at("check-in-screen", ids["live"]), at("check-in-screen", planned), at("log-list"),
            at("log-list", query="?show=decided"), at("log-for", member), at("log-reverse", log),
            at("branch-hours"), at("branch-hours", query="?only=short"), at("warning-list"),
            at("member-hours", member), at("member-list"), at("member-list", query="?q=zz"),
            at("member-new"), at("member-detail", member), at("member-mend", member),
            at("member-transfer", member), at("member-leave", member), at("members-in"),
            at("members-in-one", ids["upload"]), at("exemption-ask", member), at("sheets"),
            at("member-imports"), at("member-import", ids["receipt"]),
            at("member-import", ids["undone"]), at("handover"),
            at("exemption-many"), at("exemption-many", query="?category=student"),
            at("sheet-import", sheet.pk), at("certificate-revoke", ids["certificate"]),
            at("claim-list"), at("claim-new"), at("claim-batch", ids["batch"]),
            at("claim-detail", ids["returned"]), at("claim-mend", ids["returned"]),
            at("claims-in"), at("claims-in-one", ids["claim_sheet"]),
            at("loose-ends", branch.pk), at("closing-detail", ids["closing"]),
            at("stay-list"), at("stay-list", query="?show=quiet"), at("stay-new", member),
            at("stay-list", query="?show=ended"), at("stay-mend", stay), at("stay-end", stay),
            at("stays-hosted"), at("stays-in"),
            at("stays-in-one", ids["stay_list"]), at("host-sessions"), at("host-list"),
            at("host-decided"), at("host-reverse", ids["foreign"]), at("lesson-credits"),
            at("lesson-reverse", ids["passed"]), at("lesson-desk"), at("lesson-new"),
            at("lesson-edit", ids["own_lesson"]), at("lesson-versions", ids["own_lesson"]),
            at("lesson-questions", ids["own_lesson"]),
            at("file-mend", ids["own_lesson"], ids["film"]),
            at("discussion-list"), at("discussion-new", ids["study_group"]),
            at("discussion-detail", ids["talk"]), at("discussion-detail", ids["credited"]),
            at("discussion-recognise", ids["credited"]), at("discussion-reports", ids["talk"]),
            at("group-list"), at("group-list", query="?show=ended"), at("group-new"),
            at("group-detail", ids["study_group"]), at("group-mend", ids["study_group"]),
            at("group-add", ids["study_group"]), at("robot-new", ids["study_group"]),
            at("push-new"), at("group-push", ids["study_group"]), at("push-detail", ids["push"]),
        ],
        "official": [
            at("home"), at("group-list"), at("group-detail", ids["study_group"]),
            at("ranking"), at("ranking", query="?cohort=enterprise&measure=points"),
            at("ranking", query="?window=month&level=branch&q=不存在"),
            at("ranking", query="?level=committee&cohort=county"), at("bulletin-list"),
            at("draft-new"), at("draft-edit", ids["draft"]), at("draft-preview", ids["draft"]),
            at("draft-look", ids["draft"]),
            *(at("draft-matter", ids["draft"], name, branch.unit_id) for name in MATTERS),
            at("draft-check", ids["draft"]), at("feed-choose"), at("ranking-trend"),
            at("bulletin-withdraw", bulletin), at("organization-list"),
            at("organization-list", query="?q=zz"),
            at("organization-list", query="?unseated=1"), at("organization-detail", city.pk),
            at("organization-detail", branch.pk), at("organizations-in"),
            *(at(f"unit-{act}", branch.pk) for act in UNIT_ACTS), at("unit-move", branch.parent_id),
            at("appointment-hand-over", some(seats)),
            at("organizations-in-one", ids["tree"]), at("figures", branch.parent_id),
            at("figures", branch.pk), at("exemption-list"), at("programme"),
            at("window-list"), at("window-new"), at("window-detail", ids["window"]),
            at("sample-list"), at("sample-new"), at("sample-detail", ids["sample"]),
            at("sample-redraw", ids["sample"]), at("sample-item", ids["item"]),
            at("sample-item", ids["judged"]), at("bag-desk"), at("bag-edit", bag.pk),
            at("reading-rights"), at("reading-rights", query="?only=missing"),
            at("recommended-list"), at("recommended-list", query="?show=decided"),
            at("recommended-detail", ids["recommendation"]),
            at("claims-waiting"),
            at("claims-waiting", query="?decided"), at("claim-detail", ids["claim"]),
            at("claim-reverse", ids["claim"]),
            at("programme-rules"), at("programme-ending"), at("programme-archive"),
            at("programme-next"), at("loose-ends", city.pk), at("closing-list"),
            at("closing-detail", ids["closing"]), at("audit-list"), at("suggestions-received"),
            at("suggestions-received", query="?state=answered"),
            *(at("suggestion-detail", ids[key])
              for key in ("late", "answered", "withdrawn", "again")),
            *(at("job-detail", ids[f"job_{state}"]) for state in Job.State.values),
        ],
        "unit_official": [
            at("home"), at("unit-check-list"), at("unit-check", ids["unit_figures"]),
            at("unit-text", ids["unit_text_request"]),
        ],
        "administrator": [
            at("home"), at("programme-reopen"), at("admin:index"),
            at("admin:courses_course_changelist"), at("admin:courses_course_change", course),
            at("admin:portal_member_changelist"), at("admin:credits_ledgerentry_changelist"),
        ],
        "guidance": [at("home"), at("organization-list")],
        "organiser": [at("home"), at("log-list")],
        "helper": [at("home"), at("member-hours", member), at("warning-list"),
                   at("my-groups")],
    }  # fmt: skip


def some(rows: QuerySet[Any]) -> int:
    """The newest of the rows; a page without data would show nothing."""
    found: Model | None = rows.order_by("-pk").first()
    assert found is not None, rows.model
    return int(found.pk)
