"""What a branch's sessions add up to, member by member; and the sums that a committee hands up.

Figures are read, never recomputed: hours from the ledger, recognised hours and shortfall from the
standing, so that sheet, page and bulletin agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Q, QuerySet, Sum

from courses import marks
from courses.marks import Counts
from courses.models import Attendance, AttendanceCredit, StudySession
from courses.querysets import SessionQuerySet
from credits import archives
from credits.models import (
    BranchStanding,
    CreditTotal,
    Form,
    LedgerEntry,
    Programme,
    SourceKind,
    Standing,
)
from portal.models import Member, Membership, Organization
from portal.querysets import below


@dataclass
class MatrixRow:
    """One member: a mark for each session (None: not due), and hours in hundredths.

    standing is None for people who are not on the branch's roll today: they moved on, or belong
    to another branch; their hours are no business of this sheet.
    """

    member: Member
    group: str
    marks: list[Attendance | None]
    standing: Standing | None = None
    by_form: dict[str, int] = field(default_factory=dict)
    attended: int = 0
    made_up: int = 0
    otherwise: int = 0

    @property
    def earned(self) -> int:
        return self.attended + self.made_up + self.otherwise

    @property
    def due_times(self) -> int:
        return sum(mark is not None and mark.status != "observer" for mark in self.marks)

    @property
    def times(self) -> int:
        return sum(mark is not None and mark.is_there for mark in self.marks)


@dataclass(frozen=True)
class Matrix:
    """Members × sessions held, in one programme."""

    sessions: Sequence[StudySession]
    counts: Sequence[Counts]
    forms: Sequence[str]
    rows: Sequence[MatrixRow]


def cells_in(programme: Programme, branch: Organization) -> int:
    """About how many cells a branch's matrix has: its people times its sessions."""
    sessions = StudySession.objects.held().of_programme(programme).filter(organiser=branch)
    people = Standing.objects.filter(programme=programme, branch=branch, on_roll=True)
    return sessions.count() * people.count()


def matrix(programme: Programme, branch: Organization, *, using: str) -> Matrix:
    """The branch's matrix; sessions cancelled, not held or not yet credited are no columns."""
    sessions = list(
        StudySession.objects.using(using)
        .held()
        .of_programme(programme)
        .filter(organiser=branch)
        .order_by("starts_at", "pk")
    )
    attendances = Attendance.objects.using(using).filter(session__in=sessions)
    by_session: dict[int, list[Attendance]] = defaultdict(list)
    for mark in attendances.select_related("member"):
        by_session[mark.session_id].append(mark)
    standings = Standing.objects.using(using).filter(
        programme=programme, branch=branch, on_roll=True
    )
    on_roll = {s.member_id: s for s in standings.select_related("member")}
    people = {member: s.member for member, s in on_roll.items()}
    for found in by_session.values():
        people |= {m.member_id: m.member for m in found if not m.guest and m.status != "observer"}
    groups = dict(
        Membership.objects.using(using)
        .open()
        .filter(member__in=people, branch=branch)
        .values_list("member", "group")
    )
    rows = {
        pk: MatrixRow(member, groups.get(pk, ""), [], on_roll.get(pk))
        for pk, member in sorted(people.items(), key=lambda p: _order(p[1], p[0] in on_roll))
    }
    for session in sessions:
        own = {m.member_id: m for m in by_session[session.pk] if not m.guest}
        for pk, row in rows.items():
            row.marks.append(own.get(pk))
    _add_hours(programme, {pk: rows[pk] for pk in on_roll}, using=using)
    counts = [marks.count(by_session[session.pk]) for session in sessions]
    earned = {form for row in rows.values() for form in row.by_form}
    forms = [form for form in Form.values if form in earned]
    return Matrix(sessions, counts, forms, list(rows.values()))


def _order(member: Member, on_roll: bool) -> tuple[bool, str, str]:
    return not on_roll, member.name, member.number


def _add_hours(programme: Programme, rows: dict[int, MatrixRow], *, using: str) -> None:
    members = list(rows)
    totals = CreditTotal.objects.using(using).filter(programme=programme, member__in=members)
    for pk, form, earned in totals.values_list("member", "form", "earned"):
        if earned:
            rows[pk].by_form[form] = rows[pk].by_form.get(form, 0) + earned
    given = AttendanceCredit.objects.using(using).filter(
        programme=programme, attendance__member__in=members, state=AttendanceCredit.State.CREDITED
    )
    if archives.lines_are_gone(programme):
        _split_without_lines(rows, given)
    entries = LedgerEntry.objects.using(using).filter(programme=programme, member__in=members)
    entries = entries.filter(posting__programme=programme).order_by()
    for pk, kind, hours in entries.values_list("member", "posting__kind").annotate(n=Sum("hours")):
        if kind == SourceKind.SESSION:
            rows[pk].attended += hours
        else:
            rows[pk].otherwise += hours
    made_up = given.filter(attendance__made_up_on__isnull=False)
    for pk, hours in made_up.values_list("attendance__member").annotate(n=Sum("hours")):
        rows[pk].attended -= hours
        rows[pk].made_up += hours


def _split_without_lines(rows: dict[int, MatrixRow], given: QuerySet[AttendanceCredit]) -> None:
    """Of an archived programme: attendance still says what sessions earned, totals what all did."""
    for pk, hours in given.values_list("attendance__member").annotate(n=Sum("hours")):
        rows[pk].attended += hours
    for row in rows.values():
        row.otherwise = sum(row.by_form.values()) - row.attended


@dataclass
class BranchSums:
    """One branch in a committee's summary. Hours in hundredths."""

    branch: Organization | None
    due: int = 0
    exempt: int = 0
    completed: int = 0
    hours: int = 0
    held: int = 0
    called: int = 0
    there: int = 0
    leave: int = 0
    absent: int = 0
    made_up: int = 0

    @property
    def completion(self) -> float | None:
        return self.completed / self.due if self.due else None

    @property
    def attendance(self) -> float | None:
        return self.there / self.called if self.called else None

    @property
    def mean_hours(self) -> float | None:
        return self.hours / self.due if self.due else None


SUMMED = (
    *("due", "exempt", "completed", "hours"),
    *("held", "called", "there", "leave", "absent", "made_up"),
)


def summary(
    programme: Programme, organization: Organization, *, using: str
) -> tuple[list[BranchSums], BranchSums]:
    """Every branch below (or the branch itself) with its counts, and their sum: no names."""
    found: dict[int, BranchSums] = defaultdict(lambda: BranchSums(None))
    standings = BranchStanding.objects.using(using).filter(
        below(organization.path, lookup="branch__path"), programme=programme
    )
    columns = standings.values_list("branch", "due", "exempt", "completed", "hours")
    for pk, due, exempt, completed, hours in columns:
        row = found[pk]
        row.due, row.exempt, row.completed, row.hours = due, exempt, completed, hours
    sessions = StudySession.objects.using(using).held().of_programme(programme)
    sessions = sessions.filter(below(organization.path, lookup="organiser__path"))
    held = sessions.order_by().values_list("organiser").annotate(n=Count("pk"))
    for pk, number in held:
        found[pk].held = number
    for pk, *sums in _attendance(sessions):
        row = found[pk]
        row.called, row.there, row.leave, row.absent, row.made_up = sums
    places = Organization.objects.using(using).filter(pk__in=found).order_by("path")
    for place in places:
        found[place.pk].branch = place
    rows = [found[place.pk] for place in places]
    return rows, total(rows)


def total(rows: Iterable[BranchSums]) -> BranchSums:
    """Sum over sum: rates of the total are those of its sums, never a mean of rates."""
    whole = BranchSums(None)
    for row in rows:
        for name in SUMMED:
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


def _attendance(sessions: SessionQuerySet) -> Iterable[tuple[int, ...]]:
    own = Attendance.objects.using(sessions.db)
    own = own.filter(session__in=sessions, guest=False).exclude(status="observer")
    there = Q(status__in=["present", "late", "left_early"])
    return (
        own.order_by()
        .values_list("session__organiser")
        .annotate(
            called=Count("pk"),
            there=Count("pk", filter=there),
            leave=Count("pk", filter=Q(status="leave")),
            absent=Count("pk", filter=Q(status="absent")),
            made_up=Count("pk", filter=Q(made_up_on__isnull=False)),
        )
    )
