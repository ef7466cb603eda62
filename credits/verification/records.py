"""Registers and bulletins: each record as it was written, none missing, none added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import F, Max

from credits import bulletins, registers
from credits.models import (
    BranchClosing,
    BranchStanding,
    Bulletin,
    BulletinRow,
    BulletinUnitText,
    BulletinWithdrawal,
    Certificate,
    CertificateEvent,
    RuleVersion,
    UnitWeek,
)
from credits.verification import published_rows
from credits.verification.report import Findings

# What each event makes of a certificate in which state.
TURNS = {
    ("", "issued"): "valid",
    ("valid", "suspended"): "suspended",
    ("suspended", "resumed"): "valid",
    ("valid", "revoked"): "revoked",
    ("suspended", "revoked"): "revoked",
    ("valid", "replaced"): "replaced",
}


Seen = dict[str, dict[int, str]]  # register → place in it → digest over it up to there


def check(found: Findings, wanted: Mapping[str, Collection[int]]) -> tuple[Seen, Seen]:
    """Every register of a programme, with its bulletins, against its digests. Returns the places
    that are `wanted` with the digests that stand there, and the ends."""
    met: Seen = defaultdict(dict)
    ends: Seen = {}
    registers_ = dict(registers.of_programme(found.programme, using=found.using))
    published = Bulletin.objects.using(found.using).filter(programme=found.programme)
    rows = published.select_related("programme", "published_by", "permit", "previous", "replaces")
    for name, records in [*registers_.items(), ("bulletins", rows.order_by("pk"))]:
        key = f"{found.programme.code}:{name}"
        places, count, digest = wanted.get(key, ()), 0, ""
        for row in records.iterator(chunk_size=100 if name == "bulletins" else 2000):
            _check_record(found, row)
            count, digest = count + 1, registers.onward(digest, row)
            if count in places:
                met[key][count] = digest
        ends[key] = {count: digest}
    _check_numbers(found)
    _check_weeks(found)
    _check_states(found)
    _check_closings(found)
    return met, ends


def _check_record(found: Findings, row: Any) -> None:
    sound = _is_sound_bulletin(row) if isinstance(row, Bulletin) else registers.is_sound(row)
    if not sound:
        kind = "bulletin" if isinstance(row, Bulletin) else "record"
        what = row._meta.verbose_name
        rows = published_rows.changed(row) if isinstance(row, Bulletin) else []
        named = f"与按截止时间重新统计的不一致：{'。'.join(rows)}。" if rows else ""
        found.add(kind, f"{what}《{row}》与写下时的校验值不符。{named}", **_about(row))


def _is_sound_bulletin(bulletin: Bulletin) -> bool:
    """The digest, and rows and texts that point to the units whose codes they keep."""
    using = bulletin._state.db or "default"
    units = [
        pair
        for model in (BulletinRow, BulletinUnitText)
        for pair in model.objects.using(using)
        .filter(bulletin=bulletin)
        .values_list("unit__code", "unit_code")
    ]
    return bulletins.digest_of(bulletin) == bulletin.digest and all(a == b for a, b in units)


def _about(row: Any) -> dict[str, Any]:
    """Whom a record concerns, as far as it says."""
    if isinstance(row, CertificateEvent):
        row = row.certificate
    about: dict[str, Any] = {}
    if getattr(row, "member_id", None):
        about["member"] = row.member_id
    if isinstance(row, UnitWeek):
        about["branch"] = row.unit.name
    return about


def _check_numbers(found: Findings) -> None:
    """Rule versions and bulletins are numbered without a gap."""
    versions = RuleVersion.objects.using(found.using).filter(programme=found.programme)
    _gapless(found, "规则版本", versions.order_by("number").values_list("number", flat=True))
    published = Bulletin.objects.using(found.using).filter(programme=found.programme)
    years: dict[int, list[int]] = {}
    for year, number in published.order_by("year", "number").values_list("year", "number"):
        years.setdefault(year, []).append(number)
    for year, numbers in years.items():
        _gapless(found, f"{year} 年积分通报", numbers)
    withdrawn = BulletinWithdrawal.objects.using(found.using).exclude(bulletin__in=(
        Bulletin.objects.using(found.using).values("pk")))  # fmt: skip
    for withdrawal in withdrawn.values_list("pk", flat=True):
        found.add("record", f"第 {withdrawal} 号撤回所撤的通报已不存在。")


def _gapless(found: Findings, what: str, rows: Iterable[int]) -> None:
    numbers = list(rows)
    if numbers != list(range(1, len(numbers) + 1)):
        found.add("record", f"{what}的编号不连续：{'、'.join(map(str, numbers))}。")


def _check_weeks(found: Findings) -> None:
    """Between a unit's first and last week none is missing."""
    rows = UnitWeek.objects.using(found.using).filter(programme=found.programme)
    weeks: dict[Any, list[Any]] = {}
    for unit, week in rows.order_by("unit", "week").values_list("unit", "week"):
        weeks.setdefault(unit, []).append(week)
    for unit, own in weeks.items():
        if (own[-1] - own[0]).days != 7 * (len(own) - 1):
            found.add("record", "单位周报缺了一周或多了一周。", branch=found.names.get(unit, ""))


def _check_states(found: Findings) -> None:
    """A certificate's state is that of its last event, and each begins with its issue."""
    rows = Certificate.objects.using(found.using).filter(programme=found.programme)
    strange = rows.exclude(standing__member=F("member"), standing__programme=found.programme)
    for member in strange.values_list("member_id", flat=True):
        found.add("certificate", "证明与所据的学习进度不是同一人的。", member=member)
    for certificate in rows.prefetch_related("events").iterator(chunk_size=2000):
        state = ""
        for event in sorted(certificate.events.all(), key=lambda e: e.pk):
            state = TURNS.get((state, event.event), "?")
        if state != certificate.state:
            found.add(
                "certificate",
                f"证明 {certificate.number} 的状态“{certificate.get_state_display()}”"
                "与其变动记录不符。",
                member=certificate.member_id,
            )


def _check_closings(found: Findings) -> None:
    """While the books are closed, the last closing certifies every branch with its figures."""
    if not found.programme.is_over:
        return
    rows = BranchClosing.objects.using(found.using).filter(programme=found.programme)
    turn = rows.aggregate(n=Max("turn"))["n"]
    if turn is None:  # closed before there were such certificates
        return
    names = ("branch", "due", "exempt", "completed", "hours")
    certified = {b: v for b, *v in rows.filter(turn=turn).values_list(*names)}
    kept = BranchStanding.objects.using(found.using).filter(programme=found.programme)
    there = {b: v for b, *v in kept.values_list(*names) if v[0] or v[1]}
    for branch in sorted(certified.keys() | there.keys()):
        if certified.get(branch) != there.get(branch):
            found.add(
                "closing",
                f"结业情况证明为 {certified.get(branch)}，支部进度为 {there.get(branch)}"
                "（应学、免学、学满、学时）。",
                branch=found.names.get(branch, ""),
            )
