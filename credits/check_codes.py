"""The QR code on paper that leads to the public page on which anybody checks it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from credits.models import Certificate

PAGE = "/check/"


def of_number(year: int, number: int | None, code: str) -> SafeString:
    """The picture for a published number; empty where the portal's address is not set."""
    return _image(year=year, number=number, code=code)


def of_certificate(certificate: Certificate) -> SafeString:
    """The picture for a certificate; empty where the portal's address is not set."""
    return _image(certificate=certificate.number, code=certificate.code)


def _image(**given: object) -> SafeString:
    """An SVG with the address of the check, number and code filled in: nothing that does not stand
    in words beside it."""
    if not settings.SITE_ADDRESS:
        return SafeString("")
    import segno  # who prints loads it, not every process

    address = f"{settings.SITE_ADDRESS}{PAGE}?{urlencode(given)}"
    image = segno.make(address, error="m", micro=False)
    return mark_safe(image.svg_inline(border=2, omitsize=True))  # noqa: S308 - drawn by segno
