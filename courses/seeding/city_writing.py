"""Writes what `city_plan` drew: hours through the ledger, and what courses keep beside them.

Everything of one group and stretch of time is one transaction, so that a killed seed has whole
groups or nothing of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from courses.models import Attendance, AttendanceCredit, Status, StudyLog, StudySession
from courses.seeding.city_plan import Act, Meeting, OwnStudy
from credits import ledger
from credits.ledger import Credit, Posted, Request, Source
from credits.models import Programme
from portal import set_wise
from portal.refusals import Refusal

SESSION = [
    "id", "key", "organiser", "occasion", "form", "period", "content", "title", "lecturer", "host",
    "recorder", "place", "link", "starts_at", "ends_at", "band", "ceiling_reason", "method",
    "state", "reason", "version", "made_by", "made_at", "opened_at", "closed_at",
]  # fmt: skip
MARK = [
    "id", "session", "member", "home", "guest", "status", "leave", "scanned", "remark", "marked_by",
    "marked_at",
]  # fmt: skip
CREDIT = ["attendance", "programme", "state", "hours", "code", "reason"]
LOG = [
    "key", "programme", "member", "branch", "form", "period", "content", "topic", "day", "minutes",
    "state", "entered_by", "entered_at", "decided_by", "decided_at", "reason", "hours",
]  # fmt: skip


def asked(acts: Sequence[Act]) -> list[Request]:
    """What acts ask of the ledger, with everything about it that needs no lock."""
    requests = [_asked(act) for act in acts]
    for request in requests:
        _ = request.fingerprint
    return requests


def write(programme: Programme, acts: Sequence[Act], requests: Sequence[Request]) -> int:
    """Credit acts in their order and keep sessions, marks and logs; returns how many lines.

    Raises Refusal where the ledger refused a line: what was drawn must fit the rules.
    """
    posted = ledger.post_many(programme, requests, by=acts[0].by, at=acts[-1].at)
    refused = next((r for p in posted for r in p.refused), None)
    if refused:
        raise Refusal(f"种子数据不符合学时规则：{refused.message}")
    done = list(zip(acts, posted, strict=True))
    _keep_meetings(programme, [(act, what) for act, what in done if isinstance(act, Meeting)])
    _keep_studies(programme, [(act, what) for act, what in done if isinstance(act, OwnStudy)])
    return sum(len(p.lines) for p in posted)


def _asked(act: Act) -> Request:
    if isinstance(act, OwnStudy):
        credit = Credit(act.member, act.form, act.day, act.minutes, act.period)
        source = Source("log", act.key, act.topic)
        return Request(source, act.branch, [credit], claimed=act.day, at=act.at, by=act.by)
    day = timezone.localdate(act.starts)
    credits_ = [
        Credit(member, act.form, day, act.minutes, act.period, start=act.starts, end=act.ends)
        for member in act.came
    ]
    source = Source("session", act.key, act.title)
    return Request(source, act.organiser, credits_, at=act.at, by=act.by)


def _keep_meetings(programme: Programme, held: Sequence[tuple[Meeting, Posted]]) -> None:
    sessions = set_wise.next_ids(StudySession, len(held))
    marks: list[tuple[Any, ...]] = []
    credits_ = []
    count = sum(len(m.came) + len(m.missing) for m, _ in held)
    ids = iter(set_wise.next_ids(Attendance, count))
    for pk, (meeting, posted) in zip(sessions, held, strict=True):
        own, by = meeting.organiser.pk, meeting.by.member.pk
        for line in posted.lines:
            mark = next(ids)
            guest = line.home != own and meeting.organiser.is_branch
            marks.append((mark, pk, line.member, line.home, guest, Status.PRESENT, "", False, "",
                          by, meeting.at))  # fmt: skip
            credits_.append((mark, programme.pk, AttendanceCredit.State.CREDITED, line.hours,
                             "", ""))  # fmt: skip
        for member in meeting.missing:
            marks.append((next(ids), pk, member.pk, member.branch_id, False, Status.ABSENT, "",
                          False, "", by, meeting.at))  # fmt: skip
    set_wise.insert(StudySession, SESSION, [_session(pk, m) for pk, (m, _) in
                                              zip(sessions, held, strict=True)])  # fmt: skip
    through = StudySession.programmes.through
    set_wise.insert(through, ["studysession", "programme"], [(s, programme.pk) for s in sessions])
    set_wise.insert(Attendance, MARK, marks)
    set_wise.insert(AttendanceCredit, CREDIT, credits_)


def _session(pk: int, meeting: Meeting) -> tuple[Any, ...]:
    return (
        pk, meeting.key, meeting.organiser.pk, "class", meeting.form, meeting.period, "",
        meeting.title, "", "", "支部记录员（演示）", "", "", meeting.starts, meeting.ends, "", "",
        StudySession.Method.ROLL_CALL, StudySession.State.CLOSED, "", 3, meeting.by.member.pk,
        meeting.starts, meeting.starts, meeting.at,
    )  # fmt: skip


def _keep_studies(programme: Programme, studied: Sequence[tuple[OwnStudy, Posted]]) -> None:
    rows = [
        (s.key, programme.pk, s.member.pk, s.branch.pk, s.form, s.period, "", s.topic, s.day,
         s.minutes, StudyLog.State.CONFIRMED, s.member.pk, s.handed_in, s.by.member.pk, s.at, "",
         posted.lines[0].hours)
        for s, posted in studied
    ]  # fmt: skip
    set_wise.insert(StudyLog, LOG, rows)
