"""The QR code on paper that leads to the public page on which anybody checks it."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.safestring import SafeString

from credits.models import Certificate

PAGE = "/check/"


def of_number(year: int, number: int | None, code: str) -> SafeString:
    """The picture for a published number; empty where the portal's address is not set."""
    return _drawn(_made(year=year, number=number, code=code))


def png_of_number(year: int, number: int | None, code: str) -> BytesIO | None:
    """The same for what holds no drawings; None where the portal's address is not set."""
    made = _made(year=year, number=number, code=code)
    if made is None:
        return None
    picture = BytesIO()
    made.save(picture, kind="png", scale=8, border=2)
    picture.seek(0)
    return picture


def of_certificate(certificate: Certificate) -> SafeString:
    """The picture for a certificate; empty where the portal's address is not set."""
    return _drawn(_made(certificate=certificate.number, code=certificate.code))


def _made(**given: object) -> Any:
    """A code with the address of the check, number and code filled in: nothing that does not stand
    in words beside it."""
    if not settings.SITE_ADDRESS:
        return None
    import segno  # who prints loads it, not every process

    address = f"{settings.SITE_ADDRESS}{PAGE}?{urlencode(given)}"
    return segno.make(address, error="m", micro=False)


def _drawn(made: Any) -> SafeString:
    if made is None:
        return SafeString("")
    return SafeString(made.svg_inline(border=2, omitsize=True))  # drawn by segno
