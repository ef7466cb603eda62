"""The address of a meeting held at a distance (会议链接): which ones we show, and to whom."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from courses.models import Attendance, StudySession
from portal.models import Member
from portal.refusals import Refusal

MOST = StudySession.MOST_OF_LINK
# Printable ASCII that addresses consist of. Without backslash, which browsers read as a slash.
_WRITTEN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


class BadLink(Refusal):
    """An address that nobody should be sent to, or that is none."""


def check(link: str) -> None:
    """Raises BadLink unless `link` is empty or an https address of a named host, without name and
    password in it."""
    if not link:
        return
    if len(link) > MOST:
        raise BadLink(f"会议链接最多 {MOST} 个字符，现在有 {len(link)} 个。", field="link")
    if not link.startswith("https://"):
        raise BadLink("会议链接要以 https:// 开头，请从会议软件里复制完整的链接。", field="link")
    if not _WRITTEN.fullmatch(link):
        raise BadLink(
            "会议链接里有空格、汉字或别的多余字符，请只粘贴链接本身，不带邀请文字。", field="link"
        )
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        raise BadLink("会议链接不完整，请从会议软件里重新复制。", field="link") from None
    if "@" in parts.netloc:
        raise BadLink("会议链接里不能带用户名和密码（“@”前面的部分）。", field="link")
    if not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise BadLink("会议链接里没有看得懂的网站名，请从会议软件里重新复制。", field="link")


def told(text: str | None) -> str:
    """The link of which a sheet tells; empty where it is none that we would show."""
    link = (text or "").strip()
    try:
        check(link)
    except BadLink:
        return ""
    return link


def is_offered(
    session: StudySession, member: Member, mark: Attendance | None, *, at: datetime
) -> bool:
    """Whether a member is shown the way into the meeting: as long as it is to come or lasts, who
    stands on its roll, for whom it is held, or who may go to it as a guest."""
    if not session.link or session.is_over or session.ends_at <= at:
        return False
    if mark is not None:
        return True
    rows = StudySession.objects.filter(pk=session.pk)
    return rows.for_member(member).exists() or rows.open_to(member, at).exists()
