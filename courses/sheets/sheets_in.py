"""Attendance spreadsheets in: staged, previewed, confirmed once as a whole, undone as one act.

An upload is kept in the database with the answers given so far; every look at it reads the file
anew, against the roster and the sessions of that moment; of a long sheet (long_sheets.py) a worker
read and staged the rows. Nothing is written until somebody confirms exactly what they saw: the text
is read before the locks (sheet_texts.py), and planned once more under them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from courses.models import SheetImport
from courses.sheets import (
    sheet_asks,
    sheet_planning,
    sheet_staging,
    sheet_texts,
    sheet_undoing,
    sheet_writing,
)
from courses.sheets.rosters import BranchRoster
from courses.sheets.sheet_plans import Moved, Preview, SessionPlan
from courses.sheets.sheet_reading import read
from courses.sheets.sheet_staging import Unreadable
from courses.sheets.sheet_texts import Text
from credits import programmes
from portal import audit, workbooks
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.refusals import Refusal

State = SheetImport.State
STAGED = timedelta(days=7)  # how long an upload waits for confirmation
LONG = 60_000  # bytes of a file that a worker reads and writes: about 1,500 rows
CONTENT_KEPT = timedelta(days=30)  # how long a file is kept beside its receipt


class Unanswered(Refusal):
    """Something is still to be answered before the sheet can be written."""


def stage(
    branch: Organization, data: bytes, filename: str, *, by: Actor, at: datetime
) -> SheetImport:
    """Keep an upload until it is confirmed; the same file again is the import that is there.

    A long one is read by a worker. Raises WorkbookRefusal for files that are no
    spreadsheet, Unreadable for other sheets.
    """
    digest = hashlib.sha256(data).hexdigest()
    same = SheetImport.objects.filter(organization=branch, digest=digest)
    known = same.filter(state=State.WRITTEN).first() or same.filter(
        state=State.READ, by=by.member
    ).first()  # fmt: skip
    if known:
        return known
    is_long = len(data) > LONG
    if not is_long:
        book = workbooks.read(data, filename)
        reading = read(book, roster=BranchRoster(branch), at=timezone.localdate(at))
        if reading.outcome == "refuse":
            raise Unreadable(reading.message, field="file")
    return SheetImport.objects.create(
        organization=branch,
        file_name=filename.replace("\\", "/").rsplit("/", 1)[-1][-120:],
        digest=digest,
        content=data,
        is_long=is_long,
        by=by.member,
        at=at,
    )


def look(staged: SheetImport, *, at: datetime) -> Preview:
    """The preview of an upload, with the answers given so far: what the file says, what is to be
    asked, and what confirming would change. Writes nothing."""
    return _preview(sheet_texts.text_of(staged, at=at), staged.organization, at)


def _preview(text: Text, branch: Organization, at: datetime) -> Preview:
    people = [
        (person.number, f"{person.name}（{person.number}）")
        for person in sorted(BranchRoster(branch).own, key=lambda p: (p.name, p.number))
        if person.until is None
    ]
    open_ = {question.key for question in text.reading.questions}
    questions = [
        sheet_asks.of_question(question, people, text.answers.get(key, ""), is_open=key in open_)
        for key, question in {question.key: question for question in text.asked}.items()
    ]
    plans = sheet_planning.plans_of(text.reading, branch, answers=text.answers, at=at)
    return Preview(text.reading, plans, questions, text.digest)


@transaction.atomic
def answer(staged: SheetImport, answers: Mapping[str, str], *, by: Actor) -> SheetImport:
    """Keep answers to what is asked; an empty one takes an answer back."""
    staged = _locked(staged)
    if staged.state != State.READ:
        raise Refusal(f"这个文件{staged.get_state_display()}，不能再改。")
    merged = staged.answers | {key[:200]: value[:200] for key, value in answers.items()}
    staged.answers = {key: value for key, value in merged.items() if value}
    staged.said, staged.checked_at = {}, None
    staged.save(update_fields=["answers", "said", "checked_at"])
    return staged


def are_given(staged: SheetImport, answers: Mapping[str, str]) -> bool:
    """Whether the answers say nothing else than those kept already."""
    return all(staged.answers.get(key, "") == value for key, value in answers.items())


def confirm(staged: SheetImport, *, seen: str, by: Actor, at: datetime) -> SheetImport:
    """Write what the preview with the fingerprint `seen` showed: all of it or nothing, once.

    Confirming again changes nothing. Raises Moved when anything changed since the preview,
    Unanswered, and whatever the verbs refuse (limits of programme and back-dating among it).
    """
    found = SheetImport.objects.select_related("organization").get(pk=staged.pk)
    if found.state != State.READ:
        return found
    return _confirm(found, [sheet_texts.text_of(found, at=at)], seen=seen, by=by, at=at)


@transaction.atomic
def _confirm(
    staged: SheetImport, texts: list[Text], *, seen: str, by: Actor, at: datetime
) -> SheetImport:
    """The same of a text that was read before the lock, as long as it is still the sheet's. It is
    taken out of its list: a long one is not to be held while its marks are written."""
    programmes.share_all()
    branch = Organization.objects.select_for_update(no_key=True).get(pk=staged.organization_id)
    staged = _locked(staged)
    if staged.state != State.READ:
        return staged
    same = SheetImport.objects.filter(organization=branch, digest=staged.digest)
    if same.filter(state=State.WRITTEN).exists():
        raise Refusal("同一个文件已经导入过，没有重复导入。")
    plans = _as_seen(texts.pop(), staged, seen, at)
    reason = f"导入表格：{staged.file_name}"
    sheet_writing.write(plans, staged, reason=reason, by=by, at=at)
    staged.state, staged.written_at, staged.by = State.WRITTEN, at, by.member
    staged.save(update_fields=["state", "written_at", "by"])
    _note("导入考勤表", staged, by=by, at=at)
    return staged


def _as_seen(text: Text, staged: SheetImport, seen: str, at: datetime) -> list[SessionPlan]:
    """What is to be written, where it is what the preview with this fingerprint showed."""
    if not text.is_that_of(staged):
        raise Moved
    found = _preview(text, staged.organization, at)
    if found.fingerprint != seen:
        raise Moved
    if found.open_asks:
        raise Unanswered(f"还有 {len(found.open_asks)} 处没有回答，请先回答。")
    return [plan for plan in found.plans if not plan.does_nothing]


@transaction.atomic
def undo(staged: SheetImport, *, by: Actor, at: datetime) -> list[str]:
    """Take an import back as one act, by reversals. Returns the names of what was edited since:
    that is kept. Undoing again changes nothing."""
    staged = _locked(staged)
    if staged.state != State.WRITTEN:
        return []
    reason = f"撤销导入：{staged.file_name}"
    kept = sheet_undoing.take_back(staged, reason=reason, by=by, at=at)
    staged.state, staged.undone_at = State.UNDONE, at
    staged.save(update_fields=["state", "undone_at"])
    _note("撤销导入考勤表", staged, by=by, at=at, kept=kept)
    return kept


def expire(*, at: datetime) -> int:
    """Remove uploads that nobody confirmed for a week, and old files behind receipts.

    Returns how many uploads were removed.
    """
    old = SheetImport.objects.filter(state=State.READ, at__lt=at - STAGED)
    count = 0
    for staged in old.only("pk"):
        sheet_staging.forget(staged)
        staged.delete()
        count += 1
    done = SheetImport.objects.exclude(state=State.READ).filter(at__lt=at - CONTENT_KEPT)
    done.exclude(content=b"").update(content=b"", answers={})
    return count


def _locked(staged: SheetImport) -> SheetImport:
    rows = SheetImport.objects.select_for_update(of=("self",)).select_related("organization")
    return rows.get(pk=staged.pk)


def _note(
    what: str, staged: SheetImport, *, by: Actor, at: datetime, kept: list[str] | None = None
) -> None:
    sessions, rows = staged.wrote()
    audit.record(
        AuditEvent.Event.IMPORT,
        by=by,
        at=at,
        on=staged.organization,
        subject=f"{what}：{staged.file_name}",
        detail={
            "digest": staged.digest,
            "sessions": sessions,
            "rows": rows,
            **({"kept": kept} if kept else {}),
        },
    )
