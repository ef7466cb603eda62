"""Contradictions inside a sheet that are said before anything is confirmed."""

import re
from collections.abc import Iterable, Iterator

from .cells import Cells, tight
from .dates import days_in, numeral
from .drafts import Draft
from .headings import Kind
from .judging import Entry
from .lines import TOTAL, Line
from .model import CAME, MADE_UP, PRESENT, Notice, Row, Session
from .people import Directory
from .registers import Register
from .slots import Slot, slots_of
from .totals import SPOKEN, contradictions, counts_of, wrong_rate

# Sums of people who came, under which name ever a sheet writes them.
SUMS = re.compile(
    r"合计|小计|总计|共计|累计|总数|(?:总?出勤|实到|到会|参加|参学|出席)?(?:次数|天数|合计|总次数|总计|数|次)|总出勤|出勤"
)
CAME_LABEL = re.compile(r"实到|到会|出席|出勤|参加")
ORDINAL = re.compile(r"第?([一二三四五六七八九十百\d]+)$")
BRANCH = re.compile(r"([\u4e00-\u9fff\d]{1,24}?)(?:党支部|支部)")


def count_warnings(draft: Draft, rows: Iterable[Row], directory: Directory) -> Iterator[Notice]:
    """Head counts of the sheet against the marks; not while marks are still being asked about."""
    everyone = list(rows)
    # Guests who are no members may or may not have been counted.
    counts = counts_of(row for row in everyone if row.member or row.questions)
    if counts.get("open") or not draft.single:
        return
    # Nor is it known whether people of other branches were counted.
    own = {person.number for person in directory.roster.own}
    ways = [counts, counts_of(everyone), counts_of(row for row in everyone if row.member in own)]
    roster = len(directory.due_on(draft.day))
    for way in ways:
        way["roster"] = roster
    claims = draft.register.claims
    wrong = [{claim for claim, _ in contradictions(claims, way)} for way in ways]
    also = set.intersection(*wrong)
    for claim, real in contradictions(claims, counts):
        if claim not in also:
            continue
        word = claim.label or SPOKEN[claim.key]
        text = f"表中写{word} {claim.number:g} 人，按签到标记是 {real} 人，两者不一致，请核对。"
        yield Notice(text, draft.cells.name, claim.row)
    rate = wrong_rate(claims, counts)
    if rate and all(wrong_rate(claims, way) for way in ways):
        text = f"表中写出勤率 {rate[0]:g}%，按签到标记是 {rate[1]:.1f}%，两者不一致，请核对。"
        yield Notice(text, draft.cells.name)


def day_warnings(draft: Draft) -> Iterator[Notice]:
    """A title or the sheet's name with another day than the one that was read."""
    day = draft.day
    for text in (*draft.register.titles, draft.cells.name) if draft.single and day else ():
        said = [other for other in days_in(text) if other.month and other.day]
        other = said[0].within(day.year) if day and len(said) == 1 else None
        if day and other and other.exact and other.exact != day:
            sentence = f"“{text}”写的日期与活动日期 {day} 不一致，请核对。"
            yield Notice(sentence, draft.cells.name)


def sign_out_warnings(draft: Draft) -> Iterator[Notice]:
    """Nobody is made to have left early by a signature that is missing, but it is said."""
    entries = [e for e in draft.entries if e.verdict.status == PRESENT]
    signed = [
        any(e.line.cells.spread(e.line.row, c.index) for c in e.line.block.of(Kind.SIGNED_OUT))
        for e in entries
    ]
    if sum(signed) * 2 > len(signed):
        for entry, out in zip(entries, signed, strict=True):
            if not out:
                text = f"“{entry.line.name}”有签到、没有签退，按出席读取，请核对是否早退。"
                yield Notice(text, draft.cells.name, entry.line.place[0])


def sum_warnings(register: Register, drafts: list[Draft]) -> Iterator[Notice]:
    """Sums beside and below the marks (合计) against the marks themselves."""
    for table, body in register.parts:
        if len(drafts) > 1:
            yield from _beside(body.lines, drafts)
        slots = slots_of(table, body.lines)
        for row in body.totals:
            yield from _below(register, row, slots, drafts)


def _beside(lines: list[Line], drafts: list[Draft]) -> Iterator[Notice]:
    wrong, right = [], 0
    of_line: dict[int, list[Entry]] = {}
    for draft in drafts:
        for entry in draft.entries:
            of_line.setdefault(id(entry.line), []).append(entry)
    for line in lines:
        said, entries = _sum_of(line), of_line.get(id(line), [])
        if said is None or any(
            entry.verdict.doubt or not entry.verdict.status for entry in entries
        ):
            continue
        statuses = [entry.verdict.status for entry in entries]
        came = sum(status in CAME for status in statuses)
        allowed = {came, statuses.count(PRESENT), came + statuses.count(MADE_UP)}
        if said in allowed:
            right += 1
        else:
            row, _ = line.place
            text = f"“{line.name}”的合计写 {said} 次，按标记是 {came} 次，两者不一致，请核对。"
            wrong.append(Notice(text, line.cells.name, row))
    # Where most rows differ, the column sums up something else (hours, points).
    if len(wrong) <= max(right, 1):
        yield from wrong


def _sum_of(line: Line) -> int | None:
    for column in line.block.of(Kind.TOTAL):
        value = line.cells.value(line.row, column.index)
        if SUMS.fullmatch(tight(column.words[-1])) and isinstance(value, int | str):
            return numeral(str(value))
    return None


def _below(
    register: Register, row: int, slots: list[Slot], drafts: list[Draft]
) -> Iterator[Notice]:
    cells = register.parts[0][0].cells
    if any(claim.row == cells.place(row, 0)[0] for claim in register.claims) and len(drafts) == 1:
        return
    label = next((tight(text).strip(":") for _, text in cells.filled(row)), "")
    if (
        not TOTAL.fullmatch(label)
        or not re.search(r"计|实到|出勤|到会|出席|人数", label)
        or "应" in label
    ):
        return
    for slot in slots:
        draft = next((draft for draft in drafts if draft.key == slot.key), None)
        for block, columns in slot.columns.items():
            texts = [cells.text(row, column.index) for column in columns]
            numbers = [n for text in texts if (n := numeral(text.rstrip("人"))) is not None]
            if draft is None or len(numbers) != 1:
                continue
            entries = [e for e in draft.entries if e.line.row < row and e.line.cells is cells]
            if any(e.verdict.doubt or not e.verdict.status for e in entries):
                continue
            above = [e for e in entries if e.line.block.name.index == block]
            allowed = set(_tails(entries)) | set(_tails(above))
            if not CAME_LABEL.search(label):  # 合计 may count the people, 实到 those who came
                allowed |= {len(entries), len(above)}
            if numbers[0] not in allowed:
                real = sum(e.verdict.status in CAME for e in above)
                text = f"“{label}”写 {numbers[0]}，按标记是 {real} 人，两者不一致，请核对。"
                yield Notice(text, cells.name, cells.place(row, 0)[0])


def _tails(entries: list) -> Iterator[int]:  # type: ignore[type-arg]
    """Counts of who came in the last n rows, for every n: a subtotal may begin anywhere."""
    came = 0
    for entry in reversed(entries):
        came += entry.verdict.status in CAME
        yield came


def sequence_warnings(register: Register) -> Iterator[Notice]:
    """A gap in 序号: a row may have been lost."""
    lines = sorted(
        register.lines,
        key=lambda line: (id(line.table) and line.table.first, line.block.name.index, line.row),
    )
    before = 0
    for line in lines:
        if not line.sequence.isdigit():
            continue
        number = int(line.sequence)
        if 1 < number - before <= 3 and before:
            missing = "、".join(str(n) for n in range(before + 1, number))
            text = f"序号从 {before} 跳到 {number}，缺少 {missing}，请核对是否漏了人。"
            yield Notice(text, line.cells.name, line.place[0])
        before = number


def nameless_warnings(register: Register) -> Iterator[Notice]:
    for table, body in register.parts:
        for row in body.nameless:
            number, _ = table.cells.place(row, 0)
            yield Notice("这一行有签到标记，但没有姓名，没有读取。", table.cells.name, number)


def hidden_warnings(register: Register) -> Iterator[Notice]:
    """Hidden rows are read like others, but the uploader may not know of them."""
    grid = register.cells.grid
    hidden = set(grid.hidden_rows)
    for line in register.lines:
        row, _ = line.place
        if row - 1 in hidden:
            yield Notice(f"“{line.name}”在隐藏行里，已一并读取，请核对。", grid.name, row)


def left_out_warnings(
    cells: Cells, registers: Iterable[Register], sessions: Iterable[Session], directory: Directory
) -> Iterator[Notice]:
    """Cells that hold a member's name and that no row, list or label was read from."""
    registers = list(registers)
    known = {line.key for register in registers for line in register.lines}
    known |= {directory.resolve(row.name)[0] for session in sessions for row in session.rows}
    told = [
        f.text for r in registers for kind, found in r.facts.found.items() if kind for f in found
    ]
    known |= {directory.resolve(text)[0] for text in told}
    for row in range(cells.height):
        for column, text in cells.filled(row):
            name = directory.knows(text) and directory.resolve(text)[0]
            if name and name not in known:
                number, letter = cells.place(row, column)
                said = f"{letter}{number} 的“{text}”没有读作签到，请核对。"
                yield Notice(said, cells.name, number)


def branch_warning(register: Register, branch_name: str) -> Notice | None:
    """The title or a label names another branch than the one that the sheet is read for."""
    texts = [*register.titles, *(fact.text for fact in register.facts.all("organiser"))]
    for text in texts:
        for found in BRANCH.findall(tight(text)):
            if found and not names_branch(found, branch_name):
                said = (
                    f"表中写的是“{found}支部”，与当前党支部“{branch_name}”不一致，"
                    "请核对是否选错了表。"
                )
                return Notice(said, register.cells.name)
    return None


def names_branch(said: str, branch_name: str) -> bool:
    """Whether the words before 支部 can mean this branch: their end must occur in its name."""
    bare = branch_name.replace("党支部", "").replace("支部", "")
    said = re.sub(
        r"^.*(?:[年月日号份]|季度|半年|关于|召开|举行|开展|中共|委员会|党委)", "", said
    ).removesuffix("党")
    if not said or re.fullmatch(r"我|本|各|全体|该|所在|基层|联合|所属|全", said):
        return True
    mine, theirs = ORDINAL.search(bare), ORDINAL.search(said)
    if mine and theirs:
        return numeral(mine[1]) == numeral(theirs[1])
    if bool(mine) != bool(theirs) and theirs:
        return False
    tail = said[-2:]
    position = 0
    for character in tail:
        position = bare.find(character, position) + 1
        if not position:
            return False
    return True
