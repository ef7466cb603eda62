"""Texts of a bulletin, drafted from its figures: numbers and names always right, no empty phrases.

Pure over the rows; what is drafted here is then edited by the official, the figures never are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from django.utils import timezone

from credits.models import BulletinRow, Programme, View
from portal.models import Cohort

if TYPE_CHECKING:
    from credits.bulletin_figures import Figures

SHOWN = 5


@dataclass(frozen=True)
class Overtaking:
    """A unit that gained places, and whom it overtook."""

    row: BulletinRow
    overtaken: tuple[str, ...]


def draft_texts(figures: Figures, programme: Programme, *, at: datetime) -> dict[str, str]:
    """One text for each view."""
    return {
        View.OPENING: opening(figures, programme, at=at),
        View.COMPARE: compare(figures),
        View.LEARN: learn(figures),
        View.CHASE: chase(figures),
        View.SURPASS: surpass(figures),
    }


def opening(figures: Figures, programme: Programme, *, at: datetime) -> str:
    sums, when = figures.totals, timezone.localtime(at)
    text = (
        f"截至 {when.year} 年 {when.month} 月 {when.day} 日 {when:%H:%M}，{programme}应学党员 "
        f"{sums['due']} 人（另有免学 {sums['exempt']} 人），学满 {sums['completed']} 人，"
        f"学满率 {_percent(figures.rate)}"
    )
    if figures.previous and figures.previous_rate is not None and figures.rate is not None:
        gain = (figures.rate - figures.previous_rate) * 100
        word = "提高" if gain >= 0 else "下降"
        text += f"，较第 {figures.previous.number} 期{word} {abs(gain):.1f} 个百分点"
    return text + "。现将各单位情况通报如下。"


def compare(figures: Figures) -> str:
    lines = []
    for label, rows in figures.cohorts:
        first = [row for row in rows if row.rank == 1]
        names = "、".join(row.unit_name for row in first[:SHOWN])
        more = f"等 {len(first)} 个单位" if len(first) > SHOWN else ""
        shared = "并列第 1" if len(first) > 1 else "列第 1"
        lines.append(f"{label}：{names}{more}学满率 {_percent(first[0].rate)}，{shared}。")
    return "\n".join(lines)


def learn(figures: Figures) -> str:
    """Whom to learn from; what each did stands as evidence below, computed and never edited."""
    names = "、".join(row.unit_name for row in to_learn_from(figures))
    return f"各系统学满率最高、自己开展活动的单位：{names}。" if names else "本期暂无。"


def chase(figures: Figures) -> str:
    if figures.previous is None:
        return "本期为首期，进步情况自下期起通报。"
    rows = most_improved(figures)
    parts = [f"{row.unit_name}提高 {row.gain:.1f} 个百分点" for row in rows]
    said = "，".join(parts) or "各单位学满率均未提高"
    return f"与第 {figures.previous.number} 期相比，{said}。"


def surpass(figures: Figures) -> str:
    if figures.previous is None:
        return "本期为首期，名次变化自下期起通报。"
    """Who rose most; the places and whom they overtook stand below."""
    names = "、".join(o.row.unit_name for o in overtakings(figures))
    if not names:
        return "与上期相比没有单位超过别的单位。"
    return f"与第 {figures.previous.number} 期相比，名次上升最多的单位：{names}。"


def evidence(row: BulletinRow) -> str:
    """What the figures say of a unit, in one sentence."""
    mean = f"{(row.mean_hours or 0) / 100:.1f}"
    text = f"学满 {row.completed}/{row.due} 人，人均 {mean} 学时，开展活动 {row.sessions} 场"
    if row.gain is not None and row.gain > 0:
        text += f"，学满率较上期提高 {row.gain:.1f} 个百分点"
    return text


def to_learn_from(figures: Figures) -> list[BulletinRow]:
    """The best of each cohort by rate and hours, those with sessions of their own."""

    def order(row: BulletinRow) -> tuple[float, float]:
        return -(row.rate or 0), -(row.mean_hours or 0)

    best: list[BulletinRow] = []
    for _, rows in figures.cohorts:
        done = sorted((row for row in rows if row.completed), key=order)
        best += islice(filter(figures.holds, done), 1)
    return sorted(best, key=order)[:SHOWN]


def most_improved(figures: Figures) -> list[BulletinRow]:
    """Who gained most percentage points since the previous number."""
    gained = [row for row in figures.rows if row.rank and row.gain is not None and row.gain > 0]
    return sorted(gained, key=lambda r: (-(r.gain or 0), r.unit_code))[:SHOWN]


def overtakings(figures: Figures) -> list[Overtaking]:
    """Who gained most places, and whom each overtook: before it then, behind it now."""
    found = []
    for cohort in Cohort.values:
        rows = figures.of(cohort)
        for row in rows:
            if row.movement is not None and row.movement > 0:
                found.append(Overtaking(row, tuple(_overtaken(row, rows))))
    found = [o for o in found if o.overtaken]
    found.sort(key=lambda o: (-len(o.overtaken), o.row.rank or 0, o.row.unit_code))
    return found[:SHOWN]


def _overtaken(row: BulletinRow, rows: Sequence[BulletinRow]) -> list[str]:
    return [
        other.unit_name
        for other in rows
        if not other.changed
        and other.previous_rank is not None
        and row.previous_rank is not None
        and other.previous_rank < row.previous_rank
        and (other.rank or 0) > (row.rank or 0)
    ]


def _percent(rate: float | None) -> str:
    from portal.templatetags.portal import percent

    return percent(rate)
