"""A year of a small city in fast motion: dated acts in the order of their moments.

An act is a moment and what is done then; each chapter of the year is one function that returns its
acts (add yours to CHAPTERS). Chance is seeded: the same year each time. Who was there, and what was
granted, is kept beside it in plain Python (`hours`), as the secretaries' own notebooks have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from courses import (
    attendance_plans,
    check_in,
    corrections,
    line_queries,
    moves,
    roll_call,
    sessions,
    study_logs,
    walk_ins,
)
from courses.marks import Mark, Wish
from courses.models import Attendance, AttendancePlan, StudySession, WalkIn
from courses.moves import Place
from courses.roll_call import Closing
from courses.sessions import Plan
from courses.study_logs import Approval, Handing, Study
from credits import bulletins, exemptions, programmes, rule_changes
from credits.models import Bulletin, Exemption, LedgerEntry, Programme, RankingPermit, Standing
from portal import members, organizations, reorganizations
from portal.audit import Actor
from portal.members import Departure, Enrolment, Move
from portal.models import Cohort, Member, MobileStay, Organization
from portal.organizations import Founding
from portal.refusals import Refusal
from tests.cast import City, moment, rules_json

FIRST, LAST = date(2021, 3, 1), date(2021, 12, 31)
PERIODS = ("new-democratic", "socialist", "reform", "new-era")
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]
SIZE = 25  # members a branch
ABSENT, LATE, PLANS, LOGS = 0.08, 0.04, 0.03, 0.08  # chances a person and evening, or week
MERGED, RULES, BULLETINS = (
    date(2021, 6, 30),
    date(2021, 8, 2),
    (date(2021, 7, 5), date(2021, 11, 1)),
)

Act = tuple[datetime, Callable[[datetime], None]]


@dataclass
class Year:
    """The city, its programme, and what the secretaries wrote down."""

    city: City
    programme: Programme
    branches: list[Organization]
    chance: Random
    hours: Counter[tuple[str, int]] = field(default_factory=Counter)  # source key, member id
    done: Counter[str] = field(default_factory=Counter)

    @property
    def by(self) -> Actor:
        return self.city.by

    @property
    def standing(self) -> list[Organization]:
        return [b for b in self.branches if b.dissolved_on is None]

    def people(self, branch: Organization) -> list[Member]:
        """Who belongs to it, but for whoever acts for everybody: nobody decides for themselves."""
        rows = Member.objects.in_branch(branch).exclude(pk=self.by.member.pk)
        return list(rows.select_related("branch").order_by("pk"))

    def sums(self) -> Counter[int]:
        found: Counter[int] = Counter()
        for (_, member), hours in self.hours.items():
            found[member] += hours
        return found

    def rewrite(self, key: str, members: Sequence[int]) -> None:
        """What these people have of a session by its roll, where the ledger took it."""
        for member in members:
            self.hours.pop((key, member), None)
        rows = Attendance.objects.filter(session__key=key, member__in=members)
        for row in rows.select_related("session").prefetch_related("credits"):
            refused = any(credit.reason for credit in row.credits.all())
            if row.earns and not refused:
                self.hours[key, row.member_id] = row.session.minutes * 4 // 45 * 25


def lay_out(city: City) -> Year:
    """Twelve branches with three hundred members, in two units; the programme runs."""
    branches, early = [city.jia, city.yi, city.bing], date(2020, 1, 1)
    foundings = [
        Founding(f"Y{n}", f"第{n}支部", Organization.Kind.BRANCH, (city.county, city.bureau)[n % 2],
                 early)
        for n in range(4, 13)
    ]  # fmt: skip
    at = moment(date(2021, 2, 1), 9)
    branches += organizations.found_many(foundings, by=city.by, at=at)
    newcomers = [
        Enrolment(f"7{n:03d}{m:04d}", f"党员{n}之{m}", branch, early, key=f"y{n}-{m}")
        for n, branch in enumerate(branches)
        for m in range(SIZE - Member.objects.in_branch(branch).count())
    ]
    members.enrol_many(newcomers, by=city.by, at=at)
    programme = programmes.found(
        code="dsxx-2021", name="党史学习教育", organiser=city.root, scopes=[city.root],
        starts=FIRST, ends=LAST, rules_=rules_json(), authority="测试依据", by=city.by, at=at,
    )  # fmt: skip
    programme = programmes.open_(programme, by=city.by, at=moment(FIRST, 8))
    programmes.permit(
        programme,
        RankingPermit.Level.MEMBERS,
        document="测试〔2021〕1号",
        by=city.by,
        at=moment(FIRST, 8),
    )
    return Year(city, programme, branches, Random(2021))


def weeks(every: int = 1, *, first: date = FIRST, last: date = LAST) -> Iterator[date]:
    """Mondays."""
    day = first + timedelta(days=-first.weekday() % 7)
    while day <= last - timedelta(days=6):
        yield day
        day += timedelta(days=7 * every)


# --- Chapters ---------------------------------------------------------------------------------


def evenings(year: Year) -> list[Act]:
    """Every second week each branch meets on Thursday: planned on Monday, leave asked for on
    Tuesday and decided on Wednesday, walk-ins and scans at the door of every third one."""
    acts: list[Act] = []
    for number, monday in enumerate(weeks(2)):
        start, by_code = moment(monday + timedelta(days=3), 19), number % 3 == 1
        minutes, period = (90, 90, 135)[number % 3], PERIODS[number % 4]
        keys: list[str] = []

        def plan(at: datetime, n=number, start=start, code=by_code, m=minutes, p=period, k=keys):
            for branch in year.standing:
                plan = Plan(
                    f"第{n + 1}次集中学习", ("seminar", "lecture")[n % 2], start,
                    start + timedelta(minutes=m), p, method="check_in" if code else "roll_call",
                    key=f"s{n}-{branch.code}",
                )  # fmt: skip
                sessions.schedule(branch, [year.programme], plan, by=year.by, at=at)
                k.append(plan.key)

        acts += [
            (moment(monday, 9), plan),
            (moment(monday + timedelta(days=1), 12), partial(say, year, keys)),
            (moment(monday + timedelta(days=2), 12), partial(decide, year)),
            (start - timedelta(minutes=20), partial(open_all, year, keys)),
            (start + timedelta(minutes=5), partial(door, year, keys)),
            (start + timedelta(hours=4), partial(close_all, year, keys)),
        ]
    return acts


def of_keys(keys: Sequence[str]) -> list[StudySession]:
    rows = StudySession.objects.filter(key__in=keys).select_related("organiser")
    return list(rows.order_by("pk"))


def say(year: Year, keys: Sequence[str], at: datetime) -> None:
    """Some sign up, some ask for leave."""
    for session in of_keys(keys):
        for person in year.people(session.organiser):
            if year.chance.random() > PLANS:
                continue
            by = Actor(person, "member")
            try:
                if year.chance.random() < 0.3:
                    attendance_plans.sign_up(session, by=by, at=at)
                else:
                    kind = year.chance.choice(["sick", "personal", "official"])
                    attendance_plans.ask_leave(session, kind, by=by, at=at)
            except attendance_plans.NotDue:  # exempt
                continue
            year.done["plans"] += 1


def decide(year: Year, at: datetime) -> None:
    for plan in AttendancePlan.objects.filter(state="pending").order_by("pk"):
        yes = year.chance.random() < 0.8
        attendance_plans.decide(plan, approve=yes, by=year.by, at=at, reply="" if yes else "请参加")


def open_all(year: Year, keys: Sequence[str], at: datetime) -> None:
    roll_call.open_many([(session, year.by) for session in of_keys(keys)], at=at)


def door(year: Year, keys: Sequence[str], at: datetime) -> None:
    """Where the code is on the wall, people scan; mobile members and visitors ask to be added."""
    found = [session for session in of_keys(keys) if session.method == "check_in"]
    away = dict(MobileStay.objects.filter(until=None).values_list("host", "member"))
    for session in found:
        rows = session.attendances.filter(status="not_yet").select_related("member")
        for row in rows.order_by("pk")[:3]:
            nonce = f"{session.pk}.{row.pk}"
            check_in.accept(session, row.member, scanned_at=at, nonce=nonce, at=at)
            year.done["scans"] += 1
        if session.organiser_id in away:
            people = Member.objects.in_bulk(away.values())
            ask_at_the_door(session, people.pop(away[session.organiser_id]), people.values(), at)
    for request in WalkIn.objects.waiting().filter(session__in=found):
        walk_ins.admit(request, by=year.by, at=at)
        year.done["walk-ins"] += 1


def ask_at_the_door(
    session: StudySession, hosted: Member, others: Iterable[Member], at: datetime
) -> None:
    """Whom the organiser hosts is attested later; mobile members of others are guests."""
    try:
        walk_ins.ask(session, hosted, scanned_at=at)
    except check_in.ScanRefused:
        for visitor in others:
            walk_ins.ask(session, visitor, scanned_at=at)
        return
    raise AssertionError(f"{hosted} is no guest of {session}")


def close_all(year: Year, keys: Sequence[str], at: datetime) -> None:
    """Rolls are closed; one sheet in twenty lies about for a week (see `late_sheets`)."""
    closings = []
    for session in of_keys(keys):
        if session.state != "open" or year.chance.random() < 0.05:
            continue
        wishes = {}
        for row in session.attendances.filter(guest=False, scanned=False).order_by("pk"):
            lot = year.chance.random()
            mark = "absent" if lot < ABSENT else "late" if lot < ABSENT + LATE else ""
            if mark and row.status in ("present", "not_yet"):
                wishes[row.member_id] = Wish(Mark.of(row), Mark(mark))
        closings.append(Closing(session, wishes, year.by, "present"))
    close_many(year, closings, at)


def close_many(year: Year, closings: Sequence[Closing], at: datetime) -> None:
    roll_call.close_many(closings, at=at)
    for closing in closings:
        on_roll = closing.session.attendances.values_list("member_id", flat=True)
        year.rewrite(closing.session.key, list(on_roll))
        year.done["sessions"] += 1


def late_sheets(year: Year) -> list[Act]:
    def hand_in(at: datetime) -> None:
        rows = StudySession.objects.filter(state="open", ends_at__lt=at).order_by("pk")
        late = [Closing(s, {}, year.by, "absent") for s in rows.select_related("organiser")]
        if late:
            close_many(year, late, at)
            year.done["late sheets"] += len(late)

    return [(moment(monday + timedelta(days=4), 18), hand_in) for monday in weeks()]


def own_study(year: Year) -> list[Act]:
    """On Sundays some hand in what they read; on Mondays most of it is confirmed."""

    def hand_in(at: datetime) -> None:
        day = at.date()
        handings = [
            Handing(person, Study("self", day, year.chance.choice([45, 90]), "自学党史", "new-era"),
                    Actor(person, "member"), f"l{day:%m%d}-{person.key}")
            for branch in year.standing
            for person in year.people(branch)
            if year.chance.random() < LOGS
        ]  # fmt: skip
        logs = study_logs.submit_many(year.programme, handings, at=at)
        kept = [log for log in logs if year.chance.random() < 0.9]
        if kept:
            study_logs.confirm_many([Approval(kept, year.by)], at=at + timedelta(hours=13))
        for log in kept:
            self_hours = log.minutes * 4 // 45 * 25
            year.hours[log.key, log.member_id] = self_hours
        year.done["logs"] += len(kept)
        if len(kept) > 1 and day.day < 8:
            study_logs.reverse(kept[0], reason="不实", by=year.by, at=at + timedelta(hours=14))
            del year.hours[kept[0].key, kept[0].member_id]
            year.done["logs reversed"] += 1

    return [(moment(monday + timedelta(days=6), 20), hand_in) for monday in weeks()]


def coming_and_going(year: Year) -> list[Act]:
    """Each month a few join, two leave, four are transferred; two go away and are guests."""

    def turn(at: datetime) -> None:
        here, day = year.standing, at.date()
        joiners = [
            Enrolment(f"6{day:%m}{n:05d}", f"新党员{day.month}之{n}", year.chance.choice(here), day,
                      key=f"j{day:%m}-{n}")
            for n in range(3)
        ]  # fmt: skip
        members.enrol_many(joiners, by=year.by, at=at)
        plain = [p for b in here for p in year.people(b) if p.number.startswith("7")]
        chosen = year.chance.sample(plain, 6)
        members.leave_many([Departure(person, day) for person in chosen[:2]], by=year.by, at=at)
        others = [
            Move(p, year.chance.choice([b for b in here if b.pk != p.branch_id]), day)
            for p in chosen[2:]
        ]
        members.transfer_many(others, by=year.by, at=at)
        year.done["joins"] += 3

    def go_away(at: datetime) -> None:
        first, second = year.people(year.city.jia)[-1], year.people(year.city.yi)[-1]
        for person, host in ((first, year.branches[4]), (second, year.branches[5])):
            MobileStay.objects.create(
                member=person, since=at.date(), region="沈阳市", reason="work", host=host
            )

    turns = [(moment(date(2021, month, 15), 10), turn) for month in range(3, 12)]
    return [*turns, (moment(date(2021, 4, 1), 10), go_away)]


def merger(year: Year) -> list[Act]:
    """The seventh branch is merged into the eighth, the ninth moves to the other unit."""

    def merge(at: datetime) -> None:
        reorganizations.merge(year.branches[6], year.branches[7], on=at.date(), by=year.by, at=at)
        organizations.move(year.branches[8], year.city.bureau, by=year.by, at=at)
        for branch in year.branches:
            branch.refresh_from_db()

    return [(moment(MERGED, 15), merge)]


def dispensations(year: Year) -> list[Act]:
    """Six are exempted or have their target lowered; two of them come back."""

    def grant(at: datetime) -> None:
        official = year.city.actor("shi", "official")
        for n, branch in enumerate(year.branches[:6]):
            person = year.people(branch)[-2]
            asked = exemptions.ask(
                year.programme, person, target=None if n % 2 else 1200, since=at.date(),
                until=date(2021, 9, 1) if n == 2 else None, reason="长期患病", by=year.by, at=at,
            )  # fmt: skip
            exemptions.decide(asked, approve=n != 5, answer="", by=official, at=at)

    def end(at: datetime) -> None:
        found = Exemption.objects.filter(in_force=True).order_by("pk").first()
        assert found
        exemptions.end(found, by=year.by, at=at)

    return [(moment(date(2021, 5, 6), 10), grant), (moment(date(2021, 10, 11), 10), end)]


def other_rules(year: Year) -> list[Act]:
    """In August self-study counts for less and the target for retired people falls."""

    def change(at: datetime) -> None:
        new = rules_json(forms=[
            {**form, "cap": 600 if form["code"] == "self" else form["cap"]}
            for form in rules_json()["forms"]
        ])  # fmt: skip
        shown = rule_changes.rehearse(year.programme, new).shown
        rule_changes.change_rules(
            year.programme, new, since=at.date(), authority="测试〔2021〕8号", reason="规范自学",
            shown=shown, by=year.by, at=at,
        )  # fmt: skip
        rows = Standing.objects.filter(programme=year.programme)
        for branch in rows.order_by("branch").values_list("branch", flat=True).distinct():
            rule_changes.bring_up(year.programme, branch, at=at)

    return [(moment(RULES, 10), change)]


def mistakes(year: Year) -> list[Act]:
    """Each month a line is called wrong: half are put right, half stay with a reason; and one
    attendance is moved to another person or another evening."""

    def question(month: int, at: datetime) -> None:
        lines = LedgerEntry.objects.live().filter(posting__kind="session", day__month=month)
        for n, entry in enumerate(lines.select_related("programme", "posting").order_by("pk")[:2]):
            person = Member.objects.select_related("branch").get(pk=entry.member_id)
            by, key = Actor(person, "member"), entry.posting.key
            query = line_queries.ask(entry, "not_there", by=by, at=at)
            session = StudySession.objects.get(key=key)
            row = session.attendances.get(member=person)
            if n or not row.is_there:
                line_queries.decline(query, reply="有签名", by=year.by, at=at)
            else:
                wish = {person.pk: Wish(Mark.of(row), Mark("absent"))}
                corrections.correct(session, wish, reason="当天未到", by=year.by, at=at)
                query.refresh_from_db()
                assert query.state == "corrected"
                year.rewrite(key, [person.pk])
            year.done["questions"] += 1

    def move(month: int, at: datetime) -> None:
        rows = Attendance.objects.filter(
            session__state__in=["closed", "corrected"], session__starts_at__month=month,
            status="present", guest=False,
        ).select_related("session__organiser", "member").order_by("-pk")  # fmt: skip
        for row in rows[:20]:
            session = row.session
            away = session.attendances.filter(status="absent", guest=False).first()
            if away is None:
                continue
            target = Place(session, away.member)
            moves.move(Place(session, row.member), target, reason="记错了人", by=year.by, at=at)
            year.rewrite(session.key, [row.member_id, away.member_id])
            year.done["moves"] += 1
            return

    acts: list[Act] = []
    for month in range(3, 12):
        last = moment(date(2021, month, 28), 16)
        acts.append((last, partial(question, month)))
        acts.append((last + timedelta(hours=1), partial(move, month)))
    return acts


def gazette(year: Year) -> list[Act]:
    def publish(at: datetime) -> None:
        by = year.city.actor("shi", "official")
        draft = bulletins.draw_up(year.programme, title="积分通报", cohorts=COHORTS, by=by, at=at)
        bulletins.publish(draft, seen_version=draft.version, by=by, at=at)
        year.done["bulletins"] += 1

    return [(moment(day, 10), publish) for day in BULLETINS]


def the_end(year: Year) -> list[Act]:
    """The study ends with the year; in the books' grace a forgotten sheet and leave approved late
    come in; the books are closed, nothing is posted any more, the programme goes to the archive."""

    def schedule(at: datetime) -> None:
        start = moment(date(2021, 12, 30), 9)
        plan = Plan(
            "最后一课", "seminar", start, start + timedelta(minutes=90), "reform", key="last"
        )
        session = sessions.schedule(year.city.jia, [year.programme], plan, by=year.by, at=at)
        roll_call.open_(session, by=year.by, at=start)

    def close_study(at: datetime) -> None:
        year.programme = programmes.close_study(year.programme, by=year.by, at=at)

    def last_sheet(at: datetime) -> None:
        [session] = of_keys(["last"])
        close_many(year, [Closing(session, {}, year.by)], at)
        row = session.attendances.filter(status="present").select_related("member").last()
        assert row
        wish = {row.member_id: Wish(Mark.of(row), Mark("absent"))}
        corrections.correct(session, wish, reason="未到会", by=year.by, at=at)
        by = Actor(row.member, "member")
        asked = attendance_plans.ask_leave(session, "sick", by=by, at=at)
        attendance_plans.decide(asked, approve=True, by=year.by, at=at)
        year.rewrite("last", [row.member_id])

    def close_books(at: datetime) -> None:
        year.programme = programmes.close_books(year.programme, by=year.by, at=at)
        closed = StudySession.objects.filter(key="last").get()
        row = closed.attendances.filter(status="present").first()
        assert row
        try:
            wish = {row.member_id: Wish(Mark.of(row), Mark("absent"))}
            corrections.correct(closed, wish, reason="太迟", by=year.by, at=at)
        except Refusal:
            year.done["refused after closing"] += 1

    return [
        (moment(date(2021, 12, 29), 9), schedule),
        (moment(date(2021, 12, 31), 18), close_study),
        (moment(date(2022, 1, 5), 10), last_sheet),
        (moment(date(2022, 1, 20), 10), close_books),
    ]


CHAPTERS = (
    evenings, late_sheets, own_study, coming_and_going, merger, dispensations, other_rules,
    mistakes, gazette, the_end,
)  # fmt: skip


def acts_of(year: Year, chapters: Sequence[Callable[[Year], list[Act]]] = CHAPTERS) -> list[Act]:
    """All acts in the order of their moments; those of one moment in the order of the chapters."""
    return sorted((act for chapter in chapters for act in chapter(year)), key=lambda act: act[0])


def numbers(year: Year) -> dict[str, Any]:
    """What must be the same each time the year is played."""
    return {
        **year.done,
        "lines": LedgerEntry.objects.count(),
        "hours": sum(year.hours.values()),
        "bulletin": Bulletin.objects.count(),
    }
