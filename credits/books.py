"""Telling the apps above that a programme's books are closed.

`programmes.close_books` calls every function named in `settings.CLOSING_FOLLOWERS` inside its own
transaction: a call, not a signal. `credits` thus never knows what was still pending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from credits.models import Programme
from portal.audit import Actor


@dataclass(frozen=True)
class BooksAhead:
    """The books are about to be closed: whoever follows takes now what others lock before they
    share the programme. Nothing of it stays where closing is refused."""

    programme: Programme


@dataclass(frozen=True)
class BooksClosed:
    """The books are closed; the programme is locked."""

    programme: Programme


Closing = BooksAhead | BooksClosed


class Follower(Protocol):
    def __call__(self, closing: Closing, *, by: Actor, at: datetime) -> None: ...


def tell(closing: Closing, *, by: Actor, at: datetime) -> None:
    """Call every follower, inside the caller's transaction."""
    for name in settings.CLOSING_FOLLOWERS:
        follower: Follower = import_string(name)
        follower(closing, by=by, at=at)
