"""Near-copies of reflections: which texts share much with one, as a hint to its reader.

A text is taken as the set of its five-character pieces, without punctuation, width and case. A
sample of their hashes is kept as `TextPrint`s of each reflection that is handed in: the same piece
is sampled in every text or in none, so texts that share much share prints, and the few candidates
are found through an index. How much they share is then counted on the texts themselves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from django.db.models import Count

from courses.models import Lesson, Material, Reflection, TextPrint
from portal.access import Capability, Scope

PIECE = 5  # characters
ONE_IN = 8  # of this many pieces one is sampled …
MOST_PRINTS = 256  # … and of a long text this many at most: those with the smallest hashes
ENOUGH = 30  # percent of a text that must stand in another to be said
RUN = 12  # characters: shorter passages are not marked
CANDIDATES = 8  # texts whose share is counted


class Text:
    """A text with its pieces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._kept = [
            (place, folded)
            for place, written in enumerate(text)
            for folded in unicodedata.normalize("NFKC", written).casefold()
            if folded.isalnum()
        ]

    @cached_property
    def pieces(self) -> list[str]:
        """In the order of the text, one beginning at each character that counts."""
        plain = "".join(folded for _, folded in self._kept)
        return [plain[at : at + PIECE] for at in range(len(plain) - PIECE + 1)]

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.pieces)

    def prints(self) -> list[int]:
        """The sample that is kept, as signed 64-bit numbers."""
        hashes = sorted(h for h in map(_hash, self.known) if h % ONE_IN == 0)[:MOST_PRINTS]
        return [h - (1 << 63) for h in hashes]

    def share_in(self, other: Text) -> int:
        """How much of this text stands in another, in percent."""
        return 100 * len(self.known & other.known) // len(self.known) if self.known else 0

    def marked(self, other: Text) -> list[tuple[str, bool]]:
        """The text in stretches, each with whether it stands in the other one, too."""
        shared = [False] * len(self.text)
        begin = -1
        hits = [piece in other.known for piece in self.pieces] + [False]
        for at, hit in enumerate(hits):
            if hit and begin < 0:
                begin = at
            elif not hit and begin >= 0:
                if at - 1 + PIECE - begin >= RUN:
                    first, last = self._kept[begin][0], self._kept[at - 2 + PIECE][0]
                    shared[first : last + 1] = [True] * (last + 1 - first)
                begin = -1
        return _stretches(self.text, shared)


@dataclass(frozen=True)
class Likeness:
    """That `percent` of a reflection stands in another text.

    other: that text's reflection, where the reader may read it. source: the lesson or material from
    which it is. own, theirs: both texts in stretches, each with whether it is shared; theirs is
    empty where the reader may not read it. same_branch: whether both are of one branch.
    """

    percent: int
    own: Sequence[tuple[str, bool]]
    theirs: Sequence[tuple[str, bool]] = ()
    other: Reflection | None = None
    source: Lesson | Material | None = None
    same_branch: bool = False


def keep(reflection: Reflection) -> None:
    """Keep the prints of a reflection that is handed in, and the lesson or material from which
    most of it was taken; of one that is its author's again, nothing."""
    TextPrint.objects.filter(reflection=reflection).delete()
    reflection.lifted_lesson = reflection.lifted_material = None
    if reflection.is_open:
        return
    text = Text(reflection.text)
    TextPrint.objects.bulk_create(
        TextPrint(reflection=reflection, value=value) for value in text.prints()
    )
    source = _source_of(text)
    if isinstance(source, Lesson):
        reflection.lifted_lesson = source
    elif source is not None:
        reflection.lifted_material = source


def found(reflection: Reflection, scope: Scope) -> list[Likeness]:
    """The texts that share much with a reflection, the most first: two queries, however many
    reflections there are. A text that the reader may not read is named by nothing."""
    text, likenesses = Text(reflection.text), []
    source = reflection.lifted_lesson or reflection.lifted_material
    if source is not None:
        told = Text(source.body)
        likenesses.append(
            Likeness(text.share_in(told), text.marked(told), told.marked(text), source=source)
        )
    common = TextPrint.objects.filter(value__in=text.prints()).exclude(reflection=reflection)
    ranked = common.values("reflection").annotate(n=Count("pk")).order_by("-n", "reflection")
    nearest = [row["reflection"] for row in ranked[:CANDIDATES]]
    rows = Reflection.objects.told().filter(pk__in=nearest)
    for other in rows.order_by("handed_in_at", "pk"):
        theirs = Text(other.text)
        percent = text.share_in(theirs)
        if percent < ENOUGH:
            continue
        own = text.marked(theirs)
        if scope.can(Capability.CONFIRM_STUDY, other.scope_path):
            likenesses.append(Likeness(percent, own, theirs.marked(text), other=other))
        else:
            here = other.branch_id == reflection.branch_id
            likenesses.append(Likeness(percent, own, same_branch=here))
    return sorted(likenesses, key=lambda one: -one.percent)


def _source_of(text: Text) -> Lesson | Material | None:
    """The lesson or material in which most of a text stands, if it is enough to be said."""
    best, share = None, ENOUGH - 1
    sources: Iterable[Lesson | Material] = (
        *Lesson.objects.exclude(body="").order_by("pk"),
        *Material.objects.exclude(body="").order_by("pk"),
    )
    for source in sources:
        here = text.share_in(Text(source.body))
        if here > share:
            best, share = source, here
    return best


def _hash(piece: str) -> int:
    return int.from_bytes(blake2b(piece.encode(), digest_size=8).digest(), "big")


def _stretches(text: str, shared: Sequence[bool]) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or shared[at] != shared[begin]:
            found.append((text[begin:at], shared[begin]))
            begin = at
    return found
