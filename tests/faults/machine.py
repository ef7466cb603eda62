"""A portal of its own for tests with real processes: own database, own folder, either engine."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("DATABASE_URL", "")


class Machine:
    """One database and the processes that use it; all of them end with the test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.processes: list[subprocess.Popen[str]] = []
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
            "DEMO": "on",
            "VAR_DIR": str(folder),
            "PYTHONUTF8": "1",
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        if POSTGRES:
            url = urlsplit(POSTGRES)._replace(path=f"/{name}")
            self.environment["DATABASE_URL"] = url.geturl()
        else:
            self.file = folder / "portal.sqlite3"
            self.environment["SQLITE_FILE"] = str(self.file)

    # --- Processes

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start Python with these words; what it says is kept in `output`."""
        number = len(self.processes)
        log = self._log(number).open("w+")
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env={**self.environment, "PGAPPNAME": self._seen_as(number), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def output(self, process: subprocess.Popen[str]) -> str:
        return self._log(self.processes.index(process)).read_text()

    def _log(self, number: int) -> Path:
        return self.folder / f"{number}.log"

    def _seen_as(self, number: int) -> str:
        """What PostgreSQL knows the process by, and those that it starts."""
        return f"{self.name}-{number}"

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these words to its end."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def manage(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", *words, **environment)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill it with -9, and wait until the database has put down what it had in hand.

        A server of its own does not die with the process: PostgreSQL may write a transaction that
        was sent to it whole, after the process is gone.
        """
        process.kill()
        process.wait()
        if POSTGRES:
            name = self._seen_as(self.processes.index(process))
            asked = f"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '{name}'"
            wait_for(lambda: self.one(asked), seconds=30, what=f"the end of what {name} asked for")

    def stop_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    # --- The database, seen from outside

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if POSTGRES:
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                return connection.execute(query).fetchall()
        with closing(sqlite3.connect(self.file, timeout=20)) as database:
            return database.execute(query).fetchall()

    def one(self, query: str) -> Any:
        [row] = self.rows(query)
        return row[0]

    def change(self, *statements: str) -> None:
        if POSTGRES:
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                for statement in statements:
                    connection.execute(statement)
            return
        with closing(sqlite3.connect(self.file, timeout=20)) as database, database:
            for statement in statements:
                database.execute(statement)

    def copy(self, folder: Path, name: str) -> Machine:
        """Another machine with the same data; nobody may be using this one."""
        other = Machine(folder, name)
        if POSTGRES:
            on_server(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"')
        else:
            shutil.copy(self.file, other.file)
        return other


@contextmanager
def laid_out(folder: Path, module: str, upon: Machine | None = None) -> Iterator[Machine]:
    """The database that a module lays out and others are copied from; nothing else runs in it.
    It begins as a copy of `upon`, which spares making the tables, or with nothing."""
    name = f"portal_laid_out_{uuid.uuid4().hex[:8]}"
    first = upon.copy(folder, name) if upon else Machine(folder, name)
    if POSTGRES and not upon:
        on_server(f'CREATE DATABASE "{name}"')
    try:
        done = first.run("-m", module)
        assert done.returncode == 0, done.stderr
        yield first
    finally:
        drop(name)


@contextmanager
def copied(original: Machine, folder: Path) -> Iterator[Machine]:
    """A copy of one's own, gone with all its processes in the end."""
    name = f"portal_machine_{uuid.uuid4().hex[:8]}"
    one = original.copy(folder, name)
    try:
        yield one
    finally:
        one.stop_all()
        drop(name)


def on_server(*statements: str) -> None:
    """Run statements beside all databases."""
    url = urlsplit(POSTGRES)._replace(path="/postgres").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def drop(prefix: str) -> None:
    """Drop this test's databases, those that a restore put aside among them."""
    if not POSTGRES:
        return
    url = urlsplit(POSTGRES)._replace(path="/postgres").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
        ).fetchall()
    on_server(*(f'DROP DATABASE "{name}" WITH (FORCE)' for (name,) in names))


def wait_for(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Wait until the condition holds; fail in words where it does not in time."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found
