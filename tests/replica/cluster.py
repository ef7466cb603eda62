"""PostgreSQL servers of the test's own on loopback: a primary, and a standby that follows it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.serving import free_port

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
TEST = "test"  # the name by which the log tells the test's own questions from the portal's
LINE = re.compile(r"^\[(.*)\] LOG:  (?:statement|execute [^:]*): (.*)", re.MULTILINE)


class Cluster:
    """One server: its data, its socket and its log lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    def make(self) -> Cluster:
        """A new, empty cluster whose superuser needs no password."""
        _run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        return self

    def follow(self, primary: Cluster) -> Cluster:
        """Copy a running primary, to stream from it."""
        _run("pg_basebackup", "-D", self.data, "-d", primary.url("postgres"), "-R", "--no-sync",
             "--checkpoint=fast")  # fmt: skip
        return self

    def take_over(self, url: str) -> None:
        """Make the database `portal`, as the one at `url` is."""
        self.ask("CREATE DATABASE portal", database="postgres")
        dump = self.folder / "dump"
        for words in (
            ["pg_dump", "--no-owner", "--no-privileges", "-f", dump, url],
            ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, self.url("portal")],
        ):
            done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def start(self) -> None:
        # Every statement is written down: what a page asked here is read in the log.
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        words = f"{options} -c log_statement=all -c log_line_prefix='[%a] '"
        _run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "start", "-o", words)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if not (self.data / "postmaster.pid").exists():
            return
        _run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def ask(self, sql: str, values: Sequence[Any] = (), database: str = "portal") -> Any:
        """Run one statement; returns the one value that it yields, if it yields any."""
        url = self.url(database)
        with psycopg.connect(url, autocommit=True, application_name=TEST) as connection:
            cursor = connection.execute(sql, values)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def statements(self) -> list[str]:
        """What others than the test have asked here so far, oldest first."""
        return [said for name, said in LINE.findall(self.log.read_text()) if name != TEST]


def _run(program: str, *words: object) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    assert BIN, "PostgreSQL's server programs are not installed"
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*owner, str(BIN / program), *map(str, words)],
        cwd="/",
        stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if program != "pg_ctl" else subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{program}: {done.stdout}"


def give_away(folder: Path) -> None:
    """Let PostgreSQL's user into a folder of root's."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
