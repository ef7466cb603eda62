"""Mentions (@姓名) in a discussion: who is meant, and that they are told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from courses.models import Answer, Discussion, Reply
from portal import messages
from portal.messages import Letter
from portal.models import Member, Message

AT = "@＠"  # as keyboards write it, half and full width


def named(text: str, people: Iterable[Member]) -> list[Member]:
    """Whom a text mentions, each once: at every @ the longest name that follows, and of several
    people of that name all."""
    by_name: dict[str, list[Member]] = defaultdict(list)
    for person in people:
        by_name[person.name].append(person)
    longest_first = sorted(by_name, key=len, reverse=True)
    found: dict[int, Member] = {}
    for place, sign in enumerate(text):
        if sign not in AT:
            continue
        name = next((n for n in longest_first if text.startswith(n, place + 1)), "")
        found |= {person.pk: person for person in by_name.get(name, [])}
    return list(found.values())


def tell(
    discussion: Discussion, said: Answer | Reply, people: Iterable[Member], *, at: datetime
) -> None:
    """Send a message to whom a text mentions, but not to its author. What was told of the same
    text before is told no more, however often it is rewritten."""
    key = f"mention:{said.place}"
    messages.send_many(
        [
            Letter(
                person.pk, Message.Kind.NOTICE, key, "讨论里提到了您",
                f"专题讨论“{discussion.title}”里有人提到了您。", address(discussion),
                mail=False,
            )
            for person in named(said.text, people)
            if person.pk != said.member_id
        ],
        at=at,
    )  # fmt: skip


def address(discussion: Discussion) -> str:
    """Where a message about a discussion leads."""
    return f"/discussions/{discussion.pk}/"
