"""A portal with a real primary and a real standby, both made here, and real requests to it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection as db

from tests.faults.machine import POSTGRES
from tests.replica.cluster import BIN, Cluster, give_away
from tests.serving import ROOT, serving

LAG = 4  # seconds, where the deployment says ten
TOUCH = "UPDATE portal_organization SET name = name WHERE parent_id IS NULL RETURNING id"


@dataclass
class Answer:
    status: int
    text: str
    cookies: str


@dataclass
class Site:
    """The portal on loopback, its two servers, and who is signed in with which session."""

    primary: Cluster
    standby: Cluster
    port: int
    sessions: dict[str, str]
    ids: dict[str, Any]
    log: Path

    def ask(self, method: str, path: str, role: str = "", cookies: str = "") -> Answer:
        """One request of whoever stands for the role."""
        parts = [f"{settings.SESSION_COOKIE_NAME}={self.sessions[role]}"] if role else []
        headers = {"Cookie": "; ".join([*parts, *([cookies] if cookies else [])])}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            said = response.headers.get_all("Set-Cookie") or []
            return Answer(
                response.status, response.read().decode(errors="replace"), "\n".join(said)
            )
        finally:
            connection.close()

    def get(self, path: str, role: str = "city", cookies: str = "") -> Answer:
        return self.ask("GET", path, role, cookies)

    def reads(self, work: Callable[[], object]) -> list[str]:
        """What the standby was asked while `work` was done, questions after its lag apart."""
        before = len(self.standby.statements())
        work()
        asked = self.standby.statements()[before:]
        return [said for said in asked if "pg_is_in_recovery" not in said]

    def is_caught_up(self) -> bool:
        """Whether the standby has all that the primary has."""
        lsn = self.primary.ask("SELECT pg_current_wal_flush_lsn()::text")
        return bool(self.standby.ask("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [lsn]))


@pytest.fixture(scope="module")
def standing(django_db_setup: None) -> Iterator[Site]:
    """Both servers and the portal for all tests of a module, with the test database's tables."""
    if not POSTGRES:
        pytest.skip("SQLite has no standby")
    if BIN is None:
        pytest.skip("PostgreSQL's server programs (initdb, pg_basebackup) are not installed")
    folder = Path(tempfile.mkdtemp(prefix="portal-replica-"))
    folder.chmod(0o755)
    clusters = [Cluster(folder / name) for name in ("primary", "standby")]
    for one in clusters:
        one.folder.mkdir()
        give_away(one.folder)
    primary, standby = clusters
    environment = {"DATABASE_URL": primary.url("portal"), "VAR_DIR": str(folder), "DEMO": "on"}
    try:
        primary.make().start()
        tables = urlsplit(POSTGRES)._replace(path=f"/{db.settings_dict['NAME']}")
        primary.take_over(tables.geturl())
        laid = _lay_out(environment)
        standby.follow(primary).start()
        environment |= {
            "DATABASE_REPLICA_URL": standby.url("portal"),
            "REPLICA_LAG": str(LAG),
            "WEB_PROCESSES": "1",  # each process has its own opinion of the standby
        }
        with serving(folder / "web.log", **environment) as port:
            yield Site(primary, standby, port, laid["sessions"], laid["ids"], folder / "web.log")
    finally:
        for one in reversed(clusters):
            one.stop()
        shutil.rmtree(folder)


@pytest.fixture
def site(standing: Site) -> Site:
    """The portal while the standby keeps up, and the portal knows it.

    It replays something new at last: the moment of its last transaction is what a lag is told by.
    """
    standing.primary.ask(TOUCH)
    wait_for(standing.is_caught_up, "the standby follows")
    wait_for(lambda: standing.reads(lambda: standing.get("/organizations/")), "it is read again")
    return standing


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def _lay_out(environment: dict[str, str]) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.replica.lay_out"],
        cwd=ROOT,
        env={**kept, **environment, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    laid: dict[str, Any] = json.loads(done.stdout)
    return laid
