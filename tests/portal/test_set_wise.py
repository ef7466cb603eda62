"""Statements in one go: PostgreSQL gets them without waiting, and says in time what was wrong."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from portal import set_wise
from portal.models import SearchTerm
from tests import cast

pytestmark = [pytest.mark.both, pytest.mark.django_db]
NAMES = ["member", "text"]


@pytest.fixture
def member():
    return cast.lay_out_city().people["lin"].pk


def terms():
    return list(
        SearchTerm.objects.filter(text__startswith="字")
        .order_by("text")
        .values_list("text", flat=True)
    )


def test_rows_and_answers_come_in_one_go_as_they_come_one_by_one(member):
    many = [(member, f"字{n:02d}") for n in range(40)]  # COPY has no part in one go
    with set_wise.in_one_go(len(many)):
        set_wise.insert(SearchTerm, NAMES, many)
        answer = set_wise.ask("SELECT count(*) FROM portal_searchterm WHERE text LIKE %s", ["字%"])
        later = set_wise.ask("SELECT text FROM portal_searchterm WHERE text = %s", ["字07"])

    assert answer() == [(40,)]
    assert later() == [("字07",)]
    assert terms() == [text for _, text in many]


def test_what_one_of_them_violates_is_raised_and_the_savepoint_undoes_them_all(member):
    def write():
        with transaction.atomic(), set_wise.in_one_go():
            for whose, text in ((member, "字一"), (None, "字二"), (member, "字三")):
                set_wise.insert(SearchTerm, NAMES, [(whose, text)])

    with pytest.raises(IntegrityError):
        write()

    assert terms() == []
    set_wise.insert(SearchTerm, NAMES, [(member, "字四")])
    assert terms() == ["字四"]


def test_rows_may_come_one_by_one_however_many_they_are(member):
    for count in (0, 1, set_wise.COPY_FROM - 1, set_wise.COPY_FROM, 3 * set_wise.COPY_FROM):
        SearchTerm.objects.filter(text__startswith="字").delete()
        set_wise.insert(SearchTerm, NAMES, ((member, f"字{n:02d}") for n in range(count)))
        assert terms() == [f"字{n:02d}" for n in range(count)]
