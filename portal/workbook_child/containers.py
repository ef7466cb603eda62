"""OLE2 containers (.xls and other old documents): what they hold, by their directory."""

import struct
from collections.abc import Iterator

from portal.workbook_child.unreadable import Unreadable


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
