"""What units to learn from (学) write of themselves, beside the figures and apart from them.

A draft that names a unit asks it; until the draft is published the unit may write and change its
text. The official may leave a text out, never change it; publishing freezes what is taken.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from credits import draft_lock, unit_check_states
from credits.models import (
    Bulletin,
    BulletinDraft,
    BulletinRow,
    BulletinUnitText,
    UnitText,
    UnitTextRequest,
)
from credits.models.unit_text import LONGEST
from portal import audit, messages
from portal.audit import Actor
from portal.messages import Letter
from portal.models import AuditEvent, Message, Organization
from portal.refusals import Conflict, NotAllowed, Refusal

FEW = 9  # branches of a unit without an official of its own, whose secretaries then write
NOTICE = Message.Kind.NOTICE
HIDDEN = ("Cc", "Cf", "Cs")  # categories of characters that print nothing and may mislead


@dataclass(frozen=True)
class Asked:
    """How far a named unit is: whether it was asked, by how many people it can write, what it
    wrote last, whether that is taken."""

    row: BulletinRow
    is_asked: bool
    writers: int
    text: UnitText | None
    left_out: bool


@transaction.atomic
def ask_anew(
    draft: BulletinDraft, rows: Sequence[BulletinRow], *, by: Actor, at: datetime
) -> list[UnitTextRequest]:
    """Ask those of the named units that were not asked yet. Raises NotADraft."""
    return ask(draft_lock.locked(draft), rows, by=by, at=at)


@transaction.atomic
def ask(
    draft: BulletinDraft, rows: Sequence[BulletinRow], *, by: Actor, at: datetime
) -> list[UnitTextRequest]:
    """The same for whoever holds the draft's lock."""
    asked = set(draft.text_requests.values_list("unit", flat=True))
    names = {row.unit_id: row.unit_name for row in rows if row.unit_id not in asked}
    if not names:
        return []
    made = UnitTextRequest.objects.bulk_create(
        UnitTextRequest(draft=draft, unit_id=unit, seat_id=seat, asked_at=at)
        for unit, seats in _seats(names, at=at).items()
        for seat in seats
    )
    by_seat = {request.seat_id: request for request in made}
    letters = [
        Letter(
            member, NOTICE, f"unit-text:{by_seat[seat].pk}", "请写一段本单位的做法",
            f"《{draft.title}》的草稿把{names[by_seat[seat].unit_id]}列为值得学的单位，请写一段做法，"
            f"最多 {LONGEST} 字，发布以前可以改。",
            f"/bulletins/texts/{by_seat[seat].pk}/",
            mail=False,
        )
        for seat, member in sorted(unit_check_states.checkers(by_seat, at=at))
    ]  # fmt: skip
    messages.send_many(letters, at=at)
    audit.record(
        AuditEvent.Event.BULLETIN, by=by, at=at, on=draft.programme.organiser,
        subject=f"请单位写做法：{draft.title}", detail={"units": len(names)},
    )  # fmt: skip
    return made


@transaction.atomic
def write(
    request: UnitTextRequest, text: str, *, seen: int = 0, by: Actor, at: datetime
) -> UnitText | None:
    """Write or change a unit's text; an empty one takes it back. seen: the text that the writer
    had before them (0 for none). Returns the newest text; nothing changes where it is the same.

    Raises NotADraft once the draft is published, NotAllowed for whoever is not appointed there,
    Conflict when somebody else of the unit wrote meanwhile, Refusal for a text that is too long.
    """
    draft = draft_lock.locked(request.draft, published="这期通报已经发布，文字不能再改。")
    if (request.seat_id, by.member.pk) not in unit_check_states.checkers([request.seat_id], at=at):
        raise NotAllowed("只能写本单位的做法。")
    said = plain(text)
    if len(said) > LONGEST:
        raise Refusal(f"最多 {LONGEST} 字，现在有 {len(said)} 字。", field="text")
    last = of_unit(draft, request.unit_id)
    if (last.pk if last else 0) != seen:
        raise Conflict("本单位的另一位同志刚刚改过，请看过新的文字再改。")
    if said == (last.text if last else ""):
        return last
    made = UnitText.objects.create(request=request, text=said, by=by.member, at=at)
    name = request.unit.short_name
    letter = Letter(
        draft.made_by_id, NOTICE, f"unit-text-written:{request.pk}", "单位写了做法",
        f"{name}为《{draft.title}》写了做法，采用与否请在草稿里定。",
        f"/bulletins/drafts/{draft.pk}/", mail=False,
    )  # fmt: skip
    messages.send_many([letter], at=at)
    audit.record(
        AuditEvent.Event.BULLETIN, by=by, at=at, on=request.unit, subject=f"写做法：{name}",
        detail={"request": request.pk, "text": made.pk, "characters": len(said)},
    )  # fmt: skip
    return made


def plain(text: str) -> str:
    """A text as one paragraph, without characters that print nothing."""
    lines = ("".join(c for c in line if not _is_hidden(c)).strip() for line in text.splitlines())
    return "".join(lines)


def of_unit(draft: BulletinDraft, unit: int) -> UnitText | None:
    """The newest text of a unit, also one that took it back."""
    rows = UnitText.objects.filter(request__draft=draft, request__unit=unit)
    return rows.select_related("by").order_by("-pk").first()


def written(draft: BulletinDraft) -> dict[int, UnitText]:
    """What units have written, by unit."""
    found: dict[int, UnitText] = {}
    rows = UnitText.objects.filter(request__draft=draft).select_related("request__unit", "by")
    for text in rows.order_by("pk"):
        found[text.request.unit_id] = text
    return {unit: text for unit, text in found.items() if text.text}


def taken(draft: BulletinDraft) -> dict[int, UnitText]:
    """The same without those that the official leaves out."""
    return {u: text for u, text in written(draft).items() if u not in draft.left_out}


def last_written(draft: BulletinDraft) -> int:
    """What has been written so far, as one number that grows with every change."""
    rows = UnitText.objects.filter(request__draft=draft).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def check_seen(draft: BulletinDraft, seen: int) -> None:
    """Raises Conflict where a unit wrote after the draft was looked at."""
    if last_written(draft) != seen:
        raise Conflict("有单位在您预览之后改了做法，请重新预览后再发布。")


def asked(draft: BulletinDraft, rows: Sequence[BulletinRow], *, at: datetime) -> list[Asked]:
    """How far each of the named units is; a fixed number of queries."""
    seats = dict(draft.text_requests.values_list("seat", "unit"))
    people = Counter(seats[seat] for seat, _ in unit_check_states.checkers(seats, at=at))
    texts, units = written(draft), set(seats.values())
    return [
        Asked(row, row.unit_id in units, people[row.unit_id], texts.get(row.unit_id),
              row.unit_id in draft.left_out)
        for row in rows
    ]  # fmt: skip


def frozen(
    draft: BulletinDraft, bulletin: Bulletin, rows: Iterable[BulletinRow]
) -> list[BulletinUnitText]:
    """What is published of the units that the figures name, in their order; not saved yet."""
    texts = taken(draft)
    return [
        BulletinUnitText(
            bulletin=bulletin, unit_id=row.unit_id, unit_code=row.unit_code,
            text=texts[row.unit_id].text, by=texts[row.unit_id].by, at=texts[row.unit_id].at,
        )
        for row in rows
        if row.unit_id in texts
    ]  # fmt: skip


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN


def _seats(units: Collection[int], *, at: datetime) -> dict[int, list[int]]:
    """Where each unit's writers are appointed: at the unit itself; where nobody is, at the
    branches of a small unit."""
    held = {unit for unit, _ in unit_check_states.checkers(units, at=at)}
    branches: dict[int, list[int]] = defaultdict(list)
    there = Organization.objects.standing(timezone.localdate(at)).branches()
    rows = there.filter(unit__in=[unit for unit in units if unit not in held])
    for unit, branch in rows.order_by("path").values_list("unit", "pk"):
        branches[unit or 0].append(branch)
    return {u: branches[u] if 0 < len(branches[u]) <= FEW else [u] for u in units}
