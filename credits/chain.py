"""The chain of a book: locking its head, numbering and digesting what follows, writing it set-wise.

No rule is decided here; `credits.ledger` has settled every line before it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from credits import digests, ledger_sql
from credits.lines import Line, Refused, Request
from credits.models import (
    CreditedContent,
    CreditedTime,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
)
from portal.audit import Actor

POSTING = [
    "id",
    "programme",
    "book",
    "sequence",
    "kind",
    "key",
    "revision",
    "title",
    "reason",
    "by",
    "at",
    "lines",
    "fingerprint",
    "previous",
    "digest",
]
ENTRY = [
    "id",
    "programme",
    "posting",
    "line",
    "member",
    "home",
    "form",
    "period",
    "content",
    "day",
    "minutes",
    "start",
    "end",
    "hours",
    "rules",
    "reverses",
    "check_value",
]


@dataclass
class Head:
    """A locked book and where its chain ends."""

    pk: int
    code: str
    sequence: int
    digest: str


@dataclass
class Act:
    """One new request with what came of it, before it is written."""

    request: Request
    by: Actor
    at: datetime
    lines: list[Line]
    refused: list[Refused]
    posting: Posting | None = None


def lock_books(programme: Programme, requests: Sequence[Request]) -> dict[tuple[str, str], Head]:
    """Lock the books. A correction goes into the original's book, wherever the organiser is now."""
    firsts = Posting.objects.filter(
        programme=programme,
        kind__in={r.source.kind for r in requests},
        key__in=[r.source.key for r in requests],
        revision=1,
    )
    original = {
        (kind, key): (organization, code)
        for kind, key, organization, code in firsts.values_list(
            "kind", "key", "book__organization", "book__organization__code"
        )
    }
    place = {r.place: original.get(r.place, (r.organiser.pk, r.organiser.code)) for r in requests}
    books = ledger_sql.lock_books(programme.pk, [pk for pk, _ in place.values()])
    heads = {pk: Head(books[pk][0], code, *books[pk][1:]) for pk, code in place.values()}
    return {key: heads[pk] for key, (pk, _) in place.items()}


def write(programme: Programme, acts: Sequence[Act], heads: dict[tuple[str, str], Head]) -> None:
    """Write postings, lines and what they occupy, and move the books' heads."""
    postings = ledger_sql.next_ids(Posting, len(acts))
    entries = iter(ledger_sql.next_ids(LedgerEntry, sum(len(act.lines) for act in acts)))
    rows: list[tuple[object, ...]] = []
    for pk, act in zip(postings, acts, strict=True):
        head, request = heads[act.request.place], act.request
        act.lines = [
            _numbered(programme, request, head, number, line, next(entries))
            for number, line in enumerate(act.lines, 1)
        ]
        act.posting = _chained(programme, act, head, pk)
        rows += [
            (
                line.entry,
                programme.pk,
                pk,
                number,
                line.member,
                line.home,
                line.form,
                line.period,
                line.content,
                line.day,
                line.minutes,
                line.start,
                line.end,
                line.hours,
                line.rules,
                line.reversed_id,
                line.check_value,
            )
            for number, line in enumerate(act.lines, 1)
        ]
    _insert_postings([act.posting for act in acts if act.posting])
    ledger_sql.insert(LedgerEntry, ENTRY, rows)
    _occupy(programme, [line for act in acts for line in act.lines])
    ends = sorted({head.pk: head for head in heads.values()}.items())
    ledger_sql.update_by_id(
        LedgerBook, ["last_sequence", "last_digest"], [(h.sequence, h.digest, pk) for pk, h in ends]
    )


def _numbered(
    programme: Programme, request: Request, head: Head, number: int, line: Line, entry: int
) -> Line:
    check = digests.check_value(
        programme=programme.code,
        book=head.code,
        kind=request.source.kind,
        key=request.source.key,
        revision=request.revision,
        line=number,
        member=line.member_key,
        home=line.home_code,
        form=line.form,
        period=line.period,
        content=line.content,
        day=line.day,
        minutes=line.minutes,
        start=line.start,
        end=line.end,
        hours=line.hours,
        rules=line.rules,
        reverses=line.reversed_check,
    )
    return line._replace(entry=entry, check_value=check)


def _chained(programme: Programme, act: Act, head: Head, pk: int) -> Posting:
    """The posting that follows the head of its book, which moves on."""
    request, previous = act.request, head.digest
    fingerprint = request.fingerprint
    head.sequence += 1
    head.digest = digests.posting_digest(
        previous=previous,
        programme=programme.code,
        book=head.code,
        sequence=head.sequence,
        kind=request.source.kind,
        key=request.source.key,
        revision=request.revision,
        asked=fingerprint,
        reason=request.reason[:200],
        by=act.by.member.key,
        at=act.at,
        checks=[line.check_value for line in act.lines],
    )
    return Posting(
        pk=pk,
        programme=programme,
        book_id=head.pk,
        sequence=head.sequence,
        kind=request.source.kind,
        key=request.source.key,
        revision=request.revision,
        title=request.source.title[:120],
        reason=request.reason[:200],
        by=act.by.member,
        at=act.at,
        lines=len(act.lines),
        fingerprint=fingerprint,
        previous=previous,
        digest=head.digest,
    )


def _insert_postings(postings: Iterable[Posting]) -> None:
    names = [Posting._meta.get_field(name).attname for name in POSTING]  # type: ignore[union-attr] # concrete fields
    rows = [[getattr(posting, name) for name in names] for posting in postings]
    ledger_sql.insert(Posting, POSTING, rows)


def _occupy(programme: Programme, lines: Sequence[Line]) -> None:
    """Free what reversed lines held, then hold what new lines occupy."""
    gone = [line.reversed_id for line in lines if line.reversed_id]
    if gone:
        for model in (CreditedTime, CreditedContent):
            model.objects.filter(programme=programme, entry_id__in=gone).delete()
    new = [line for line in lines if not line.reversed_id]
    ledger_sql.insert(
        CreditedTime,
        ["programme", "member", "entry", "start", "end"],
        [(programme.pk, n.member, n.entry, n.start, n.end) for n in new if n.start],
    )
    ledger_sql.insert(
        CreditedContent,
        ["programme", "member", "entry", "content"],
        [(programme.pk, n.member, n.entry, n.content) for n in new if n.content],
    )
