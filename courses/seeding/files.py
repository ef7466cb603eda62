"""The data files of the seed."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml
from django.conf import settings


@cache
def load(name: str) -> dict[str, Any]:
    """One file of `seeds/`, read once."""
    path = settings.BASE_DIR / "seeds" / f"{name}.yaml"
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data
