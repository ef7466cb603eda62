"""Bulletins."""

from credits.models import Bulletin


def digest_of(bulletin: Bulletin) -> str:
    return bulletin.digest
