"""Sixteen processes that post at once, on PostgreSQL: beside one process that posts as much."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import BrokenBarrierError
from time import perf_counter

import pytest
from django.db import connection, connections

from credits import ledger
from credits.ledger import Credit, Source
from credits.models import LedgerBook, Posting
from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import is_steady, keep
from tests.benchmarks.test_writes import NOW, Branch, branch_of

pytestmark = [pytest.mark.bench, pytest.mark.postgres]
PROCESSES, EACH, PEOPLE = 16, 6, 30

Work = list[tuple[Branch, datetime]]


@pytest.fixture(autouse=True)
def _only_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")


def post_all(work: Work) -> None:
    for branch, start in work:
        end = start + timedelta(minutes=45)
        credits_ = [Credit(m, "seminar", start.date(), 45, "reform", start=start, end=end)
                    for m in branch.people]  # fmt: skip
        source = Source("session", f"many-{branch.organization.pk}-{start:%m%d%H}", "同时记账")
        posted = ledger.post(branch.programme, source, organiser=branch.organization,
                             credits=credits_, by=branch.by, at=NOW)  # fmt: skip
        assert len(posted.lines) == len(branch.people)


def seconds(shares: Sequence[Work]) -> float:
    """What it takes processes of their own to post a share each, from the common start to the
    common end. Each has posted the first of its share before, as the processes of a portal have:
    a connection that is new has the whole catalogue to learn."""
    context = multiprocessing.get_context("fork")
    start, end = (context.Barrier(len(shares) + 1) for _ in range(2))
    failed = context.Queue()

    def one(work: Work) -> None:
        try:
            post_all(work[:1])
            start.wait()
            post_all(work[1:])
            end.wait()
        except BaseException as error:
            failed.put(repr(error))
            start.abort()
            end.abort()
            raise

    connections.close_all()
    processes = [context.Process(target=one, args=(work,)) for work in shares]
    for process in processes:
        process.start()
    try:
        start.wait()
        began = perf_counter()
        end.wait()
        taken = perf_counter() - began
    except BrokenBarrierError:
        raise AssertionError(failed.get()) from None
    finally:
        for process in processes:
            process.join()
    assert failed.empty(), failed.get()
    return taken


def test_sixteen_processes_with_branches_of_their_own_beside_one(committed):
    branches = [branch_of(PEOPLE) for _ in range(PROCESSES)]

    def share(branch: Branch) -> Work:
        return [(branch, next(branch.slots)) for _ in range(EACH)]

    taken = []
    for _ in range(SCALE.pairs):
        many = seconds([[(branch, next(branch.slots)), *share(branch)] for branch in branches])
        first = (branches[0], next(branches[0].slots))
        alone = seconds([[first, *(pair for branch in branches for pair in share(branch))]])
        taken.append((many, alone))
    middle = sorted(taken, key=lambda pair: pair[0] / pair[1])[len(taken) // 2]
    keep(
        "16 writers of 16 branches", *middle, goal=0.7, n=PROCESSES * EACH, runs=SCALE.pairs,
        steady=is_steady([alone for _, alone in taken]),
        dear=lambda: post_all(share(branches[0])),
    )  # fmt: skip


def test_sixteen_processes_upon_one_branch_are_right(committed):
    branch = branch_of(PEOPLE)
    shares = [[(branch, next(branch.slots)) for _ in range(2)] for _ in range(PROCESSES)]
    seconds(shares)
    posted = Posting.objects.filter(book__organization=branch.organization)
    assert sorted(posted.values_list("sequence", flat=True)) == list(range(1, 2 * PROCESSES + 1))
    book = LedgerBook.objects.get(organization=branch.organization)
    assert book.last_digest == posted.get(sequence=2 * PROCESSES).digest
