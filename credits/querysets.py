"""Reads of the ledger and what it sums to."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, When

from portal.access import Capability, Scope
from portal.prepared import Prepared, columns, given
from portal.querysets import ScopedQuerySet, at_and_above

if TYPE_CHECKING:
    from datetime import date

    from credits.models import (  # noqa: F401 - named as text in the base classes below
        BranchClosing,
        BranchStanding,
        Bulletin,
        BulletinDraft,
        CatchUpWindow,
        Certificate,
        ClaimBatch,
        Exemption,
        HoursClaim,
        LedgerEntry,
        Programme,
        Standing,
        UnitAnswer,
        UnitFigures,
        UnitTextRequest,
    )
    from portal.models import Member, Organization


class ProgrammeQuerySet(ScopedQuerySet["Programme"]):
    path_lookup = "organiser__path"

    def open(self) -> Self:
        """Those that take postings."""
        return self.filter(state__in=["running", "closing"])

    def taking_part(self, path: str) -> Self:
        """Those in whose scope the organisation at `path` is."""
        inside = apps.get_model("credits", "ProgrammeScope")._default_manager
        scopes = inside.filter(organization__path__in=at_and_above(path))
        return self.filter(pk__in=scopes.values("programme"))

    def begun(self) -> Self:
        return self.exclude(state="draft")

    def shown(self, code: str = "") -> Programme | None:
        """The programme that a page is about: the one named, else the newest open one, else the
        newest that has begun; `permitted` says how far it may rank. One query, written once."""
        found = _shown.objects(code=code)
        return found[0] if found else None


def _begun_in_order() -> QuerySet[Any, Any]:
    """The named one first, then those that take postings, the newest first."""
    model = apps.get_model("credits", "Programme")
    permits = apps.get_model("credits", "RankingPermit")._default_manager
    newest = permits.filter(programme=OuterRef("pk")).order_by("-pk").values("level")[:1]
    return (
        model._default_manager.begun()
        .annotate(permitted=Subquery(newest))
        .order_by(
            Case(When(code=given("code", str), then=0), default=1),
            Case(When(state__in=["running", "closing"], then=0), default=1),
            "-starts",
            "-pk",
        )
        .values_list(*columns(model, "permitted"))[:1]
    )


_shown = Prepared(_begun_in_order)


class LedgerEntryQuerySet(ScopedQuerySet["LedgerEntry"]):
    path_lookup = "home__path"
    owner_lookup = "member"

    def live(self) -> Self:
        """Lines that count: neither reversals nor reversed."""
        reversals = self.model._default_manager.filter(
            programme=OuterRef("programme"), reverses=OuterRef("pk")
        )
        return self.filter(~Exists(reversals), reverses=None)

    def granted(self) -> Self:
        """Lines of hours that were stated: opening balances, and study elsewhere."""
        return self.filter(reverses=None, posting__kind__in=["opening", "outside"])

    def of_source(self, programme: Programme, kind: str, key: str) -> Self:
        return self.filter(
            programme=programme,
            posting__programme=programme,
            posting__kind=kind,
            posting__key=key,
        )

    def of_member(self, programme: Programme, member: Member) -> Self:
        """A member's lines in the order in which they were posted."""
        rows = self.filter(programme=programme, member=member, posting__programme=programme)
        return rows.order_by("pk").select_related("posting", "home")


class StandingQuerySet(ScopedQuerySet["Standing"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def due(self) -> Self:
        """On the roll today and not exempt."""
        return self.filter(on_roll=True, exempt=False)

    def short(self) -> Self:
        return self.due().filter(shortfall__gt=0)

    def of_branch(self, programme: Programme, branch: Organization) -> Self:
        """The roll of one branch, by name."""
        rows = self.filter(programme=programme, branch=branch, on_roll=True)
        return rows.select_related("member").order_by("member__name", "member__number")


class BranchStandingQuerySet(ScopedQuerySet["BranchStanding"]):
    path_lookup = "branch__path"

    def sums(self) -> dict[str, int]:
        """Sum over sum: figures of many branches together, never a mean of means."""
        sums = self.aggregate(
            due=Sum("due"),
            exempt=Sum("exempt"),
            completed=Sum("completed"),
            hours=Sum("hours"),
            points=Sum("points"),
        )
        return {name: value or 0 for name, value in sums.items()}

    def by_unit(self) -> QuerySet[Any, Any]:
        """Sums of units, one row each; branches above the units are in none, and a dissolved unit
        only where it still counts somebody (in a closed programme)."""
        sums = (
            self.exclude(unit=None)
            .order_by()
            .values("unit", "cohort")
            .annotate(
                due=Sum("due"),
                exempt=Sum("exempt"),
                completed=Sum("completed"),
                hours=Sum("hours"),
                points=Sum("points"),
                name=F("unit__short_name"),
                code=F("unit__code"),
            )
        )
        return sums.exclude(unit__dissolved_on__isnull=False, due=0, exempt=0)


class ExemptionQuerySet(ScopedQuerySet["Exemption"]):
    path_lookup = "member__branch__path"
    owner_lookup = "member"


class ClaimBatchQuerySet(ScopedQuerySet["ClaimBatch"]):
    path_lookup = "branch__path"

    def waiting(self) -> Self:
        """Those with lines that wait for an official."""
        claims = apps.get_model("credits", "HoursClaim")._default_manager
        return self.filter(Exists(claims.filter(batch=OuterRef("pk"), state="pending")))

    def with_counts(self) -> Self:
        """With the number of lines and of people, with the hours, and with those that wait."""
        pending = Q(claims__state="pending")
        return self.annotate(
            line_count=Count("claims"),
            people_count=Count("claims__member", distinct=True),
            total=Sum("claims__hours"),
            pending_count=Count("claims", filter=pending),
            returned_count=Count("claims", filter=Q(claims__state="returned")),
            approved_count=Count("claims", filter=Q(claims__state="approved")),
        )


class HoursClaimQuerySet(ScopedQuerySet["HoursClaim"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def pending(self) -> Self:
        return self.filter(state="pending")

    def returned(self, paths: Collection[str]) -> Self:
        """What came back to the branches at `paths`: theirs to mend. Of open programmes only."""
        rows = self.filter(branch__path__in=paths, state="returned", batch__undone_at=None)
        return rows.filter(programme__state__in=["running", "closing"])

    def seen_by(self, scope: Scope) -> Self:
        """What one's own is, what one handed in or may hand in, and what one may approve."""
        seen = Q()
        for capability in (Capability.OWN, Capability.EXEMPT, Capability.APPROVE):
            seen |= scope.condition(capability, self.path_lookup, self.owner_lookup)
        return self.filter(seen)

    def shown(self) -> Self:
        """With all that a page says of a line."""
        people = ("member__branch", "branch", "entered_by", "decided_by", "ended_by")
        return self.select_related(*people)


class CatchUpWindowQuerySet(ScopedQuerySet["CatchUpWindow"]):
    def open(self, on: date) -> Self:
        """Those in which something may be entered on a day."""
        return self.filter(ended_at=None, opens_on__lte=on, closes_on__gte=on)


class BulletinQuerySet(ScopedQuerySet["Bulletin"]):
    path_lookup = "programme__organiser__path"

    def standing(self) -> Self:
        """Published and not withdrawn."""
        return self.filter(withdrawal=None)


class BulletinDraftQuerySet(ScopedQuerySet["BulletinDraft"]):
    path_lookup = "programme__organiser__path"


class UnitFiguresQuerySet(ScopedQuerySet["UnitFigures"]):
    path_lookup = "unit__path"

    def of_units(self, units: Collection[int]) -> Self:
        """The lines of exactly these units: what lies below them has checkers of its own."""
        return self.filter(unit__in=units)


class UnitAnswerQuerySet(ScopedQuerySet["UnitAnswer"]):
    path_lookup = "row__units_check__draft__programme__organiser__path"


class UnitTextRequestQuerySet(ScopedQuerySet["UnitTextRequest"]):
    path_lookup = "seat__path"

    def of_seats(self, organizations: Collection[int]) -> Self:
        """Those that exactly these organisations may answer."""
        return self.filter(seat__in=organizations)


class BranchClosingQuerySet(ScopedQuerySet["BranchClosing"]):
    path_lookup = "branch__path"


class CertificateQuerySet(ScopedQuerySet["Certificate"]):
    path_lookup = "branch__path"
    owner_lookup = "member"
