"""What calamine does not tell of an .xlsx, from its XML: hidden, struck, padded, error values."""

import io
import re
import zipfile
from typing import Any

from portal.workbook_child import cells
from portal.workbook_child.unreadable import Unreadable


def xlsx_sheets(data: bytes) -> list[dict[str, Any]]:
    """Calamine's reading, and from the XML what calamine does not tell."""
    sheets = cells.all_sheets(data)
    archive = zipfile.ZipFile(io.BytesIO(data))
    padded, struck = padded_styles(archive), struck_styles(archive)
    if not any(any(row) for sheet in sheets for row in sheet["rows"]) and any(
        name.startswith("xl/media/") for name in archive.namelist()
    ):
        raise Unreadable("pictures")
    parts = sheet_parts(archive, [sheet["name"] for sheet in sheets])
    for sheet, part in zip(sheets, parts, strict=True):
        xml = archive.read(part) if part in archive.NameToInfo else b""
        if re.search(rb'hidden="(?:1|true)"', xml):
            sheet["hidden_rows"], sheet["hidden_columns"] = hidden_in(xml)
        restore(sheet["rows"], xml, padded)
        if struck:
            sheet["struck"] = struck_in(xml, struck)
    return sheets


def sheet_parts(archive: zipfile.ZipFile, names: list[str]) -> list[str]:
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
    return [parts.get(name, "") for name in names]


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
