"""Zip packages, looked at before anything of them is unpacked: bombs, macros, hostile parts."""

import io
import re
import struct
import zipfile
import zlib

from portal.workbook_child.unreadable import Unreadable

MAX_ENTRIES = 2_000
MAX_UNPACKED = 400 * 1024 * 1024
# Sheets of many formatted blank rows shrink a hundredfold in all innocence; bombs a thousandfold.
SUSPECT_RATIO = 400
SUSPECT_SIZE = 20 * 1024 * 1024
FOREIGN_PARTS = (
    ("word/", "word"),
    ("ppt/", "slides"),
    ("OFD.xml", "ofd"),
    ("content.xml", "ods"),
    ("xl/workbook.bin", "xlsb"),
)


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
