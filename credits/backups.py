"""Backup and restore: one file with the whole database, proved before it takes anybody's place.

A backup is a zip with the database as of one moment and a manifest with its digest. `restore`
lays it out beside the present database, holds it against the digest, brings it to this version's
tables and verifies its ledger there; only then it takes the present one's place, which is kept
aside. Stop web and worker before a restore.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from credits.stores import Store, here
from portal.models import Member
from portal.refusals import Refusal

FORMAT = "dsxx-backup-1"
CHUNK = 1 << 20
COMMAND_LIMIT = 3600  # seconds for one step on the largest database


class BadBackup(Refusal):
    """The file is no backup, is damaged, or does not verify."""


class NotEmpty(Refusal):
    """A database with people in it is replaced only when that is said."""


@dataclass(frozen=True)
class Made:
    """What was backed up."""

    path: Path
    size: int
    digest: str
    members: int


@dataclass(frozen=True)
class Restored:
    """What took the place, and where the former database is."""

    made_at: datetime
    members: int
    verdict: dict[str, Any]
    aside: str


def backup(path: Path, *, at: datetime) -> Made:
    """Write the database as it is at one moment into a new file. Readers and writers go on."""
    if path.exists():
        raise Refusal(f"文件 {path} 已经存在，请换一个文件名。")
    if not path.parent.is_dir():
        raise Refusal(f"没有文件夹 {path.parent}。")
    try:
        return _pack(path, here(), at=at)
    except OSError as error:
        raise Refusal(f"备份没有写成，没有留下文件；请检查磁盘空间：{error}") from error


def _pack(path: Path, store: Store, *, at: datetime) -> Made:
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
        dump = Path(folder) / store.dump_name
        store.dump(dump)
        manifest = {
            "format": FORMAT,
            "engine": store.engine,
            "made_at": at.isoformat(),
            "members": Member.objects.count(),
            "migrations": sorted(".".join(key) for key in _applied()),
            "name": store.dump_name,
            "size": dump.stat().st_size,
            "sha256": _digest_of(dump),
        }
        part = Path(folder) / "backup.zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=store.level) as packed:
            packed.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
            packed.write(dump, store.dump_name)
        part.chmod(0o600)  # everybody's data
        _settle(part)
        os.link(part, path)  # all of it or nothing, and never over another file
    return Made(path, path.stat().st_size, _digest_of(path), int(str(manifest["members"])))


def restore(path: Path, *, replace: bool, at: datetime) -> Restored:
    """Put a backup in the present database's place, after it has been verified beside it.

    Raises BadBackup or NotEmpty, and has then changed nothing.
    """
    store = here()
    try:
        packed = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise BadBackup(f"没有文件 {path}。") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise BadBackup(f"{path} 不是备份文件，或已损坏。") from error
    with packed, tempfile.TemporaryDirectory(prefix=".restore-", dir=store.room) as folder:
        manifest = _manifest(packed, store)
        if not replace and store.has_people():
            raise NotEmpty(
                "现在的数据库中已有党员数据。确认要替换，请加上 --replace；原数据库会保留。"
            )
        dump = Path(folder) / store.dump_name
        _unpack(packed, manifest, dump)
        with store.beside(dump, at) as candidate:
            verdict = _prove(candidate.environment)
            aside = store.swap(candidate, at)
    return Restored(
        datetime.fromisoformat(manifest["made_at"]), manifest["members"], verdict, aside
    )


def _manifest(packed: zipfile.ZipFile, store: Store) -> dict[str, Any]:
    try:
        manifest = json.loads(packed.read("manifest.json"))
        known = manifest["format"] == FORMAT
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BadBackup("文件里没有备份清单，不是本平台的备份。") from error
    if not known:
        raise BadBackup(f"备份格式是 {manifest['format']}，这个版本只认 {FORMAT}。")
    if manifest["engine"] != store.engine:
        raise BadBackup(
            f"备份来自 {manifest['engine']}，现在用的是 {store.engine}；请在同种数据库上恢复。"
        )
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {}
    newer = set(manifest.get("migrations", [])) - {".".join(key) for key in known}
    if newer:
        raise BadBackup(
            f"备份来自更新的版本（{sorted(newer)[-1]}），这个版本读不了；请先升级程序，再恢复。"
        )
    return dict(manifest)


def _unpack(packed: zipfile.ZipFile, manifest: dict[str, Any], dump: Path) -> None:
    """Lay the database out and hold it against the manifest's digest."""
    try:
        with packed.open(manifest["name"]) as source, dump.open("wb") as target:
            digest = _copy(source, target)
    except (KeyError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise BadBackup(f"备份文件已损坏：{error}") from error
    if digest != manifest["sha256"]:
        raise BadBackup("备份文件与清单中的校验值不符，没有恢复。")


def _prove(environment: dict[str, str]) -> dict[str, Any]:
    """Bring the candidate to this version's tables, then verify its ledger, in other processes."""
    if _manage(environment, "migrate", "--check").returncode:
        migrated = _manage(environment, "migrate", "--verbosity", "0")
        if migrated.returncode:
            raise BadBackup(f"备份的数据表不能升级到当前版本：{_last_line(migrated.stderr)}")
    verified = _manage(environment, "verify_ledger", "--json")
    try:
        verdict = json.loads(verified.stdout)
    except ValueError as error:
        raise BadBackup(f"备份不能核验：{_last_line(verified.stderr)}") from error
    if verified.returncode or not verdict["ok"]:
        raise BadBackup(f"备份中的账目核验不符（{len(verdict['problems'])} 处），没有恢复。")
    return dict(verdict)


def _manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands, no shell
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT,
        check=False,
    )


def _applied() -> set[tuple[str, str]]:
    return set(MigrationRecorder(connection).applied_migrations())


def _digest_of(path: Path) -> str:
    with path.open("rb") as source:
        return _copy(source, None)


def _copy(source: IO[bytes], target: IO[bytes] | None) -> str:
    """Copy piece by piece; returns the sha256 of what went through."""
    sum_ = hashlib.sha256()
    while piece := source.read(CHUNK):
        sum_.update(piece)
        if target:
            target.write(piece)
    return sum_.hexdigest()


def _settle(path: Path) -> None:
    """Wait until the file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["没有说明"])[-1]
