"""Sessions at a distance (线上活动): the list is compared with who was in the meeting before its
hours are credited, and a link that fails is replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from courses import meeting_links, session_history, sessions
from courses.meeting_links import BadLink
from courses.models import THERE, Attendance, Status, StudySession
from courses.sessions import NotNow
from portal.audit import Actor
from portal.refusals import Refusal


class NotCompared(Refusal):
    """The list does not agree with who was counted in the meeting."""


@transaction.atomic
def relink(session: StudySession, link: str, *, by: Actor, at: datetime) -> StudySession:
    """Give a session at a distance another link, also while its roll is open: links fail at the
    last minute. Raises BadLink; NotNow once it is over, or where it meets in a room."""
    session = sessions.lock(session)
    if session.is_over:
        raise NotNow(f"活动{session.get_state_display()}，不用再换会议链接。")
    if not session.link:
        raise NotNow("这次活动不是线上活动；开始点名前，可以在“调整”里填写会议链接。")
    if not link:
        raise BadLink("请填写新的会议链接。", field="link")
    meeting_links.check(link)
    if link == session.link:
        return session
    session.link = link
    session.version += 1
    session.save(update_fields=["link", "version"])
    session_history.note(session, "更换会议链接", by=by, at=at)
    return session


def compare(
    rolls: Sequence[StudySession],
    marks: Mapping[int, Mapping[int, Attendance]],
    counted: Mapping[int, int | None],
) -> None:
    """Keep of each locked session at a distance how many were counted in its meeting.

    counted: by session id, whoever took part: members due, guests and observers. Raises NotCompared
    where nobody counted, or where the list says another number.
    """
    for session in rolls:
        if not session.link:
            continue
        there = taking_part(row.status for row in marks[session.pk].values())
        number = counted[session.pk]
        if number is None:
            text = "这是线上活动，请先数一数会议里有几人，与名单核对后再记学时。"
            raise NotCompared(text, field="compared")
        if number != there:
            raise NotCompared(
                f"会议里数到 {number} 人，名单上到会 {there} 人（含客人和列席），对不上。"
                "请逐人核对名单，改好后再记学时。",
                field="compared",
            )
        session.compared = number
        session.save(update_fields=["compared"])


def taking_part(statuses: Iterable[str]) -> int:
    """How many of these marks say that somebody was in the meeting."""
    return sum(status in THERE or status == Status.OBSERVER for status in statuses)
