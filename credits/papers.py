"""What a bulletin says on paper, the same for PDF, Word and spreadsheet.

Its figures are those of the published rows (or of a draft as it stands); nothing is computed here
that the web page does not show, and nothing is invented: no document number, no seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from credits import bulletin_columns, bulletin_texts, bulletins, unit_texts
from credits.bulletin_columns import Column, movement
from credits.bulletins import Figures
from credits.models import Bulletin, BulletinDraft, BulletinRow, View
from credits.models import BulletinMeasure as Measure
from credits.models.bulletin import USUAL
from credits.view_charts import Charts, Table
from portal.templatetags.portal import clock, whole_day

__all__ = ["HEADINGS", "Annex", "Paper", "Section", "movement", "notes", "of_bulletin", "of_draft"]

HEADINGS = tuple(column.heading for column in bulletin_columns.of(USUAL))  # of the usual table
SECTIONS = {
    View.COMPARE: "比：同类单位比高低",
    View.LEARN: "学：值得学的做法",
    View.CHASE: "赶：进步最快",
    View.SURPASS: "超：谁超过了谁",
}


@dataclass(frozen=True)
class Annex:
    """A table at the end: one cohort, its units by rank, below them those too small for one."""

    number: int
    title: str
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Section:
    """A numbered part of the text: paragraphs; below them what the figures say of some units, or
    what these wrote with the figures behind it (numeral, unit, sentences); the table of its chart,
    but for 比, whose tables are the annexes."""

    view: View
    paragraphs: Sequence[str]
    evidence: Sequence[tuple[str, str, str]]
    table: Table | None

    @property
    def title(self) -> str:
        return SECTIONS[self.view]

    @property
    def name(self) -> str:
        """The view in one character."""
        return str(self.view.label)

    @property
    def numeral(self) -> str:
        return numeral(list(SECTIONS).index(self.view) + 1)


@dataclass(frozen=True)
class Paper:
    """A bulletin as a document. number: of its year; none for a draft, which says so on each page.

    issuer: the organisation in whose name it is published. foot: code and cut-off by which a
    printed copy is checked.
    """

    head: str
    title: str
    issuer: str
    year: int
    number: int | None
    day: str
    opening: Sequence[str]
    sections: Sequence[Section]
    annexes: Sequence[Annex]
    columns: Sequence[Column]
    apart: str
    notes: str
    foot: str
    charts: Charts
    previous: int | None
    code: str = ""  # of a published number, for the picture that leads to its check

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    @property
    def is_draft(self) -> bool:
        return self.number is None

    @property
    def series(self) -> str:
        return "草稿" if self.is_draft else f"{self.year} 年第 {self.number} 期"

    @property
    def filename(self) -> str:
        return f"{self.head} {self.series}"


def of_bulletin(bulletin: Bulletin) -> Paper:
    """The paper of a published number, from its own rows and texts."""
    texts = {text.view: text.text for text in bulletin.texts.all()}
    said = {text.unit_id: text.text for text in bulletin.unit_texts.all()}
    foot = (
        f"{replacement(bulletin)}依据{bulletin.document}。数据截至{_moment(bulletin.cutoff)}。"
        f"核验码 {bulletin.code}，"
        f"凭期号和核验码可在平台“核验”页核对。"
    )
    paper = _paper(
        bulletin,
        bulletins.published(bulletin),
        texts,
        said,
        at=bulletin.published_at,
        number=bulletin.number,
        foot=foot,
    )
    return replace(paper, code=bulletin.code)


def of_draft(draft: BulletinDraft, found: Figures, *, at: datetime) -> Paper:
    """The paper of a draft, with its figures as they stand at `at`."""
    foot = f"草稿，未发布。数据截至{_moment(draft.cutoff or at)}。"
    said = {unit: text.text for unit, text in unit_texts.taken(draft).items()}
    return _paper(draft, found, draft.texts, said, at=at, number=None, foot=foot)


def _paper(
    source: Bulletin | BulletinDraft,
    found: Figures,
    texts: Mapping[str, str],
    said: Mapping[int, str],
    *,
    at: datetime,
    number: int | None,
    foot: str,
) -> Paper:
    charts = Charts(found)
    tables = {
        View.LEARN: charts.learn_table,
        View.CHASE: charts.chase_table,
        View.SURPASS: charts.surpass_table,
    }
    return Paper(
        head=f"{source.programme}积分通报",
        title=source.title,
        issuer=source.programme.organiser.name,
        year=timezone.localtime(at).year,
        number=number,
        day=whole_day(at),
        opening=_paragraphs(texts.get(View.OPENING, "")),
        sections=[
            Section(
                view,
                _paragraphs(texts.get(view, "")),
                _counted(_evidence(view, charts, texts, said)),
                tables[view] if view in tables and tables[view].rows else None,
            )
            for view in SECTIONS
        ],
        annexes=[
            Annex(place, f"{label}学时完成情况", [_cells(row, found) for row in rows])
            for place, (label, rows) in enumerate(found.listed, 1)
        ],
        columns=found.columns,
        apart="、".join(row.unit_name for row in found.apart),
        notes=notes(found),
        foot=foot,
        charts=charts,
        previous=found.previous.number if found.previous else None,
    )


def _counted(said: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(numeral(place), *each) for place, each in enumerate(said, 1)]


def numeral(number: int) -> str:
    """A small number as documents count: 一, 十, 十二, 二十."""
    tens, ones = divmod(number, 10)
    digits = " 一二三四五六七八九"
    text = (digits[tens] if tens > 1 else "") + ("十" if tens else "") + digits[ones]
    return text.replace(" ", "")


def _evidence(
    view: View, charts: Charts, texts: Mapping[str, str], said: Mapping[int, str]
) -> list[tuple[str, str]]:
    """What stands below a text on the web page: unit, and what it wrote and the figures say."""
    if view is View.LEARN:
        found = []
        for row in charts.exemplary:
            words, own = bulletin_texts.evidence(row), said.get(row.unit_id, "")
            if own:
                found.append((row.unit_name, f"{_ended(own)}据统计，{words}"))
            elif words not in texts.get(view, ""):
                found.append((row.unit_name, words))
        return found
    if view is View.SURPASS:
        return [
            (
                o.row.unit_name,
                f"第 {o.row.previous_rank} 名升至第 {o.row.rank} 名，超过{_some(o.overtaken)}",
            )
            for o in charts.overtakings
        ]
    return []


def _ended(text: str) -> str:
    """A text with a full stop, where whoever wrote it left that out."""
    return text if text[-1] in "。！？…”" else f"{text}。"


def _some(names: Sequence[str], most: int = 4) -> str:
    more = f"等 {len(names)} 个单位" if len(names) > most else ""
    return "、".join(names[:most]) + more


def _cells(row: BulletinRow, found: Figures) -> tuple[str, ...]:
    """A row of a table, in the order of its columns."""
    return tuple(column.text(row) for column in found.columns)


def notes(found: Figures) -> str:
    """What stands below the tables, in print and on the web: how to read them."""
    said = ["免学人员不计入应学；名次相同的并列。"]
    if found.small:
        said.append(f"应学不足 {found.minimum} 人的单位列在表末，不排名。")
    if any(row.changed for row in found.rows):
        said.append("上期以来新列入、已更名或有合并的单位不比较升降。")
    since = "上期截止以后" if found.previous else "专题教育开始以来"
    if {Measure.IN, Measure.OUT} & set(found.measures):
        said.append(f"转入、转出为{since}在单位之间转接的人次。")
    if Measure.LATE in found.measures:
        said.append("迟录为上期截止以后补记以前日期的学时和补录期内录入的学时，以条计。")
    if Measure.MOBILE in found.measures:
        said.append("流动参学为外出期间已有学时的应学流动党员人数。")
    return "".join(said)


def replacement(bulletin: Bulletin) -> str:
    """Which number this one replaces and which one replaces it, in words; empty for neither."""
    said = ""
    if bulletin.replaces:
        said += f"本期替代已撤回的 {bulletin.replaces.year} 年第 {bulletin.replaces.number} 期。"
    later = getattr(bulletin, "replaced_by", None)
    if later is not None:
        said += f"本期已撤回，由 {later.year} 年第 {later.number} 期替代。"
    elif getattr(bulletin, "withdrawal", None) is not None:
        said += "本期已撤回。"
    return said


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _moment(moment: datetime) -> str:
    return f"{whole_day(moment)}{clock(moment)}"
