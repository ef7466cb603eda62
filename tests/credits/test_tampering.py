"""Whatever is changed behind the guards is found: every column of every table that hours rest on.

All guards are lifted, one value is changed by raw SQL, and `verify_ledger` has to exit 1 and name
entry, branch and member, or book and posting; what the database itself refuses needs no finding.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db import models as fields
from django.db.models import Max

from credits import (
    bulletins,
    certificates,
    exemptions,
    ledger,
    programmes,
    rule_changes,
    unit_texts,
    weeks,
)
from credits.ledger import Source
from credits.models import (
    BranchMonth,
    BranchStanding,
    Bulletin,
    BulletinRow,
    BulletinText,
    BulletinUnitText,
    BulletinWithdrawal,
    Certificate,
    CertificateEvent,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    RankingPermit,
    RuleVersion,
    Standing,
    TargetChange,
    UnitWeek,
    Verification,
)
from portal import triggers
from portal.models import Organization
from tests.cast import NOW, TODAY, days_ago, rules_json
from tests.credits.conftest import PERIODS, earn, standing_of
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both]
TABLES = [
    Posting,
    LedgerEntry,
    LedgerBook,
    CreditTotal,
    Standing,
    BranchStanding,
    BranchMonth,
    CreditedTime,
    CreditedContent,
    UnitWeek,
    RuleVersion,
    RankingPermit,
    TargetChange,
    Bulletin,
    BulletinRow,
    BulletinText,
    BulletinUnitText,
    BulletinWithdrawal,
    Certificate,
    CertificateEvent,
]
# A title is what people read of a source; by design it stands in no digest (DESIGN, section 2).
FREE = {(Posting, "title")}
HIDDEN_BY_ID = {Posting, LedgerEntry}  # tables whose row ids mean something
OF_A_MEMBER = {CreditTotal, CreditedTime, CreditedContent, LedgerEntry, Standing}
OF_A_BRANCH = {BranchStanding, BranchMonth}


@pytest.fixture
def city_of_all(city, programme, complete, post, lin, zhou, wu):
    """Some of everything: reversals, contents, a lowered target, new rules, weeks, a certificate
    that was suspended and resumed, two bulletins of which one was withdrawn."""
    by, shi = city.by, city.actor("shi", "official")
    keys = complete(programme, lin, zhou)
    post(programme, earn(lin, 45, day=days_ago(6), content="lesson:one"), earn(wu, 45, hour=14,
         day=days_ago(6)), kind="log", organiser=city.yi)  # fmt: skip
    certificate = certificates.issue(standing_of(programme, lin), by=by, at=NOW)
    for revision, again in ((2, []), (3, [earn(lin, 270, day=days_ago(1), period=PERIODS[0])])):
        ledger.correct(
            programme, Source("session", keys[0], "活动"), revision=revision, organiser=city.jia,
            withdraw=[lin], credits=again, reason="更正", by=by, at=NOW + timedelta(hours=revision),
        )  # fmt: skip
    asked = exemptions.ask(programme, wu, target=1200, since=TODAY, until=None, reason="病",
                               by=by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=shi, at=NOW)
    asked = exemptions.ask(programme, city.people["zheng"], target=None, since=TODAY,
                               until=None, reason="病", by=by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=shi, at=NOW)
    new = rules_json(daily_cap=900)
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="文件", reason="试行", by=by, at=NOW,
        shown=rule_changes.rehearse(programme, new).shown,
    )  # fmt: skip
    for branch in (city.jia, city.yi, city.bing):
        rule_changes.bring_up(programme, branch.pk, at=NOW)
    for days in (14, 7, 0):
        weeks.close_week(programme, at=NOW - timedelta(days=days))
    published = []
    for number in range(2):
        draft = bulletins.draw_up(programme, title="通报", cohorts=["county", "municipal"],
                                  by=shi, at=NOW)  # fmt: skip
        at = NOW + timedelta(hours=number)
        request = draft.text_requests.get(unit=city.county)
        unit_texts.write(request, "分三班学。", by=city.actor("gao", "official"), at=NOW)
        published.append(bulletins.publish(draft, seen_version=1, by=shi, at=at))
    bulletins.withdraw(published[0], reason="数字有误", by=shi, at=NOW)
    open_other(city)
    assert certificate.events.count() == 3
    return city


def open_other(city):
    """A second programme, so that a row can be moved into another."""
    other = programmes.found(
        code="other", name="另一专题", organiser=city.root, scopes=[city.root],
        starts=date(2021, 1, 1), ends=date(2021, 12, 31), rules_=rules_json(), authority="文件",
        by=city.by, at=NOW,
    )  # fmt: skip
    return programmes.open_(other, by=city.by, at=NOW)


def run() -> dict[str, Any]:
    """The report of `verify_ledger --json`; its exit code agrees with what it says."""
    said = StringIO()
    code: Any = 0
    try:
        call_command("verify_ledger", "--json", stdout=said)
    except SystemExit as end:
        code = end.code
    report: dict[str, Any] = json.loads(said.getvalue())
    assert code == (0 if report["ok"] else 1)
    return report


def findings() -> list[dict[str, Any]]:
    """What is found beside the guards that this test has lifted."""
    return [problem for problem in run()["problems"] if problem["kind"] != "trigger"]


def other_value(row: Any, field: Any) -> Any:
    """Some other value that a column could hold."""
    value = field.value_from_object(row)
    if isinstance(field, fields.ForeignKey):
        rows = field.related_model._default_manager.exclude(pk=value).order_by("pk")
        return rows.values_list("pk", flat=True).last()
    if isinstance(field, fields.BooleanField):
        return not value
    if isinstance(field, fields.JSONField):
        return json.dumps({} if value else {"x": 1})
    if isinstance(field, fields.DateTimeField):
        return (value or NOW) + timedelta(minutes=1)
    if isinstance(field, fields.DateField):
        return (value or TODAY) + timedelta(days=1)
    if isinstance(field, fields.CharField | fields.TextField):
        choices = [c for c, _ in field.choices or () if c != value]
        return choices[-1] if choices else f"{str(value)[:-1]}x"
    return (value or 0) + 1


def change(row: Any, field: Any, value: Any) -> None:
    """One column of one row."""
    if isinstance(value, datetime):
        value = connection.ops.adapt_datetimefield_value(value)
    elif isinstance(value, date):
        value = connection.ops.adapt_datefield_value(value)
    sql = f'UPDATE "{row._meta.db_table}" SET "{field.column}" = %s WHERE id = %s'
    tamper(row._meta.db_table, sql, [value, row.pk])


def tamper(table: str, sql: str, values: Any = None) -> None:
    """One statement on a table whose guards are lifted, and left off."""
    connection.check_constraints()  # PostgreSQL alters no table while checks are pending
    triggers.lift(connection, table)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
    connection.check_constraints()


def some_rows(model: Any) -> list[Any]:
    rows = list(model.objects.order_by("pk"))
    return [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})]


def named(model: Any, row: Any, problems: list[dict[str, Any]]) -> bool:
    """Whether the problems name whom or what the row concerns."""
    if model is Posting:
        codes = set(Organization.objects.values_list("code", flat=True)) | {"?"}
        return any(p["book"] in codes and p["posting"] for p in problems)
    if model is LedgerEntry and not any(p["entry"] == row.pk for p in problems):
        return any(p["posting"] == row.posting_id for p in problems)
    if model in OF_A_MEMBER:
        return any(row.member.number in p["member"] for p in problems)
    if model in OF_A_BRANCH:
        return any(p["branch"] == row.branch.name for p in problems)
    return True


def columns(model: Any) -> list[Any]:
    return [
        f
        for f in model._meta.concrete_fields
        if (f.name != "id" or model in HIDDEN_BY_ID)
        and not f.generated
        and (model, f.name) not in FREE
    ]


def test_every_changed_column_is_found_and_named(city_of_all):
    missed, tried = [], set()
    for model in TABLES:
        for row in some_rows(model)[: 2 if model is LedgerEntry else 1]:
            for field in columns(model):
                try:
                    with transaction.atomic():
                        change(row, field, other_value(row, field))
                        found = findings()
                        tried.add(model)
                        if not found or not named(model, row, found):
                            missed.append((model.__name__, row.pk, field.name, len(found)))
                        transaction.set_rollback(True)
                except IntegrityError:
                    continue  # the database itself refuses it
    assert missed == []
    assert tried == set(TABLES)


@pytest.mark.parametrize("verified", [False, True], ids=["never verified", "verified before"])
def test_every_deleted_row_is_found(city_of_all, verified):
    """Of what is in no chain, the last verification still knows how many there were."""
    if verified:
        assert run()["problems"] == []
    missed = []
    for model in TABLES:
        for row in some_rows(model)[-2:]:
            if _means_nothing(model, row) or (not verified and _at_the_end(model, row)):
                continue
            try:
                with transaction.atomic():
                    table = model._meta.db_table
                    tamper(table, f'DELETE FROM "{table}" WHERE id = {row.pk}')
                    if not findings():
                        missed.append((model.__name__, str(row)))
                    transaction.set_rollback(True)
            except IntegrityError:
                continue
    assert missed == []


def _at_the_end(model: Any, row: Any) -> bool:
    """What has nothing behind it leaves no gap, unless a verification has seen it."""
    if model in (RankingPermit, BulletinWithdrawal, TargetChange):
        return True
    if model is UnitWeek:
        own = UnitWeek.objects.filter(unit=row.unit).order_by("week")
        ids = list(own.values_list("pk", flat=True))
        return row.pk in (ids[0], ids[-1])
    if model in (Bulletin, RuleVersion):
        newest = model.objects.filter(programme=row.programme).aggregate(n=Max("pk"))["n"]
        return bool(row.pk == newest)
    return False


def _means_nothing(model: Any, row: Any) -> bool:
    """Sums that are nothing, and rows of the other programme that nobody has seen."""
    if model in (CreditTotal, BranchMonth):
        return not any((getattr(row, "earned", 0), getattr(row, "hours", 0),
                        getattr(row, "completed", 0)))  # fmt: skip
    return False


def test_every_doubled_row_is_found_or_refused(city_of_all):
    doubled = []
    for model in (LedgerEntry, CreditedTime, CreditedContent, CreditTotal, Posting, Standing,
                  Certificate, CertificateEvent):  # fmt: skip
        names = [f.column for f in model._meta.concrete_fields if f.name != "id"]
        listed, table = ", ".join(f'"{name}"' for name in names), model._meta.db_table
        for row in some_rows(model):
            try:
                with transaction.atomic():
                    tamper(table, f'INSERT INTO "{table}" ({listed}) SELECT {listed} '
                                  f'FROM "{table}" WHERE id = {row.pk}')  # fmt: skip
                    if not findings():
                        doubled.append(str(row))
                    transaction.set_rollback(True)
            except IntegrityError:
                continue
    assert doubled == []


def test_a_line_moved_to_another_posting_names_both(city_of_all, lin):
    line = LedgerEntry.objects.filter(member=lin, reverses=None).earliest("pk")
    other = Posting.objects.exclude(pk=line.posting_id).latest("pk")
    behind_the_guards(
        f"UPDATE credits_ledgerentry SET posting_id = {other.pk}, line = 9 WHERE id = {line.pk}"
    )

    problems = run()["problems"]

    assert {line.posting_id, other.pk} <= {p["posting"] for p in problems if p["kind"] == "lines"}
    assert any(p["entry"] == line.pk and "林小满" in p["member"] for p in problems)


def test_a_line_moved_to_another_member_names_both(city_of_all, lin, wu):
    line = LedgerEntry.objects.filter(member=lin, reverses=None).earliest("pk")
    behind_the_guards(f"UPDATE credits_ledgerentry SET member_id = {wu.pk} WHERE id = {line.pk}")

    told = " ".join(p["member"] for p in run()["problems"] if p["kind"] == "total")

    assert "林小满" in told
    assert "吴远舟" in told


def test_a_target_lowered_with_all_that_follows_from_it_is_named(city_of_all, wu):
    """Everything agrees with everything, but nobody ever granted it."""
    zhou = city_of_all.people["xun"]
    row = standing_of(Programme.objects.get(code="dsxx-2021"), zhou)
    assert row.recognised == 0
    Standing.objects.filter(pk=row.pk).update(target=100, shortfall=100)

    problems = run()["problems"]

    assert any(p["kind"] == "target" and "荀指导" in p["member"] for p in problems)


def test_a_member_taken_off_the_roll_with_the_branch_row_is_named(city_of_all, wu):
    programme = Programme.objects.get(code="dsxx-2021")
    row = standing_of(programme, city_of_all.people["xun"])
    Standing.objects.filter(pk=row.pk).update(on_roll=False)
    rows = BranchStanding.objects.filter(programme=programme, branch=row.branch)
    rows.update(due=rows.get().due - 1)

    problems = run()["problems"]

    assert [p["kind"] for p in problems] == ["roll"]
    assert "荀指导" in problems[0]["member"]


def test_somebody_exempted_by_nobody_is_named(city_of_all):
    programme = Programme.objects.get(code="dsxx-2021")
    row = standing_of(programme, city_of_all.people["xun"])
    Standing.objects.filter(pk=row.pk).update(exempt=True)
    rows = BranchStanding.objects.filter(programme=programme, branch=row.branch)
    rows.update(due=rows.get().due - 1, exempt=rows.get().exempt + 1)

    assert [(p["kind"], p["member"][-3:]) for p in run()["problems"]] == [("roll", "荀指导")]


def test_a_branch_counted_for_another_unit_is_named(city_of_all):
    programme = Programme.objects.get(code="dsxx-2021")
    rows = BranchStanding.objects.filter(programme=programme, branch=city_of_all.jia)
    rows.update(unit=city_of_all.bureau, cohort="municipal")

    assert [(p["kind"], p["branch"]) for p in run()["problems"]] == [("branch", "青川县甲支部")]


@pytest.mark.parametrize("column", ["hours", "completed", "due", "sessions", "rank"])
def test_a_changed_row_of_a_published_number_is_named_with_both_figures(city_of_all, column):
    number = Bulletin.objects.latest("pk")
    rows = list(number.rows.order_by("pk"))
    assert len(rows) > 1
    row = next(r for r in rows if r.rank and (column != "completed" or r.completed < r.due))
    was = getattr(row, column)
    behind_the_guards(f"UPDATE credits_bulletinrow SET {column} = {column} + 1 WHERE id = {row.pk}")

    [said] = [p["message"] for p in run()["problems"] if p["kind"] == "bulletin"]

    assert str(number) in said
    label = BulletinRow._meta.get_field(column).verbose_name
    assert f"第 {row.pk} 行（{row.unit_name}）：{label} {was + 1}，应为 {was}" in said
    assert said.count("行（") == 1


@pytest.mark.parametrize("heads", ["{}", '{"x": {}}', "[]"])
def test_unreadable_heads_are_a_finding_and_no_crash(city_of_all, heads):
    assert run()["ok"]
    last = Verification.objects.latest("pk")
    behind_the_guards(f"UPDATE credits_verification SET heads = '{heads}' WHERE id = {last.pk}")
    number = Bulletin.objects.latest("pk")
    behind_the_guards(f"UPDATE credits_bulletin SET heads = '{heads}' WHERE id = {number.pk}")

    kinds = {p["kind"] for p in run()["problems"]}

    assert {"head", "bulletin"} <= kinds


def test_rules_that_can_no_longer_be_read_are_a_finding_and_no_crash(city_of_all):
    behind_the_guards("UPDATE credits_ruleversion SET rules = '{\"target\": 0}'")

    assert {"rules", "record"} <= {p["kind"] for p in run()["problems"]}


def test_an_unknown_algorithm_is_a_finding_and_no_crash(city_of_all):
    behind_the_guards("UPDATE credits_posting SET digest = 'rot13:abc'",
               "UPDATE credits_rankingpermit SET digest = 'x'")  # fmt: skip

    assert {"posting", "record"} <= {p["kind"] for p in run()["problems"]}


def test_a_withdrawal_that_vanished_is_known_to_the_last_verification(city_of_all):
    assert run()["ok"]
    behind_the_guards("DELETE FROM credits_bulletinwithdrawal")

    [head] = [p for p in run()["problems"] if p["kind"] == "head"]

    assert "withdrawals" in head["message"]


def test_a_certificates_state_follows_from_its_events(city_of_all, lin):
    Certificate.objects.update(state="suspended")

    [problem] = run()["problems"]

    assert problem["kind"] == "certificate"
    assert "林小满" in problem["member"]
