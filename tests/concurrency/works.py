"""What each process of a crowd does; the number tells them apart."""

from __future__ import annotations

import contextlib
import random
import re
import time
from datetime import date, timedelta
from typing import Any
from unittest import mock
from uuid import UUID

import time_machine
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from courses import (
    attendance_plans,
    claim_reversals,
    corrections,
    host_decisions,
    host_sessions,
    line_queries,
    moves,
    roll_call,
    study_logs,
    walk_ins,
    weekly,
)
from courses import check_in as checking_in
from courses.marks import Mark, Wish
from courses.models import (
    AttendancePlan,
    Discussion,
    HostAttendance,
    Lesson,
    LineQuery,
    Recommendation,
    StudySession,
    WalkIn,
)
from courses.online import discussions, exemplars, recognition, reflection_reading, reflections
from courses.online.reflections import Writing
from courses.sheets import sheets_in
from courses.study_logs import Handing, Study
from credits import (
    bulletins,
    claim_decisions,
    claims,
    exemptions,
    ledger,
    programmes,
    rebuilding,
    roll,
    rule_changes,
    verification,
)
from credits.ledger import Credit, Posted, Source
from credits.models import ClaimBatch, HoursClaim, LedgerEntry, Programme, RankingPermit
from portal import appointments, members, messages, organizations
from portal.audit import Actor
from portal.models import Member, MobileStay, Organization, Role
from portal.organizations import Founding
from portal.refusals import Conflict, Refusal
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.courses import lesson_hands

SECRETARY = "周明远"


def close_rolls(number: int) -> Any:
    """Close the roll that everybody closes, then one's own, which overlaps with the neighbour's."""
    by = actor()
    for key in ("shared", f"roll{number}"):
        roll_call.close(StudySession.objects.get(key=key), {}, by=by, at=NOW)
    return "closed"


def approve_leave(number: int) -> Any:
    """Close the roll on which somebody's leave waits, and approve that leave; everybody does."""
    by = actor()
    roll_call.close(StudySession.objects.get(key="roll0"), {}, by=by, at=NOW)
    asked = AttendancePlan.objects.select_related("session").get()
    return attendance_plans.decide(asked, approve=True, by=by, at=NOW).state


def credit_guests(number: int) -> Any:
    """Credit one's own branch and eight guests; four branches at a time overlap."""
    branch = branch_of(number)
    guests = Member.objects.filter(number__startswith="8")
    start = moment(TODAY, 8 + 2 * (number % 4), number)
    posted = post(branch, f"guests{number}", [*people(branch), *guests], start, 90)
    return {"credited": len(posted.lines), "refused": len(posted.refused)}


def cross(number: int) -> Any:
    """Seven pairs of processes credit two branches' people in opposite order, at the same times;
    one more transfers people to and fro, one changes the rules."""
    first, second = branch_of(0), branch_of(1)
    if number == 14:
        return transfer_to_and_fro(people(first)[0], first, second)
    if number == 15:
        return change_rules()
    organiser = (first, second)[number % 2]
    crowd = [*Member.objects.filter(number__gte="00000009", number__lt="00000015").order_by("pk")]
    credited = 0
    for turn in range(5):
        start = moment(days_ago(number // 2 + 1), 8 + turn)
        order = crowd if number % 2 else crowd[::-1]
        credited += len(post(organiser, f"cross{number}-{turn}", order, start, 45).lines)
    return {"credited": credited}


def transfer_to_and_fro(member: Member, first: Organization, second: Organization) -> Any:
    for turn in range(8):
        where = (second, first)[turn % 2]
        members.transfer(member, where, on=TODAY, by=actor(), at=NOW + timedelta(minutes=turn))
    return {"branch": Member.objects.get(pk=member.pk).branch_id}


def change_rules() -> Any:
    programme = Programme.objects.get()
    for goal in (2000, 2800, 2400):
        new = rules_json(target=goal)
        rule_changes.change_rules(
            programme,
            new,
            since=TODAY,
            authority="测试",
            reason="测试",
            shown=rule_changes.rehearse(programme, new).shown,
            by=actor(),
            at=NOW,
        )
        for branch in (branch_of(1), branch_of(0)):
            rule_changes.bring_up(programme, branch.pk, at=NOW)
    return {"rules": 4}


def write_or_rebuild(number: int) -> Any:
    """Sixteen write, with transactions that are open when the seventeenth begins to rebuild."""
    if number == 16:
        time.sleep(0.3)
        return {"mended": [rebuilding.rebuild(Programme.objects.get()) for _ in range(3)]}
    hold = 1.0 if connection.vendor == "postgresql" else 0.05  # SQLite has one writer at a time
    branch = branch_of(number % 4)
    for turn in range(4):
        with transaction.atomic():
            start = moment(days_ago(turn + 1), 8, number)
            post(branch, f"write{number}-{turn}", people(branch), start, 45)
            time.sleep(hold if turn == 0 else 0)
    return "written"


def write_or_verify(number: int) -> Any:
    """Sixteen write; the seventeenth verifies, alone, with a second process, and what is new."""
    if number < 16:
        return write_or_rebuild(number)
    ways: list[dict[str, Any]] = [{"jobs": 1}, {"jobs": 2}, {"since_last": True}, {"jobs": 2}]
    reports = [verification.verify(at=NOW, **way) for way in ways]
    return {"problems": [p.message for report in reports for p in report.problems],
            "seen": [report.postings for report in reports]}  # fmt: skip


def ask_about_lines(number: int) -> Any:
    """Close a roll, and four people say that their line of it is wrong; the first of them is
    absent from another one."""
    away = {members_of_jia()[0].pk: Wish(Mark("present"), Mark("absent"))}
    for key, wishes in (("shared", {}), (f"roll{number}", away)):
        roll_call.close(StudySession.objects.get(key=key), wishes, by=actor(), at=NOW)
    lines = LedgerEntry.objects.select_related("programme", "posting", "home")
    for member in members_of_jia()[:4]:
        line = lines.get(member=member, posting__key="shared")
        line_queries.ask(line, "not_there", by=Actor(member, "member"), at=NOW)
    return "asked"


def decide_queries(number: int) -> Any:
    """Each query is declined by two and made right by two, at the same instant."""
    query = LineQuery.objects.select_related("member").order_by("pk")[number % 4]
    if number < 8:
        line_queries.decline(query, reply=f"理由{number}", by=actor(), at=NOW)
        return "declined"
    session = StudySession.objects.get(key="shared")
    wish = {query.member_id: Wish(Mark("present"), Mark("absent"))}
    corrections.correct(session, wish, reason=f"更正{number}", by=actor(), at=NOW)
    return "corrected"


def write_on_many_devices(number: int) -> Any:
    """Every device of one member saves its own words as the first of one reflection."""
    writing = Writing("题目", f"第 {number} 台写的。")
    by = Actor(members_of_jia()[0], "member")
    return reflections.save("devices", writing, seen_version=0, by=by, at=NOW).text


def decide_one_recommendation(number: int) -> Any:
    """Recommended by the first of all, then accepted, declined and withdrawn at once."""
    author, officer = (Actor(m, "member") for m in members_of_jia()[:2])
    if number == 0:
        writing = Writing("题目", "正文。", consent=True)
        row = reflections.hand_in("one", writing, seen_version=0, by=author, at=NOW)
        where = Organization.objects.get(code="YL-QC")
        reflection_reading.recommend(row, where, reason="好", by=officer, at=NOW)
    while not (asked := Recommendation.objects.first()):
        time.sleep(0.01)
    if number % 3 == 0:
        exemplars.withdraw(asked, by=author, at=NOW)
        return "withdrawn"
    by = Actor(members_of_jia()[2 + number], "official")
    if number % 3 == 1:
        return exemplars.accept(asked, by=by, at=NOW).state
    return exemplars.decline(asked, reply="不", by=by, at=NOW).state


def state_hours(number: int) -> Any:
    """Hand in opening balances of eight people: one receipt, and the same key by everybody."""
    branch = members_of_jia()[0].branch
    assert branch is not None
    lines = [
        claims.Stated(member, "opening", "lecture", "reform", days_ago(60), 400, "登记簿", row)
        for row, member in enumerate(members_of_jia()[:8], 1)
    ]
    claims.hand_in(Programme.objects.get(), branch, lines, key="stated", by=actor(), at=NOW)
    return HoursClaim.objects.count()


def approve_stated_hours(number: int) -> Any:
    """All approve the same lines at once, in another order each, two undo the whole receipt."""
    lines = list(HoursClaim.objects.order_by("pk"))
    random.Random(number).shuffle(lines)
    if number < 2:
        time.sleep(0.2)
        claim_reversals.undo(ClaimBatch.objects.get(), by=actor(), at=NOW)
        return 0
    by = Actor(Member.objects.get(name="石市成"), "official")
    return len(claim_decisions.approve(lines, by=by, at=NOW))


def move_one(number: int) -> Any:
    """All move the same attendance, half of them to another person, half to another session."""
    origin = StudySession.objects.get(key="shared")
    who = members_of_jia()[0]
    if number % 2:
        guest = Member.objects.get(number=f"8{number // 2:07d}")
        target = moves.Place(origin, guest)
    else:
        target = moves.Place(StudySession.objects.get(key="roll0"), who)
    moves.move(moves.Place(origin, who), target, reason="记错了", by=actor(), at=NOW)
    return "moved"


def check_in(number: int) -> Any:
    """One phone: signed in, scans the code, posts the proof."""
    member = Member.objects.get(number=f"9{number:07d}")
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    with time_machine.travel(moment(TODAY, 9, 5)):
        phone = Client()
        phone.force_login(member, "portal.sign_in.MemberBackend")
        session = StudySession.objects.get(key="check-in")
        token = checking_in.code_at(session, moment(TODAY, 9, 5)).token
        page = phone.get(reverse("scan", args=[session.key, token])).content.decode()
        proof = re.search(r'name="proof" value="([^"]+)"', page)
        assert proof, page[-500:]
        answer = phone.post(reverse("check-in-confirm"), {"proof": proof[1]})
    return answer.status_code


def check_in_or_hold(number: int) -> Any:
    """Thirty-two phones, and one writer who is there first and takes two seconds."""
    if number < 32:
        time.sleep(0.3)
        return check_in(number)
    with transaction.atomic():
        Member.objects.filter(name=SECRETARY).update(phone="")
        time.sleep(2)
    return "held"


def mark_one_row(number: int) -> Any:
    """Scans, roll calls and guests added, all about the same two people at the same instant."""
    session, at = StudySession.objects.get(key="check-in"), moment(TODAY, 9, 5)
    lin, guest = Member.objects.get(name="林小满"), Member.objects.get(number="80000000")
    if number % 4 == 0:
        checking_in.accept(session, lin, scanned_at=at, nonce=f"n{number}", at=at)
        return "scanned"
    if number % 4 == 1:
        wish = {lin.pk: Wish(Mark("not_yet"), Mark("late"))}
        return [str(Mark.of(row)) for row in roll_call.save(session, wish, by=actor(), at=at)]
    if number % 4 == 2:
        roll_call.add(session, guest, "present", by=actor(), at=at)
        return "added"
    roll_call.open_(session, by=actor(), at=at)
    return "opened"


def let_in(number: int) -> Any:
    """Eight admit the same walk-in while they scan and ask again, and others add them by hand."""
    request, at = WalkIn.objects.select_related("session", "member").get(), moment(TODAY, 9, 5)
    session, member = request.session, request.member
    if number % 4 < 2:
        return walk_ins.admit(request, by=actor(), at=at).pk
    if number % 4 == 2:
        return roll_call.add(session, member, "present", by=actor(), at=at).pk
    with contextlib.suppress(checking_in.NotOnRoll):  # then they ask
        return checking_in.accept(session, member, scanned_at=at, nonce=f"w{number}", at=at).pk
    walk_ins.ask(session, member, scanned_at=at)
    return "asked"


def let_in_or_not(number: int) -> Any:
    """Eight admit a walk-in, eight decline."""
    request, at = WalkIn.objects.select_related("session").get(), moment(TODAY, 9, 5)
    if number % 2:
        walk_ins.decline(request, by=actor(), at=at)
        return "declined"
    return walk_ins.admit(request, by=actor(), at=at).pk


def import_and_scan(number: int) -> Any:
    """The paper sheet of a session is imported while phones scan its code, two each; whoever
    imports looks again when they are told that something changed."""
    session, at = StudySession.objects.get(key="check-in"), moment(TODAY, 9, 5)
    if number == 0:
        return import_paper(session.organiser)
    accepted = []
    for phone in (number, number + 15):
        member = Member.objects.get(number=f"9{phone:07d}")
        with contextlib.suppress(Refusal):  # the roll was closed by the import, or says so already
            checking_in.accept(session, member, scanned_at=at, nonce=f"n{phone}", at=at)
            accepted.append(member.pk)
    return {"accepted": accepted}


def import_paper(branch: Organization) -> Any:
    """Everybody of the branch has signed, 林小满 late."""
    rows: list[list[Any]] = [
        ["青川县甲支部签到表"],
        ["时间：2021年6月3日 9:00-10:30"],
        ["序号", "姓名", "签到"],
    ]
    names = Member.objects.filter(branch=branch).order_by("pk").values_list("name", flat=True)
    rows += [[n, name, "迟到" if name == "林小满" else "√"] for n, name in enumerate(names, 1)]
    data = "\n".join(",".join(map(str, row)) for row in rows).encode()
    staged = sheets_in.stage(branch, data, "签到表.csv", by=actor(), at=NOW)
    for looks in range(1, 100):
        seen = sheets_in.look(staged, at=NOW).fingerprint
        time.sleep(0.1)  # they read what they see
        with contextlib.suppress(Conflict):
            return {"state": sheets_in.confirm(staged, seen=seen, by=actor(), at=NOW).state,
                    "looks": looks}  # fmt: skip
    raise AssertionError("never the same for two looks")


def everything(number: int) -> Any:
    """A busy evening: rolls closed, logs confirmed, people moved and exempted, rules changed, a
    bulletin published, sums rebuilt, all of it upon the same people."""
    deeds = [close_rolls, confirm_logs, move_about, exempt_some, publish, rules_and_sums]
    return deeds[number % len(deeds)](number)


def rearrange(number: int) -> Any:
    """While branches are founded below a committee and moved under it and back, others post for
    them, give offices in them and import sheets of them. Whoever follows the tree is slow."""
    root = Organization.objects.get(parent=None)
    by, kind = actor(), Organization.Kind
    if number in (14, 15):
        roll.follow = slowly(roll.follow)
        code, county = f"YL-QC-D{number}", Organization.objects.get(code="YL-QC")
        founding = Founding(code, f"第 {number} 党委", kind.COMMITTEE, county, days_ago(9))
        committee = organizations.found(founding, by=by, at=NOW)
        for turn in range(6):
            founding = Founding(f"{code}-{turn}", f"新支部{turn}", kind.BRANCH, committee, TODAY)
            organizations.found(founding, by=by, at=NOW)
            for where in (committee, county):
                organizations.move(branch_of(turn), where, by=by, at=NOW)
        organizations.move(committee, root, by=by, at=NOW)
        return "moved"
    branch = branch_of(number % 6)
    if number in (12, 13):
        for turn in range(12):
            appointments.appoint(people(branch)[turn % 3], Role.ORGANISER, branch_of(turn % 6),
                                 since=TODAY, by=by, at=NOW)  # fmt: skip
        return "appointed"
    if number in (10, 11):
        return import_sheets()
    for turn in range(12):
        branch, start = branch_of((number + turn) % 6), moment(days_ago(turn + 1), 8 + number)
        post(branch, f"rearrange{number}-{turn}", people(branch)[:3], start, 45)
        time.sleep(0.3)  # or nobody who wants the programme alone had a turn
    return "posted"


def slowly(verb: Any) -> Any:
    """The verb, after a while in which others come to stand in its way."""

    def act(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.2)
        return verb(*args, **kwargs)

    return act


def import_sheets() -> Any:
    """Import sheets of six branches, twice, each of another day."""
    for turn in range(12):
        branch = branch_of(turn // 2)
        rows = "".join(f"{m.number},{m.name},√\n" for m in people(branch)[:3])
        when = f"时间：{days_ago(turn + 1):%Y年%m月%d日} 20:00-21:00"
        data = f"{branch.name}集体研讨签到表\n{when}\n党员编号,姓名,签到\n{rows}".encode()
        staged = sheets_in.stage(branch, data, f"第 {turn} 次.csv", by=actor(), at=NOW)
        with contextlib.suppress(Refusal):  # the other one was first, or something has changed
            for _ in range(2):  # what is answered may raise a question of its own
                asks = sheets_in.look(staged, at=NOW).open_asks
                first = {ask.key: ask.choices[0][0] for ask in asks}
                staged = sheets_in.answer(staged, first, by=actor())
            seen = sheets_in.look(staged, at=NOW).fingerprint
            sheets_in.confirm(staged, seen=seen, by=actor(), at=NOW)
    return "imported"


def members_of_jia() -> list[Member]:
    return list(
        Member.objects.filter(number__startswith="9").select_related("branch").order_by("pk")
    )


def confirm_logs(number: int) -> Any:
    """Hand in and confirm logs of the same twenty people, in another order each time."""
    programme, crowd = Programme.objects.get(), members_of_jia()[:20]
    random.Random(number).shuffle(crowd)
    study = Study("self", days_ago(number + 1), 45, f"自学{number}", "new-era")
    handings = [Handing(member, study, actor(), f"log{number}-{member.pk}") for member in crowd]
    logs = study_logs.submit_many(programme, handings, at=NOW)
    outcomes = study_logs.confirm(logs, by=actor(), at=NOW)
    return {"confirmed": sum(not o.reason for o in outcomes)}


def attest_and_recognise(number: int) -> Any:
    """Eight mobile members are attested by everybody and recognised by everybody, in another order
    each time."""
    session = StudySession.objects.get(key="host")
    host = Actor(Member.objects.get(name="郑书棋"), "secretary")
    roll_call.close(session, {}, by=host, at=NOW)
    stays = list(MobileStay.objects.filter(host=session.organiser))
    random.Random(number).shuffle(stays)
    made = host_sessions.attest(session, stays, by=host, at=NOW)
    rows = list(HostAttendance.objects.select_related("session"))
    random.Random(number).shuffle(rows)
    outcomes = host_decisions.recognise(rows, by=actor(), at=NOW)
    return {"attested": len(made), "recognised": sum(not o.reason for o in outcomes)}


def close_and_recognise(number: int) -> Any:
    """A discussion is closed and all its answers are recognised by everybody, in another order
    each time."""
    talk = discussions.close(Discussion.objects.get(key="talk"), by=actor(), at=NOW)
    rows = list(talk.answers.all())
    random.Random(number).shuffle(rows)
    outcomes = recognition.recognise(talk, rows, by=actor(), at=NOW)
    return {"recognised": sum(not o.reason for o in outcomes)}


def move_about(number: int) -> Any:
    """Transfer people between branches, several at a time, in another order each time."""
    crowd = members_of_jia()[10:16]
    random.Random(number).shuffle(crowd)
    for turn in range(4):
        where = branch_of((number + turn) % 3)
        at = NOW + timedelta(minutes=turn)
        people_there = Member.objects.filter(pk__in=[m.pk for m in crowd]).exclude(branch=where)
        moves = [members.Move(member, where, TODAY) for member in people_there]
        with contextlib.suppress(Refusal):  # somebody else has just moved one of them
            members.transfer_many(moves, by=actor(), at=at)
    return "moved"


def exempt_some(number: int) -> Any:
    programme, by = Programme.objects.get(), Member.objects.get(name="石市成")
    decided = 0
    for member in members_of_jia()[number % 5 : 20 : 5]:
        asked = exemptions.ask(
            programme, member, target=(None, 800)[number % 2], since=TODAY, until=None,
            reason="病", by=actor(), at=NOW,
        )  # fmt: skip
        decided += 1
        by_shi = Actor(by, "official")
        exemptions.decide(asked, approve=True, answer="", by=by_shi, at=NOW)
    return {"decided": decided}


def publish(number: int) -> Any:
    programme, by = Programme.objects.get(), actor()
    programmes.permit(programme, RankingPermit.Level.MEMBERS, document="测试", by=by, at=NOW)
    for _ in range(2):
        draft = bulletins.draw_up(programme, title="通报", cohorts=["county"], by=by, at=NOW)
        bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    return "published"


def choose_mail(number: int) -> Any:
    """Each branch's first person chooses to get messages by e-mail."""
    person = people(branch_of(number))[0]
    own = Actor(person, "member")
    messages.choose_mail(f"p{number}@example.org", wanted=True, by=own, at=NOW)
    return "chosen"


def tell_the_week(number: int) -> Any:
    """Compose the week's messages and send the e-mails, as every worker does; says to whom."""
    settings.MAIL_ON = True
    sent: list[str] = []

    def note(letter: EmailMessage) -> int:
        sent.extend(letter.to)
        return 1

    with mock.patch.object(EmailMessage, "send", note):
        while weekly.compose(at=NOW):
            pass
        while weekly.mail(at=NOW):
            pass
    return sent


def rules_and_sums(number: int) -> Any:
    programme = Programme.objects.get()
    new = rules_json(target=(2000, 2800)[number % 2])
    with contextlib.suppress(Refusal):  # the rehearsal would say something else by now
        rule_changes.change_rules(
            programme, new, since=TODAY, authority="测试", reason="测试",
            shown=rule_changes.rehearse(programme, new).shown, by=actor(), at=NOW,
        )  # fmt: skip
    return {"mended": rebuilding.rebuild(programme) >= 0}


# --- What all works use -----------------------------------------------------------------------


def actor() -> Actor:
    return Actor(Member.objects.get(name=SECRETARY), "secretary")


def branch_of(number: int) -> Organization:
    return Organization.objects.get(code=f"YL-QC-P{number}")


def people(branch: Organization) -> list[Member]:
    return list(Member.objects.filter(branch=branch).order_by("pk"))


def post(
    organiser: Organization, key: str, crowd: list[Member], start: Any, minutes: int
) -> Posted:
    day: date = start.astimezone(moment().tzinfo).date()
    end = start + timedelta(minutes=minutes)
    credits_ = [Credit(m, "seminar", day, minutes, "reform", start=start, end=end) for m in crowd]
    return ledger.post(
        Programme.objects.get(),
        Source("session", key, key),
        organiser=organiser,
        credits=credits_,
        by=actor(),
        at=NOW,
    )


def answer_lesson(number: int) -> str:
    """The same member answers the same page in so many browsers, each with a token of its own."""
    return lesson_hands.answer(Lesson.objects.get(), _lin(), turn=0).state


def answer_lesson_once(number: int) -> tuple[str, str]:
    """One set of answers is sent so many times at once."""
    made = lesson_hands.answer(Lesson.objects.get(), _lin(), turn=0, token=UUID(int=7))
    return made.state, made.message


def _lin() -> Member:
    return Member.objects.select_related("branch").get(name="林小满")
