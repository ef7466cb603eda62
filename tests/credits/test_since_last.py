"""verify_ledger --since-last: only what is new is looked at, and what is left out is said."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from credits import verification
from credits.models import BranchStanding, CreditTotal, LedgerEntry, Posting, Standing, Verification
from tests.cast import NOW, days_ago
from tests.credits.conftest import earn
from tests.credits.guards import behind_the_guards
from tests.credits.test_verify_command import last_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def verified(city, programme, post, lin, zhou):
    """Four postings that were verified, and two in two books that were not."""
    for number in range(4):
        post(programme, earn(lin, day=days_ago(number)), earn(zhou, day=days_ago(number)))
    assert verification.verify(at=NOW).ok
    post(programme, earn(lin, 45, hour=14, content="lesson:new"))
    post(programme, earn(city.people["wu"], hour=14), organiser=city.yi)
    return programme


def since_last():
    return verification.verify(at=NOW, since_last=True)


def kinds(report):
    return {problem.kind for problem in report.problems}


def test_only_the_new_lines_and_whom_they_concern_are_looked_at(verified):
    report = since_last()

    assert report.problems == []
    assert (report.postings, report.entries, report.members) == (2, 2, 2)
    assert any("没有新明细的党员" in text for text in report.left_out)


def test_it_can_be_followed_by_another_and_by_a_whole_one(verified, post, lin):
    assert since_last().ok
    assert Verification.objects.latest("pk").heads["dsxx-2021/YL-QC-1"]["sequence"] == 5
    post(verified, earn(lin, 45, hour=16))

    again = since_last()

    assert (again.ok, again.postings) == (True, 1)
    assert verification.verify(at=NOW).ok


def test_a_new_line_that_was_changed_is_named(verified, lin):
    entry = last_of(lin)
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = 200 WHERE id = {entry.pk}")

    report = since_last()

    assert {"entry", "total"} <= kinds(report)
    assert any(p.entry == entry.pk and "林小满" in p.member for p in report.problems)


def test_a_chain_that_does_not_go_on_from_its_head_is_named(verified):
    head = Posting.objects.get(book__organization__code="YL-QC-1", sequence=4)
    behind_the_guards(f"UPDATE credits_posting SET digest = 'sha256:0' WHERE id = {head.pk}")

    assert "head" in kinds(since_last())


def test_a_new_tail_cut_off_is_named(verified, lin):
    entry = last_of(lin)
    behind_the_guards(
        f"DELETE FROM credits_creditedcontent WHERE entry_id = {entry.pk}",
        f"DELETE FROM credits_ledgerentry WHERE id = {entry.pk}",
        f"DELETE FROM credits_posting WHERE id = {entry.posting_id}",
    )

    assert "tail" in kinds(since_last())


def test_sums_of_whoever_is_concerned_are_checked_whole(verified, lin):
    """Also what an old line sums to, and the branch."""
    CreditTotal.objects.filter(member=lin).update(earned=100)
    Standing.objects.filter(member=lin).update(points=1)
    BranchStanding.objects.filter(branch__code="YL-QC-1").update(points=1)
    old = LedgerEntry.objects.filter(member=lin).earliest("pk")
    behind_the_guards(f"DELETE FROM credits_creditedtime WHERE entry_id = {old.pk}")

    assert {"total", "standing", "branch", "time"} <= kinds(since_last())


def test_what_it_leaves_out_is_not_found_and_it_says_so(verified, zhou):
    CreditTotal.objects.filter(member=zhou).update(earned=100)
    said = StringIO()

    call_command("verify_ledger", "--since-last", stdout=said)

    assert "账目相符：2 笔、2 行、2 人。" in said.getvalue()
    assert "没有重新核对的：" in said.getvalue()
    assert not verification.verify(at=NOW).ok


def test_without_a_verification_there_is_nothing_to_go_on_from(programme):
    with pytest.raises(CommandError, match="请先做一次完整核验"):
        call_command("verify_ledger", "--since-last")
