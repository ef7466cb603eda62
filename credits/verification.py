"""Verification: recompute everything that the ledger sums to, and every hash chain.

Reads one snapshot of the database and writes one row, the verdict with all heads, which the next
run holds against the chains. A problem names the entry, the branch and the member as far as
anything in the database still shows them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import Count, F, Q, Sum

from credits import bulletins, digests, replay, rule_book, standings
from credits.lines import GRANTED
from credits.models import (
    BranchMonth,
    BranchStanding,
    Bulletin,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
    Verification,
)
from credits.rule_book import RuleBook
from credits.standings import COLUMNS, Row
from portal import triggers
from portal.models import Member, Organization


@dataclass(frozen=True)
class Problem:
    """One difference: its kind, what it says in Chinese, and what it is about."""

    kind: str
    message: str
    programme: str = ""
    book: str = ""
    posting: int | None = None
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
            "books": len(self.heads),
            "problems": [asdict(problem) for problem in self.problems],
        }


def verify(*, at: datetime) -> Report:
    """Check triggers, chains, sums, standings, branch rows, months and published heads."""
    using = settings.SNAPSHOT
    report = Report(at)
    chains = _Chains(report, using)
    with transaction.atomic(using=using):
        for name in triggers.missing(connections[using]):
            report.problems.append(Problem("trigger", f"数据库缺少保护触发器或约束 {name}。"))
        for programme in Programme.objects.using(using).order_by("pk"):
            _Check(report, programme, using, chains).run()
        chains.check_heads()
        _check_bulletins(report, using)
    Verification.objects.create(
        at=at, ok=report.ok, problems=len(report.problems), heads=report.heads if report.ok else {}
    )
    return report


class _Chains:
    """Every posting's digest by book and sequence, to hold stored heads against."""

    def __init__(self, report: Report, using: str) -> None:
        self.report, self.using = report, using
        self.wanted: dict[str, dict[int, list[tuple[str, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.met: dict[tuple[str, int], str] = {}
        for bulletin in Bulletin.objects.using(using).select_related("programme"):
            self._want(bulletin.heads, f"《{bulletin}》")
        last = Verification.objects.using(using).filter(ok=True).order_by("-pk").first()
        if last:
            self._want(last.heads, f"{last.at:%Y-%m-%d %H:%M}的核验")

    def _want(self, heads: dict[str, Any], source: str) -> None:
        for book, head in heads.items():
            self.wanted[book][head["sequence"]].append((head["digest"], source))

    def meet(self, book: str, sequence: int, digest: str) -> None:
        if sequence in self.wanted.get(book, ()):
            self.met[book, sequence] = digest

    def check_heads(self) -> None:
        """Every head that was once seen must still stand in its chain."""
        for book, sequences in self.wanted.items():
            for sequence, heads in sequences.items():
                for digest, source in heads:
                    found = self.met.get((book, sequence))
                    if found != digest:
                        what = "已不在账簿中" if found is None else "与当时不同"
                        self.report.problems.append(
                            Problem(
                                "head",
                                f"{source}记下的账簿 {book} 第 {sequence} 笔{what}。",
                                book=book,
                            )
                        )


class _Check:
    """All checks of one programme."""

    def __init__(self, report: Report, programme: Programme, using: str, chains: _Chains) -> None:
        self.report, self.programme, self.using, self.chains = report, programme, using, chains
        self.codes: dict[int, str] = dict(
            Organization.objects.using(using).values_list("pk", "code")
        )
        self.names: dict[int, str] = dict(
            Organization.objects.using(using).values_list("pk", "name")
        )

    def run(self) -> None:
        book = rule_book.of(self.programme)
        self._chain()
        self._orphans()
        self._occupied()
        self._caps(book)
        if any(version.activated_at for version in book.versions):
            self._members(book)
        self._branches()
        self._months()

    def add(self, kind: str, message: str, **about: Any) -> None:
        """Note a problem; a member is given by id and named by number and name."""
        member = about.pop("member", None)
        if isinstance(member, int):
            person = Member.objects.using(self.using).filter(pk=member).first()
            about["member"] = f"{person.number} {person.name}" if person else str(member)
            if person and person.branch and "branch" not in about:
                about["branch"] = person.branch.name
        self.report.problems.append(Problem(kind, message, self.programme.code, **about))

    # --- chains ---------------------------------------------------------------------------

    def _chain(self) -> None:
        books = LedgerBook.objects.using(self.using).filter(programme=self.programme)
        rows = {book.pk: book for book in books.select_related("organization")}
        postings = Posting.objects.using(self.using).filter(programme=self.programme)
        ordered = postings.select_related("by").order_by("book", "sequence", "pk")
        entries = self._entries_by_posting()
        pending = next(entries, None)
        seen: dict[int, tuple[int, str]] = {}
        for posting in ordered.iterator(chunk_size=2000):
            self.report.postings += 1
            lines: list[tuple[Any, ...]] = []
            while pending and pending[0] < (posting.book_id, posting.sequence, posting.pk):
                pending = next(entries, None)
            if pending and pending[0] == (posting.book_id, posting.sequence, posting.pk):
                lines, pending = pending[1], next(entries, None)
            code = rows[posting.book_id].organization.code if posting.book_id in rows else "?"
            sequence, digest = seen.get(posting.book_id, (0, ""))
            self._check_posting(posting, lines, code, sequence, digest)
            seen[posting.book_id] = (posting.sequence, posting.digest)
            self.chains.meet(f"{self.programme.code}/{code}", posting.sequence, posting.digest)
        for pk, book in rows.items():
            self._check_tail(book, seen.get(pk, (0, "")))

    def _entries_by_posting(self) -> Iterator[tuple[tuple[int, int, int], list[tuple[Any, ...]]]]:
        rows = LedgerEntry.objects.using(self.using).filter(programme=self.programme)
        rows = rows.filter(posting__programme=self.programme)
        values = rows.order_by("posting__book", "posting__sequence", "posting", "line").values_list(
            "posting__book",
            "posting__sequence",
            "posting_id",
            "pk",
            "line",
            "member",
            "member__key",
            "home",
            "form",
            "period",
            "content",
            "day",
            "minutes",
            "start",
            "end",
            "hours",
            "rules",
            "reverses_id",
            "reverses__check_value",
            "check_value",
            "reverses__member",
            "reverses__hours",
        )
        grouped = groupby(values.iterator(chunk_size=5000), key=lambda row: row[:3])
        for place, lines in grouped:
            yield (place[0], place[1], place[2]), list(lines)

    def _check_posting(
        self, posting: Posting, lines: list[tuple[Any, ...]], code: str, last: int, previous: str
    ) -> None:
        about = {"book": code, "posting": posting.pk}
        if posting.sequence != last + 1:
            self.add(
                "chain",
                f"账簿 {code} 第 {last + 1} 笔至第 {posting.sequence - 1} 笔缺失。",
                **about,
            )
        elif posting.previous != previous:
            self.add("chain", f"账簿 {code} 第 {posting.sequence} 笔与前一笔不衔接。", **about)
        checks = []
        for line in lines:
            self.report.entries += 1
            check = self._check_of(posting, code, line)
            checks.append(line[19])
            if check != line[19]:
                self.add(
                    "entry",
                    f"第 {line[3]} 号明细（{line[11]}，{line[15] / 100:g} 学时）被改动过。",
                    entry=line[3],
                    branch=self.names.get(line[7], ""),
                    member=line[5],
                    **about,
                )
            if line[17] and (line[20] != line[5] or line[21] != -line[15]):
                self.add(
                    "reversal",
                    f"第 {line[3]} 号冲销与所冲明细不符。",
                    entry=line[3],
                    branch=self.names.get(line[7], ""),
                    member=line[5],
                    **about,
                )
        if len(lines) != posting.lines:
            self.add(
                "lines",
                f"账簿 {code} 第 {posting.sequence} 笔《{posting.title}》应有 {posting.lines} 行，"
                f"实有 {len(lines)} 行。",
                **about,
            )
        digest = digests.posting_digest(
            previous=posting.previous,
            programme=self.programme.code,
            book=code,
            sequence=posting.sequence,
            kind=posting.kind,
            key=posting.key,
            revision=posting.revision,
            asked=posting.fingerprint,
            by=posting.by.key,
            at=posting.at,
            checks=checks,
            name=posting.digest.partition(":")[0],
        )
        if digest != posting.digest:
            self.add(
                "posting",
                f"账簿 {code} 第 {posting.sequence} 笔《{posting.title}》与校验值不符。",
                **about,
            )

    def _check_of(self, posting: Posting, code: str, line: tuple[Any, ...]) -> str:
        return digests.check_value(
            programme=self.programme.code,
            book=code,
            kind=posting.kind,
            key=posting.key,
            revision=posting.revision,
            line=line[4],
            member=line[6],
            home=self.codes.get(line[7], ""),
            form=line[8],
            period=line[9],
            content=line[10],
            day=line[11],
            minutes=line[12],
            start=line[13],
            end=line[14],
            hours=line[15],
            rules=line[16],
            reverses=line[18] or "",
        )

    def _check_tail(self, book: LedgerBook, last: tuple[int, str]) -> None:
        code = book.organization.code
        self.report.heads[f"{self.programme.code}/{code}"] = {
            "sequence": last[0],
            "digest": last[1],
        }
        if (book.last_sequence, book.last_digest) != last:
            self.add(
                "tail",
                f"账簿 {code} 应到第 {book.last_sequence} 笔，实到第 {last[0]} 笔："
                "末尾被截去或改动。",
                book=code,
                posting=last[0],
                branch=book.organization.name,
            )

    def _orphans(self) -> None:
        entries = LedgerEntry.objects.using(self.using).filter(programme=self.programme)
        posted = Posting.objects.using(self.using).filter(programme=self.programme)
        for pk, posting, member in entries.exclude(posting__in=posted.values("pk")).values_list(
            "pk", "posting_id", "member"
        )[:100]:
            self.add(
                "orphan", f"第 {pk} 号明细没有记账凭据。", entry=pk, posting=posting, member=member
            )
        lost = entries.exclude(reverses=None).exclude(reverses__in=entries.values("pk"))
        for pk, member in lost.values_list("pk", "member")[:100]:
            self.add("reversal", f"第 {pk} 号冲销所冲的明细已不存在。", entry=pk, member=member)

    # --- what live entries occupy -----------------------------------------------------------

    def _occupied(self) -> None:
        live = LedgerEntry.objects.using(self.using).filter(programme=self.programme).live()
        times = CreditedTime.objects.using(self.using).filter(programme=self.programme)
        self._same(
            "time",
            "占用时间",
            live.exclude(start=None).order_by("pk").values_list("pk", "member", "start", "end"),
            times.order_by("entry_id").values_list("entry_id", "member", "start", "end"),
        )
        contents = CreditedContent.objects.using(self.using).filter(programme=self.programme)
        self._same(
            "content",
            "已学内容",
            live.exclude(content="").order_by("pk").values_list("pk", "member", "content"),
            contents.order_by("entry_id").values_list("entry_id", "member", "content"),
        )
        last: tuple[int, datetime] | None = None
        spans = times.order_by("member", "start").values_list("member", "start", "end", "entry_id")
        for member, start, end, entry in spans.iterator(chunk_size=5000):
            if last and last[0] == member and start < last[1]:
                self.add("overlap", "同一时间记了两次学时。", member=member, entry=entry)
            last = (member, end)

    def _same(self, kind: str, what: str, due: Any, there: Any) -> None:
        """Walk two ordered reads side by side; whatever stands in one only is a problem."""
        for entry, side, row in _differences(due, there):
            lacks = "缺少" if side == "due" else "多出"
            self.add(kind, f"第 {entry} 号明细的{what}{lacks}或不符。", entry=entry, member=row[1])

    def _caps(self, book: RuleBook) -> None:
        if not book.versions:
            return
        least = min(version.rules.daily_cap for version in book.versions)
        rows = LedgerEntry.objects.using(self.using).filter(programme=self.programme)
        sums = rows.exclude(posting__kind__in=GRANTED).order_by().values_list("member", "day")
        for member, day, hours in sums.annotate(n=Sum("hours")).filter(n__gt=least):
            cap = book.on(day).rules.daily_cap
            if hours > cap:
                self.add(
                    "cap",
                    f"{day} 记了 {hours / 100:g} 学时，超过每日上限 {cap / 100:g}。",
                    member=member,
                )

    # --- members ----------------------------------------------------------------------------

    def _members(self, book: RuleBook) -> None:
        steps = replay.steps_of(self.programme, using=self.using)
        changes = replay.target_changes(self.programme, using=self.using)
        totals = _grouped(
            CreditTotal.objects.using(self.using)
            .filter(programme=self.programme)
            .order_by("member")
            .values_list("member", "period", "form", "earned")
        )
        rows = Standing.objects.using(self.using).filter(programme=self.programme)
        ordered = rows.order_by("member_id").values_list(*COLUMNS).iterator(chunk_size=5000)
        next_steps, next_totals = next(steps, None), next(totals, None)
        for values in ordered:
            row = Row(*values)
            self.report.members += 1
            while next_steps and next_steps[0] < row.member:
                self._without_standing(next_steps[0])
                next_steps = next(steps, None)
            own: list[replay.Step] = []
            if next_steps and next_steps[0] == row.member:
                own, next_steps = next_steps[1], next(steps, None)
            while next_totals and next_totals[0] < row.member:
                next_totals = next(totals, None)
            kept: dict[tuple[str, str], int] = {}
            if next_totals and next_totals[0] == row.member:
                kept = {(t[1], t[2]): t[3] for t in next_totals[1] if t[3]}
                next_totals = next(totals, None)
            outcome = replay.replay(
                own,
                changes.get(row.member, []),
                book,
                target=row.target,
                full_target=row.full_target,
                until=row.rules,
            )
            self._compare(row, kept, outcome)
        while next_steps:
            self._without_standing(next_steps[0])
            next_steps = next(steps, None)

    def _without_standing(self, member: int) -> None:
        self.add("standing", "有学时明细，却没有学习进度。", member=member)

    def _compare(self, row: Row, kept: dict[tuple[str, str], int], outcome: replay.Outcome) -> None:
        earned = {place: hours for place, hours in outcome.earned.items() if hours}
        branch = self.names.get(row.branch, "")
        if earned != kept:
            due, there = sum(earned.values()), sum(kept.values())
            self.add(
                "total",
                f"明细合计 {due / 100:g} 学时，学时合计表为 {there / 100:g}。",
                member=row.member,
                branch=branch,
            )
        for name, what in (
            ("recognised", "认定学时"),
            ("shortfall", "还差学时"),
            ("points", "积分"),
        ):
            due, there = getattr(outcome, name), getattr(row, name)
            if due != there:
                self.add(
                    "standing",
                    f"{what}应为 {due / 100:g}，现为 {there / 100:g}。",
                    member=row.member,
                    branch=branch,
                )
        if (outcome.completed_at, outcome.completed_on) != (row.completed_at, row.completed_on) or (
            outcome.completed_home and outcome.completed_home != row.completed_home
        ):
            self.add(
                "completion",
                f"学满时间应为 {outcome.completed_at}，现为 {row.completed_at}。",
                member=row.member,
                branch=branch,
            )

    # --- sums -------------------------------------------------------------------------------

    def _branches(self) -> None:
        rows = Standing.objects.using(self.using).filter(programme=self.programme)
        sums: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
        for values in rows.order_by().values_list(*COLUMNS).iterator(chunk_size=5000):
            row = Row(*values)
            for index, amount in enumerate(standings.contribution(row)):
                sums[row.branch][index] += amount
        there = BranchStanding.objects.using(self.using).filter(programme=self.programme)
        kept = {
            b: [*v]
            for b, *v in there.values_list(
                "branch", "due", "exempt", "completed", "hours", "points"
            )
        }
        for branch in sorted(sums.keys() | kept.keys()):
            if sums.get(branch, [0] * 5) != kept.get(branch, [0] * 5):
                self.add(
                    "branch",
                    f"支部合计应为 {sums.get(branch)}，现为 {kept.get(branch)}"
                    "（应学、免学、学满、学时、积分）。",
                    branch=self.names.get(branch, ""),
                )
        if self.programme.takes_postings:
            self._roll(rows)

    def _roll(self, rows: Any) -> None:
        """The roll of an open programme is where its people are."""
        strayed = rows.filter(on_roll=True).exclude(
            Q(member__is_active=True) & Q(branch=F("member__branch"))
        )
        for member in strayed.values_list("member_id", flat=True)[:100]:
            self.add("roll", "应学名单与组织关系不符。", member=member)

    def _months(self) -> None:
        sums: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
        entries = LedgerEntry.objects.using(self.using).filter(programme=self.programme)
        by_day = entries.order_by().values_list("home", "day").annotate(n=Sum("hours"))
        for home, day, hours in by_day:
            sums[home, day.replace(day=1)][0] += hours
        done = Standing.objects.using(self.using).filter(programme=self.programme, exempt=False)
        completions = done.exclude(completed_home=None).order_by()
        for home, day, count in completions.values_list("completed_home", "completed_on").annotate(
            n=Count("pk")
        ):
            sums[home, day.replace(day=1)][1] += count
        kept = {
            (b, m): [h, c]
            for b, m, h, c in BranchMonth.objects.using(self.using)
            .filter(programme=self.programme)
            .values_list("branch", "month", "hours", "completed")
        }
        for place in sorted(sums.keys() | kept.keys()):
            due, there = sums.get(place, [0, 0]), kept.get(place, [0, 0])
            if due != there:
                self.add(
                    "month",
                    f"{place[1]:%Y-%m} 月度合计应为 {due}，现为 {there}（学时、新增学满）。",
                    branch=self.names.get(place[0], ""),
                )


def _check_bulletins(report: Report, using: str) -> None:
    for bulletin in Bulletin.objects.using(using).select_related("programme"):
        if bulletins.digest_of(bulletin) != bulletin.digest:
            report.problems.append(
                Problem(
                    "bulletin", f"《{bulletin}》与发布时的校验值不符。", bulletin.programme.code
                )
            )


def _differences(due: Any, there: Any) -> Iterator[tuple[int, str, tuple[Any, ...]]]:
    """Rows, keyed and ordered by their first value, that stand on one side only or differ."""
    left, right = due.iterator(chunk_size=5000), there.iterator(chunk_size=5000)
    end: tuple[Any, ...] = (float("inf"),)
    a, b = next(left, end), next(right, end)
    while a is not end or b is not end:
        if a == b:
            a, b = next(left, end), next(right, end)
        elif a[0] <= b[0]:
            yield a[0], "due", a
            if a[0] == b[0]:
                b = next(right, end)
            a = next(left, end)
        else:
            yield b[0], "there", b
            b = next(right, end)


def _grouped(rows: Any) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    for member, group in groupby(rows.iterator(chunk_size=5000), key=lambda row: row[0]):
        yield member, list(group)


def heads_of(programmes: Iterable[Programme]) -> dict[str, dict[str, Any]]:
    """The heads of all books of these programmes, as bulletins and verifications keep them."""
    books = LedgerBook.objects.filter(programme__in=programmes).exclude(last_sequence=0)
    return {
        f"{book.programme.code}/{book.organization.code}": {
            "sequence": book.last_sequence,
            "digest": book.last_digest,
        }
        for book in books.select_related("programme", "organization").order_by("pk")
    }
