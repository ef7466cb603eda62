"""What holds invariants in the database is there after every migrate, on both engines."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from portal import triggers

pytestmark = [pytest.mark.django_db, pytest.mark.both]

INSERT_ONLY = {
    "credits_ledgerentry",
    "credits_posting",
    "credits_rankingpermit",
    "credits_bulletin",
    "credits_bulletinrow",
    "credits_bulletintext",
    "credits_bulletinunittext",
    "credits_unittext",
    "credits_unittextrequest",
    "credits_bulletinwithdrawal",
    "credits_certificateevent",
    "credits_lateentry",
    "credits_branchclosing",
    "portal_auditevent",
    "portal_organizationmove",
    "courses_scan",
}


def test_nothing_is_missing_after_migrate():
    assert triggers.missing(connection) == []


def test_every_insert_only_table_of_the_design_is_registered():
    assert set(triggers._insert_only) >= INSERT_ONLY
    tables = {model._meta.db_table for model in apps.get_models()}
    assert set(triggers._insert_only) <= tables


@pytest.mark.parametrize("name", ["credits_ledgerentry", "credits_bulletin"])
def test_a_trigger_that_is_gone_is_named_and_put_back_by_migrate(name):
    triggers.lift(connection, name)
    assert [gone for gone in triggers.missing(connection) if gone.startswith(name)]

    call_command("migrate", verbosity=0)

    assert triggers.missing(connection) == []


def test_the_overlap_rule_is_named_when_it_is_gone(programme):
    triggers.lift(connection, "credits_creditedtime")

    assert any("overlap" in name for name in triggers.missing(connection))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="TRUNCATE and DISABLE TRIGGER")
def test_a_disabled_trigger_counts_as_missing():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE credits_ledgerentry DISABLE TRIGGER ALL")

    assert "credits_ledgerentry_guard" in triggers.missing(connection)
