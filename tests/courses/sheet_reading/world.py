"""The invented town of the specimens, and a way to write a sheet in a few lines of code."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from courses.sheets.sheet_reading import Person, Reading, Session, read
from portal.workbooks import Grid, Value, Workbook

SPECIMENS = Path(__file__).parents[1] / "specimens"
CASES = yaml.safe_load((SPECIMENS / "cases.yaml").read_text("utf-8"))
TODAY = date(2021, 12, 31)

FIRST = "云川市水务局机关第一党支部"
SECOND = "云川市水务局机关第二党支部"
RETIRED = "云川市水务局离退休党支部"
VILLAGE = "望溪镇杨树沟村党支部"
SCHOOL = "云川市第三中学第一党支部"
HOSPITAL = "云川市中医院门诊党支部"

PEOPLE = tuple(
    Person(m["number"], m["name"], m["branch"], m["branch"], m["group"] or "", m["kind"])
    for m in CASES["world"]["members"]
)


@dataclass
class Town:
    """A roster as the portal would give it for one branch."""

    branch: str
    people: tuple[Person, ...] = PEOPLE

    @property
    def branch_name(self):
        return self.branch

    @property
    def own(self):
        return [person for person in self.people if person.branch == self.branch]

    def elsewhere(self, names):
        return [p for p in self.people if p.name in names and p.branch != self.branch]

    def by_number(self, numbers):
        return [person for person in self.people if person.number in numbers]


def names(branch=SCHOOL):
    return [person.name for person in PEOPLE if person.branch == branch]


def sheet(rows, merged=(), name="Sheet1", **more) -> Grid:
    """A grid from lists of cells ("" is blank) and merged ranges such as "A1:D1"."""
    cells = tuple(tuple(None if value == "" else value for value in row) for row in rows)
    return Grid(name, cells, tuple(area(text) for text in merged), **more)


def area(text):
    corners = []
    for letters, number in re.findall(r"([A-Z]+)(\d+)", text):
        column = 0
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        corners += [int(number) - 1, column - 1]
    return tuple(corners)


def reading(
    *sheets, branch=SCHOOL, at=TODAY, answers=None, filename="sheet.xlsx", people=PEOPLE
) -> Reading:
    grids = tuple(s if isinstance(s, Grid) else sheet(s) for s in sheets)
    town = Town(branch, people)
    return read(Workbook(grids, filename), roster=town, at=at, answers=answers or {})


def listed(
    marks="√",
    *,
    top=(("签到表",), ("2021年6月2日",)),
    head=("序号", "姓名", "签到", "备注"),
    foot=(),
    remarks=None,
    people=None,
) -> list[list[Value]]:
    """The common sheet: title, date, heading, one row a person; `marks` by row or for all."""
    people = people or names()
    marks = [marks] * len(people) if isinstance(marks, str) else list(marks)
    marks += ["√"] * (len(people) - len(marks))
    rows = [list(line) for line in top] + [list(head)]
    for at, name in enumerate(people):
        remark = (remarks or {}).get(at, "")
        rows.append([at + 1, name, marks[at], remark][: len(head)])
    return rows + [list(line) for line in foot]


def only(result: Reading) -> Session:
    """The one session of a reading that was not refused."""
    assert result.outcome != "refuse", result.message
    [session] = result.sessions
    return session


def status(session: Session) -> dict[str, str | None]:
    return {row.name: row.status for row in session.rows}


def row(session: Session, name: str):
    [found] = [row for row in session.rows if row.name == name]
    return found


def about(result: Reading) -> list[str]:
    return [question.about for question in result.questions]


def said(result: Reading) -> str:
    return "\n".join(map(str, result.warnings))
