"""Reads of the portal: querysets as phrases, and the narrowing to a viewer's scope."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import CharField, Exists, Lookup, OuterRef, Q
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from datetime import date

    from django.db.backends.base.base import BaseDatabaseWrapper

    from portal.access import Capability, Scope
    from portal.models import (  # noqa: F401 - named as text in the base classes below
        Appointment,
        AuditEvent,
        Job,
        Member,
        Membership,
        Message,
        MobileStay,
        Organization,
        PeopleImport,
        Suggestion,
        Upload,
    )

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PATH_STEP = 4  # characters a level; 36⁴ = 1.6 million children under one parent
_M = TypeVar("_M", bound=models.Model, covariant=True)


def after(path: str) -> str:
    """The first path behind everything at or below `path`: the open end of its range."""
    head, last = path[:-1], path[-1]
    if last == ALPHABET[-1]:
        return after(head) if head else "~"
    return head + ALPHABET[ALPHABET.index(last) + 1]


def at_and_above(path: str) -> list[str]:
    """The paths of an organisation and of what stands above it, from the top."""
    return [path[:end] for end in range(PATH_STEP, len(path) + 1, PATH_STEP)]


def below(path: str, *, lookup: str = "path") -> Q:
    """The condition of standing at or below `path`: a half-open range (LIKE scans on SQLite)."""
    return Q(**{f"{lookup}__gte": path, f"{lookup}__lt": after(path)})


@CharField.register_lookup
class Prefix(Lookup[str]):
    """`text__prefix="王"`: begins with, by index, case-sensitive, on both engines.

    PostgreSQL compares by code point (`~>=~`, served by the varchar_pattern_ops index), SQLite
    by bytes of UTF-8, which is the same order.
    """

    lookup_name = "prefix"

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        text = str(self.rhs)
        end = text[:-1] + chr(ord(text[-1]) + 1)
        from_, to = ("~>=~", "~<~") if connection.vendor == "postgresql" else (">=", "<")
        sql = f"({left} {from_} %s AND {left} {to} %s)"
        return sql, (*left_params, text, *left_params, end)


class ScopedQuerySet(models.QuerySet[_M]):
    """Rows that belong to an organisation (by path) and perhaps to a person (by owner)."""

    path_lookup: str = "organization__path"
    owner_lookup: str | None = None

    def within(self, scope: Scope, capability: Capability) -> Self:
        """Only the rows over which `scope` holds `capability`."""
        return self.filter(scope.condition(capability, self.path_lookup, self.owner_lookup))


class OrganizationQuerySet(ScopedQuerySet["Organization"]):
    path_lookup = "path"

    def standing(self, on: date | None = None) -> Self:
        """Those that exist: today, or on the day `on`."""
        if on is None:
            return self.filter(dissolved_on=None)
        return self.filter(founded_on__lte=on).filter(Q(dissolved_on=None) | Q(dissolved_on__gt=on))

    def branches(self) -> Self:
        return self.filter(kind="branch")

    def units(self) -> Self:
        """The ranked ones."""
        return self.filter(unit_id=models.F("id"))

    def below(self, organization: Organization) -> Self:
        return self.filter(below(organization.path))

    def unseated(self, day: date) -> Self:
        """Branches that have people and no secretary on `day`, or only one who acts (代管)."""
        seats = apps.get_model("portal", "Appointment")._default_manager.filter(
            Q(until=None) | Q(until__gt=day), role="secretary", acting=False, since__lte=day
        )
        people = apps.get_model("portal", "Member")._default_manager.filter(is_active=True)
        found = self.branches().exclude(pk__in=seats.values("organization"))
        return found.filter(Exists(people.filter(branch=OuterRef("pk"))))

    def named(self, text: str) -> Self:
        return self.filter(Q(name__contains=text) | Q(short_name__contains=text) | Q(code=text))


class MemberQuerySet(ScopedQuerySet["Member"]):
    path_lookup = "branch__path"
    owner_lookup = "pk"

    def active(self) -> Self:
        return self.filter(is_active=True)

    def in_branch(self, branch: Organization) -> Self:
        return self.filter(branch=branch, is_active=True)

    def search(self, text: str) -> Self:
        """By the beginning of name, member number or pinyin initials, through one index."""
        from portal.models.member import SearchTerm

        wanted = search_text(text)
        if not wanted:
            return self
        found = SearchTerm.objects.filter(text__prefix=wanted).values("member_id")
        return self.filter(pk__in=found)

    def mobile(self) -> Self:
        """流动党员: those with an open stay away from home."""
        return self.filter(mobile_stays__until=None, mobile_stays__isnull=False)


class MembershipQuerySet(ScopedQuerySet["Membership"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def on(self, day: date) -> Self:
        """Those that held on `day`; of several that met on it, only the one that lasted."""
        return self.filter(since__lte=day).filter(Q(until=None) | Q(until__gt=day))

    def open(self) -> Self:
        return self.filter(until=None)


class MobileStayQuerySet(ScopedQuerySet["MobileStay"]):
    path_lookup = "member__branch__path"
    owner_lookup: str | None = "member"

    def open(self) -> Self:
        return self.filter(until=None)

    def quiet(self, since: date) -> Self:
        """Those still away whom nobody has contacted since a day; who left after it is not yet
        among them."""
        return self.open().filter(
            Q(last_contact_on__lt=since) | Q(last_contact_on=None, since__lt=since)
        )

    def longest_quiet_first(self) -> Self:
        """By the last contact; who was never contacted stands by the day of leaving."""
        return self.order_by(Coalesce("last_contact_on", "since"), "pk")


class HostedStayQuerySet(MobileStayQuerySet):
    """The same rows as the host sees them: by where somebody is, not by where they come from."""

    path_lookup = "host__path"
    owner_lookup = None


class AppointmentQuerySet(ScopedQuerySet["Appointment"]):
    def on(self, day: date) -> Self:
        return self.filter(since__lte=day).filter(Q(until=None) | Q(until__gt=day))


class AuditQuerySet(ScopedQuerySet["AuditEvent"]):
    owner_lookup = "by"


class JobQuerySet(ScopedQuerySet["Job"]):
    path_lookup = ""
    owner_lookup = "by"


class UploadQuerySet(ScopedQuerySet["Upload"]):
    path_lookup = ""
    owner_lookup = "by"


class PeopleImportQuerySet(ScopedQuerySet["PeopleImport"]):
    """Receipts of member lists, by where the importer acted."""


class SuggestionQuerySet(ScopedQuerySet["Suggestion"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def open(self) -> Self:
        """Those that wait for an answer."""
        return self.filter(state="open")

    def with_second(self) -> Self:
        """With `asked_again`: whether their authors asked a second time."""
        second = self.model._default_manager.filter(first=models.OuterRef("pk"))
        return self.annotate(asked_again=models.Exists(second.exclude(state="withdrawn")))


class MessageQuerySet(ScopedQuerySet["Message"]):
    path_lookup = ""
    owner_lookup = "member"

    def unread(self) -> Self:
        return self.filter(read_at=None)


class SnapshotRouter:
    """Keeps the read-only alias `snapshot` out of migrations; its users name it explicitly."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == "snapshot" else None

    def allow_relation(self, obj1: models.Model, obj2: models.Model, **hints: Any) -> bool:
        return True


def search_text(text: str) -> str:
    """What is compared: full-width characters made narrow, spaces dropped, letters small."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()[:40]
