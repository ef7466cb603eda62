"""Telling the apps above what happened to people and branches.

When portal's verbs change who belongs where, they call every function named in
`settings.MEMBERSHIP_FOLLOWERS` inside their own transaction: a call, not a signal, one call a
batch. `portal` thus never knows what hangs on a membership.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from portal.audit import Actor
from portal.models import Member, Organization


@dataclass(frozen=True)
class PersonChange:
    """From `day` on, `member` belongs to `after` instead of `before` (None: nowhere).

    With both the same, something else about the person changed that bears on what is due
    (category, the day of joining).
    """

    member: Member
    before: Organization | None
    after: Organization | None
    day: date


@dataclass(frozen=True)
class PeopleEntered:
    """People who never stood in the register entered it, a batch at once: their ids. The branch
    and the first day of each are those of their only membership."""

    members: Sequence[int]


@dataclass(frozen=True)
class BranchChange:
    """`branch` stands elsewhere in the tree: its path, unit or cohort changed."""

    branch: Organization


@dataclass(frozen=True)
class BranchEnding:
    """`branch` is about to be dissolved, merged into `into` (None: nobody takes over its work, and
    it may be an organisation of any kind).

    A follower on whose work nobody could finish any more raises a Refusal.
    """

    branch: Organization
    into: Organization | None


@dataclass(frozen=True)
class TreeAhead:
    """The tree is about to change: whoever follows takes its own locks now, before the tree's.

    Told first of all by what will tell of a BranchChange, or by what does so several times.
    """


Change = PersonChange | PeopleEntered | BranchChange | BranchEnding | TreeAhead


class Follower(Protocol):
    def __call__(self, changes: Sequence[Change], *, by: Actor, at: datetime) -> None: ...


def tell(changes: Sequence[Change], *, by: Actor, at: datetime) -> None:
    """Call every follower with the whole batch, inside the caller's transaction."""
    if not changes:
        return
    for name in settings.MEMBERSHIP_FOLLOWERS:
        follower: Follower = import_string(name)
        follower(changes, by=by, at=at)
