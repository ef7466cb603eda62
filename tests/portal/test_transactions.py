"""Verbs that join another's transaction: whole or nothing, and never half in silence."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEvent
from portal.refusals import Refusal
from portal.transactions import joining
from tests.cast import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@joining
def note(subject: str, *, refused: bool = False) -> None:
    AuditEvent.objects.create(event="import", at=NOW, subject=subject, detail={})
    if refused:
        raise Refusal("不行。")


def subjects() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("subject", flat=True))


def savepoints(asked: CaptureQueriesContext) -> int:
    return sum(query["sql"].startswith("SAVEPOINT") for query in asked)


def test_within_anothers_transaction_it_takes_no_savepoint():
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        note("一")
        note("二")
    assert savepoints(asked) == 1  # the other's own, within this test's transaction
    assert subjects() == ["一", "二"]


@transaction.atomic
def noted_twice() -> None:
    note("一")
    note("二", refused=True)


@transaction.atomic
def gone_on(*, with_a_savepoint: bool) -> None:
    note("一")
    try:
        if with_a_savepoint:
            with transaction.atomic():
                note("二", refused=True)
        else:
            note("二", refused=True)
    except Refusal:
        note("三")


def test_what_it_raises_undoes_the_whole():
    with pytest.raises(Refusal):
        noted_twice()
    assert subjects() == []


def test_by_itself_it_is_whole_or_nothing():
    note("一")
    with pytest.raises(Refusal):
        note("二", refused=True)
    assert subjects() == ["一"]


def test_going_on_after_it_was_refused_takes_a_savepoint_of_ones_own():
    with pytest.raises(TransactionManagementError):
        gone_on(with_a_savepoint=False)
    assert subjects() == []

    gone_on(with_a_savepoint=True)
    assert subjects() == ["一", "三"]
