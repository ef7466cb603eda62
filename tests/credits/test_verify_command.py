"""manage.py verify_ledger and rebuild_standings, as an auditor uses them."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from credits import verification
from credits.models import CreditTotal, LedgerEntry, Posting, Standing, Verification
from tests.cast import NOW, days_ago
from tests.credits.conftest import earn
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def posted(programme, post, lin, zhou):
    for number in range(4):
        day = days_ago(number)
        post(programme, earn(lin, day=day), earn(zhou, day=day, content=f"lesson:{number}"))
    return programme


def run():
    """Exit code and report of `verify_ledger --json`."""
    said = StringIO()
    try:
        call_command("verify_ledger", "--json", stdout=said)
    except SystemExit as end:
        return end.code, json.loads(said.getvalue())
    return 0, json.loads(said.getvalue())


def last_of(member):
    return LedgerEntry.objects.filter(member=member).select_related("posting").latest("pk")


def test_on_an_honest_ledger_it_says_ok_and_exits_0(posted):
    code, report = run()

    assert code == 0
    assert report["ok"] is True
    assert report["problems"] == []
    assert (report["postings"], report["entries"], report["members"]) == (4, 8, 8)
    kept = Verification.objects.get()
    assert kept.ok
    assert kept.heads["dsxx-2021/YL-QC-1"]["sequence"] == 4


@pytest.mark.parametrize("hours", [225, 100, 800])
def test_one_changed_hour_figure_exits_1_and_names_entry_branch_and_member(posted, lin, hours):
    entry = last_of(lin)
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = {hours} WHERE id = {entry.pk}")

    code, report = run()

    assert code == 1
    assert report["ok"] is False
    [named] = [p for p in report["problems"] if p["kind"] == "entry"]
    assert named["entry"] == entry.pk
    assert named["branch"] == "青川县甲支部"
    assert named["member"] == f"{lin.number} 林小满"
    assert named["posting"] == entry.posting_id
    assert any(p["kind"] == "total" and "林小满" in p["member"] for p in report["problems"])
    assert not any("周明远" in p["member"] for p in report["problems"])


def test_two_figures_changed_so_that_the_sums_stay_are_both_named(posted, lin, zhou):
    """A swap inside one branch changes no sum; the lines' own check values still tell."""
    first, second = last_of(lin), LedgerEntry.objects.filter(member=lin).earliest("pk")
    behind_the_guards(
        f"UPDATE credits_ledgerentry SET hours = 100 WHERE id = {first.pk}",
        f"UPDATE credits_ledgerentry SET hours = 300 WHERE id = {second.pk}",
    )

    _, report = run()

    named = {p["entry"] for p in report["problems"] if p["kind"] == "entry"}
    assert named == {first.pk, second.pk}


@pytest.mark.parametrize("column", ["day", "form", "period", "minutes", "member_id", "starts_at"])
def test_any_other_column_changed_is_named_too(posted, lin, zhou, column):
    entry = last_of(lin)
    value = {
        "day": "'2021-05-01'",
        "form": "'online'",
        "period": "'new-era'",
        "minutes": "91",
        "member_id": str(city_guest(posted)),
        "starts_at": "'2021-05-01 00:00:00+00'",
    }[column]
    behind_the_guards(f"UPDATE credits_ledgerentry SET {column} = {value} WHERE id = {entry.pk}")

    code, report = run()

    assert code == 1
    assert entry.pk in {p["entry"] for p in report["problems"] if p["kind"] == "entry"}


def city_guest(programme):
    return Standing.objects.filter(programme=programme).order_by("-member").first().member_id


def test_a_figure_changed_with_its_own_check_value_breaks_the_postings_digest(posted, lin):
    """Whoever knows the algorithm can mend the line, not the chain behind it."""
    from credits import digests

    entry = last_of(lin)
    first = LedgerEntry.objects.filter(member=lin).earliest("pk")
    assert first.posting_id != entry.posting_id
    behind_the_guards(
        f"UPDATE credits_ledgerentry SET hours = 300, check_value = '{digests.algorithm()}:0' "
        f"WHERE id = {first.pk}"
    )

    _, report = run()

    assert first.posting_id in {p["posting"] for p in report["problems"] if p["kind"] == "posting"}


def test_a_deleted_line_names_book_posting_and_the_member_by_what_is_left(posted, zhou):
    entry = last_of(zhou)
    behind_the_guards(f"DELETE FROM credits_ledgerentry WHERE id = {entry.pk}")

    code, report = run()

    assert code == 1
    [lines] = [p for p in report["problems"] if p["kind"] == "lines"]
    assert (lines["book"], lines["posting"]) == ("YL-QC-1", entry.posting_id)
    for kind in ("total", "standing", "time", "content"):
        named = [p["member"] for p in report["problems"] if p["kind"] == kind]
        assert named, kind
        assert all("周明远" in member for member in named)


def test_a_deleted_line_whose_totals_were_mended_is_named_by_occupied_time(posted, zhou):
    entry = last_of(zhou)
    behind_the_guards(f"DELETE FROM credits_ledgerentry WHERE id = {entry.pk}")
    CreditTotal.objects.filter(member=zhou).update(earned=600)
    Standing.objects.filter(member=zhou).update(recognised=600, shortfall=1800, points=6000)

    _, report = run()

    assert any(p["kind"] == "lines" and p["posting"] == entry.posting_id
               for p in report["problems"])  # fmt: skip
    assert [p["member"] for p in report["problems"] if p["kind"] == "time"] == [
        f"{zhou.number} 周明远"
    ]


def test_an_added_line_names_book_posting_and_member(posted, lin):
    entry = last_of(lin)
    behind_the_guards(
        "INSERT INTO credits_ledgerentry (programme_id, posting_id, line, member_id, home_id, form,"
        " period, content, day, minutes, hours, rules, check_value) SELECT programme_id,"
        " posting_id, 99, member_id, home_id, form, period, content, day, minutes, hours, rules,"
        f" check_value FROM credits_ledgerentry WHERE id = {entry.pk}"
    )

    code, report = run()

    assert code == 1
    added = LedgerEntry.objects.latest("pk")
    [lines] = [p for p in report["problems"] if p["kind"] == "lines"]
    assert (lines["book"], lines["posting"]) == ("YL-QC-1", entry.posting_id)
    [named] = [p for p in report["problems"] if p["kind"] == "entry"]
    assert (named["entry"], named["member"]) == (added.pk, f"{lin.number} 林小满")
    assert any("林小满" in p["member"] for p in report["problems"] if p["kind"] == "total")


def test_a_line_added_without_a_posting_is_an_orphan(posted, lin):
    entry = last_of(lin)
    behind_the_guards(
        "INSERT INTO credits_ledgerentry (programme_id, posting_id, line, member_id, home_id, form,"
        " period, content, day, minutes, hours, rules, check_value) SELECT programme_id,"
        " 999999, 1, member_id, home_id, form, period, content, day, minutes, hours, rules,"
        f" check_value FROM credits_ledgerentry WHERE id = {entry.pk}"
    )

    _, report = run()

    [orphan] = [p for p in report["problems"] if p["kind"] == "orphan"]
    assert orphan["posting"] == 999999
    assert "林小满" in orphan["member"]


def test_a_cut_off_tail_names_book_posting_and_the_members_by_their_totals(posted, lin, zhou):
    last = Posting.objects.latest("pk")
    behind_the_guards(
        f"DELETE FROM credits_ledgerentry WHERE posting_id = {last.pk}",
        f"DELETE FROM credits_posting WHERE id = {last.pk}",
    )

    code, report = run()

    assert code == 1
    [tail] = [p for p in report["problems"] if p["kind"] == "tail"]
    assert (tail["book"], tail["sequence"], tail["branch"]) == ("YL-QC-1", 4, "青川县甲支部")
    assert tail["posting"] == Posting.objects.get(sequence=3).pk
    named = {p["member"][-3:] for p in report["problems"] if p["kind"] == "total"}
    assert named == {"林小满", "周明远"}


def test_a_posting_taken_from_the_middle_breaks_the_chain(posted):
    middle = Posting.objects.order_by("pk")[1]
    behind_the_guards(
        f"DELETE FROM credits_ledgerentry WHERE posting_id = {middle.pk}",
        f"DELETE FROM credits_posting WHERE id = {middle.pk}",
    )

    _, report = run()

    [gap] = [p for p in report["problems"] if p["kind"] == "chain"]
    assert gap["book"] == "YL-QC-1"
    assert "第 2 笔" in gap["message"]


def test_a_whole_book_that_vanished_is_missed_by_the_last_verification(posted):
    assert run()[0] == 0
    book = Posting.objects.latest("pk").book
    behind_the_guards(
        "DELETE FROM credits_creditedtime",
        "DELETE FROM credits_creditedcontent",
        "DELETE FROM credits_ledgerentry",
        "DELETE FROM credits_posting",
        f"DELETE FROM credits_ledgerbook WHERE id = {book.pk}",
        "DELETE FROM credits_credittotal",
    )

    _, report = run()

    [head] = [p for p in report["problems"] if p["kind"] == "head"]
    assert (head["programme"], head["book"]) == ("dsxx-2021", "YL-QC-1")


def test_a_verification_that_found_something_keeps_no_heads(posted, lin):
    """Otherwise the next run would take the forged chain for the true one."""
    assert run()[0] == 0
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = 100 WHERE id = {last_of(lin).pk}")
    run()

    assert Verification.objects.latest("pk").heads == {}
    assert run()[0] == 1


def test_without_json_it_says_the_same_in_chinese(posted, lin):
    said = StringIO()
    call_command("verify_ledger", stdout=said)
    assert "账目相符：4 笔、8 行、8 人。" in said.getvalue()
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = 100 WHERE id = {last_of(lin).pk}")

    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_ledger", stdout=said)

    assert "林小满" in said.getvalue()
    assert "青川县甲支部" in said.getvalue()


def test_it_reads_only_but_for_its_own_verdict(posted, django_assert_max_num_queries):
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        verification.verify(at=NOW)

    writes = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(writes) == 1
    assert "credits_verification" in writes[0]


def test_rebuild_standings_says_how_many_it_mended(posted, lin):
    Standing.objects.filter(member=lin).update(recognised=100)
    CreditTotal.objects.filter(member=lin).update(earned=100)
    said = StringIO()

    call_command("rebuild_standings", stdout=said)

    assert said.getvalue() == "党史学习教育：更正 1 人。\n"
    assert run()[0] == 0
