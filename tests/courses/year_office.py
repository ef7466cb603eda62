"""More chapters of the year: what offices write on paper, let in late, sample and exempt, and how
branches are divided and handed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from unittest import mock

import pytest
from django.utils import timezone

from courses import claim_reversals, early_warnings, sample_drawing, samples, study_logs
from courses.log_checks import CannotLog
from courses.models import Sample, StudyLog
from courses.study_logs import Handing, Study
from credits import catch_up, claim_decisions, claims, claims_in, exemptions
from credits.catch_up import Span
from credits.claims import Stated
from credits.exemptions import Terms
from credits.models import BranchClosing, ClaimBatch, HoursClaim, LateEntry, Standing
from portal import appointments, reorganizations
from portal.audit import Actor
from portal.models import Appointment, Message, Role
from portal.reorganizations import Part
from tests.cast import moment
from tests.courses.year import PERIODS, Act, Year

HEADING = "党员编号,姓名,来源,学习方式,历史时期,截至日期,学时,依据"
LATE_DAY = date(2021, 4, 20)  # studied then, written down in June


def official(year: Year) -> Actor:
    return year.city.actor("shi", "official")


def registers(year: Year) -> list[Act]:
    """Two branches state what stands in their paper registers, one by a sheet, one by the form; a
    line is sent back and mended, one is taken back in May."""

    def by_sheet(at: datetime) -> None:
        people = year.people(year.branches[3])[:3]
        rows = [
            f"{p.number},{p.name},期初学时,集体研讨,改革开放新时期,2021-02-20,4,学时登记簿"
            for p in people
        ]
        data = "\n".join([HEADING, *rows]).encode()
        upload = claims_in.stage(
            year.programme, year.branches[3], data, "期初.csv", by=year.by, at=at
        )
        seen = claims_in.look(upload, at=at).fingerprint
        approve(claims_in.confirm(upload, seen=seen, by=year.by, at=at), at)

    def by_form(at: datetime) -> None:
        lines = [
            Stated(person, kind, "lecture", PERIODS[n], date(2021, 2, 10), 300, "县委党校证明")
            for n, person in enumerate(year.people(year.branches[4])[:3])
            for kind in ("opening", "outside")
        ]
        batch = claims.hand_in(
            year.programme, year.branches[4], lines, key="by-form", by=year.by, at=at
        )
        first = batch.claims.order_by("pk")[0]
        claim_decisions.return_([first], reason="少写了", by=official(year), at=at)
        first.refresh_from_db()
        claims.mend(first, replace(lines[0], hours=350), by=year.by, at=at)
        approve(batch, at)

    def approve(batch: ClaimBatch, at: datetime) -> None:
        """An hour later, one level up."""
        for outcome in claim_decisions.approve(
            list(batch.claims.all()), by=official(year), at=at + timedelta(hours=1)
        ):
            assert outcome.hours, outcome.reason
            year.hours[outcome.claim.key, outcome.claim.member_id] = outcome.hours
            year.done["stated"] += 1

    def reverse(at: datetime) -> None:
        claim = HoursClaim.objects.filter(state="approved").order_by("pk").last()
        assert claim
        claim_reversals.reverse(claim, reason="与登记簿不符", by=official(year), at=at)
        del year.hours[claim.key, claim.member_id]
        year.done["stated and reversed"] += 1

    return [
        (moment(date(2021, 3, 9), 10), by_sheet),
        (moment(date(2021, 3, 10), 10), by_form),
        (moment(date(2021, 5, 12), 10), reverse),
    ]


def catching_up(year: Year) -> list[Act]:
    """In June a branch may enter what it studied in April; before and after it may not."""

    def hand_in(round_: int, opened: bool, at: datetime) -> None:
        people = year.people(year.branches[9])[round_ : round_ + 4]
        study = Study("site", LATE_DAY, 90, "参观纪念馆", "new-democratic")
        handings = [Handing(p, study, Actor(p, "member"), f"c{round_}-{p.key}") for p in people]
        if not opened:
            with pytest.raises(CannotLog, match="补记期限"):
                study_logs.submit_many(year.programme, handings, at=at)
            year.done["too late"] += 1
            return
        logs = study_logs.submit_many(year.programme, handings, at=at)
        later = at + timedelta(hours=2)
        for outcome in study_logs.confirm(logs, by=year.by, at=later):
            assert outcome.hours == 200, outcome.reason
            year.hours[outcome.log.key, outcome.log.member_id] = 200
            year.done["late entries"] += 1
        assert LateEntry.objects.count() == len(people)

    def open_(at: datetime) -> None:
        days = Span(LATE_DAY - timedelta(days=5), LATE_DAY + timedelta(days=5))
        dates = Span(timezone.localdate(at), date(2021, 6, 20))
        catch_up.open_(
            year.programme, year.branches[9], days=days, dates=dates, reason="支部换届",
            by=official(year), at=at,
        )  # fmt: skip

    return [
        (moment(date(2021, 6, 8), 9), partial(hand_in, 0, False)),
        (moment(date(2021, 6, 9), 9), open_),
        (moment(date(2021, 6, 10), 9), partial(hand_in, 0, True)),
        (moment(date(2021, 6, 22), 9), partial(hand_in, 5, False)),
    ]


def sample(year: Year) -> list[Act]:
    """In September the summer's own study is sampled: all but one answer, one is not in order and
    its branch reverses it."""

    def draw(at: datetime) -> None:
        with mock.patch("secrets.token_hex", lambda size: year.chance.randbytes(size).hex()):
            drawn = samples.draw(
                year.programme, year.city.root, first=date(2021, 7, 1), last=date(2021, 8, 31),
                reason="核实暑期自学", due_on=date(2021, 9, 10), rate=50, by=official(year), at=at,
            )  # fmt: skip
        assert drawn.population >= 100
        for item in list(drawn.items.select_related("member").order_by("log__key"))[1:]:
            by = Actor(item.member, "member")
            samples.answer(item, "读《简史》第三章", by=by, at=at + timedelta(days=1))
            year.done["answers"] += 1

    def judge(at: datetime) -> None:
        drawn = Sample.objects.get()
        answered = list(drawn.items.filter(state="answered").order_by("log__key"))
        for n, item in enumerate(answered):
            samples.judge(item, in_order=n > 0, feedback="没有读过", by=official(year), at=at)
        log = StudyLog.objects.get(pk=answered[0].log_id)
        study_logs.reverse(log, reason="抽查不属实", by=year.by, at=at)
        del year.hours[log.key, log.member_id]
        samples.close(drawn, by=official(year), at=at)
        assert sample_drawing.redraw(drawn).agrees
        year.done["sampled and reversed"] += 1

    return [(moment(date(2021, 9, 1), 10), draw), (moment(date(2021, 9, 13), 10), judge)]


def exempt_many(year: Year) -> list[Act]:
    """Old people of a branch are exempted at once; who is exempt already stays named."""

    def grant(at: datetime) -> None:
        people = year.people(year.branches[10])
        for goal, chosen in ((1200, people[:4]), (None, people[3:6])):
            terms = Terms(goal, at.date(), None, "年老体弱")
            asked = exemptions.ask_many(year.programme, chosen, terms, by=year.by, at=at)
            decided = exemptions.decide_many(
                year.programme, asked.done, approve=True, answer="", by=official(year), at=at
            )
            assert all(row.in_force for row in decided.done)
            year.done["exempted at once"] += len(decided.done)
            year.done["not exempted"] += len(asked.refused)

    return [(moment(date(2021, 5, 20), 10), grant)]


def division(year: Year) -> list[Act]:
    """The twelfth branch is divided, the first gets another secretary."""

    def divide(at: datetime) -> None:
        people = year.people(year.branches[11])[-8:]
        part = Part("Y13", "第13支部", people, "", people[0])
        made = reorganizations.divide(year.branches[11], [part], on=at.date(), by=year.by, at=at)
        year.branches += made
        year.done["divided"] += 1

    def hand_over(at: datetime) -> None:
        seat = Appointment.objects.get(organization=year.city.jia, role=Role.SECRETARY, until=None)
        successor = year.people(year.city.jia)[3]
        appointments.hand_over(seat, successor, on=at.date(), by=year.by, at=at)
        year.done["handed over"] += 1

    return [(moment(date(2021, 4, 27), 15), divide), (moment(date(2021, 5, 25), 15), hand_over)]


def warnings(year: Year) -> list[Act]:
    """On the first Tuesday of a month: whoever is told to lack hours lacks them, whoever will lack
    them was told on Monday. Once nothing more is planned, what is missing is the shortfall."""

    def agree(last: bool, at: datetime) -> None:
        rows = Standing.objects.filter(programme=year.programme).due()
        watch = early_warnings.Watch(year.programme, rows.select_related("member", "branch"), at=at)
        short = {row.member_id: row.shortfall for row in rows if row.shortfall}
        ahead = {w.standing.member_id: w.forecast.missing for w in watch.warned if w.forecast}
        assert all(0 < missing <= short[pk] for pk, missing in ahead.items())
        if last:
            assert ahead == short
        year_, week, _ = at.date().isocalendar()
        told = Message.objects.filter(kind="weekly", key=f"{year_}-W{week:02d}")
        texts = dict(told.values_list("member", "text"))
        assert all("您还差" in texts.get(pk, "") for pk in ahead)
        year.done["warned"] += len(ahead)

    tuesdays = [date(2021, m, next(d for d in range(8, 15) if date(2021, m, d).weekday() == 1))
                for m in range(3, 13)]  # fmt: skip
    acts: list[Act] = [(moment(day, 8), partial(agree, False)) for day in tuesdays]
    return [*acts, (moment(date(2022, 1, 11), 8), partial(agree, True))]


CHAPTERS = (registers, catching_up, sample, exempt_many, division, warnings)


def closings_agree(year: Year) -> None:
    """Each branch's closing certificate says what its standings say."""
    made = BranchClosing.objects.filter(programme=year.programme)
    rows = Standing.objects.filter(programme=year.programme, on_roll=True)
    people = {row.member.key: row for row in rows.select_related("member")}
    seen: list[str] = []
    for closing in made:
        for line in closing.lines:
            row = people[line["key"]]
            seen.append(line["key"])
            assert (line["target"], line["hours"], line["shortfall"], line["exempt"]) == (
                row.target, row.recognised, row.shortfall, row.exempt,
            )  # fmt: skip
            assert row.branch_id == closing.branch_id
            assert line["why"] or not row.shortfall
        due = [people[line["key"]] for line in closing.lines if not line["exempt"]]
        assert (closing.due, closing.completed, closing.hours) == (
            len(due), sum(r.shortfall == 0 for r in due), sum(r.recognised for r in due),
        )  # fmt: skip
    assert sorted(seen) == sorted(people)
