"""Secrets of others kept in the database (addresses of robots): sealed, and read with any key that
still counts.

The first key of `settings.SEALING_KEYS` seals; all of them open, so that a key can be changed while
what was sealed before stays readable. A purpose has keys of its own, derived from these.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """None of the keys opens it: the key that sealed it is gone, or the text was changed."""


def seal(text: str, *, purpose: str) -> str:
    """The text as it may lie in the database."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """What was sealed. Raises Unreadable, which says nothing of it."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(f"no key opens what was sealed for {purpose}") from None


def sealed_anew(sealed: str, *, purpose: str) -> str:
    """The same, sealed with the first key. Raises Unreadable."""
    try:
        return _box(purpose).rotate(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(f"no key opens what was sealed for {purpose}") from None


def marks(text: str, *, purpose: str) -> list[str]:
    """By what the same text is found again without being readable, one for each key; the first is
    the one to be kept."""
    return [
        hmac.new(_derived(key, f"{purpose}|mark"), text.encode(), hashlib.sha256).hexdigest()
        for key in settings.SEALING_KEYS
    ]


def _box(purpose: str) -> MultiFernet:
    keys = [_derived(key, f"{purpose}|seal") for key in settings.SEALING_KEYS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


@lru_cache(maxsize=32)
def _derived(key: str, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(key.encode())
