"""A closed programme goes into the archive for ever; everything else works on."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from credits import (
    archives,
    archiving,
    bulletins,
    certificates,
    partitions,
    programmes,
    rankings,
    rebuilding,
    registers,
    verification,
)
from credits.models import LedgerEntry, Programme, ProgrammeArchive, Standing
from portal import triggers
from portal.models import Cohort, Job
from portal.progress import Progress
from tests.cast import NOW, moment
from tests.credits.conftest import branch_row, earn, standing_of
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LATER = moment(date(2022, 2, 1))
State = Programme.State
MOVES = connection.vendor == "postgresql"
CODE = "dsxx-2021"
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]


@pytest.fixture
def closed(city, programme, complete, lin, wu, post):
    """A programme with hours, a bulletin and a certificate, closed; 吴远舟 has two hours."""
    complete(programme, lin)
    post(programme, earn(wu), organiser=city.yi)
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=by, at=NOW)
    bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    certificates.issue(standing_of(programme, lin), by=by, at=NOW)
    post(programme, earn(wu, hour=14), organiser=city.yi)  # what the bulletin has not seen
    programme = programmes.close_study(programme, by=city.by, at=NOW)
    return programmes.close_books(programme, by=city.by, at=NOW + timedelta(days=14))


@pytest.fixture
def archived(city, closed):
    return programmes.archive(closed, reason="满期", by=city.by, at=LATER)


def problems():
    return verification.verify(at=LATER).problems


def run(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


# --- What is written down -------------------------------------------------------------------------


def test_the_record_says_who_why_how_much_and_where_every_chain_ended(city, archived):
    record = archived.archive

    assert archived.state == State.ARCHIVED
    assert (record.by, record.reason, record.at) == (city.people["guan"], "满期", LATER)
    assert (record.postings, record.entries) == (6, 6)
    assert record.heads[f"{CODE}/YL-QC-1"]["sequence"] == 4
    assert record.heads[f"{CODE}/YL-QC-2"]["sequence"] == 2
    assert record.heads[f"{CODE}:bulletins"]["sequence"] == 1
    assert record.moved == MOVES
    assert registers.is_sound(record)


def test_the_record_is_insert_only(archived):
    for verb in ("UPDATE credits_programmearchive SET entries = 0",
                 "DELETE FROM credits_programmearchive"):  # fmt: skip
        with pytest.raises(IntegrityError, match="insert-only"):
            run(verb)


def test_on_postgresql_the_lines_leave_the_tables_on_sqlite_they_stay(archived):
    assert LedgerEntry.objects.count() == (0 if MOVES else 6)
    assert archives.lines_are_gone(archived) == MOVES


def test_only_a_closed_programme_with_a_reason_is_archived(city, programme, closed, archived):
    for one in (archived, programmes.Programme(pk=closed.pk)):
        with pytest.raises(programmes.NotNow, match="已归档"):
            programmes.archive(one, reason="再来", by=city.by, at=LATER)
    assert ProgrammeArchive.objects.count() == 1


def test_without_a_reason_nothing_happens(city, closed):
    with pytest.raises(programmes.NotNow, match="理由"):
        programmes.archive(closed, reason=" ", by=city.by, at=LATER)

    assert Programme.objects.get(pk=closed.pk).state == State.CLOSED


def test_what_does_not_verify_is_not_put_away(city, closed, lin):
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = 500 WHERE member_id = {lin.pk}")

    with pytest.raises(archiving.NotSound, match="不能归档。第一处：明细合计 20 学时"):
        programmes.archive(closed, reason="满期", by=city.by, at=LATER)

    assert Programme.objects.get(pk=closed.pk).state == State.CLOSED
    assert LedgerEntry.objects.count() == 6


def test_a_bulletin_that_says_otherwise_keeps_it_out(city, closed):
    behind_the_guards("UPDATE credits_bulletin SET title = '改'")

    with pytest.raises(archiving.NotSound, match="校验值不符"):
        programmes.archive(closed, reason="满期", by=city.by, at=LATER)


def test_standings_that_wait_for_new_rules_keep_it_out(city, closed):
    Standing.objects.filter(programme=closed).update(rules=9)

    with pytest.raises(archiving.NotSound, match="等后台算完"):
        programmes.archive(closed, reason="满期", by=city.by, at=LATER)


def test_books_that_moved_on_after_the_proof_keep_it_out(city, closed, monkeypatch):
    proof = archiving.prove(closed, at=LATER)
    proof.heads[f"{CODE}/YL-QC-1"]["sequence"] = 3
    monkeypatch.setattr(archiving, "prove", lambda *_, **__: proof)

    with pytest.raises(archiving.Conflict, match="又有人记账"):
        programmes.archive(closed, reason="满期", by=city.by, at=LATER)


# --- Afterwards -----------------------------------------------------------------------------------


def test_it_verifies_from_its_record_and_goes_on_doing_so(archived):
    assert problems() == []

    report = verification.verify(at=LATER)

    assert report.problems == []
    assert report.heads[f"{CODE}/YL-QC-2"]["sequence"] == 2
    assert report.entries == (0 if MOVES else 6)


def test_other_programmes_run_on(archived, found_programme, post, lin):
    other = found_programme("dsxx-2022")

    post(other, earn(lin))

    assert standing_of(other, lin).recognised == 200
    assert problems() == []


def test_rebuilding_leaves_its_figures_alone(city, archived, lin):
    before = list(Standing.objects.order_by("pk").values())

    assert rebuilding.rebuild(archived) == 0
    call_command("rebuild_standings", stdout=StringIO())

    assert list(Standing.objects.order_by("pk").values()) == before
    assert standing_of(archived, lin).recognised == 2400
    assert branch_row(archived, city.jia).completed == 1


def test_the_statement_keeps_its_figures_and_says_where_the_lines_are(archived, enter, evening):
    page = enter("lin").get(reverse("my-hours"), {"programme": CODE})
    text = page.content.decode()

    assert page.context["statement"].total == 2400
    assert "已学满" in text
    assert ("明细见归档材料" in text) == MOVES
    assert len(page.context["lines"]) == (0 if MOVES else 4)


def test_rankings_bulletins_and_certificates_still_open(archived, enter, evening):
    code, official = {"programme": CODE}, enter("shi")
    bulletin = archived.bulletins.get()

    ranking = official.get(reverse("ranking"), code | {"cohort": Cohort.COUNTY})
    assert [place.name for place in ranking.context["page"]] == ["青川县"]
    assert "青川县" in official.get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()
    assert official.get(reverse("programme"), code).status_code == 200
    certificate = archived.certificates.get()
    assert certificate.number in enter("lin").get(reverse("my-hours"), code).content.decode()


def test_no_further_bulletin_is_made_of_it(city, archived):
    with pytest.raises(rankings.NotPermitted, match="已归档"):
        bulletins.draw_up(archived, title="补", cohorts=COHORTS, by=city.by, at=LATER)


def test_a_certificate_is_still_revoked_and_verification_knows(city, archived):
    certificates.revoke(archived.certificates.get(), reason="误发", by=city.by, at=LATER)

    assert problems() == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE credits_standing SET points = points + 10 WHERE shortfall = 0", "学习进度与学时"),
        ("UPDATE credits_branchstanding SET hours = hours + 25 WHERE due > 0", "支部合计应为"),
        ("UPDATE credits_credittotal SET earned = earned + 25", "与归档时不符"),
        ("UPDATE credits_branchmonth SET hours = hours + 25", "与归档时不符"),
        ("UPDATE credits_ledgerbook SET last_sequence = 1", "末号与归档记录不符"),
        ("UPDATE credits_programme SET state = 'closed'", "状态却是“已封账”"),
        ("UPDATE credits_programmearchive SET reason = '改'", "校验值不符"),
        ("UPDATE credits_bulletin SET heads = '{}'", "校验值不符"),
        ("DELETE FROM credits_programmearchive", "归档记录|已不在账簿中"),
    ],
)
def test_what_is_changed_afterwards_is_found(archived, sql, said):
    assert problems() == []
    behind_the_guards(sql)

    assert [p for p in problems() if any(s in p.message for s in said.split("|"))]


# --- Commands and pages ---------------------------------------------------------------------------


def test_the_command_archives_and_says_where_the_lines_are(closed):
    said = StringIO()

    call_command("archive_programme", CODE, "--reason", "三年期满", stdout=said)

    assert "6 笔、6 行" in said.getvalue()
    assert (f"credits_ledgerentry_archived_{CODE}" in said.getvalue()) == MOVES
    assert Programme.objects.get(pk=closed.pk).archive.reason == "三年期满"


def test_the_command_refuses_in_words(programme):
    with pytest.raises(CommandError, match="没有代码为 nothing 的专题教育"):
        call_command("archive_programme", "nothing")
    with pytest.raises(CommandError, match="进行中"):
        call_command("archive_programme", CODE)


def test_the_page_archives_in_the_background_with_a_reason(closed, enter, evening):
    browser, address = enter("shi"), reverse("programme-act") + f"?programme={CODE}"
    page = browser.get(reverse("programme-archive"), {"programme": CODE})
    assert "核验并归档" in page.content.decode()

    browser.post(address, {"act": "archive", "reason": ""})
    assert not Job.objects.exists()
    answer = browser.post(address, {"act": "archive", "reason": "满期"})

    job = Job.objects.get()
    assert answer.url == reverse("job-detail", args=[job.pk])
    programmes.archive_in_background(Progress(job), **job.arguments)
    assert Programme.objects.get(pk=closed.pk).archive.reason == "满期"


# --- PostgreSQL: the detached tables --------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("table", partitions.TABLES)
def test_a_detached_table_is_plain_readable_and_refuses_every_change(archived, table):
    name = partitions.archive_name_of(table, archived)
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{name}"')
        assert cursor.fetchone() == (0 if table == "credits_creditedcontent" else 6,)
    assert triggers.partitions(connection)[table] == []

    run(f'INSERT INTO "{name}" SELECT * FROM "{name}" WHERE false')
    verbs = ["TRUNCATE {}"]
    if table != "credits_creditedcontent":  # a row trigger needs a row
        verbs += ["UPDATE {} SET programme_id = programme_id", "DELETE FROM {}"]
    for verb in verbs:
        with pytest.raises(IntegrityError, match="insert-only"):
            run(verb.format(f'"{name}"'))


@pytest.mark.postgres
def test_a_detached_table_without_its_guard_is_named(archived, lin):
    name = partitions.archive_name_of("credits_ledgerentry", archived)
    run(f'DROP TRIGGER row_guard ON "{name}"')

    [problem] = problems()
    assert name in problem.message


@pytest.mark.postgres
def test_an_administrator_may_drop_the_detached_tables_and_everything_still_verifies(archived):
    connection.check_constraints()
    for table in partitions.archived_tables(connection, archived):
        run(f'DROP TABLE "{table}"')

    assert partitions.archived_tables(connection, archived) == []
    assert problems() == []


@pytest.mark.postgres
def test_who_reads_for_long_is_not_waited_for(city, closed, monkeypatch):
    monkeypatch.setattr(partitions, "PATIENCE", "50ms")
    names = {
        "HOST": "host",
        "PORT": "port",
        "USER": "user",
        "PASSWORD": "password",
        "NAME": "dbname",
    }
    own = {names[k]: v for k, v in connection.settings_dict.items() if k in names and v}
    with psycopg.connect(**own) as reader:
        reader.execute("LOCK TABLE credits_posting IN ACCESS SHARE MODE")
        with pytest.raises(partitions.InUse, match="稍后再试"):
            programmes.archive(closed, reason="满期", by=city.by, at=LATER)

    assert Programme.objects.get(pk=closed.pk).state == State.CLOSED
    assert programmes.archive(closed, reason="满期", by=city.by, at=LATER).archive.moved
