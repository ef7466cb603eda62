"""The child process that opens an uploaded spreadsheet, under limits, and prints its cells as JSON.

Run by path (`python -I workbook_child.py SECONDS MEGABYTES ROWS COLUMNS [bit]`) with the file on
stdin. It must start fast and may die at any moment (the native reader can abort the process), so it
imports nothing of Django or of this project. Answers on stdout: {"sheets": …} or {"error": code}.

With `bit` the answer comes bit by bit, a line of JSON each: {"kind": …, "sheets": number}, then for
each sheet {"sheet": …} without its rows and lists of rows, and at last {"end": true}.
"""

import csv
import io
import json
import re
import resource
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

MAX_ENTRIES = 2_000
MAX_UNPACKED = 400 * 1024 * 1024
# Sheets of many formatted blank rows shrink a hundredfold in all innocence; bombs a thousandfold.
SUSPECT_RATIO = 400
SUSPECT_SIZE = 20 * 1024 * 1024
MAX_CELLS = 6_000_000
BIT = 500  # rows
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAGICS = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"RIFF", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"{\\rtf", "word"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"SQLite format 3", "program"),
)
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|meta|style|div)\b", re.I)
FOREIGN_PARTS = (
    ("word/", "word"),
    ("ppt/", "slides"),
    ("OFD.xml", "ofd"),
    ("content.xml", "ods"),
    ("xl/workbook.bin", "xlsb"),
)


class Unreadable(Exception):
    """The file cannot be read; `code` names why, `detail` may hold a number or kind."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


def main(arguments: list[str]) -> None:
    seconds, megabytes, rows, columns = (int(argument) for argument in arguments[:4])
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        data = sys.stdin.buffer.read()
        if arguments[4:] == ["bit"]:
            for bit in bits_of(data, rows, columns):
                say(bit)
                sys.stdout.write("\n")
            answer: dict[str, Any] = {"end": True}
        else:
            answer = answer_for(data, rows, columns)
    except Unreadable as reason:
        answer = {"error": reason.code, "detail": reason.detail}
    except MemoryError:
        answer = {"error": "memory"}
    except Exception as error:  # whatever a hostile file provokes: the parent needs one answer
        answer = {"error": "broken", "detail": type(error).__name__}
    say(answer)


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=True, separators=(",", ":")))


def answer_for(data: bytes, max_rows: int, max_columns: int) -> dict[str, Any]:
    kind = kind_of(data)
    if kind == "xlsx":
        sheets = xlsx_sheets(data)
    elif kind == "xls":
        sheets = calamine_sheets(data)
    elif kind == "csv":
        sheets = [{"name": "csv", "rows": csv_rows(data)}]
    else:
        raise Unreadable("foreign", kind)
    cells = 0
    for sheet in sheets:
        sheet["rows"] = trimmed(sheet["rows"], max_rows, max_columns)
        cells += sum(map(len, sheet["rows"]))
        if cells > MAX_CELLS:
            raise Unreadable("too_large", str(cells))
    return {"kind": kind, "sheets": sheets}


def bits_of(data: bytes, max_rows: int, max_columns: int) -> Iterator[Any]:
    """The same answer bit by bit: of a long sheet only the reader's own cells are in memory."""
    kind = kind_of(data)
    if kind != "xlsx" or not is_plain(data):
        answer = answer_for(data, max_rows, max_columns)
        yield {"kind": kind, "sheets": len(answer["sheets"])}
        for sheet in answer["sheets"]:
            rows = sheet.pop("rows")
            yield {"sheet": sheet}
            yield from (rows[start : start + BIT] for start in range(0, len(rows), BIT))
        return
    found = list(worksheets(data))
    yield {"kind": kind, "sheets": len(found)}
    cells = 0
    for head, sheet in found:
        yield {"sheet": head}
        bit: list[list[Any]] = []
        for row in trimmed_bit_by_bit(lazy_rows(sheet), max_rows, max_columns):
            bit.append(row)
            if len(bit) == BIT:
                cells += sum(map(len, bit))
                if cells > MAX_CELLS:
                    raise Unreadable("too_large", str(cells))
                yield bit
                bit = []
        yield bit


def kind_of(data: bytes) -> str:
    """What the bytes are, whatever the file is called."""
    if data.startswith(OLE_MAGIC):
        return ole_kind(data)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return zip_kind(data)
    for magic, kind in MAGICS:
        if data.startswith(magic):
            return kind
    # Text formats may stand behind a byte order mark or in UTF-16.
    head = data[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\x00", b"")
    if b"urn:schemas-microsoft-com:office:spreadsheet" in head:
        return "xml2003"
    if HTML.search(head) or head.startswith(b"MIME-Version"):
        return "html"
    if head.startswith(b"<?xml"):
        return "xml"
    return "csv" if decoded(data) is not None else "binary"


# ---------------------------------------------------------------- zip packages


def zip_kind(data: bytes) -> str:
    archive = opened(data)
    names = archive.namelist()
    if "EncryptedPackage" in names:
        raise Unreadable("encrypted")
    for part, kind in FOREIGN_PARTS:
        if any(name.startswith(part) for name in names) and "xl/workbook.xml" not in names:
            return kind
    if "xl/workbook.xml" not in names:
        if any(name.startswith("xl/") for name in names) or "[Content_Types].xml" in names:
            raise Unreadable("broken", "parts")
        return "archive"
    if any("vbaProject" in name or name.startswith("xl/macrosheets/") for name in names):
        raise Unreadable("macros")
    check_entities(archive)
    return "xlsx"


def opened(data: bytes) -> zipfile.ZipFile:
    """The package, after its directory was found harmless; nothing is unpacked before that."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise Unreadable("broken", "zip") from error
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED:
        raise Unreadable("bomb", str(unpacked))
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise Unreadable("encrypted")
        if entry.file_size > SUSPECT_SIZE and entry.file_size > SUSPECT_RATIO * entry.compress_size:
            raise Unreadable("bomb", str(entry.file_size))
    if len(set(names)) < len(names):
        raise Unreadable("hostile", "duplicate")
    if any(name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) for name in names):
        raise Unreadable("hostile", "path")
    return archive


def check_entities(archive: zipfile.ZipFile) -> None:
    """No part of a real workbook declares a DTD: entities can grow without bound."""
    for entry in archive.infolist():
        if not entry.filename.endswith((".xml", ".rels")):
            continue
        try:
            with archive.open(entry) as part:
                head = part.read(2048)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Unreadable("broken", "part") from error
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise Unreadable("hostile", "entities")


# ---------------------------------------------------------------- OLE2 containers


def ole_kind(data: bytes) -> str:
    names = set(ole_names(data))
    if {"EncryptedPackage", "EncryptionInfo"} & names:
        raise Unreadable("encrypted")
    if names & {"_VBA_PROJECT_CUR", "_VBA_PROJECT", "VBA", "Macros"} and names & {
        "Workbook",
        "Book",
    }:
        raise Unreadable("macros")
    if names & {"Workbook", "Book", "WORKBOOK", "BOOK"}:
        return "xls"
    if "WordDocument" in names:
        return "word"
    return "slides" if "PowerPoint Document" in names else "ole"


def ole_names(data: bytes) -> Iterator[str]:
    """Names of all streams and storages in the container's directory."""
    try:
        sector = 1 << struct.unpack_from("<H", data, 30)[0]
        first = struct.unpack_from("<I", data, 48)[0]
        if sector not in (512, 4096):
            raise Unreadable("broken", "sector")
        table = allocation(data, sector)
        at, seen = first, set[int]()
        while at < 0xFFFFFFF0 and at not in seen:
            seen.add(at)
            for offset in range((at + 1) * sector, (at + 2) * sector, 128):
                entry = data[offset : offset + 128]
                length = struct.unpack_from("<H", entry, 64)[0]
                if 2 <= length <= 64:
                    yield entry[: length - 2].decode("utf-16-le", "replace")
            at = table[at] if at < len(table) else 0xFFFFFFFE
    except struct.error as error:
        raise Unreadable("broken", "ole") from error


def allocation(data: bytes, sector: int) -> list[int]:
    """The file allocation table, by its first 109 sectors (7 MB): enough for the directory."""
    count = sector // 4
    table: list[int] = []
    for number in struct.unpack_from("<109I", data, 76):
        if number >= 0xFFFFFFF0:
            break
        table += struct.unpack_from(f"<{count}I", data, (number + 1) * sector)
    return table


# ---------------------------------------------------------------- Excel by calamine


def calamine_sheets(data: bytes) -> list[dict[str, Any]]:
    sheets = []
    for head, sheet in worksheets(data):
        rows = list(lazy_rows(sheet))
        sheets.append({**head, "rows": rows})
    return sheets


def worksheets(data: bytes) -> Iterator[tuple[dict[str, Any], Any]]:
    """What is to be said of each sheet, and calamine's own; charts have no cells."""
    import python_calamine  # slow to load, and not needed for text files

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except python_calamine.PasswordError as error:
        raise Unreadable("encrypted") from error
    except python_calamine.CalamineError as error:
        raise Unreadable("encrypted" if "assword" in str(error) else "broken") from error
    for meta in book.sheets_metadata:
        kind = str(meta.typ).rsplit(".", 1)[-1]
        if kind == "MacroSheet":
            raise Unreadable("macros")
        if kind not in ("WorkSheet", "Vba"):
            continue
        sheet = book.get_sheet_by_name(meta.name)
        visible = str(meta.visible).endswith(".Visible")
        merged = [[*first, *last] for first, last in sheet.merged_cell_ranges or ()]
        height = sheet.end[0] + 1 if sheet.end else 0
        yield {"name": meta.name, "merged": merged, "visible": visible, "height": height}, sheet


def lazy_rows(sheet: Any) -> Iterator[list[Any]]:
    """Rows from the spreadsheet's own row 1 and column A, values ready for JSON."""
    if sheet.start is None:
        return
    if (sheet.end[0] + 1) * (sheet.end[1] + 1) > MAX_CELLS * 4:
        raise Unreadable("too_large", str(sheet.end[0] + 1))
    top, left = sheet.start
    lead: list[Any] = [None] * left
    for number, row in enumerate(sheet.iter_rows()):
        yield lead + [plain(value) for value in row] if number >= top else []


def plain(value: Any) -> Any:
    """The cell's value for JSON: whole numbers as int, moments tagged with their kind."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime):
        return tagged("datetime", value, value.year)
    if isinstance(value, date):
        return tagged("date", value, value.year)
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds() // 60)
        return f"{minutes // 60}:{minutes % 60:02d}"
    return {"time": value.isoformat()} if isinstance(value, time) else value


def tagged(kind: str, value: date, year: int) -> Any:
    # The reader shifts odd serials (negative ones, 29 February 1900): such a date is only text.
    return {kind: value.isoformat()} if 1905 <= year <= 2199 else value.isoformat()


def is_plain(data: bytes) -> bool:
    """Whether calamine tells everything of a package: nothing hidden, struck or padded, no error
    values, no pictures. Looked through piece by piece, without unpacking a long sheet at once."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    if padded_styles(archive) or struck_styles(archive):
        return False
    if any(name.startswith("xl/media/") for name in names):
        return False
    telling = re.compile(rb'hidden="(?:1|true)"|t="e"')
    for name in names:
        if not name.startswith("xl/worksheets/"):
            continue
        with archive.open(name) as part:
            tail = b""
            while piece := part.read(1 << 18):
                if telling.search(tail + piece):
                    return False
                tail = piece[-16:]
    return True


def xlsx_sheets(data: bytes) -> list[dict[str, Any]]:
    """Calamine's reading, and from the XML what calamine does not tell."""
    sheets = calamine_sheets(data)
    archive = zipfile.ZipFile(io.BytesIO(data))
    padded, struck = padded_styles(archive), struck_styles(archive)
    if not any(any(row) for sheet in sheets for row in sheet["rows"]) and any(
        name.startswith("xl/media/") for name in archive.namelist()
    ):
        raise Unreadable("pictures")
    for sheet, part in zip(sheets, sheet_parts(archive, sheets), strict=True):
        xml = archive.read(part) if part in archive.NameToInfo else b""
        if re.search(rb'hidden="(?:1|true)"', xml):
            sheet["hidden_rows"], sheet["hidden_columns"] = hidden_in(xml)
        restore(sheet["rows"], xml, padded)
        if struck:
            sheet["struck"] = struck_in(xml, struck)
    return sheets


def sheet_parts(archive: zipfile.ZipFile, sheets: list[dict[str, Any]]) -> list[str]:
    """The package part of each sheet, by the workbook's own relations."""
    from html import unescape

    workbook = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = "xl/_rels/workbook.xml.rels"
    rels = (
        archive.read(relations).decode("utf-8", "replace")
        if relations in archive.NameToInfo
        else ""
    )
    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", rels):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        targets[pairs.get("Id", "")] = pairs.get("Target", "")
    parts = {}
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", workbook):
        pairs = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        key = next((value for name, value in pairs.items() if name.endswith(":id")), "")
        target = targets.get(key, "").lstrip("/")
        parts[unescape(pairs.get("name", ""))] = (
            target if target.startswith("xl/") else f"xl/{target}"
        )
    return [parts.get(sheet["name"], "") for sheet in sheets]


def hidden_in(xml: bytes) -> tuple[list[int], list[int]]:
    """Zero-based hidden rows and columns."""
    rows = [
        int(number) - 1
        for tag in re.findall(rb"<(?:\w+:)?row\b[^>]*>", xml)
        if re.search(rb'\bhidden="(?:1|true)"', tag)
        for number in re.findall(rb'\br="(\d+)"', tag)
    ]
    columns: list[int] = []
    for tag in re.findall(rb"<(?:\w+:)?col\b[^>]*>", xml):
        first, last = re.search(rb'\bmin="(\d+)"', tag), re.search(rb'\bmax="(\d+)"', tag)
        if re.search(rb'\bhidden="(?:1|true)"', tag) and first and last:
            columns += range(int(first[1]) - 1, min(int(last[1]), 1000))
    return rows, columns


def padded_styles(archive: zipfile.ZipFile) -> dict[bytes, int]:
    """Cell styles whose number format is all zeros ("00000000"), and how many zeros."""
    if "xl/styles.xml" not in archive.NameToInfo:
        return {}
    xml = archive.read("xl/styles.xml")
    widths = {}
    for tag in re.findall(rb"<(?:\w+:)?numFmt\b[^>]*>", xml):
        code = re.search(rb'formatCode="(0{2,})"', tag)
        number = re.search(rb'numFmtId="(\d+)"', tag)
        if code and number:
            widths[number[1]] = len(code[1])
    section = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", xml, re.S)
    if not (widths and section):
        return {}
    formats = re.findall(rb'<(?:\w+:)?xf\b[^>]*?numFmtId="(\d+)"', section[0])
    return {
        str(index).encode(): widths[number]
        for index, number in enumerate(formats)
        if number in widths
    }


def struck_styles(archive: zipfile.ZipFile) -> set[bytes]:
    """Cell styles whose font is struck through."""
    if "xl/styles.xml" not in archive.NameToInfo:
        return set()
    xml = archive.read("xl/styles.xml")
    fonts = re.search(rb"<(?:\w+:)?fonts\b.*?</(?:\w+:)?fonts>", xml, re.S)
    section = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", xml, re.S)
    if not (fonts and section):
        return set()
    struck = {
        str(at).encode()
        for at, font in enumerate(
            re.findall(rb"<(?:\w+:)?font\b(?:[^>]*/>|.*?</(?:\w+:)?font>)", fonts[0], re.S)
        )
        if re.search(rb'<(?:\w+:)?strike\s*(?:/|>|val="(?:1|true)")', font)
    }
    used = re.findall(rb'<(?:\w+:)?xf\b[^>]*?fontId="(\d+)"', section[0])
    return {str(at).encode() for at, font in enumerate(used) if font in struck}


def struck_in(xml: bytes, struck: set[bytes]) -> list[list[int]]:
    """Zero-based places of the cells with one of these styles."""
    found = []
    for attributes in re.findall(rb"<(?:\w+:)?c\b([^>]*)>", xml):
        style = re.search(rb'\bs="(\d+)"', attributes)
        place = re.search(rb'\br="([A-Z]{1,3})(\d+)"', attributes)
        if style and place and style[1] in struck:
            found.append([int(place[2]) - 1, column_index(place[1])])
    return found


def restore(rows: list[list[Any]], xml: bytes, padded: dict[bytes, int]) -> None:
    """Put back error values, which calamine gives as blanks, and zeros that a format shows."""
    if not padded and b't="e"' not in xml:
        return
    cell = re.compile(rb"<(?:\w+:)?c\b([^>]*[^/])>(?:<f[^>]*?(?:/>|>[^<]*</f>))?<v>([^<]*)</v>")
    for found in cell.finditer(xml):
        attributes = dict(re.findall(rb'(\w+)="([^"]*)"', found[1]))
        place = re.fullmatch(rb"([A-Z]{1,3})(\d+)", attributes.get(b"r", b""))
        if not place:
            continue
        row, column = int(place[2]) - 1, column_index(place[1])
        if row >= len(rows) or column >= len(rows[row]):
            continue
        width = padded.get(attributes.get(b"s", b""))
        if attributes.get(b"t") == b"e":
            rows[row][column] = found[2].decode("ascii", "replace")
        elif width and isinstance(rows[row][column], int) and rows[row][column] >= 0:
            rows[row][column] = str(rows[row][column]).zfill(width)


def column_index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1


# ---------------------------------------------------------------- text files


def decoded(data: bytes) -> str | None:
    """The text of a comma-separated file, or None where the bytes are no text."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return strictly(data[len(mark) :], encoding)
    if b"\x00" in data[:2000]:
        return None
    # Any text that is valid UTF-8 and not ASCII is UTF-8: GB18030 hardly ever looks like it.
    return strictly(data, "utf-8") or strictly(data, "gb18030")


def strictly(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0e-\x1f]", text) else text


def csv_rows(data: bytes) -> list[list[Any]]:
    text = decoded(data) or ""
    named = re.match(r"sep=(.)\r?\n", text)
    if named:
        text = text[named.end() :]
    delimiter = named[1] if named else delimiter_of(text)
    csv.field_size_limit(100_000)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise Unreadable("quotes") from error
    if any(field.count("\n") > 50 for row in rows for field in row):
        raise Unreadable("quotes")
    return [[csv_value(field) for field in row] for row in rows]


def delimiter_of(text: str) -> str:
    """The separator that cuts most lines into the same number of fields."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:60]
    best, best_score = ",", 0
    for delimiter in (",", "\t", ";"):
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        score = max((count for width, count in counts.items() if width > 1), default=0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def csv_value(field: str) -> str | None:
    """Excel's tricks against its own conversions (="0011", '=1+1) taken off again."""
    if field.startswith('="') and field.endswith('"') and len(field) > 2:
        field = field[2:-1]
    elif re.match(r"'[=+\-@\t]", field):
        field = field[1:]
    return field if field and not field.isspace() else None


# ---------------------------------------------------------------- both


def trimmed(rows: Iterable[list[Any]], max_rows: int, max_columns: int) -> list[list[Any]]:
    """Without blank tails; too many rows or columns that hold something are refused."""
    kept = []
    for row in rows:
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        kept.append(row[:end])
        if end > max_columns:
            raise Unreadable("too_wide", str(end))
    while kept and not kept[-1]:
        kept.pop()
    if len(kept) > max_rows:
        raise Unreadable("too_long", str(len(kept)))
    return kept


def trimmed_bit_by_bit(
    rows: Iterable[list[Any]], max_rows: int, max_columns: int
) -> Iterator[list[Any]]:
    """As `trimmed`, row by row: blank rows are held back until one follows that says something."""
    count = blank = 0
    for row in rows:
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        if not end:
            blank += 1
            continue
        if end > max_columns:
            raise Unreadable("too_wide", str(end))
        count += blank + 1
        if count > max_rows:
            raise Unreadable("too_long", str(count))
        yield from ([] for _ in range(blank))
        blank = 0
        yield row[:end]


if __name__ == "__main__":
    main(sys.argv[1:])
