"""Where the database lives, for backup and restore: SQLite's file or PostgreSQL's database.

Both can write everything as of one moment into a file, lay such a file out beside the present
database, and put that in the present one's place while the former is kept.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import psycopg
from django.conf import settings
from django.db import connection, connections
from psycopg import sql

from portal.models import Member
from portal.refusals import Refusal

PATIENCE = 5.0  # seconds to wait for others to leave the database


class Busy(Refusal):
    """Web or worker still have the database open."""

    message = "网站或后台程序还在使用数据库；请先停下它们，再恢复。"


@dataclass(frozen=True)
class Candidate:
    """A database laid out beside the present one; `environment` makes commands use it."""

    name: str
    environment: dict[str, str]


class Store(Protocol):
    engine: str
    dump_name: str
    level: int  # of compression in the backup file
    room: Path  # where there is room for a copy

    def dump(self, path: Path) -> None:
        """Write the database as it is at one moment."""

    def has_people(self) -> bool:
        """Is anybody in the present database?"""

    def beside(self, dump: Path, at: datetime) -> Any:
        """A context: the candidate, which goes again unless it took the place."""

    def swap(self, candidate: Candidate, at: datetime) -> str:
        """Put the candidate in the present one's place; returns where the former is."""


def here() -> Store:
    """The store of the database that this process uses."""
    return Postgres() if connection.vendor == "postgresql" else SQLite()


def _has_people() -> bool:
    return "portal_member" in connection.introspection.table_names() and Member.objects.exists()


class SQLite:
    engine = "sqlite"
    dump_name = "portal.sqlite3"
    level = 6

    def __init__(self) -> None:
        self.path = Path(str(connection.settings_dict["NAME"]))
        self.room = self.path.parent

    def dump(self, path: Path) -> None:
        """By SQLite's backup: VACUUM INTO stumbles over generated columns (SQLite 3.40)."""
        snapshot = connections[settings.SNAPSHOT]
        snapshot.ensure_connection()
        try:
            with closing(sqlite3.connect(path)) as copy:
                snapshot.connection.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file, without -wal and -shm
        except sqlite3.Error as error:
            raise Refusal(f"数据库没有写成备份，没有留下文件；请检查磁盘空间：{error}") from error

    def has_people(self) -> bool:
        return _has_people()

    @contextmanager
    def beside(self, dump: Path, at: datetime) -> Iterator[Candidate]:
        yield Candidate(str(dump), {"SQLITE_FILE": str(dump)})

    def swap(self, candidate: Candidate, at: datetime) -> str:
        """Keep a copy, then overwrite within one transaction of SQLite's: killed at any moment,
        the file holds the former or the new database whole."""
        connections.close_all()
        aside = self.path.with_name(f"{self.path.stem}.before-{at:%Y%m%d-%H%M%S}.sqlite3")
        with (
            closing(sqlite3.connect(self.path, timeout=PATIENCE)) as present,
            closing(sqlite3.connect(candidate.name)) as source,
        ):
            try:
                with closing(sqlite3.connect(aside)) as kept:
                    present.backup(kept)
                aside.chmod(0o600)
                source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                source.backup(present, progress=_give_up_when_busy)
            except (sqlite3.OperationalError, Busy) as error:
                aside.unlink(missing_ok=True)
                raise Busy from error
        return str(aside)


def _give_up_when_busy(status: int, remaining: int, total: int) -> None:
    if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        raise Busy


class Postgres:
    engine = "postgresql"
    dump_name = "portal.dump"
    level = 0  # pg_dump has compressed it

    def __init__(self) -> None:
        self.settings = connection.settings_dict
        self.name = str(self.settings["NAME"])
        self.room = Path(settings.VAR_DIR)
        self.room.mkdir(parents=True, exist_ok=True)

    def dump(self, path: Path) -> None:
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")

    def has_people(self) -> bool:
        return _has_people()

    @contextmanager
    def beside(self, dump: Path, at: datetime) -> Iterator[Candidate]:
        name = f"{self.name[:40]}_restore_{at:%Y%m%d%H%M%S}"
        with self._server() as server:
            try:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except psycopg.errors.InsufficientPrivilege as error:
                raise Refusal("恢复时要新建数据库：请给数据库用户 CREATEDB 权限。") from error
        try:
            self._run("pg_restore", "--no-owner", "--exit-on-error", str(dump), name=name)
            url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + quote(name))
            yield Candidate(name, {"DATABASE_URL": url.geturl()})
        finally:
            with self._server() as server:
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def swap(self, candidate: Candidate, at: datetime) -> str:
        """Both renames in one transaction."""
        connections.close_all()
        aside = f"{self.name[:40]}_before_{at:%Y%m%d%H%M%S}"
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with self._server() as server:
            try:
                with server.transaction():
                    for old, new in ((self.name, aside), (candidate.name, self.name)):
                        server.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))
            except psycopg.errors.ObjectInUse as error:
                raise Busy from error
        return aside

    @contextmanager
    def _server(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection beside the database: one cannot rename the one that one is in."""
        names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
        values = {names[key]: self.settings[key] for key in names if self.settings[key]}
        with psycopg.connect(dbname="postgres", autocommit=True, **values) as server:
            yield server

    def _run(self, program: str, *words: str, name: str = "") -> None:
        """Run one of PostgreSQL's programs; the password goes by the environment."""
        path = shutil.which(program)
        if path is None:
            raise Refusal(f"找不到 {program}：请安装 postgresql-client。")
        names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
        values = {names[key]: str(self.settings[key]) for key in names if self.settings[key]}
        done = subprocess.run(  # noqa: S603 - constant words, no shell
            [path, f"--dbname={name or self.name}", *words],
            env={**os.environ, **values},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refusal(f"{program} 没有成功：{done.stderr.strip().splitlines()[-1:]}")
