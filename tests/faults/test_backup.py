"""Backup and restore with the commands themselves, on the engine of this run."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine, wait_for

pytestmark = pytest.mark.both


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


def repack(path: Path, **changes: Any) -> None:
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


def test_what_is_in_the_archive_comes_back_and_verifies_too(posted: Machine):
    lines = posted.one("SELECT count(*) FROM credits_ledgerentry")
    posted.change("UPDATE credits_programme SET state = 'closed', books_close_on = ends")
    assert "已归档" in posted.manage("archive_programme", "dsxx-2021").stdout
    path = posted.folder / "archived.backup"
    assert posted.manage("backup", str(path)).returncode == 0

    done = posted.manage("restore", str(path), "--replace")

    assert done.returncode == 0, done.stderr
    table = "credits_ledgerentry"
    if machines.POSTGRES:
        table = '"credits_ledgerentry_archived_dsxx-2021"'
    assert posted.one(f"SELECT count(*) FROM {table}") == lines > 0
    with pytest.raises(Exception, match="insert-only"):
        posted.change(f"UPDATE {table} SET hours = 999")


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
            "SET session_replication_role = replica",  # no trigger fires
            "UPDATE credits_ledgerentry SET hours = hours + 100",
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
    machine.kill(server)
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


def test_a_backup_from_a_newer_version_is_refused(posted: Machine, packed: Path) -> None:
    with zipfile.ZipFile(packed) as old:
        manifest = json.loads(old.read("manifest.json"))
    repack(packed, migrations=[*manifest["migrations"], "credits.9999_from_the_future"])
    before = databases(posted)

    done = posted.manage("restore", str(packed), "--replace")

    assert done.returncode == 1
    assert "更新的版本" in done.stderr
    assert databases(posted) == before


def test_a_full_disk_leaves_no_backup_and_says_so(posted: Machine, tmp_path: Path) -> None:
    """No file may grow beyond 40 kB: what a full disk does to whoever writes."""
    path = tmp_path / "no-room" / "portal.backup"
    path.parent.mkdir()

    done = posted.run(
        "-c",
        "import resource, runpy, sys; sys.argv[:1] = ['manage.py']; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); "
        "runpy.run_path('manage.py', run_name='__main__')",
        "backup",
        str(path),
    )

    assert done.returncode == 1, done.stderr
    assert "没有" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_killed_at_any_moment_it_leaves_the_database_whole(
    posted: Machine, packed: Path, tmp_path: Path, verb: str
) -> None:
    """Neither half a backup under the name that was asked for, nor half a database."""
    before = people(posted)
    target = tmp_path / "killed.backup"
    words = ["backup", str(target)] if verb == "backup" else ["restore", str(packed), "--replace"]
    for delay in (0.6, 1.4, 2.6):
        process = posted.start("manage.py", *words)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        posted.kill(process)

        assert people(posted) == before
        if target.exists():
            with zipfile.ZipFile(target) as whole:
                assert whole.testzip() is None
            target.unlink()
    report = json.loads(posted.manage("verify_ledger", "--json").stdout)
    assert report["ok"], report["problems"]
