"""The weekly digest: one message a week at most to each person whom a warning concerns.

Members are told of themselves; secretaries, organisers and helpers how many they look after are
warned of, and which sheets are overdue. No name stands in it: names are on the page to which it
leads, where the scope is asked anew. It is composed branch by branch from Monday morning on; how
far it is stands in a `MessageRound`, so a worker that dies, or a week begun late, is caught up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from courses import early_warnings
from courses.early_warnings import Warned, Watch
from courses.forecasts import Meeting
from courses.models import StudySession
from credits.models import Programme, Standing
from portal import access, jobs, messages
from portal import mail as post
from portal.access import Capability, Scope
from portal.messages import Letter
from portal.models import Appointment, Member, Message, MessageRound, Organization, Role
from portal.templatetags.portal import clock, day, hours

BRANCHES = 20  # whose members are told in one transaction
CHUNKS = 10  # transactions a run; the next run is a minute later
HOUR = 8  # of Monday, local: nothing is sent at night
NAMED = 5  # sessions or branches named in one line
OFFICES = (Role.SECRETARY, Role.ORGANISER, Role.HELPER)
KIND = Message.Kind.WEEKLY


def compose(*, at: datetime) -> int:
    """Periodic: write this week's messages, some branches at a time; returns how many members
    were looked at. Weeks that went by are not made up for."""
    programmes = list(Programme.objects.open().order_by("pk"))
    monday, key = _week(at)
    if not programmes or at < monday + timedelta(hours=HOUR):
        return 0
    looked_at = 0
    for _ in range(CHUNKS):
        done = _chunk(programmes, key, at=at)
        if done is None:
            break
        looked_at += done
        jobs.give_way()
    return looked_at


def mail(*, at: datetime) -> int:
    """Periodic: send by e-mail what waits, as it stands now; returns how many went out."""
    return post.send_waiting(KIND, partial(_still, at=at), at=at)


def texts(
    programmes: Sequence[Programme], members: Sequence[Member], *, at: datetime
) -> dict[int, str]:
    """What each of these people is to be told now, by member; nothing to be said, not there."""
    scopes = _offices(members, at=at)
    watches = _watches(programmes, members, scopes.values(), at=at)
    sheets = _overdue(programmes, scopes.values(), at=at)
    quiet = _idle(programmes, scopes.values(), at=at)
    found = {}
    for member in members:
        parts = []
        for programme in programmes:
            watch, scope = watches[programme.pk], scopes.get(member.pk)
            said = [*_own(watch.about(member.pk))]
            if scope is not None:
                said += _office(scope, watch.warned, sheets[programme.pk], quiet[programme.pk])
            if said:
                parts += [f"【{programme}】", *said] if len(programmes) > 1 else said
        if parts:
            found[member.pk] = "\n".join(parts)
    return found


@transaction.atomic
def _chunk(programmes: Sequence[Programme], key: str, *, at: datetime) -> int | None:
    """Tell the members of the next branches; None once the round is over."""
    MessageRound.objects.bulk_create([MessageRound(kind=KIND, key=key)], ignore_conflicts=True)
    round_ = MessageRound.objects.select_for_update().get(kind=KIND, key=key)
    if round_.finished_at is not None:
        return None
    ahead = Organization.objects.filter(pk__gt=round_.upto, kind="branch").order_by("pk")
    branches = list(ahead.values_list("pk", flat=True)[:BRANCHES])
    if not branches:
        round_.finished_at = at
        round_.save(update_fields=["finished_at"])
        return None
    members = list(Member.objects.active().filter(branch__in=branches).select_related("branch"))
    monday, _ = _week(at)
    told = texts(programmes, members, at=at)
    offices = _office_holders([m.pk for m in members], at=at)
    title = f"{monday:%-m月%-d日}起一周的学习提醒"
    links = {True: "/warnings/", False: "/warnings/mine/"}
    messages.send_many(
        [Letter(pk, KIND, key, title, text, links[pk in offices]) for pk, text in told.items()],
        at=at,
    )
    round_.upto = branches[-1]
    round_.save(update_fields=["upto"])
    return len(members)


def _still(batch: Sequence[Message], *, at: datetime) -> dict[int, str]:
    """What messages have to say now; whoever was helped meanwhile is left out."""
    programmes = list(Programme.objects.open().order_by("pk"))
    told = texts(programmes, [m.member for m in batch], at=at)
    return {m.pk: told[m.member_id] for m in batch if m.member_id in told}


def _week(at: datetime) -> tuple[datetime, str]:
    """The midnight with which the local week began, and the week's name."""
    local = timezone.localtime(at)
    monday = local.date() - timedelta(days=local.weekday())
    year, week, _ = monday.isocalendar()
    begins = timezone.make_aware(datetime.combine(monday, datetime.min.time()))
    return begins, f"{year}-W{week:02d}"


# --- Who holds an office, and what lies in it


def _office_holders(members: Sequence[int], *, at: datetime) -> set[int]:
    held = Appointment.objects.on(timezone.localdate(at)).filter(member__in=members)
    return set(held.filter(role__in=OFFICES).values_list("member_id", flat=True))


def _offices(members: Sequence[Member], *, at: datetime) -> dict[int, Scope]:
    holders = _office_holders([m.pk for m in members], at=at)
    return {m.pk: access.scope_of(m, at=at) for m in members if m.pk in holders}


def _watches(
    programmes: Sequence[Programme],
    members: Sequence[Member],
    scopes: Iterable[Scope],
    *,
    at: datetime,
) -> dict[int, Watch]:
    """Of each programme, those who are told and those whom they look after."""
    whom = Q(member__in=[m.pk for m in members])
    for scope in scopes:
        whom |= scope.condition(Capability.SEE_PERSONS, "branch__path", "member")
    found = {}
    for programme in programmes:
        rows = Standing.objects.due().filter(whom, programme=programme)
        found[programme.pk] = Watch(programme, rows.select_related("member", "branch"), at=at)
    return found


def _overdue(
    programmes: Sequence[Programme], scopes: Iterable[Scope], *, at: datetime
) -> dict[int, list[StudySession]]:
    paths = {p for scope in scopes for p in scope.places(Capability.RECORD_ATTENDANCE)}
    found: dict[int, list[StudySession]] = defaultdict(list)
    for programme in programmes:
        own = StudySession.objects.of_programme(programme).filter(organiser__path__in=paths)
        found[programme.pk] = list(
            early_warnings.overdue(own, at=at).select_related("organiser").order_by("starts_at")
        )
    return found


def _idle(
    programmes: Sequence[Programme], scopes: Iterable[Scope], *, at: datetime
) -> dict[int, list[Organization]]:
    paths = {p for scope in scopes for p in scope.places(Capability.MANAGE_CLASSES)}
    found: dict[int, list[Organization]] = defaultdict(list)
    today = timezone.localdate(at)
    for programme in programmes:
        own = Organization.objects.filter(path__in=paths)
        if programme.starts <= today <= programme.ends:
            found[programme.pk] = list(early_warnings.idle(programme, own, today=today))
    return found


# --- In words


def _own(warned: Warned | None) -> list[str]:
    """What a person is told of themselves."""
    if warned is None:
        return []
    said = []
    if warned.forecast:
        ahead = warned.forecast
        said.append(f"按现在的安排，您还差 {hours(ahead.missing)} 学时。")
        if ahead.proposals:
            said.append("可以参加：")
            said += [f"· {line(meeting)}" for meeting in ahead.proposals]
    if warned.missed:
        named = "、".join(f"{day(m.starts_at)}“{m.title}”" for m in warned.missed)
        said.append(f"最近三次应到的活动都记为缺席：{named}。记错了，请告诉支部。")
    return said


def _office(
    scope: Scope,
    warned: Sequence[Warned],
    sheets: Sequence[StudySession],
    quiet: Sequence[Organization],
) -> list[str]:
    """What somebody is told of those whom they look after: counts, sessions and dates."""
    own = [
        w
        for w in warned
        if w.standing.member_id != scope.member_id
        and scope.can(Capability.SEE_PERSONS, w.standing.branch.path, w.standing.member_id)
    ]
    short, missed = sum(w.forecast is not None for w in own), sum(bool(w.missed) for w in own)
    said = []
    if short:
        said.append(f"您负责的党员中，{short} 人按现在的安排学不满。")
    if missed:
        said.append(f"{missed} 人连续三次缺席。")
    late = [s for s in sheets if scope.can(Capability.RECORD_ATTENDANCE, s.organiser.path)]
    if late:
        named = "、".join(f"{day(s.starts_at)}“{s}”" for s in late[:NAMED])
        more = f"等 {len(late)} 次" if len(late) > NAMED else ""
        said.append(f"结束三天以上还没有记学时：{named}{more}。")
    still = [o for o in quiet if scope.can(Capability.MANAGE_CLASSES, o.path)]
    if still:
        said.append(f"本月还没有安排活动：{'、'.join(o.short_name for o in still[:NAMED])}。")
    return said


def line(meeting: Meeting) -> str:
    """A session proposed: 6月10日（周四）19:00–20:30 主题 · 乙支部 会议室 · 2 学时."""
    when = f"{day(meeting.start)}{clock(meeting.start)}–{clock(meeting.end)}"
    where = f"{meeting.organiser} {meeting.place}".strip()
    return f"{when} {meeting.title} · {where} · {hours(meeting.worth)} 学时"
