"""What an uploaded file is, by its bytes, whatever it is called."""

import re

from portal.workbook_child import containers, packages, texts

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


def kind_of(data: bytes) -> str:
    """What the bytes are, whatever the file is called."""
    if data.startswith(OLE_MAGIC):
        return containers.ole_kind(data)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return packages.zip_kind(data)
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
    return "csv" if texts.decoded(data) is not None else "binary"
