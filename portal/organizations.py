"""Verbs on the organisation tree: found, rename, move; portal/reorganizations.py has the others.

`path` is written here and nowhere else. Every verb records itself and tells the followers. Locks:
what follows the tree (the programmes) → organisations by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from portal import audit, followers
from portal.audit import Actor
from portal.models import (
    PATH_STEP,
    AuditEvent,
    Organization,
    OrganizationMove,
    OrganizationName,
)
from portal.querysets import ALPHABET
from portal.refusals import Refusal

BATCH = 500  # rows written at once


class CannotMove(Refusal):
    """The organisation cannot stand where it is asked to stand."""


class BadName(Refusal):
    """The name or the day from which it holds does not fit what is known."""


class AlreadyThere(Refusal):
    """The code is taken."""


@dataclass(frozen=True)
class Founding:
    """What is known of a new organisation; `unit` says that it is itself ranked."""

    code: str
    name: str
    kind: str
    parent: Organization | None
    founded_on: date
    short_name: str = ""
    cohort: str = ""
    is_unit: bool = False


def found(founding: Founding, *, by: Actor, at: datetime) -> Organization:
    """Found an organisation below its parent; see `found_many`."""
    return found_many([founding], by=by, at=at)[0]


@transaction.atomic
def found_many(foundings: Sequence[Founding], *, by: Actor, at: datetime) -> list[Organization]:
    """Found organisations, all or none, below parents that are there already; in the order given.

    Raises AlreadyThere for a taken code, CannotMove below a branch or a dissolved parent.
    """
    if any(founding.kind == Organization.Kind.BRANCH for founding in foundings):
        followers.tell([followers.TreeAhead()], by=by, at=at)
    parents = _locked_parents(foundings)
    _check_codes(foundings)
    free: dict[int | None, int] = {}
    made: list[Organization] = []
    for founding in foundings:
        parent = parents[founding.parent.pk] if founding.parent else None
        if parent:
            _check_parent(parent, founding.kind)
        place = parent.pk if parent else None
        free[place] = free[place] + 1 if place in free else _free_number(parent)
        made.append(
            Organization(
                code=founding.code,
                name=founding.name,
                short_name=founding.short_name or founding.name[:40],
                kind=founding.kind,
                parent=parent,
                unit=parent.unit if parent else None,
                cohort=founding.cohort or (parent.cohort if parent else ""),
                path=_path(parent, free[place]),
                founded_on=founding.founded_on,
            )
        )
    Organization.objects.bulk_create(made, batch_size=BATCH)
    units = [o for o, founding in zip(made, foundings, strict=True) if founding.is_unit]
    for organization in units:
        organization.unit = organization
    Organization.objects.bulk_update(units, ["unit"], batch_size=BATCH)
    OrganizationName.objects.bulk_create(
        [OrganizationName(organization=o, name=o.name, since=o.founded_on) for o in made],
        batch_size=BATCH,
    )
    kind = AuditEvent.Event.ORGANIZATION
    audit.record_many(audit.event(kind, by=by, at=at, on=o, subject=f"成立{o}") for o in made)
    branches = [followers.BranchChange(o) for o in made if o.is_branch]
    followers.tell(branches, by=by, at=at)
    return made


def _locked_parents(foundings: Sequence[Founding]) -> dict[int, Organization]:
    wanted = sorted({founding.parent.pk for founding in foundings if founding.parent})
    rows = Organization.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("unit").order_by("pk").in_bulk(wanted)


def _check_codes(foundings: Sequence[Founding]) -> None:
    codes = [founding.code for founding in foundings]
    there: list[str] = []
    for start in range(0, len(codes), BATCH):
        rows = Organization.objects.filter(code__in=codes[start : start + BATCH])
        there += rows.values_list("code", flat=True)
    twice = [code for code, count in Counter([*codes, *there]).items() if count > 1]
    if twice:
        raise AlreadyThere(f"编码 {min(twice)} 已经有党组织使用。", field="code")


@transaction.atomic
def rename(
    organization: Organization,
    name: str,
    *,
    on: date,
    by: Actor,
    at: datetime,
    short_name: str = "",
) -> Organization:
    """Give a new name from the day `on`; sheets of earlier days keep the name of their day.

    Raises BadName for a day to come or before the present name's, CannotMove when it is dissolved.
    """
    organization = locked(organization)
    check_standing(organization)
    if on > timezone.localdate(at):
        raise BadName(f"更名日期 {on} 还没有到。", field="on")
    last = organization.names.order_by("-since").first()
    if last and on < last.since:
        raise BadName(f"现名自 {last.since} 起使用，更名日期不能更早。", field="on")
    before = organization.name
    organization.name = name
    organization.short_name = short_name or name[:40]
    organization.save(update_fields=["name", "short_name"])
    OrganizationName.objects.update_or_create(
        organization=organization, since=on, defaults={"name": name}
    )
    audit.record(
        AuditEvent.Event.ORGANIZATION,
        by=by,
        at=at,
        on=organization,
        subject=f"更名：{before} → {name}",
    )
    return organization


@transaction.atomic
def move(
    organization: Organization, parent: Organization, *, by: Actor, at: datetime
) -> Organization:
    """Move an organisation with all that stands below it; unit and cohort follow the new place.

    Raises CannotMove when the new parent stands below the organisation or may have no children.
    """
    followers.tell([followers.TreeAhead()], by=by, at=at)
    for pk in sorted({organization.pk, parent.pk}):
        Organization.objects.select_for_update(no_key=True).get(pk=pk)
    organization.refresh_from_db()
    parent.refresh_from_db()
    check_standing(organization)
    if parent.path.startswith(organization.path):
        raise CannotMove(f"不能把{organization}移到它自己的下级{parent}。", field="parent")
    _check_parent(parent, organization.kind)
    old_path, new_path = organization.path, _path(parent, _free_number(parent))
    was_unit = organization.is_unit
    subtree = Organization.objects.below(organization)
    branches = list(subtree.branches().values_list("pk", flat=True))
    if not was_unit:
        # Ranked organisations below keep being their own unit; the others follow the new parent.
        subtree.filter(unit=organization.unit).exclude(pk=parent.pk).update(
            unit=parent.unit, cohort=parent.cohort
        )
    subtree.update(path=Concat(Value(new_path), Substr("path", len(old_path) + 1)))
    Organization.objects.filter(pk=organization.pk).update(parent=parent)
    OrganizationMove.objects.create(
        organization=organization,
        on=timezone.localdate(at),
        from_path=old_path,
        to_path=new_path,
    )
    organization.refresh_from_db()
    audit.record(
        AuditEvent.Event.ORGANIZATION,
        by=by,
        at=at,
        on=organization,
        subject=f"{organization}划归{parent}",
    )
    moved = Organization.objects.filter(pk__in=branches).order_by("pk")
    followers.tell([followers.BranchChange(branch) for branch in moved], by=by, at=at)
    return organization


def locked(organization: Organization) -> Organization:
    """The organisation as it is now, its row locked."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def check_standing(organization: Organization) -> None:
    """Raises CannotMove for an organisation that is no more."""
    if organization.dissolved_on:
        raise CannotMove(f"{organization}已于{organization.dissolved_on}撤销，不能再变动。")


def _check_parent(parent: Organization, kind: str) -> None:
    if parent.is_branch:
        raise CannotMove(f"{parent}是党支部，下面不能再设党组织。", field="parent")
    if parent.dissolved_on:
        raise CannotMove(f"{parent}已于{parent.dissolved_on}撤销。", field="parent")
    if kind == Organization.Kind.CITY:
        raise CannotMove("市委是最上级，不能放在别的党组织下面。", field="parent")


def _free_number(parent: Organization | None) -> int:
    """The next free place below `parent`, whose row is locked."""
    siblings = Organization.objects.filter(parent=parent).order_by("-path")
    last = siblings.values_list("path", flat=True).first()
    return int(last[-PATH_STEP:], 36) + 1 if last else 0


def _path(parent: Organization | None, number: int) -> str:
    path = (parent.path if parent else "") + encode(number)
    if len(path) > Organization._meta.get_field("path").max_length:  # type: ignore[operator] # CharField has one
        raise CannotMove("党组织层级太深，请核对上级。", field="parent")
    return path


def encode(number: int) -> str:
    """`number` as `PATH_STEP` characters of the path alphabet."""
    text = ""
    for _ in range(PATH_STEP):
        number, digit = divmod(number, len(ALPHABET))
        text = ALPHABET[digit] + text
    return text
