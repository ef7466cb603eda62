"""Check-in by phone: a rotating code, the proof of a scan, and the mark that it makes.

Flow: the room shows `code_at(session, now)` as QR and six digits, turning every 15 seconds (every
minute in a meeting at a distance: the picture lags, and the digits are read aloud). The
first request with a valid code is given a signed proof (session, moment, browser, nonce); posting
the proof within five minutes marks the member, also when they had to sign in first. Only the
server's clock counts, so a wrong phone clock does not matter. The code proves no presence by
itself (it can be passed on): the secretary's head count at closing decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac

from courses import hosting
from courses.models import Attendance, Scan, Status, StudySession
from portal.models import Member
from portal.refusals import Refusal

STEP = 15  # seconds that a code is shown
LIVE_STEP = 60  # … in a meeting at a distance, where it is read aloud and typed on another device
BEFORE = timedelta(minutes=30)  # the window opens this long before the start …
PROOF_LIFE = timedelta(minutes=5)  # time to sign in after a scan
TRIES = 10  # wrong digits of one member and session in ten minutes
SALT = "courses.check_in"
WRONG = "签到码不对或已经变了，请看屏幕上现在的六位数字。"


class ScanRefused(Refusal):
    """A scan that marks nobody; it is kept with its reason for the secretary to see."""


class NotOnRoll(ScanRefused):
    """Scanned in time by somebody who does not stand on the roll; they may ask to be added."""

    message = "您不在这次活动的名单上。"


@dataclass(frozen=True)
class Code:
    """One code: the token in the QR address, and six digits to read aloud."""

    token: str
    digits: str
    seconds_left: int


@dataclass(frozen=True)
class Proof:
    """That a valid code was scanned at `at`, by the browser that holds `browser`."""

    session: str
    at: datetime
    browser: str
    nonce: str

    def sign(self) -> str:
        moment = self.at.astimezone(UTC).timestamp()
        return signing.dumps([self.session, moment, self.browser, self.nonce], salt=SALT)


def code_at(session: StudySession, at: datetime) -> Code:
    """The code that the room shows at a moment."""
    length = _length(session)
    turn, past = divmod(int(at.timestamp()), length)
    token, digits = _code(session, turn)
    return Code(token, digits, length - past)


def window_of(session: StudySession) -> tuple[datetime, datetime]:
    """From when until when a scan counts."""
    return session.starts_at - BEFORE, session.ends_at


def prove(session: StudySession, token: str, *, browser: str, at: datetime) -> Proof:
    """Turn a scanned code into a proof. Raises ScanRefused for an old or foreign code, or outside
    the window; writes nothing (a GET asks for it)."""
    check_window(session, at)
    if not any(constant_time_compare(token, code) for code, _ in _accepted(session, at)):
        raise ScanRefused("签到码已经变了，请对着屏幕上现在的码再扫一次。")
    return Proof(session.key, at, browser, get_random_string(12))


def check_window(session: StudySession, at: datetime) -> None:
    """Raise ScanRefused unless a scan counts at this moment; it says when the window opens."""
    if session.is_called_off:
        raise ScanRefused(f"这次活动{session.get_state_display()}。")
    opens, closes = window_of(session)
    if at < opens:
        first = timezone.localtime(opens)
        raise ScanRefused(
            f"还没有到签到时间，{first.month}月{first.day}日 {first:%H:%M} 开始签到，届时再扫即可。"
        )
    if at > closes or session.is_closed:
        raise ScanRefused("签到已经结束，请联系支部书记登记。")
    if session.state == StudySession.State.PLANNED:
        raise ScanRefused("支部还没有开始签到，请稍候再扫。")
    if session.method != StudySession.Method.CHECK_IN:
        raise ScanRefused("这次活动由支部点名，不用扫码。")


def check_not_hosted(session: StudySession, member: Member) -> None:
    """Raise ScanRefused for a mobile member of the organiser, whom it attests after the roll."""
    if hosting.hosted(session.organiser, [member.pk], on=session.day):
        raise ScanRefused(f"您是流入这里的流动党员，不用签到。{hosting.CREDITED}")


def read_proof(text: str, *, browser: str, at: datetime) -> Proof:
    """Read a signed proof. Raises ScanRefused when it is forged, older than five minutes, or was
    given to another browser."""
    try:
        session, moment, own, nonce = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise ScanRefused("签到链接无效，请重新扫码。") from error
    proof = Proof(session, datetime.fromtimestamp(moment, UTC), own, nonce)
    if at - proof.at > PROOF_LIFE:
        raise ScanRefused("扫码已超过 5 分钟，请重新扫码。")
    if not browser or not constant_time_compare(browser, own):
        raise ScanRefused("这个签到链接是别的手机扫的，不能转用，请自己扫码。")
    return proof


def session_of(text: str) -> str:
    """The session key that a signed proof names, however old it is; empty when it is forged."""
    try:
        return str(signing.loads(text, salt=SALT)[0])
    except (signing.BadSignature, ValueError):
        return ""


def find_by_digits(member: Member, digits: str, *, at: datetime) -> StudySession:
    """The open session of this member whose six digits these are. Raises ScanRefused."""
    day_sessions = StudySession.objects.filter(
        state=StudySession.State.OPEN, starts_at__lte=at + BEFORE, ends_at__gte=at
    )
    own = list(day_sessions.filter(attendances__member=member, method="check_in"))
    for session in own:
        if is_typed_right(session, member, digits, at=at):
            return session
    if not own:
        raise ScanRefused("现在没有您要参加的、正在签到的活动。")
    raise ScanRefused(WRONG)


def is_typed_right(session: StudySession, member: Member, digits: str, *, at: datetime) -> bool:
    """Whether these are the six digits shown now. Raises ScanRefused after too many wrong ones."""
    wrong = Scan.objects.filter(
        session=session, member=member, accepted=False, at__gt=at - timedelta(minutes=10)
    )
    if wrong.count() >= TRIES:
        raise ScanRefused("输错次数过多，请十分钟后再试，或请支部书记登记。")
    return any(constant_time_compare(digits, code) for _, code in _accepted(session, at))


def accept(
    session: StudySession, member: Member, *, scanned_at: datetime, nonce: str, at: datetime
) -> Attendance:
    """Mark a member present by a proven scan, once; every refusal is kept for the secretary.

    scanned_at: the moment of the proof, which must lie in the window; `at` may be minutes later.
    Raises ScanRefused with the reason.
    """
    try:
        return _accept(session, member, scanned_at=scanned_at, nonce=nonce, at=at)
    except ScanRefused as refusal:
        refuse(session, member, refusal.message, at=at)
        raise


def refuse(session: StudySession, member: Member | None, reason: str, *, at: datetime) -> None:
    """Keep a refused scan under the session that it was meant for."""
    Scan.objects.create(session=session, member=member, at=at, accepted=False, reason=reason[:120])


@transaction.atomic
def _accept(
    session: StudySession, member: Member, *, scanned_at: datetime, nonce: str, at: datetime
) -> Attendance:
    rows = Attendance.objects.filter(session=session, member=member)
    row = rows.select_for_update(of=("self",)).select_related("member").first()
    # Read after the lock on the mark: closing holds it, so a closed roll is seen here.
    session = StudySession.objects.get(pk=session.pk)
    check_window(session, scanned_at)
    if nonce and Scan.objects.filter(session=session, nonce=nonce).exists():
        raise ScanRefused("这次扫码已经用过了。")
    if row is None:
        check_not_hosted(session, member)
        raise NotOnRoll
    if row.scanned or row.is_there:
        raise ScanRefused("您已经签到，不用再扫。")
    if row.status not in (Status.NOT_YET, Status.ABSENT):
        raise ScanRefused(f"支部已登记您“{row.word}”，如已到会请告诉支部书记。")
    row.status, row.scanned, row.made_up_on = Status.PRESENT, True, None  # on a reopened roll
    row.marked_by, row.marked_at = member, at
    row.save(update_fields=["status", "scanned", "made_up_on", "marked_by", "marked_at"])
    Scan.objects.create(session=session, member=member, at=at, accepted=True, nonce=nonce)
    return row


def _length(session: StudySession) -> int:
    return LIVE_STEP if session.link else STEP


def _accepted(session: StudySession, at: datetime) -> list[tuple[str, str]]:
    """The codes that count at a moment: the one shown, and one turn either side."""
    now = int(at.timestamp()) // _length(session)
    return [_code(session, turn) for turn in (now, now - 1, now + 1)]


def _code(session: StudySession, step: int) -> tuple[str, str]:
    digest = salted_hmac(SALT, f"{session.key}:{step}", algorithm="sha256").digest()
    number = int.from_bytes(digest[:4], "big") % 1_000_000
    return digest[4:14].hex(), f"{number:06d}"
