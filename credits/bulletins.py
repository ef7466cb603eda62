"""Score bulletins (积分通报): drawn up from figures, edited, published as an immutable number.

Figures are computed and never edited; text is drafted from the figures and then edited. Publishing
locks the programme, so that figures and heads of the books are those of one moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, F, Max
from django.utils import timezone

from credits import digests, ledger_sql, rankings, registers, unit_check_states
from credits.bulletin_texts import draft_texts
from credits.models import (
    BranchStanding,
    Bulletin,
    BulletinDraft,
    BulletinRow,
    BulletinText,
    BulletinWithdrawal,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    RankingPermit,
    View,
)
from credits.rankings import Place
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Cohort
from portal.prepared import Prepared, columns, given, unsaved
from portal.refusals import Conflict, Refusal

FIGURES = (
    "unit_code",
    "unit_name",
    "cohort",
    "due",
    "exempt",
    "completed",
    "hours",
    "points",
    "sessions",
    "rank",
    "previous_rank",
    "previous_due",
    "previous_completed",
)


class NotADraft(Refusal):
    """The draft is published already."""

    message = "这份草稿已经发布，不能再改；需要更正时请撤回后另发一期。"


SUMS = ("due", "exempt", "completed", "hours", "points")


class Before(NamedTuple):
    """What the last number said of a unit."""

    rank: int | None = None
    due: int | None = None
    completed: int | None = None


@dataclass(frozen=True)
class Figures:
    """What a bulletin says in numbers: rows by cohort and rank, and the number it compares with."""

    rows: tuple[BulletinRow, ...]
    previous: Bulletin | None
    holds: Callable[[BulletinRow], bool] = lambda row: bool(row.sessions)  # sessions of its own

    def of(self, cohort: str) -> list[BulletinRow]:
        return self._ranked.get(cohort, [])

    @cached_property
    def _ranked(self) -> dict[str, list[BulletinRow]]:
        found: dict[str, list[BulletinRow]] = {}
        for row in self.rows:
            if row.rank is not None:
                found.setdefault(row.cohort, []).append(row)
        return found

    @property
    def apart(self) -> list[BulletinRow]:
        """Units where nobody is due."""
        return [row for row in self.rows if row.rank is None]

    @property
    def cohorts(self) -> list[tuple[str, list[BulletinRow]]]:
        """Cohorts that have units, in their fixed order."""
        return [(label, rows) for value, label in Cohort.choices if (rows := self.of(value))]

    @cached_property
    def totals(self) -> dict[str, int]:
        names = ("due", "exempt", "completed", "hours", "points", "sessions")
        return {name: sum(getattr(row, name) for row in self.rows) for name in names}

    @property
    def rate(self) -> float | None:
        sums = self.totals
        return sums["completed"] / sums["due"] if sums["due"] else None

    @property
    def previous_rate(self) -> float | None:
        """The whole city's rate in the previous number: sum over sum."""
        rows = [row for row in self.rows if row.previous_due]
        due = sum(row.previous_due or 0 for row in rows)
        return sum(row.previous_completed or 0 for row in rows) / due if due else None


def check_writable(programme: Programme) -> RankingPermit:
    """The permit under which a new number may be made. Raises NotPermitted without one, and for a
    programme in the archive: its figures are in its last number."""
    if programme.state == Programme.State.ARCHIVED:
        raise rankings.NotPermitted(f"{programme}已归档，不再编制通报；已发布的各期仍可查阅。")
    return rankings.check_permitted(programme)


@transaction.atomic
def draw_up(
    programme: Programme, *, title: str, cohorts: Sequence[str], by: Actor, at: datetime
) -> BulletinDraft:
    """Begin a draft with texts drafted from today's figures.

    Raises NotPermitted without a ranking permit, Refusal without a cohort.
    """
    check_writable(programme)
    chosen = [c for c in Cohort.values if c in cohorts]
    if not chosen:
        raise Refusal("请至少选择一个系统。", field="cohorts")
    draft = BulletinDraft.objects.create(
        programme=programme,
        title=title.strip(),
        cohorts=chosen,
        texts=draft_texts(_to_draft_from(programme, chosen), programme, at=at),
        made_by=by.member,
        made_at=at,
        changed_at=at,
    )
    event = audit.event(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"起草：{draft.title}",
    )
    audit.record_many([event])
    return draft


@transaction.atomic
def edit(
    draft: BulletinDraft,
    *,
    title: str,
    texts: Mapping[str, str],
    seen_version: int,
    by: Actor,
    at: datetime,
) -> BulletinDraft:
    """Change title and texts. Raises Conflict when somebody else did so first, NotADraft."""
    draft = _locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿刚刚被别人修改过，请刷新后再改；您的文字还在下面，可以复制。")
    draft.title = title.strip() or draft.title
    draft.texts = {v: texts.get(v, draft.texts.get(v, "")).strip() for v in View.values}
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


@transaction.atomic
def redraft(draft: BulletinDraft, *, by: Actor, at: datetime) -> BulletinDraft:
    """Draft the texts anew from the present figures; what was edited is replaced.

    Raises NotPermitted, NotADraft.
    """
    check_writable(draft.programme)
    draft = _locked(draft)
    draft.texts = draft_texts(
        _to_draft_from(draft.programme, draft.cohorts), draft.programme, at=at
    )
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


@transaction.atomic
def publish(draft: BulletinDraft, *, seen_version: int, by: Actor, at: datetime) -> Bulletin:
    """Publish a draft as the next number of its year: rows, texts and heads in one transaction.

    Raises NotPermitted, NotADraft, Conflict when the draft is not the one that was previewed.
    """
    programme = Programme.objects.select_for_update().get(pk=draft.programme_id)
    draft = _locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿在您预览之后被修改过，请重新预览后再发布。")
    permit = check_writable(programme)
    unit_check_states.check_answered(draft)
    found = figures(programme, draft.cohorts)
    bulletin = _write(draft, found, permit, by=by, at=at)
    draft.bulletin = bulletin
    draft.save(update_fields=["bulletin"])
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"发布：{bulletin}",
        detail={"digest": bulletin.digest},
    )
    return bulletin


@transaction.atomic
def withdraw(bulletin: Bulletin, *, reason: str, by: Actor, at: datetime) -> BulletinWithdrawal:
    """Take a published number back with a reason; the number is never used again."""
    if not reason.strip():
        raise Refusal("请写明撤回的理由。", field="reason")
    Programme.objects.select_for_update().get(pk=bulletin.programme_id)
    if BulletinWithdrawal.objects.filter(bulletin=bulletin).exists():
        raise Refusal("这一期已经撤回。")
    withdrawal = registers.enter(
        BulletinWithdrawal(bulletin=bulletin, reason=reason.strip()[:200], by=by.member, at=at)
    )
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=bulletin.programme.organiser,
        subject=f"撤回：{bulletin}",
        detail={"reason": reason},
    )
    return withdrawal


def figures(programme: Programme, cohorts: Sequence[str]) -> Figures:
    """The figures as they stand: unsaved rows with ranks, and what the last number said."""
    return _figures(programme, cohorts, _sessions_held(programme))


def _to_draft_from(programme: Programme, cohorts: Sequence[str]) -> Figures:
    """The figures for the texts of a draft, which asks of few units whether they hold sessions:
    to count everybody's is to read the whole ledger."""

    def holds(row: BulletinRow) -> bool:
        if ledger_sql.has_plain_session(programme.pk, row.unit_id):
            return True
        books = LedgerBook.objects.filter(programme=programme, organization__unit=row.unit_id)
        postings = Posting.objects.filter(
            programme=programme, book__in=list(books.values_list("pk", flat=True))
        ).order_by("book", "sequence")  # in the order of an index: the first session will do
        return any(
            kind == "session" and _has_live_line(programme, posting)
            for posting, kind in postings.values_list("pk", "kind").iterator(chunk_size=100)
        )

    return replace(_figures(programme, cohorts, {}), holds=holds)


def _has_live_line(programme: Programme, posting: int) -> bool:
    """Looked for by posting, then line by line until one is live: asked for in one statement,
    SQLite looks through every line of the programme."""
    lines = LedgerEntry.objects.filter(programme=programme)
    own = lines.filter(posting=posting).order_by("line").values_list("pk", "reverses")
    return any(reverses is None and not lines.filter(reverses=pk).exists() for pk, reverses in own)


def _figures(programme: Programme, cohorts: Sequence[str], held: Mapping[int, int]) -> Figures:
    previous = rankings.last_bulletin(programme)
    before: dict[tuple[int, str], Before] = {}
    if previous:
        for unit, cohort, *was in _rows_of(bulletin=previous.pk):
            before[unit, cohort] = Before(*was)
    rows: list[BulletinRow] = []
    by_cohort: dict[str, list[Place]] = {cohort: [] for cohort in cohorts}
    for cohort, *sums in _unit_sums(programme=programme.pk):
        if cohort in by_cohort:
            place = Place(*sums)
            by_cohort[cohort].append(place._replace(value=place.rate))
    for cohort in (c for c in Cohort.values if c in by_cohort):
        places = rankings.ranked([p for p in by_cohort[cohort] if p.value is not None])
        places += sorted((p for p in by_cohort[cohort] if p.value is None), key=lambda p: p.code)
        rows += [
            _row(p, cohort, held, before.get((p.organization, cohort), Before())) for p in places
        ]
    return Figures(tuple(rows), previous)


_rows_of = Prepared(
    lambda: BulletinRow.objects.filter(bulletin=given("bulletin", int)).values_list(
        "unit_id", "cohort", *Before._fields
    )
)
_unit_sums = Prepared(
    lambda: (
        BranchStanding.objects.filter(programme=given("programme", int))
        .by_unit()
        .values_list("cohort", "unit", "code", "name", *SUMS)
    )
)


def published(bulletin: Bulletin) -> Figures:
    """The figures of a published number, from its own rows."""
    rows = bulletin.rows.order_by("pk")
    return Figures(tuple(rows), bulletin.previous)


def digest_of(bulletin: Bulletin) -> str:
    """The digest over a number's figures, texts and heads, computed anew from its rows."""
    using = bulletin._state.db or "default"
    rows = BulletinRow.objects.using(using).filter(bulletin=bulletin).order_by("pk")
    texts = BulletinText.objects.using(using).filter(bulletin=bulletin).order_by("view")
    return _digest(
        bulletin,
        [[getattr(row, name) for name in FIGURES] for row in rows],
        {t.view: t.text for t in texts},
        digests.algorithm_of(bulletin.digest),
    )


def _write(
    draft: BulletinDraft, found: Figures, permit: RankingPermit, *, by: Actor, at: datetime
) -> Bulletin:
    programme, year = draft.programme, timezone.localdate(at).year
    numbers = Bulletin.objects.filter(programme=programme, year=year)
    bulletin = Bulletin(
        programme=programme,
        year=year,
        number=(numbers.aggregate(n=Max("number"))["n"] or 0) + 1,
        title=draft.title,
        cutoff=at,
        published_at=at,
        published_by=by.member,
        permit=permit,
        document=permit.document,
        previous=found.previous,
        heads=heads_of(programme),
    )
    texts = {view: draft.texts.get(view, "") for view in View.values}
    rows = [[getattr(row, name) for name in FIGURES] for row in found.rows]
    bulletin.digest = _digest(bulletin, rows, texts, digests.algorithm())
    bulletin.save(force_insert=True)
    for row in found.rows:
        row.bulletin = bulletin
    BulletinRow.objects.bulk_create(found.rows)
    BulletinText.objects.bulk_create(
        BulletinText(bulletin=bulletin, view=view, text=text) for view, text in texts.items()
    )
    return bulletin


def heads_of(programme: Programme) -> dict[str, dict[str, Any]]:
    """The heads of all books of a programme, as bulletins keep them."""
    books = LedgerBook.objects.filter(programme=programme).exclude(last_sequence=0)
    return {
        f"{programme.code}/{book.organization.code}": {
            "sequence": book.last_sequence,
            "digest": book.last_digest,
        }
        for book in books.select_related("organization").order_by("pk")
    }


def _digest(bulletin: Bulletin, rows: list[list[Any]], texts: Mapping[str, str], name: str) -> str:
    return digests.of_json(
        {"columns": registers.form(bulletin), "rows": rows, "texts": dict(texts)}, name
    )


def _row(place: Place, cohort: str, held: Mapping[int, int], before: Before) -> BulletinRow:
    values = (
        None,
        None,
        place.organization,
        place.code,
        place.name,
        cohort,
        place.due,
        place.exempt,
        place.completed,
        place.hours,
        place.points,
        held.get(place.organization, 0),
        place.rank,
        *before,
    )
    return unsaved(BulletinRow, zip(_ROW, values, strict=True))


_ROW = columns(BulletinRow)


def _sessions_held(programme: Programme) -> dict[int, int]:
    """Sessions held by unit: those that leave a live line. One that was never corrected does so if
    it had a line at all; only of the others are the lines read."""
    posted = Posting.objects.filter(programme=programme, kind="session")
    corrected = posted.filter(revision__gt=1).order_by().values("key")
    unit = F("book__organization__unit")
    plain = posted.filter(revision=1, lines__gt=0).exclude(key__in=corrected).order_by()
    held = Counter({u: n for u, n in plain.values_list(unit).annotate(n=Count("pk")) if u})
    seen: dict[str, int] = {}
    again = posted.filter(key__in=corrected).order_by("key", "revision")
    for posting, key, own in again.values_list("pk", "key", unit):
        if own and key not in seen and _has_live_line(programme, posting):
            seen[key] = own
    held.update(seen.values())
    return held


def _locked(draft: BulletinDraft) -> BulletinDraft:
    ledger_sql.share_programme(draft.programme_id)
    rows = BulletinDraft.objects.select_for_update(of=("self",))
    draft = rows.select_related("programme__organiser").get(pk=draft.pk)
    if draft.bulletin_id:
        raise NotADraft
    return draft
