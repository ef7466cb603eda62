"""From what a sheet tells to what it would change: its sessions found, its people and marks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from django.utils import timezone

from courses import hosting, meeting_links, who_is_due
from courses.models import Attendance, Leave, Status, StudySession
from courses.sheets import sheet_asks
from courses.sheets.sheet_asks import NEW
from courses.sheets.sheet_plans import Change, SessionPlan, State
from courses.sheets.sheet_reading import Reading
from courses.sheets.sheet_reading import Row as ToldRow
from courses.sheets.sheet_reading import Session as Told
from courses.sheets.sheet_reading import leave as leaves
from courses.sheets.sheet_reading.cells import tight
from credits import dates, rule_book
from credits.dates import Windows
from credits.models import Programme, Standing
from portal.models import Member, Membership, Organization
from portal.querysets import below


def plans_of(
    reading: Reading, branch: Organization, *, answers: Mapping[str, str], at: datetime
) -> list[SessionPlan]:
    """A plan for each session whose day is known."""
    plans = [
        SessionPlan(index, told, answers=answers)
        for index, told in enumerate(reading.sessions)
        if told.date
    ]
    days = {plan.told.date for plan in plans if plan.told.date}
    known = _sessions(branch, days)
    for plan in plans:
        _match(plan, known, branch)
    _check_once(plans, known)
    settled = [plan for plan in plans if not any(ask.is_open for ask in plan.asks)]
    for plan in settled:
        plan.programmes = (
            list(plan.session.programmes.order_by("pk"))
            if plan.session
            else programmes_for(branch, plan.told.date)
        )
    due = _due(settled, branch)
    people = _people(reading, {pk for pks in due.values() for pk in pks})
    by_number = {member.number: member for member in people.values()}
    stays = hosting.stays(branch, people)
    for plan in settled:
        day = plan.told.date
        plan.hosted = {stay.member_id for stay in stays if day and stay.was_away_on(day)}
        _fill(plan, by_number, [people[pk] for pk in due.get(plan.index, ())])
        plan.told = replace(plan.told, rows=())  # what they ask for is planned
    windows: dict[int, Windows] = {}
    for plan in plans:
        _limits(plan, branch, windows, at)
    return plans


def _sessions(branch: Organization, days: set[date]) -> list[StudySession]:
    if not days:
        return []
    rows = StudySession.objects.alive().filter(organiser=branch)
    rows = rows.filter(starts_at__date__gte=min(days), starts_at__date__lte=max(days))
    rows = rows.select_related("organiser", "reading_class").order_by("starts_at", "pk")
    return [session for session in rows if session.day in days]


def _match(plan: SessionPlan, known: Sequence[StudySession], branch: Organization) -> None:
    """Find the branch's session that the sheet tells of; ask where several could be it."""
    told = plan.told
    same_day = [s for s in known if s.day == told.date]
    chosen = plan.answer("session")
    if told.key:
        rows = StudySession.objects.filter(organiser=branch, key=told.key)
        plan.session = rows.select_related("organiser", "reading_class").first()
        if plan.session is None:
            plan.warnings.append(f"表中的活动编号 {told.key[:24]} 不是本支部的活动，按日期查找。")
        elif plan.session.day != told.date:
            text = f"表中日期是 {told.date}，这次活动登记的日期是 {plan.session.day}，请核对。"
            plan.warnings.append(text)
        if plan.session:
            return
    if chosen in {NEW, *(str(s.pk) for s in same_day)}:
        plan.session = next((s for s in same_day if str(s.pk) == chosen), None)
        return
    fitting = [s for s in same_day if _fits(s, told)]
    if len(fitting) > 1:
        named = [s for s in fitting if tight(s.title) in (tight(told.topic or ""),
                                                          tight(told.title or ""))]  # fmt: skip
        fitting = named if len(named) == 1 else fitting
    if len(fitting) == 1:
        plan.session = fitting[0]
    elif same_day:
        plan.asks.append(sheet_asks.which_session(plan.index, told, same_day, plan.answers))


def _fits(session: StudySession, told: Told) -> bool:
    start = timezone.localtime(session.starts_at).time()
    if told.start:
        return (start.hour, start.minute) == (told.start.hour, told.start.minute)
    if told.part:
        part = "上午" if start.hour < 12 else "下午" if start.hour < 18 else "晚上"
        return part == told.part
    return True


def _check_once(plans: Sequence[SessionPlan], known: Sequence[StudySession]) -> None:
    """Two meetings of the sheet cannot be one of the branch: which is which is asked."""
    taken = [plan.session.pk for plan in plans if plan.session]
    for plan in plans:
        if plan.session and taken.count(plan.session.pk) > 1:
            same_day = [s for s in known if s.day == plan.told.date]
            ask = sheet_asks.which_session(plan.index, plan.told, same_day, plan.answers)
            plan.asks.append(ask if ask.is_open else replace(ask, given=""))


def _people(reading: Reading, due: Collection[int]) -> dict[int, Member]:
    """Everybody who stands in the sheet or is due, once for all of its sessions."""
    numbers = {row.member for session in reading.sessions for row in session.rows if row.member}
    named = Member.objects.filter(number__in=numbers).select_related("branch")
    people = {member.pk: member for member in named}
    return people | Member.objects.in_bulk([pk for pk in due if pk not in people])


def _due(plans: Sequence[SessionPlan], branch: Organization) -> dict[int, list[int]]:
    """Who is due in sessions in which nobody has a mark yet, by the plan's index."""
    due = {plan.index: _due_in_new(branch, plan) for plan in plans if plan.is_new}
    fresh = {plan.index: plan.session for plan in plans if plan.session and plan.is_fresh}
    planned = who_is_due.of_each(list(fresh.values()))
    return due | {index: [pk for pk, _ in planned[s.pk]] for index, s in fresh.items()}


def _fill(plan: SessionPlan, people: Mapping[str, Member], due: Sequence[Member]) -> None:
    """What is asked of the session, whose marks change, and who is due without standing in it."""
    rows: dict[int, Attendance] = {}
    if plan.session is None:
        plan.asks += sheet_asks.of_new_session(plan.index, plan.told, plan.programmes, plan.answers)
    elif not plan.is_fresh:
        rows = {row.member_id: row for row in plan.session.attendances.all()}
    plan.stood = {pk: State.of(row) for pk, row in rows.items()}
    plan.due = {member.pk for member in due}
    _tell_of_link(plan)
    _ask_made_up(plan)
    expected = plan.due | rows.keys()
    for told in plan.told.rows:
        member = people.get(told.member or "")
        if member is None or told.status is None:
            continue
        plan.listed.add(member.pk)
        _change(plan, told, member, plan.stood.get(member.pk), expected)
    plan.unlisted = [member for member in due if member.pk not in plan.listed]
    if plan.unlisted and plan.is_fresh:
        names = [member.name for member in plan.unlisted]
        plan.asks.append(sheet_asks.of_unlisted(plan.index, names, plan.answers))


def _change(
    plan: SessionPlan,
    told: ToldRow,
    member: Member,
    before: State | None,
    expected: set[int],
) -> None:
    guest = member.pk not in expected
    after = _wanted(plan, told, before)
    if guest and after.status not in (*THERE, Status.OBSERVER):
        text = f"第 {told.row} 行“{member.name}”当天不在应到名单，又没有到会，不记考勤。"
        plan.warnings.append(text)
        return
    if guest and member.pk in plan.hosted:
        plan.warnings.append(f"第 {told.row} 行不记考勤：{member.name}{hosting.ATTESTED}")
        return
    if after != before:
        plan.changes.append(Change(member, told.row, before, after, guest))


THERE = (Status.PRESENT, Status.LATE, Status.LEFT_EARLY)


def _wanted(plan: SessionPlan, told: ToldRow, before: State | None) -> State:
    """The mark that a row asks for; what the row leaves open stays as it is."""
    remark, word = told.remark or "", told.leave or ""
    status, leave, made_up_on = str(told.status), "", ""
    if status == "made_up":
        made_up_on = told.made_up_on or plan.answer("made_up_on")
        known = before and before.status in (Status.LEAVE, Status.ABSENT)
        said = told.was or ("" if known else plan.answer("made_up_was")) or "absent"
        status, _, word = said.partition(":")
        if known and before and not told.was:
            status, leave, word = before.status, before.leave, ""
    if status == Status.LEAVE and not leave:
        leave = _leave(word)
        if leaves.group_of_leave(word) and word not in PLAIN_LEAVES and word not in remark:
            remark = "；".join(part for part in (word, remark) if part)
    if before and not remark:
        remark = before.remark
    if before and status in (Status.LEAVE, Status.ABSENT):
        made_up_on = made_up_on or before.made_up_on  # a sheet that is silent denies nothing
    return State(status, leave, remark[:100], made_up_on)


PLAIN_LEAVES = {"", *Leave.labels, *Leave.values}


def _leave(word: str) -> str:
    if word in Leave.values:
        return word
    return leaves.group_of_leave(word) if word else Leave.UNSTATED


def _ask_made_up(plan: SessionPlan) -> None:
    rows = [row for row in plan.told.rows if row.status == "made_up"]
    if rows:
        plan.asks += sheet_asks.of_made_up(
            plan.index,
            dated=all(row.made_up_on for row in rows),
            known=all(row.was for row in rows),
            answers=plan.answers,
        )


def programmes_for(branch: Organization, day: date | None) -> list[Programme]:
    """Open programmes in which the branch takes part: those whose dates hold the day, else all."""
    scopes = Programme.objects.open().prefetch_related("scopes__organization")
    found = [
        programme
        for programme in scopes.order_by("-starts", "-pk")
        if any(branch.path.startswith(s.organization.path) for s in programme.scopes.all())
    ]
    return [p for p in found if day and p.starts <= day <= p.ends] or found


def _tell_of_link(plan: SessionPlan) -> None:
    """What a sheet cannot do for a meeting at a distance, and a link that is not taken over."""
    link = plan.session.link if plan.session else meeting_links.told(plan.told.link)
    if plan.is_new and plan.told.link and not link:
        plan.warnings.append("表中的会议链接不是完整的 https 链接，不导入；活动按现场活动建立。")
    if link and not (plan.session and plan.session.is_closed):
        plan.warnings.append("这是线上活动：导入标记后，请到点名页核对会议人数，再记学时。")


def _due_in_new(branch: Organization, plan: SessionPlan) -> list[int]:
    """Who will be due in a session of the branch that nobody has planned."""
    day = plan.told.date
    if day is None:
        return []
    members = Membership.objects.on(day).filter(below(branch.path, lookup="branch__path"))
    exempt = Standing.objects.filter(programme__in=_counted_in(plan), exempt=True, on_roll=True)
    members = members.exclude(member__in=exempt.values("member")).order_by("pk")
    return list(dict.fromkeys(members.values_list("member_id", flat=True)))


def _counted_in(plan: SessionPlan) -> list[Programme]:
    """The programmes for which the session counts, as far as that is answered."""
    if plan.session:
        return list(plan.programmes)
    return sheet_asks.counted_in(plan.programmes, plan.answer("programme"))


def _limits(
    plan: SessionPlan, branch: Organization, windows: dict[int, Windows], at: datetime
) -> None:
    """Limits of programme and back-dating: said now, refused only on confirming. windows: those
    of each programme, for the whole sheet."""
    day, today = plan.told.date, timezone.localdate(at)
    if day is None or plan.does_nothing or (plan.session and plan.session.is_closed):
        return
    if not plan.programmes and not any(ask.is_open for ask in plan.asks):
        plan.warnings.append("本支部没有正在进行的专题教育，导入时会被拒绝。")
    for programme in _counted_in(plan):
        if not programme.starts <= day <= programme.ends:
            plan.warnings.append(
                f"{day} 不在{programme}的起止日期（{programme.starts} 至 {programme.ends}）内，"
                "导入时会被拒绝。"
            )
        rules = rule_book.of(programme).on(day).rules
        late = dates.too_late(day, today, rules, what="活动")
        if late:
            known = windows.setdefault(programme.pk, Windows(programme))
            open_ = known.letting_in(day, [branch.path], at=at)
            told = known.told([branch.path], at=at)
            then = "在补录期内，导入的学时标为“补录”。" if open_ else f"{told}导入时会被拒绝。"
            plan.warnings.append(late + then)
    if day > today:
        plan.warnings.append(f"{day} 还没有到，不能先记考勤。")
