"""The preview of a long list, from its staging: the same page as that of a short one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from portal.models import Organization, StagedLine, Upload
from portal.people_in.model import ACTIONS, MEMBERS, SHOWN, Problem


@dataclass(frozen=True)
class Shown:
    """A staged line as the page shows it."""

    row: int
    action: str
    name: str
    number: str
    branch: Organization | None
    changes: Mapping[str, tuple[str, str]]


class LongPreview:
    """What a checked list would change, as the short list's preview says it."""

    kind, refusal = MEMBERS, ""

    def __init__(self, upload: Upload) -> None:
        self.upload, self.said = upload, upload.said
        self.fingerprint = f"{upload.pk}:{upload.checked_at}"

    @property
    def outcome(self) -> str:
        return "ask" if self.said["wrong"] else "read"

    @property
    def message(self) -> str:
        if self.said["wrong"]:
            return str(self.said["message"])
        counts = self.said["counts"]
        said = "、".join(f"{ACTIONS[a]} {counts[a]} 人" for a in ACTIONS if counts.get(a))
        return f"共读到 {self.said['rows']} 人：{said}。"

    @property
    def errors(self) -> list[Problem]:
        return [Problem(*told) for told in self.said["errors"]]

    @property
    def warnings(self) -> list[str]:
        return list(self.said["warnings"])

    @property
    def change_count(self) -> int:
        return sum(n for action, n in self.said["counts"].items() if action != "same")

    @cached_property
    def first(self) -> list[Shown]:
        """The first of the lines that change anything."""
        lines = StagedLine.objects.filter(upload=self.upload).exclude(action="same")
        rows = list(lines.order_by("pk")[:SHOWN])
        branches = Organization.objects.in_bulk({row.branch for row in rows if row.branch})
        return [
            Shown(
                row.row,
                row.action,
                row.name,
                row.number,
                branches.get(row.branch or 0),
                json.loads(row.shown)["changes"] if row.shown else {},
            )
            for row in rows
        ]
