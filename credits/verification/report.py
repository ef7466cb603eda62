"""What a verification finds: problems in words, and the verdict of one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from credits.models import LedgerEntry, Programme
from credits.querysets import LedgerEntryQuerySet
from portal.models import Member, Organization


@dataclass(frozen=True)
class Problem:
    """One difference: its kind, what it says in Chinese, and what it is about."""

    kind: str
    message: str
    programme: str = ""
    book: str = ""
    posting: int | None = None
    sequence: int | None = None  # of the posting in its book
    source: str = ""  # of the posting: kind, key and revision
    entry: int | None = None
    branch: str = ""
    member: str = ""


@dataclass
class Report:
    """The verdict of one run."""

    at: datetime
    problems: list[Problem] = field(default_factory=list)
    entries: int = 0
    postings: int = 0
    members: int = 0
    heads: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # what was not looked at again

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "at": self.at.isoformat(),
            "entries": self.entries,
            "postings": self.postings,
            "members": self.members,
            "books": sum("/" in name for name in self.heads),
            "left_out": self.left_out,
            "problems": [asdict(problem) for problem in self.problems],
        }


class Findings:
    """What is found in one programme; knows how to name branches and members."""

    def __init__(self, report: Report, programme: Programme, using: str) -> None:
        self.report, self.programme, self.using = report, programme, using
        rows = Organization.objects.using(using).values_list("pk", "code", "name")
        self.codes: dict[int, str] = {}
        self.names: dict[int, str] = {}
        for pk, code, name in rows:
            self.codes[pk], self.names[pk] = code, name

    @property
    def entries(self) -> LedgerEntryQuerySet:
        """The programme's lines."""
        return LedgerEntry.objects.using(self.using).filter(programme=self.programme)

    def add(self, kind: str, message: str, **about: Any) -> None:
        """Note a problem; a member is given by id and named by number and name."""
        member = about.pop("member", None)
        if isinstance(member, int):
            person = Member.objects.using(self.using).filter(pk=member).first()
            about["member"] = f"{person.number} {person.name}" if person else str(member)
            if person and person.branch and "branch" not in about:
                about["branch"] = person.branch.name
        self.report.problems.append(Problem(kind, message, self.programme.code, **about))
