"""From marks to hours: what a roll asks of the ledger, and what came of it beside each mark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from courses import line_queries, marks, session_history, sessions
from courses.marks import Wish
from courses.models import Attendance, AttendanceCredit, Status, StudySession
from courses.session_history import Note
from courses.sessions import NotNow
from credits import dates, ledger, rule_book
from credits.ledger import Credit, Posted, Refused, Request
from credits.models import Programme
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from portal import set_wise
from portal.audit import Actor
from portal.models import Member
from portal.prepared import Prepared, columns, given

State = StudySession.State


@transaction.atomic
def credit_now(session: StudySession, *, by: Actor, at: datetime) -> list[Posted]:
    """Try once more to credit those whom something stood in the way of."""
    session = sessions.lock_closed(session)
    refused = AttendanceCredit.objects.filter(
        attendance__session=session, state=AttendanceCredit.State.REFUSED
    )
    members = set(refused.values_list("attendance__member_id", flat=True))
    rows = [row for pk, row in marks.locked(session).items() if pk in members]
    if not rows:
        return []
    posted = revise(session, rows, reason="冲突解除，补记学时", by=by, at=at)
    given = sum(len(p.lines) for p in posted)
    session_history.note(session, f"补记学时：{given} 人", by=by, at=at)
    return posted


@transaction.atomic
def settle(
    session: StudySession, credits: Collection[int], *, by: Actor, at: datetime
) -> list[AttendanceCredit]:
    """Say of refused credits, by id, that nothing is to be done: they leave the to-do list.

    They stay on the session's page, and "credit now" still tries them. Returns those that were
    still waiting; ids of anything else are passed over.
    """
    session = sessions.lock_closed(session)
    refused = AttendanceCredit.objects.filter(
        attendance__session=session, state=AttendanceCredit.State.REFUSED, settled_at=None
    )
    waiting = list(refused.filter(pk__in=credits).select_related("attendance__member"))
    refused.filter(pk__in=[credit.pk for credit in waiting]).update(settled_at=at)
    notes = [
        Note(session, "核实未能记入", by, credit.reason, credit.attendance.member)
        for credit in waiting
    ]
    session_history.note_many(notes, at=at)
    return waiting


def cannot_be_credited(
    session: StudySession, wishes: Mapping[int, Wish], *, at: datetime
) -> list[tuple[Programme, Refused]]:
    """Who could not be credited if the roll were closed like this, and why. Writes nothing."""
    rows = {a.member_id: a for a in session.attendances.select_related("member")}
    for member, wish in wishes.items():
        if member in rows:
            rows[member].status, rows[member].leave = wish.wanted.status, wish.wanted.leave
    earning = [row for row in rows.values() if row.earns]
    refused = []
    for campaign in campaigns([session]):
        request = Request(
            sessions.source_of(session),
            session.organiser,
            _credits(session, earning, campaign.book),
        )
        [found] = ledger.preview(campaign.programme, [request], at=at)
        refused += [(campaign.programme, r) for r in found]
    return refused


def _credits(session: StudySession, rows: Sequence[Attendance], book: RuleBook) -> list[Credit]:
    """What marks ask for, under one programme's rules."""
    day = session.day
    rules = book.on(day).rules
    return [credit for row in rows if (credit := _credit(session, day, row, rules))]


def _credit(session: StudySession, day: date, row: Attendance, rules: Rules) -> Credit | None:
    status = "made_up" if row.made_up_on else row.status
    share = rules.share(status) if row.earns else 0
    if not share:
        return None
    return Credit(
        row.member,
        session.form,
        row.made_up_on or day,
        session.minutes if row.minutes is None else row.minutes,
        session.period if rules.periods else "",  # one that has none counts it all the same
        session.content,
        start=None if row.made_up_on else session.starts_at,
        end=None if row.made_up_on else session.ends_at,
        band=session.band,  # type: ignore[arg-type] # its choices are the bands
        share=share,
        ceiling=session.ceiling,
    )


def of_guest(session: StudySession, member: Member, book: RuleBook) -> list[Credit]:
    """What a session asks for somebody who was there all the time, on its roll or not; nothing
    where the programme's rules give nothing for it."""
    there = Attendance(session=session, member=member, guest=True, status=Status.PRESENT)
    return _credits(session, [there], book)


@dataclass(frozen=True)
class Earning:
    """The marks of one roll that ask for credit, and who closes it."""

    session: StudySession
    rows: Sequence[Attendance]
    by: Actor


def post_many(
    found: Sequence[Campaign], earnings: Sequence[Earning], *, at: datetime
) -> dict[int, list[Posted]]:
    """Post what rolls earned in each of their programmes, the first time or anew after reopening;
    one batch a programme. Returns session id → postings, programme by programme."""
    posted: dict[int, list[Posted]] = {e.session.pk: [] for e in earnings}
    for campaign in found:
        programme, book = campaign.programme, campaign.book
        own = [e for e in earnings if e.session.pk in campaign.sessions]
        sources = {e.session.pk: sessions.source_of(e.session) for e in own}
        revisions = ledger.next_revisions(programme, list(sources.values()))
        requests = [
            Request(
                sources[e.session.pk],
                e.session.organiser,
                _credits(e.session, e.rows, book),
                revisions[e.session.key],
                at=at,
                by=e.by,
            )
            for e in own
        ]
        results = ledger.post_many(programme, requests, by=own[0].by, at=at)
        for earning, result in zip(own, results, strict=True):
            posted[earning.session.pk].append(result)
        rows = {(e.session.key, row.member_id): row for e in own for row in e.rows}
        _keep(programme, rows, results, anew=any(r.revision > 1 for r in requests))
        for request in requests:
            if request.revision > 1:  # a roll that was opened once more
                line_queries.follow(programme, request.source, by=request.by or own[0].by, at=at)
    return posted


@dataclass(frozen=True)
class Campaign:
    """A programme with its rules, and the ids of the sessions in question that count in it."""

    programme: Programme
    book: RuleBook
    sessions: set[int]

    def rules(self, session: StudySession) -> Rules:
        """Those that convert a session."""
        return self.book.on(session.day).rules


def campaigns(sessions_: Sequence[StudySession]) -> list[Campaign]:
    """The programmes in which sessions count, by id."""
    found: dict[int, set[int]] = defaultdict(set)
    programmes: dict[int, Programme] = {}
    for session in sessions_:
        for programme in _programmes.objects(session=session.pk):
            programmes[programme.pk] = programme
            found[programme.pk].add(session.pk)
    return [Campaign(p, rule_book.of(p), found[pk]) for pk, p in sorted(programmes.items())]


_programmes = Prepared(
    lambda: (
        Programme.objects.filter(sessions=given("session", int))
        .order_by("pk")
        .values_list(*columns(Programme))
    )
)


@dataclass(frozen=True)
class Revision:
    """A closed roll, locked, and those of its marks that were changed."""

    session: StudySession
    rows: Sequence[Attendance]


def revise(
    session: StudySession, rows: Sequence[Attendance], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Replace what these people's marks earned, in each programme."""
    return revise_many([Revision(session, rows)], reason=reason, by=by, at=at)


def revise_many(
    revisions: Sequence[Revision], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """The same in several rolls, one after the other: one batch a programme. What members asked
    about lines that are gone by it is answered."""
    posted = []
    for campaign in campaigns([r.session for r in revisions]):
        programme = campaign.programme
        own = [r for r in revisions if r.session.pk in campaign.sessions]
        turns = ledger.next_revisions(programme, [sessions.source_of(r.session) for r in own])
        requests = [_request(r, campaign.book, turns[r.session.key], reason) for r in own]
        results = ledger.post_many(programme, requests, by=by, at=at)
        rows = {(r.session.key, row.member_id): row for r in own for row in r.rows}
        _keep(programme, rows, results, anew=True)
        for request in requests:
            line_queries.follow(programme, request.source, by=by, at=at)
        posted += results
    for revision in revisions:
        session = revision.session
        session.state = State.CORRECTED
        session.version += 1
        session.save(update_fields=["state", "version"])
    return posted


def rehearse(revisions: Sequence[Revision], *, at: datetime) -> tuple[int, list[Refused]]:
    """What `revise_many` would give these people in all, and whom it would refuse; writes
    nothing, and the marks need not be written."""
    hours, refused = 0, []
    for campaign in campaigns([r.session for r in revisions]):
        own = [r for r in revisions if r.session.pk in campaign.sessions]
        requests = [_request(r, campaign.book, 2, "试算") for r in own]
        found = ledger.preview(campaign.programme, requests, at=at)
        refused += [r for one in found for r in one]
        asked = [c for request in requests for c in request.credits]
        hours += sum(c.worth(campaign.book.on(c.day).rules) for c in asked)
    return hours, refused


def _request(revision: Revision, book: RuleBook, turn: int, reason: str) -> Request:
    session, rows = revision.session, revision.rows
    credits_ = _credits(session, [row for row in rows if row.earns], book)
    withdraw = [row.member for row in rows]
    source = sessions.source_of(session)
    return Request(source, session.organiser, credits_, turn, withdraw, reason)


def _keep(
    programme: Programme,
    rows: Mapping[tuple[str, int], Attendance],
    posted: Sequence[Posted],
    *,
    anew: bool,
) -> None:
    """Note beside each mark, named by session key and member, what came of it in this programme.

    A credit refused once more for the same reason stays settled.
    """
    settled: dict[tuple[int, str], datetime | None] = {}
    if anew:
        old = AttendanceCredit.objects.filter(programme=programme, attendance__in=rows.values())
        done = old.exclude(settled_at=None)
        for attendance, reason, moment in done.values_list("attendance", "reason", "settled_at"):
            settled[attendance, reason] = moment
        old.delete()
    states = AttendanceCredit.State
    kept: list[tuple[Any, ...]] = []
    for result in posted:
        key = result.posting.key
        for line in result.lines:
            if line.hours > 0:
                row = rows[key, line.member].pk
                kept.append((row, programme.pk, states.CREDITED, line.hours, "", "", None))
        for refused in result.refused:
            row, why = rows[key, refused.credit.member.pk].pk, refused.message[:200]
            moment = settled.get((row, why))
            kept.append((row, programme.pk, states.REFUSED, 0, refused.code, why, moment))
    names = ["attendance", "programme", "state", "hours", "code", "reason", "settled_at"]
    set_wise.insert(AttendanceCredit, names, kept)


def check_not_too_late(
    found: Sequence[Campaign], sessions_: Sequence[StudySession], *, at: datetime
) -> None:
    """Raise NotNow beyond the back-dating limit, unless it was credited before or a catch-up
    window is open over the organiser or over somebody on the roll."""
    by_key = {s.pk: s for s in sessions_}
    for campaign in found:
        programme, windows = campaign.programme, dates.Windows(campaign.programme)
        own = [by_key[pk] for pk in sorted(campaign.sessions)]
        late = [s for s in own if dates.too_late(s.day, timezone.localdate(at), campaign.rules(s))]
        if not late:
            continue
        turns = ledger.next_revisions(programme, [sessions.source_of(s) for s in late])
        for session in late:
            if turns[session.key] > 1:
                continue
            homes = session.attendances.order_by().values_list("home__path", flat=True)
            places = [session.organiser.path, *homes.distinct()]
            why = dates.late(programme, session.day, places, at=at, windows=windows, what="活动")
            if why:
                raise NotNow(why)
