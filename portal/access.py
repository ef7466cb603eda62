"""Who may see or do what: the whole policy on one screen, and the only code that decides it.

Views ask it through portal/gate.py, queries through `queryset.within(scope, capability)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from django.db.models import Exists, OuterRef, Q, TextChoices
from django.utils import timezone

from portal.audit import Actor
from portal.models import Appointment, Member, Organization, Role
from portal.querysets import below

# --- The policy ----------------------------------------------------------------------------


class Capability(TextChoices):
    OWN = "own", "自己的学习与账号"
    SEE_RANKINGS = "see_rankings", "看排行榜与通报"
    SEE_FIGURES = "see_figures", "看进度数字（不含个人）"
    SEE_PERSONS = "see_persons", "看党员个人学时"
    SEE_MEMBERS = "see_members", "看党员名册"
    MANAGE_PEOPLE = "manage_people", "管理党员"
    MANAGE_ORGANISATIONS = "manage_organisations", "管理党组织"
    APPOINT = "appoint", "任免"
    MANAGE_CLASSES = "manage_classes", "安排读书班与活动"
    RUN_GROUPS = "run_groups", "办学习群、推送和专题讨论"
    RECORD_ATTENDANCE = "record_attendance", "点名记学时"
    CONFIRM_STUDY = "confirm_study", "确认学习记录"
    EXEMPT = "exempt", "申报减免"
    APPROVE = "approve", "审批减免"
    CERTIFY = "certify", "结业证明"
    PUBLISH = "publish", "编发积分通报"
    GOVERN = "govern", "管理专题教育与规则"
    AUDIT = "audit", "查看操作留痕"
    ADMINISTER = "administer", "系统管理"


_R = Role
_STAFF = {_R.ORGANISER, _R.SECRETARY}
_EVERYONE = frozenset({_R.MEMBER})  # whoever is signed in, whatever other roles they hold

GRANTS: dict[Capability, frozenset[Role]] = {
    Capability.OWN: _EVERYONE,
    Capability.SEE_RANKINGS: _EVERYONE,
    Capability.SEE_FIGURES: frozenset({*_STAFF, _R.GUIDANCE, _R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.SEE_PERSONS: frozenset({*_STAFF, _R.HELPER}),
    Capability.SEE_MEMBERS: frozenset({*_STAFF, _R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.MANAGE_PEOPLE: frozenset({*_STAFF, _R.OFFICIAL}),
    Capability.MANAGE_ORGANISATIONS: frozenset({_R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.APPOINT: frozenset({_R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.MANAGE_CLASSES: frozenset(_STAFF),
    Capability.RUN_GROUPS: frozenset({*_STAFF, _R.OFFICIAL}),
    Capability.RECORD_ATTENDANCE: frozenset(_STAFF),
    Capability.CONFIRM_STUDY: frozenset(_STAFF),
    Capability.EXEMPT: frozenset(_STAFF),
    Capability.APPROVE: frozenset({_R.OFFICIAL}),
    Capability.CERTIFY: frozenset({_R.SECRETARY, _R.OFFICIAL}),
    Capability.PUBLISH: frozenset({_R.OFFICIAL}),
    Capability.GOVERN: frozenset({_R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.AUDIT: frozenset({_R.OFFICIAL, _R.ADMINISTRATOR}),
    Capability.ADMINISTER: frozenset({_R.ADMINISTRATOR}),
}

# What every person holds over the rows that are about themselves.
OVER_ONESELF = frozenset({Capability.OWN, Capability.SEE_PERSONS})
# Over what any of these is held, the person may know that it exists.
KNOWN_BY = (Capability.SEE_FIGURES, Capability.SEE_MEMBERS, Capability.OWN)
# Roles of one organisation: they reach that organisation and nothing below it, except figures.
EXACT = frozenset({_R.ORGANISER, _R.SECRETARY})
# What whoever holds it holds over their own organisation: a county's official runs the county's
# groups; those of a branch are run by its own people.
OVER_ONE = frozenset({Capability.RUN_GROUPS})
# A helper reaches the members named in the appointment, never the whole branch.
NAMED = frozenset({_R.HELPER})


# --- Scope: what one person reaches -----------------------------------------------------------

Span = Literal["exact", "subtree"]


@dataclass(frozen=True)
class Reach:
    """One appointment as access sees it.

    inherited: paths of organisations merged into this one; their sessions, logs, classes and groups
    are its people's to finish.
    """

    role: Role
    organization: Organization
    appointment: int = 0
    acting: bool = False
    helped: frozenset[int] = frozenset()
    inherited: tuple[str, ...] = ()

    def span(self, capability: Capability) -> Span:
        exact = self.role in EXACT and capability is not Capability.SEE_FIGURES
        return "exact" if exact or capability in OVER_ONE else "subtree"


@dataclass(frozen=True)
class Scope:
    """Everything that decides what a person may see or do, made once a request.

    The scope is the union of all appointments; `active` is the role whose pages are shown and,
    where it suffices, the role in which an act is recorded.
    """

    member: Member
    reaches: tuple[Reach, ...] = ()
    active: Reach | None = None
    address: str = ""

    @property
    def member_id(self) -> int:
        return self.member.pk

    @property
    def role(self) -> Role:
        return self.active.role if self.active else Role.MEMBER

    @property
    def organization(self) -> Organization | None:
        """Where the viewer stands: the active role's organisation, else the own branch."""
        return self.active.organization if self.active else self.member.branch

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """Names of what this person may do somewhere, for templates' menus."""
        return frozenset(c.value for c in Capability if self.has(c))

    def has(self, capability: Capability) -> bool:
        """Whether the capability is held anywhere, be it over oneself only."""
        return (
            capability in OVER_ONESELF
            or Role.MEMBER in GRANTS[capability]
            or bool(self._holding(capability))
        )

    def can(self, capability: Capability, path: str, owner_id: int | None = None) -> bool:
        """Whether the capability is held over something at `path` that is about `owner_id`."""
        if owner_id == self.member_id and capability in OVER_ONESELF:
            return True
        return any(self._covers(r, capability, path, owner_id) for r in self._holding(capability))

    def condition(self, capability: Capability, path_lookup: str, owner_lookup: str | None) -> Q:
        """The same as `can`, as a condition for a query."""
        condition = Q(pk__in=[])
        if owner_lookup and capability in OVER_ONESELF:
            condition |= Q(**{owner_lookup: self.member_id})
        for reach in self._holding(capability):
            if reach.role in NAMED:
                if owner_lookup and reach.helped:
                    condition |= Q(**{f"{owner_lookup}__in": reach.helped})
            elif not path_lookup:
                continue
            elif reach.span(capability) == "exact":
                condition |= Q(**{path_lookup: reach.organization.path})
                for path in reach.inherited:
                    condition |= Q(**{path_lookup: path})
            else:
                condition |= below(reach.organization.path, lookup=path_lookup)
        return condition

    def places(self, capability: Capability) -> list[str]:
        """Paths over which a capability of one organisation alone is held, itself and what was
        merged into it: `condition` as a list, where nothing below is reached."""
        holding = self._holding(capability)
        if any(reach.span(capability) != "exact" for reach in holding):
            raise ValueError(f"{capability} reaches whole subtrees.")
        return [path for r in holding for path in (r.organization.path, *r.inherited)]

    def knows(self, path_lookup: str, owner_lookup: str | None) -> Q:
        """What may be refused (403); all else is not there at all (404: nothing is learnt)."""
        known = Q(pk__in=[])
        for capability in KNOWN_BY:
            known |= self.condition(capability, path_lookup, owner_lookup)
        return known

    def organizations(self, capability: Capability) -> list[Organization]:
        """Where the capability is held, the active role's organisation first."""
        holding = sorted(self._holding(capability), key=lambda r: r is not self.active)
        return list({r.organization.pk: r.organization for r in holding}.values())

    def actor(self, capability: Capability = Capability.OWN) -> Actor:
        """The person as recorded with an act that needs `capability`: active role first."""
        holding = self._holding(capability)
        if self.active and (self.active in holding or not holding):
            role = self.active.role
        else:
            role = max((r.role for r in holding), key=list(Role).index, default=Role.MEMBER)
        return Actor(self.member, role, self.address)

    def _holding(self, capability: Capability) -> list[Reach]:
        return [reach for reach in self.reaches if reach.role in GRANTS[capability]]

    def _covers(self, reach: Reach, capability: Capability, path: str, owner: int | None) -> bool:
        if reach.role in NAMED:
            return owner in reach.helped
        own = reach.organization.path
        if reach.span(capability) == "exact":
            return path == own or path in reach.inherited
        return path.startswith(own)


def scope_of(member: Member, *, at: Any, active_id: int | None = None, address: str = "") -> Scope:
    """The scope of `member` at the moment `at`; `active_id` is the appointment chosen to act in."""
    appointments = (
        Appointment.objects.on(timezone.localdate(at))
        .filter(member=member)
        .annotate(
            inherits=Exists(Organization.objects.filter(merged_into=OuterRef("organization")))
        )
        .select_related("organization")
        .order_by("id")
    )
    reaches: dict[int, Reach] = {}
    for appointment in appointments:
        role = Role(appointment.role)
        where = appointment.organization
        heir = role not in NAMED and appointment.inherits  # type: ignore[attr-defined] # annotated above
        reaches[appointment.pk] = Reach(
            role,
            where,
            appointment.pk,
            appointment.acting,
            _helped(appointment) if role in NAMED else frozenset(),
            _inherited(where) if heir else (),
        )
    ranked = sorted(reaches.values(), key=lambda r: list(Role).index(r.role), reverse=True)
    active = reaches.get(active_id or 0)
    if active is None and active_id != 0 and ranked:  # 0: the person chose to be a plain member
        active = ranked[0]
    return Scope(member, tuple(ranked), active, address)


def _helped(appointment: Appointment) -> frozenset[int]:
    """The named members, as long as they belong to the organisation."""
    there = appointment.helped.filter(below(appointment.organization.path, lookup="branch__path"))
    return frozenset(there.values_list("pk", flat=True))


def _inherited(organization: Organization) -> tuple[str, ...]:
    """Paths of what was merged into this organisation, directly or one after the other."""
    paths: dict[int, str] = {}
    wave = [organization.pk]
    while wave:
        found = Organization.objects.filter(merged_into__in=wave).exclude(pk__in=paths)
        wave = list(rows := dict(found.values_list("pk", "path")))
        paths |= rows
    return tuple(paths.values())
