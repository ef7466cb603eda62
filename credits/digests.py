"""Canonical forms and digests of the ledger: pure functions, the same for writer and verifier.

Only stable keys enter a digest (organisation code, source key, member key); no row id, number,
title or name, so that renaming and renumbering leave every chain valid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

CHECK_DIGITS = 32
ALGORITHMS = ("sha256", "sm3")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def algorithm() -> str:
    """The digest algorithm for new postings: sha256, or sm3 where settings and OpenSSL offer it."""
    return str(getattr(settings, "LEDGER_DIGEST", "sha256"))


def algorithm_of(digest: str) -> str:
    """The algorithm that a digest names; for a name that no writer uses, that of new postings."""
    name = digest.partition(":")[0]
    return name if name in ALGORITHMS else algorithm()


def check_value(
    *,
    programme: str,
    book: str,
    kind: str,
    key: str,
    revision: int,
    line: int,
    member: str,
    home: str,
    form: str,
    period: str,
    content: str,
    day: date,
    minutes: int,
    start: datetime | None,
    end: datetime | None,
    hours: int,
    rules: int,
    reverses: str,
) -> str:
    """Digest of one line; `reverses` is the check value of the line that it reverses, or empty."""
    form_ = [
        programme,
        book,
        kind,
        key,
        revision,
        line,
        member,
        home,
        form,
        period,
        content,
        day.isoformat(),
        minutes,
        moment(start),
        moment(end),
        hours,
        rules,
        reverses,
    ]
    return _hex("sha256", form_)[:CHECK_DIGITS]


def fingerprint(parts: Sequence[Any]) -> str:
    """Digest of what was asked for, so that the same act repeated is known again."""
    return _hex("sha256", list(parts))


def posting_digest(
    *,
    previous: str,
    programme: str,
    book: str,
    sequence: int,
    kind: str,
    key: str,
    revision: int,
    asked: str,
    reason: str,
    by: str,
    at: datetime,
    checks: Sequence[str],
    name: str = "",
) -> str:
    """Digest of one posting with its lines, chained to the one before it in the same book."""
    name = name or algorithm()
    form = [
        previous,
        programme,
        book,
        sequence,
        kind,
        key,
        revision,
        asked,
        reason,
        by,
        moment(at),
        len(checks),
        *checks,
    ]
    return f"{name}:{_hex(name, form)}"


def of_json(value: Any, name: str = "") -> str:
    """Digest of a JSON value with sorted keys (bulletins, registers)."""
    name = name or algorithm()
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{name}:{hashlib.new(name, text.encode()).hexdigest()}"


@lru_cache(maxsize=4096)
def moment(value: datetime | None) -> str:
    """A moment in its one written form: UTC with microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else ""


def _hex(name: str, parts: list[Any]) -> str:
    return hashlib.new(name, _ENCODER.encode(parts).encode()).hexdigest()
