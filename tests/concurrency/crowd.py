"""python -m tests.concurrency.crowd WORK COUNT: as many processes do one work at the same instant.

Each is forked before any connection exists, opens its own, and waits for all the others. What came
of each is printed as one JSON list: said, refused (a Refusal's message) or error (a traceback).
"""

import django

django.setup()

import json  # noqa: E402
import multiprocessing  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from typing import Any  # noqa: E402

from django.db import connection  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from portal.refusals import Refusal  # noqa: E402
from tests.concurrency import works  # noqa: E402

PATIENCE = 150  # seconds


def take_part(work: str, number: int, barrier: Any, answers: Any) -> None:
    """One process: connect, wait for the others, work, tell."""
    connection.ensure_connection()
    barrier.wait(PATIENCE)
    try:
        answer = {"said": getattr(works, work)(number)}
    except Refusal as refusal:
        answer = {"refused": refusal.message}
    except Exception:
        answer = {"error": traceback.format_exc()}
    answers.put({"number": number} | answer)


def main(work: str, count: int) -> None:
    assert get_resolver().url_patterns  # every view is imported once, not by each process
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(count), context.Queue()
    processes = [
        context.Process(target=take_part, args=(work, number, barrier, answers))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    told = [answers.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join()
    sys.stdout.write(json.dumps(sorted(told, key=lambda a: a["number"])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
