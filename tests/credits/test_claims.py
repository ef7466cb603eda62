"""Stated hours: opening balances and hours earned elsewhere, from handing in to being undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from credits import claim_decisions, claims, ledger, programmes, verification
from credits.claim_decisions import NotYourself
from credits.claims import BadClaim, Settled
from credits.ledger import ProgrammeClosed
from credits.models import ClaimBatch, CreditedTime, HoursClaim, LedgerEntry, Posting, Standing
from portal import members
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.credits.conftest import PERIODS, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
BEFORE = date(2021, 2, 20)  # the programme begins on 1 March


@pytest.fixture
def stated(lin):
    def make(member=lin, hours=400, *, kind="opening", form="seminar", period="reform",
             day=BEFORE, proof="2021年纸质学时登记簿", row=1):  # fmt: skip
        return claims.Stated(member, kind, form, period, day, hours, proof, row)

    return make


@pytest.fixture
def secretary(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def official(city):
    return city.actor("gao", "official")


@pytest.fixture
def hand_in(city, programme, secretary):
    count = iter(range(1000))

    def act(*lines, key="", by=secretary, branch=city.jia, at=NOW, **values):
        batch = claims.hand_in(programme, branch, lines, key=key or f"k{next(count)}", by=by, at=at,
                               **values)  # fmt: skip
        return list(batch.claims.all())

    return act


@pytest.fixture
def approve(official):
    def act(lines, *, by=official, at=NOW):
        return claim_decisions.approve(lines, by=by, at=at)

    return act


def sound(at=NOW):
    return [(p.kind, p.message) for p in verification.verify(at=at).problems] == []


def test_handing_in_changes_no_hours_until_an_official_approves(
    city, programme, lin, stated, hand_in, approve
):
    [line] = hand_in(stated())
    assert standing_of(programme, lin).recognised == 0
    assert not Posting.objects.exists()

    [outcome] = approve([line])

    assert (outcome.hours, outcome.reason) == (400, "")
    line.refresh_from_db()
    assert (line.state, line.decided_by) == ("approved", city.people["gao"])
    posting = Posting.objects.select_related("book").get()
    assert (posting.kind, posting.key) == ("opening", line.key)
    assert posting.title == "期初学时：2021年纸质学时登记簿"
    assert posting.book.organization == city.jia
    entry = LedgerEntry.objects.get()
    assert (entry.hours, entry.minutes, entry.day, entry.home) == (400, 0, BEFORE, city.jia)
    assert not CreditedTime.objects.exists()
    assert standing_of(programme, lin).recognised == 400
    assert sound()


def test_several_lines_of_one_member_complete_them_within_caps_and_minimums(
    programme, lin, stated, hand_in, approve
):
    lines = [stated(hours=600, period=period, row=n) for n, period in enumerate(PERIODS, 1)]

    approve(hand_in(*lines))

    assert standing_of(programme, lin).is_complete
    assert sound()


def test_a_forms_cap_limits_stated_hours_like_all_others(programme, lin, stated, hand_in, approve):
    approve(hand_in(stated(hours=2400, form="self")))

    assert standing_of(programme, lin).recognised == 1000  # self-study counts at most ten


def test_a_periods_minimum_is_not_made_up_by_hours_of_another(
    programme, lin, stated, hand_in, approve
):
    approve(hand_in(stated(hours=3000)))

    row = standing_of(programme, lin)
    assert (row.recognised, row.shortfall, row.is_complete) == (3000, 1200, False)


def test_the_daily_cap_neither_binds_stated_hours_nor_is_used_up_by_them(
    programme, lin, stated, hand_in, approve, post
):
    approve(hand_in(stated(hours=1600, kind="outside", day=TODAY)))
    assert not post(programme, earn(lin, 360)).refused

    assert standing_of(programme, lin).recognised == 2400
    assert sound()


def test_what_is_wrong_is_said_of_every_line_and_nothing_is_written(
    city, programme, lin, wu, stated, hand_in
):
    bad = [
        stated(wu, row=1),
        stated(form="chess", row=2),
        stated(period="stone-age", row=3),
        stated(day=TODAY + timedelta(days=1), row=4),
        stated(day=date(1021, 3, 1), row=5),
        stated(hours=0, row=6, proof="六"),
        stated(hours=130, row=7, proof="七"),
        stated(hours=200_000, row=8, proof="八"),
        stated(proof="  ", row=9),
        stated(kind="session", row=10),
        stated(row=11),
        stated(hours=500, row=12, proof=" 2021年纸质学时登记簿 "),
        stated(row=13, proof="长" * 81),
    ]

    with pytest.raises(BadClaim) as caught:
        hand_in(*bad)

    found = [(fault.row, fault.field) for fault in caught.value.faults]
    assert found == [
        (1, "member"), (2, "form"), (3, "period"), (4, "day"), (5, "day"), (6, "hours"),
        (7, "hours"), (8, "hours"), (9, "proof"), (10, "kind"), (12, "hours"),
        (13, "proof"),
    ]  # fmt: skip
    assert "与第 11 行重复" in caught.value.faults[-2].message
    assert not ClaimBatch.objects.exists()


def test_mistake_27_the_same_line_handed_in_again_is_refused_while_it_waits_or_counts(
    programme, lin, stated, hand_in, approve
):
    [line] = hand_in(stated())
    with pytest.raises(BadClaim, match="已经申报过（待上级审批）"):
        hand_in(stated())
    approve([line])
    with pytest.raises(BadClaim, match="已经申报过（已批准）"):
        hand_in(stated(hours=800))

    assert standing_of(programme, lin).recognised == 400
    with pytest.raises(IntegrityError), transaction.atomic():
        HoursClaim.objects.create(**{
            f.attname: getattr(line, f.attname)
            for f in HoursClaim._meta.concrete_fields
            if f.attname not in {"id", "key"}
        } | {"key": "again", "state": "pending"})  # fmt: skip


def test_mistake_27_the_form_sent_twice_writes_it_once(stated, hand_in):
    first, second = hand_in(stated(), key="form"), hand_in(stated(), key="form")

    assert first == second
    assert HoursClaim.objects.count() == 1


def test_nobody_approves_for_themselves_nor_what_they_handed_in(
    city, programme, lin, zhou, stated, hand_in, approve
):
    own, others = hand_in(stated(zhou, row=1), stated(row=2))
    clerk = Actor(zhou, "official")

    outcomes = approve([own, others], by=clerk)

    assert [o.reason for o in outcomes] == [NotYourself.message] * 2
    assert standing_of(programme, zhou).recognised == 0
    for line, decider in ((own, zhou), (others, zhou), (others, lin)):
        with pytest.raises(IntegrityError), transaction.atomic():
            HoursClaim.objects.filter(pk=line.pk).update(
                state="approved", decided_by=decider, decided_at=NOW
            )
    for person in (zhou, lin):
        with pytest.raises(NotYourself):
            claim_decisions.return_([others], reason="不清楚", by=Actor(person, "official"), at=NOW)


def test_one_lines_refusal_never_blocks_the_others(
    city, programme, lin, zhou, stated, hand_in, approve, official
):
    mine = city.enrol(city.jia, "机关某")
    first, second, third = hand_in(stated(row=1), stated(mine, row=2), stated(zhou, row=3))

    outcomes = approve([first, second, third], by=Actor(mine, "official"))

    assert [bool(o.reason) for o in outcomes] == [False, True, False]
    states = HoursClaim.objects.order_by("row").values_list("state", flat=True)
    assert list(states) == ["approved", "pending", "approved"]
    assert sound()


def test_a_line_that_the_ledger_refuses_waits_with_its_reason_and_is_approved_later(
    programme, lin, stated, hand_in, approve
):
    [line] = hand_in(stated(day=TODAY), at=NOW)

    [outcome] = approve([line], at=NOW - timedelta(days=1))  # a clock that runs behind

    assert "还没有结束" in outcome.reason
    line.refresh_from_db()
    assert line.state == "pending"
    [outcome] = approve([line])
    assert outcome.hours == 400
    assert standing_of(programme, lin).recognised == 400
    assert sound()


def test_approving_twice_posts_once(programme, lin, stated, hand_in, approve):
    lines = hand_in(stated())
    approve(lines)

    assert approve(lines) == []
    assert Posting.objects.count() == 1
    assert standing_of(programme, lin).recognised == 400


def test_a_closed_programme_takes_neither_claims_nor_approvals(
    city, programme, stated, hand_in, approve
):
    [line] = hand_in(stated())
    programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=60))

    with pytest.raises(Refusal, match="不能申报"):
        hand_in(stated(period="new-era"))
    with pytest.raises(ProgrammeClosed):
        approve([line])
    line.refresh_from_db()
    assert line.state == "pending"


def test_mistake_17_while_the_study_closes_a_line_is_still_approved_and_reversed(
    city, programme, lin, stated, hand_in, approve, official
):
    [line] = hand_in(stated())
    programmes.close_study(programme, by=city.by, at=NOW)

    approve([line])
    assert standing_of(programme, lin).recognised == 400
    claim_decisions.reverse(line, reason="登记簿有误", by=official, at=NOW)

    assert standing_of(programme, lin).recognised == 0
    assert sound()


def test_returning_needs_a_reason_and_the_branch_mends_and_hands_in_anew(
    city, lin, programme, stated, hand_in, approve, official, secretary
):
    [line] = hand_in(stated(hours=800))
    with pytest.raises(Refusal, match="理由"):
        claim_decisions.return_([line], reason=" ", by=official, at=NOW)
    assert claim_decisions.return_([line], reason="登记簿上是 4 学时", by=official, at=NOW) == 1
    line.refresh_from_db()
    assert (line.state, line.reason) == ("returned", "登记簿上是 4 学时")
    assert approve([line]) == []

    mended = claims.mend(line, stated(hours=400), by=secretary, at=NOW)

    assert (mended.state, mended.hours, mended.version, mended.reason) == ("pending", 400, 1, "")
    approve([mended])
    assert standing_of(programme, lin).recognised == 400
    with pytest.raises(Settled):
        claims.mend(mended, stated(hours=600), by=secretary, at=NOW)


def test_what_was_mended_since_it_was_seen_is_not_approved_unseen(
    programme, lin, stated, hand_in, approve, secretary, official
):
    [seen] = hand_in(stated())
    claims.mend(HoursClaim.objects.get(), stated(hours=2400), by=secretary, at=NOW)

    [outcome] = approve([seen])

    assert "刚刚改过" in outcome.reason
    with pytest.raises(Conflict):
        claim_decisions.return_([seen], reason="太多", by=official, at=NOW)
    assert standing_of(programme, lin).recognised == 0
    with pytest.raises(Conflict):
        claims.mend(seen, stated(), by=secretary, at=NOW)


def test_whoever_mended_a_line_does_not_approve_it(stated, hand_in, approve, city):
    [line] = hand_in(stated())
    line = claims.mend(line, stated(hours=600), by=city.actor("shi", "official"), at=NOW)

    [outcome] = approve([line], by=city.actor("shi", "official"))

    assert outcome.reason == NotYourself.message
    with pytest.raises(IntegrityError), transaction.atomic():
        HoursClaim.objects.update(state="approved", decided_by=city.people["shi"], decided_at=NOW)


def test_a_line_that_nobody_decided_is_withdrawn_and_may_be_handed_in_again(
    stated, hand_in, approve, secretary
):
    [line] = hand_in(stated())
    claims.withdraw(line, by=secretary, at=NOW)

    assert approve([line]) == []
    with pytest.raises(Settled):
        claims.withdraw(line, by=secretary, at=NOW)
    assert hand_in(stated())


def test_a_reversal_leaves_both_lines_and_its_reason(
    programme, lin, stated, hand_in, approve, official
):
    [line] = hand_in(stated())
    with pytest.raises(Settled):
        claim_decisions.reverse(line, reason="有误", by=official, at=NOW)
    approve([line])
    with pytest.raises(Refusal, match="理由"):
        claim_decisions.reverse(line, reason="", by=official, at=NOW)
    with pytest.raises(NotYourself):
        claim_decisions.reverse(line, reason="有误", by=Actor(lin, "official"), at=NOW)

    claim_decisions.reverse(line, reason="登记簿有误", by=official, at=NOW)

    assert [e.hours for e in LedgerEntry.objects.order_by("pk")] == [400, -400]
    assert Posting.objects.get(revision=2).reason == "登记簿有误"
    line.refresh_from_db()
    assert (line.state, line.ended_by_id) == ("reversed", official.member.pk)
    assert standing_of(programme, lin).recognised == 0
    assert hand_in(stated(hours=200))
    assert sound()


def test_after_a_transfer_the_reversal_stands_in_the_book_of_the_old_branch(
    city, programme, lin, stated, hand_in, approve, official
):
    [line] = hand_in(stated())
    approve([line])
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)

    claim_decisions.reverse(line, reason="有误", by=official, at=NOW)

    assert set(Posting.objects.values_list("book__organization", flat=True)) == {city.jia.pk}
    assert sound()


def test_mistake_30_undo_restores_every_total_and_withdraws_what_waits(
    city, programme, lin, zhou, stated, hand_in, approve, secretary
):
    before = list(Standing.objects.order_by("pk").values())
    first, _ = hand_in(stated(row=1), stated(zhou, row=2))
    approve([first])

    reversed_, kept = claim_decisions.undo(first.batch, by=secretary, at=NOW)

    assert ([c.pk for c in reversed_], kept) == ([first.pk], [])
    assert list(HoursClaim.objects.order_by("row").values_list("state", flat=True)) == [
        "reversed", "withdrawn"
    ]  # fmt: skip
    assert list(Standing.objects.order_by("pk").values()) == before
    assert claim_decisions.undo(first.batch, by=secretary, at=NOW) == ([], [])
    assert Posting.objects.count() == 2
    assert sound()


def test_mistake_30_undo_keeps_by_name_what_was_mended_or_decided_since(
    city, programme, lin, zhou, stated, hand_in, approve, official, secretary
):
    other = city.enrol(city.jia, "陈某")
    mended, returned, waiting = hand_in(stated(row=1), stated(zhou, row=2), stated(other, row=3))
    mended = claims.mend(mended, stated(hours=600), by=secretary, at=NOW)
    approve([mended])
    claim_decisions.return_([returned], reason="看不清", by=official, at=NOW)

    _, kept = claim_decisions.undo(mended.batch, by=secretary, at=NOW)

    assert kept == [
        "第 1 行 林小满 集体研讨 6 学时：修改过，已批准",
        "第 2 行 周明远 集体研讨 4 学时：已退回",
    ]
    assert ClaimBatch.objects.get().kept == kept
    assert standing_of(programme, lin).recognised == 600
    waiting.refresh_from_db()
    assert waiting.state == "withdrawn"


def test_an_undo_that_the_ledger_refuses_leaves_everything_as_it_was(
    city, programme, stated, hand_in, approve, secretary
):
    first, second = hand_in(stated(row=1), stated(period="new-era", row=2))
    approve([first])
    programmes.close_study(programme, by=city.by, at=NOW)
    programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=60))

    with pytest.raises(ProgrammeClosed):
        claim_decisions.undo(first.batch, by=secretary, at=NOW)

    second.refresh_from_db()
    assert second.state == "pending"
    assert ClaimBatch.objects.get().undone_at is None


def test_the_same_file_is_handed_in_again_only_after_its_undo(stated, hand_in, secretary):
    [line] = hand_in(stated(), digest="d", file_name="期初.xlsx")
    with pytest.raises(Refusal, match="同一个文件"):
        hand_in(stated(period="new-era"), digest="d")
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaimBatch.objects.create(programme=line.programme, branch=line.branch, digest="d",
                                  key="x", by=line.entered_by, at=NOW)  # fmt: skip
    claim_decisions.undo(line.batch, by=secretary, at=NOW)

    assert hand_in(stated(), digest="d")


def test_the_database_holds_the_states_to_their_deciders_and_reasons(stated, hand_in, gao):
    [line] = hand_in(stated())
    rows = HoursClaim.objects.filter(pk=line.pk)
    who = {"decided_by": gao, "decided_at": NOW}
    for values in (
        {"state": "approved"},
        {"state": "returned", **who},
        {"state": "pending", **who},
        {"state": "reversed", **who, "reason": "x"},
        {"state": "withdrawn"},
        {"hours": 0},
        {"proof": ""},
        {"kind": "session"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)


def test_verification_names_a_line_without_a_claim_and_a_claim_that_was_changed(
    city, programme, lin, zhou, stated, hand_in, approve
):
    first, second = hand_in(stated(row=1), stated(zhou, row=2))
    approve([first, second])
    HoursClaim.objects.filter(pk=first.pk).update(hours=4000)
    source = ledger.Source("outside", "forged", "外单位")
    credit = ledger.Credit(zhou, "seminar", TODAY, hours=300)
    ledger.post(programme, source, organiser=city.jia, credits=[credit], by=city.by, at=NOW)

    problems = verification.verify(at=NOW).problems

    assert {p.kind for p in problems} == {"source"}
    said = [(p.member[-3:], p.message[:3]) for p in problems]
    assert sorted(said) == sorted(
        [("林小满", "期初或"), ("周明远", "期初或"), ("林小满", "已批准")]
    )


def test_verification_since_the_last_looks_at_the_claims_of_whom_it_concerns(
    city, programme, lin, stated, hand_in, approve
):
    assert sound()
    lines = hand_in(stated())
    approve(lines)
    HoursClaim.objects.update(form="lecture")

    report = verification.verify(at=NOW, since_last=True)

    assert {p.kind for p in report.problems} == {"source"}


def test_every_act_is_recorded(city, stated, hand_in, approve, official):
    [line] = hand_in(stated())
    approve([line])
    claim_decisions.reverse(line, reason="有误", by=official, at=NOW)

    subjects = AuditEvent.objects.filter(organization=city.jia).order_by("pk")
    found = [s for s in subjects.values_list("subject", flat=True) if "期初" in s]
    assert found == [
        "申报期初和外单位学时 1 行", "批准期初和外单位学时 1 行", "冲销期初和外单位学时 1 行"
    ]  # fmt: skip


def test_somebody_who_left_or_went_elsewhere_is_not_handed_in_for(city, lin, stated, hand_in):
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=moment(TODAY, 9))
    with pytest.raises(BadClaim, match="不是青川县甲支部的在册党员"):
        hand_in(stated())


def test_the_receipt_says_what_each_line_is_worth(stated, hand_in):
    hand_in(stated(row=1), stated(period="", hours=50, row=2))

    batch = ClaimBatch.objects.with_counts().get()
    assert (batch.line_count, batch.people_count, batch.total, batch.pending_count) == (
        2,
        1,
        450,
        2,
    )
    assert list(ClaimBatch.objects.waiting()) == [batch]


def test_a_mended_line_is_checked_like_a_new_one(stated, hand_in, secretary, wu):
    line, _ = hand_in(stated(row=1), stated(period="new-era", row=2))
    with pytest.raises(BadClaim, match="已经申报过"):
        claims.mend(line, stated(period="new-era"), by=secretary, at=NOW)
    with pytest.raises(Refusal, match="党员不能改"):
        claims.mend(line, replace(stated(), member=wu), by=secretary, at=NOW)
    assert claims.mend(line, stated(hours=425, day=days_ago(3)), by=secretary, at=NOW).hours == 425
