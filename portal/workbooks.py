"""Spreadsheets that people upload (.xlsx, .xls, .csv), read in a child process under limits.

An upload is a stranger's file: it may be a bomb, broken, encrypted or something else under a
borrowed name, and the native reader can abort its whole process. So a fresh interpreter reads it
(workbook_child), and here its answer becomes frozen values or a Refusal with its own sentence.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from portal.workbook_refusals import (
    EmptyFile,
    MacroFile,
    NotSpreadsheet,
    ReaderCrashed,
    TooLarge,
    TooSlow,
    notes,
    refusal,
)

Value = str | int | float | bool | datetime | date | time | None


@dataclass(frozen=True)
class Grid:
    """One sheet: rows from row 1 and column A on, ragged at the right, without a blank tail.

    `merged` are ranges (first row, first column, last row, last column), zero-based and inclusive;
    the value stands in the first cell. Hidden rows and columns are zero-based too, and so are the
    places of the cells that are struck through.
    """

    name: str
    rows: tuple[tuple[Value, ...], ...]
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    struck: frozenset[tuple[int, int]] = frozenset()
    height: int = 0  # rows that there may be, where the file says so before they are read


@dataclass(frozen=True)
class Workbook:
    """The sheets of one uploaded file; `notes` are sentences that its reader should be told."""

    sheets: tuple[Grid, ...]
    filename: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LazyWorkbook:
    """A file whose rows are read while its `sheets` are walked through, in order and once.

    count: how many sheets there are.
    """

    count: int
    filename: str
    notes: tuple[str, ...]
    bits: Iterator[Any]

    def sheets(self) -> Iterator[tuple[Grid, Iterator[tuple[Value, ...]]]]:
        """Each sheet without rows, and its rows; what is not taken of one is passed over."""
        heads = [bit for bit in [next(self.bits, None)] if bit]

        def rows_of_one() -> Iterator[tuple[Value, ...]]:
            for bit in self.bits:
                if isinstance(bit, dict):
                    heads.append(bit)  # of the next sheet
                    return
                for row in bit:
                    yield tuple(map(_value, row))

        while heads:
            grid, rows = _grid({**heads.pop()["sheet"], "rows": ()}), rows_of_one()
            yield grid, rows
            for _ in rows:
                pass


@dataclass(frozen=True)
class Limits:
    """What one upload may cost; 5 s hold for 2,000 rows and far beyond, then time grows."""

    seconds: int = 5
    most_seconds: int = 60
    megabytes: int = 1024
    upload_bytes: int = 20 * 1024 * 1024
    rows: int = 250_000
    columns: int = 600

    def seconds_for(self, size: int) -> int:
        """Five seconds, and one more for every 100 KB beyond half a megabyte."""
        return min(self.most_seconds, self.seconds + max(0, size - 500_000) // 100_000)


CHILD = Path(__file__).with_name("workbook_child")


def read(data: bytes, filename: str, *, limits: Limits = Limits()) -> Workbook:
    """The sheets of an uploaded file; raises a WorkbookRefusal that says what is wrong."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    answer = _ask_child(_checked(data, name, extension, limits), limits)
    if "error" in answer:
        raise refusal(answer["error"], answer.get("detail", ""), extension)
    return Workbook(
        sheets=tuple(_grids(answer["sheets"])),
        filename=name,
        notes=notes(answer["kind"], extension),
    )


def read_lazily(data: bytes, filename: str, *, limits: Limits = Limits()) -> LazyWorkbook:
    """The same of a long file: its rows are read while the sheets are walked through, once.

    Raises a WorkbookRefusal now or while rows are taken.
    """
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    bits = _bits_of_child(_checked(data, name, extension, limits), limits, extension)
    first = next(bits)
    return LazyWorkbook(first["sheets"], name, notes(first["kind"], extension), bits)


def _checked(data: bytes, name: str, extension: str, limits: Limits) -> bytes:
    """What can be refused without opening it."""
    if not data or not data.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise EmptyFile
    if name.startswith("~$"):
        raise NotSpreadsheet(
            "这是 Excel 打开表格时产生的临时文件（文件名以 ~$ 开头），请上传原来的表格文件。"
        )
    if len(data) > limits.upload_bytes:
        size = limits.upload_bytes // (1024 * 1024)
        raise TooLarge(f"这个文件超过 {size} MB，太大了。请删去图片和多余的工作表后再上传。")
    if extension in ("xlsm", "xltm"):
        raise MacroFile
    return data


def _ask_child(data: bytes, limits: Limits) -> dict[str, Any]:
    seconds = limits.seconds_for(len(data))
    command = _command(seconds, limits)
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and script, no shell)
            command, input=data, capture_output=True, timeout=seconds, env={}, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TooSlow from error
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise TooSlow
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise ReaderCrashed from error
    return answer if isinstance(answer, dict) and done.returncode == 0 else {"error": "memory"}


def _command(seconds: int, limits: Limits) -> list[str]:
    given = (seconds, limits.megabytes, limits.rows, limits.columns)
    return [sys.executable, "-I", str(CHILD), *map(str, given)]


def _bits_of_child(data: bytes, limits: Limits, extension: str) -> Iterator[Any]:
    """What the child says line by line; it waits while nobody takes it, and costs at most so much
    processor time."""
    seconds = limits.seconds_for(len(data))
    with TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        child = subprocess.Popen(  # noqa: S603 (our own interpreter and script, no shell)
            [*_command(seconds, limits), "bit"],
            stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
        )  # fmt: skip
    with child:
        try:
            for line in child.stdout or ():
                try:
                    bit = json.loads(line)
                except ValueError as error:
                    raise ReaderCrashed from error
                if isinstance(bit, dict) and "error" in bit:
                    raise refusal(bit["error"], bit.get("detail", ""), extension)
                if isinstance(bit, dict) and "end" in bit:
                    return
                yield bit
        finally:
            child.kill()
        raise TooSlow if child.wait() in (-signal.SIGXCPU, -signal.SIGKILL) else ReaderCrashed


def _grids(sheets: list[dict[str, Any]]) -> Iterator[Grid]:
    """Grids of what the child said, which is let go sheet by sheet: it is as large as they are."""
    while sheets:
        yield _grid(sheets.pop(0))


def _grid(sheet: dict[str, Any]) -> Grid:
    same: dict[str, str] = {}  # one of each text: names and marks come again and again
    return Grid(
        name=sheet["name"],
        rows=tuple(
            tuple(same.setdefault(v, v) if isinstance(v, str) else _value(v) for v in row)
            for row in sheet["rows"]
        ),
        merged=tuple((a, b, c, d) for a, b, c, d in sheet.get("merged", ())),
        hidden=not sheet.get("visible", True),
        hidden_rows=tuple(sheet.get("hidden_rows", ())),
        hidden_columns=tuple(sheet.get("hidden_columns", ())),
        height=sheet.get("height", 0),
        struck=frozenset((row, column) for row, column in sheet.get("struck", ())),
    )


def _value(value: Any) -> Value:
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]  # JSON's own scalars
    [(kind, text)] = value.items()
    if kind == "date":
        return date.fromisoformat(text)
    return datetime.fromisoformat(text) if kind == "datetime" else time.fromisoformat(text)
