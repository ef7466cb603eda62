"""Backup and restore with the commands themselves, on the engine of this run."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine, wait_for

pytestmark = pytest.mark.both


@pytest.fixture
def posted(machine: Machine) -> Machine:
    """The city with some postings in its ledger."""
    server = machine.start("-m", "tests.faults.poster")
    wait_for(lambda: "6\n" in machine.output(server), seconds=60, what="six postings")
    server.kill()
    server.wait()
    return machine


@pytest.fixture
def packed(posted: Machine, tmp_path: Path) -> Path:
    path = tmp_path / "portal.backup"
    done = posted.manage("backup", str(path))
    assert done.returncode == 0, done.stderr
    return path


def people(machine: Machine) -> list[tuple[str, str]]:
    return machine.rows("SELECT number, name FROM portal_member ORDER BY number")


def databases(machine: Machine) -> list[str]:
    """Every database of this test's, by file or name."""
    if machines.POSTGRES:
        return [
            name
            for (name,) in machine.rows("SELECT datname FROM pg_database ORDER BY datname")
            if name.startswith(machine.name)
        ]
    return sorted(path.name for path in machine.folder.glob("*.sqlite3"))


def repack(path: Path, **changes: str) -> None:
    """Write the backup anew with another manifest."""
    with zipfile.ZipFile(path) as old:
        manifest = json.loads(old.read("manifest.json"))
        dump = old.read(manifest["name"])
    with zipfile.ZipFile(path, "w") as new:
        new.writestr("manifest.json", json.dumps({**manifest, **changes}))
        new.writestr(manifest["name"], dump)


def test_a_restore_brings_everything_back_and_keeps_the_former_database(
    posted: Machine, packed: Path
):
    before = people(posted)
    postings = posted.one("SELECT count(*) FROM credits_posting")
    posted.change("UPDATE portal_member SET name = '误改'")

    done = posted.manage("restore", str(packed), "--replace")

    assert done.returncode == 0, done.stderr
    assert f"（{postings} 笔" in done.stdout
    assert people(posted) == before
    assert len(databases(posted)) == 2, "the former one is kept, the candidate is gone"
    assert posted.manage("verify_ledger").returncode == 0
    assert packed.stat().st_mode & 0o077 == 0, "only its owner reads everybody's data"


def test_triggers_come_back_with_the_backup(posted: Machine, packed: Path):
    assert posted.manage("restore", str(packed), "--replace").returncode == 0

    with pytest.raises(Exception, match="insert-only"):
        posted.change("UPDATE credits_ledgerentry SET hours = 999")


def test_a_database_with_people_is_replaced_only_when_that_is_said(posted: Machine, packed: Path):
    posted.change("UPDATE portal_member SET name = '现在'")

    done = posted.manage("restore", str(packed))

    assert done.returncode == 1
    assert "--replace" in done.stderr
    assert {name for _, name in people(posted)} == {"现在"}
    assert len(databases(posted)) == 1


def test_a_backup_goes_into_an_empty_database(packed: Path, posted: Machine, tmp_path: Path):
    before, empty = people(posted), Machine(tmp_path / "empty", f"{posted.name}_empty")
    empty.folder.mkdir()
    if machines.POSTGRES:
        machines.on_server(f'CREATE DATABASE "{empty.name}"')

    done = empty.manage("restore", str(packed))

    assert done.returncode == 0, done.stderr
    assert people(empty) == before


def test_a_damaged_backup_is_refused_by_its_digest(posted: Machine, packed: Path):
    before = people(posted)
    repack(packed, sha256="0" * 64)

    done = posted.manage("restore", str(packed), "--replace")

    assert done.returncode == 1
    assert "校验值不符" in done.stderr
    assert people(posted) == before
    assert len(databases(posted)) == 1


def test_a_backup_whose_ledger_was_changed_is_refused_by_verification(posted: Machine):
    if machines.POSTGRES:
        posted.change(
            "ALTER TABLE credits_ledgerentry DISABLE TRIGGER USER",
            "UPDATE credits_ledgerentry SET hours = hours + 100",
            "ALTER TABLE credits_ledgerentry ENABLE TRIGGER USER",
        )
    else:
        posted.change(
            "DROP TRIGGER credits_ledgerentry_guard_update",
            "UPDATE credits_ledgerentry SET hours = hours + 100",
        )
    path = posted.folder / "changed.backup"
    assert posted.manage("backup", str(path)).returncode == 0

    done = posted.manage("restore", str(path), "--replace")

    assert done.returncode == 1
    assert "核验不符" in done.stderr
    assert len(databases(posted)) == 1


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_backup_of_the_other_engine_is_refused(posted: Machine, packed: Path, engine: str):
    mine = "postgresql" if machines.POSTGRES else "sqlite"
    repack(packed, engine=engine)

    done = posted.manage("restore", str(packed), "--replace")

    assert (done.returncode == 0) == (engine == mine), done.stderr
    assert ("同种数据库" in done.stderr) == (engine != mine)


def test_something_else_is_no_backup(posted: Machine, tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("一段文字")

    done = posted.manage("restore", str(path), "--replace")

    assert done.returncode == 1
    assert "不是备份文件" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backup_never_overwrites_a_file(posted: Machine, packed: Path):
    before = packed.read_bytes()

    done = posted.manage("backup", str(packed))

    assert done.returncode == 1
    assert "已经存在" in done.stderr
    assert packed.read_bytes() == before


def test_a_backup_is_of_one_moment_while_others_write(machine: Machine, tmp_path: Path):
    server = machine.start("-m", "tests.faults.poster")
    wait_for(lambda: machine.output(server), seconds=60, what="first posting")
    path = tmp_path / "busy.backup"

    done = machine.manage("backup", str(path))

    assert done.returncode == 0, done.stderr
    assert server.poll() is None, machine.output(server)
    server.kill()
    server.wait()
    assert machine.manage("restore", str(path), "--replace").returncode == 0
    lines = machine.one("SELECT count(*) FROM credits_ledgerentry")
    assert lines == 5 * machine.one("SELECT count(*) FROM credits_posting")


def test_a_restore_waits_for_nobody_in_silence(posted: Machine, packed: Path):
    """Who still writes is named as the reason, and nothing has changed."""
    somebody: Any
    if machines.POSTGRES:
        somebody = psycopg.connect(posted.environment["DATABASE_URL"])
    else:
        somebody = sqlite3.connect(posted.file, isolation_level=None)
        somebody.execute("BEGIN IMMEDIATE")
    try:
        done = posted.manage("restore", str(packed), "--replace")
    finally:
        somebody.close()

    assert done.returncode == 1
    assert "先停下" in done.stderr
    assert len(databases(posted)) == 1
