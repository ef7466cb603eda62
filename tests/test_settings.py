"""What stops a start: settings as a process of its own reads them from its environment."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEMO_SECRET = "demo-secret-of-the-party-history-study-portal-not-for-production"
UNSET = {
    "DEMO", "DEBUG", "SECRET_KEY", "DATABASE_URL", "DATABASE_REPLICA_URL", "SQLITE_FILE", "HTTPS",
    "ALLOWED_HOSTS", "DJANGO_ALLOW_ASYNC_UNSAFE", "EMAIL_URL", "MAIL_FROM",
    "SECRET_KEY_FALLBACKS", "SEALING_KEY", "ROBOT_ORIGINS",
}  # fmt: skip


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in UNSET}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**kept, "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "study.example",
        "VAR_DIR": str(tmp_path),
    }


@pytest.mark.parametrize("secret", ["", "too-short", DEMO_SECRET])
def test_production_refuses_a_missing_short_or_known_secret(secret, production):
    done = run("manage.py", "check", **{**production, "SECRET_KEY": secret})

    assert done.returncode != 0
    assert "SECRET_KEY must be set" in done.stderr


def test_the_demonstration_needs_no_secret(tmp_path):
    done = run("manage.py", "check", DEMO="on", VAR_DIR=str(tmp_path))

    assert done.returncode == 0, done.stderr


def test_production_settings_pass_djangos_deployment_check(production):
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **production)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DEMO", "maybe", "DEMO must be on or off"),
        ("HTTPS", "2", "HTTPS must be on or off"),
        ("HSTS_SECONDS", "a year", "HSTS_SECONDS must be a whole number"),
        ("JOB_SILENCE", "soon", "JOB_SILENCE must be a whole number"),
        ("DATABASE_URL", "mysql://root@localhost/x", "DATABASE_URL must begin with postgres://"),
        ("DATABASE_REPLICA_URL", "postgres://localhost/x", "SQLite has no standby"),
        ("EMAIL_URL", "http://mail.example", "EMAIL_URL must begin with smtp://"),
        ("EMAIL_URL", "smtp://u:secret@mail.example:x", "EMAIL_URL cannot be read"),
        ("EMAIL_URL", "smtp://mail.example:25", "MAIL_FROM an address"),
        ("SEALING_KEY", "too-short", "SEALING_KEY must be a random text of at least 40"),
        ("ROBOT_ORIGINS", "https://im.example/path", "ROBOT_ORIGINS must be origins"),
        ("ROBOT_ORIGINS", "https://u:secret@im.example", "ROBOT_ORIGINS must be origins"),
        ("ROBOT_ORIGINS", "http://im.example", "ROBOT_ORIGINS must begin with https://"),
        ("REPLICA_LAG", "soon", "REPLICA_LAG must be a whole number"),
    ],
)
def test_a_value_that_nobody_can_read_stops_the_start(name, value, message, production):
    done = run("manage.py", "check", **{**production, name: value})

    assert done.returncode != 0
    assert message in done.stderr
    assert "secret@" not in done.stderr


@pytest.mark.parametrize("url", ["", "smtp+tls://u:p%40ss@mail.example:587"])
def test_e_mail_is_sent_where_a_server_is_named_and_nowhere_else(url, production):
    say = (
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.MAIL_ON, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL,"
        " s.EMAIL_HOST_PASSWORD, s.DEFAULT_FROM_EMAIL)"
    )
    mail = {"EMAIL_URL": url, "MAIL_FROM": "portal@mail.example"}
    done = run("-c", say, DJANGO_SETTINGS_MODULE="portal.settings", **production, **mail)

    on = "True mail.example 587 True False p@ss portal@mail.example"
    off = "False  25 False False  portal@localhost"
    assert done.stdout.strip() == (on if url else off), done.stderr


def test_a_standby_is_refused_unless_it_is_postgresql_too(production):
    urls = {"DATABASE_URL": "postgres://localhost/x", "DATABASE_REPLICA_URL": "sqlite:///x"}
    done = run("manage.py", "check", **production, **urls)

    assert done.returncode != 0
    assert "DATABASE_REPLICA_URL must begin with postgres://" in done.stderr


@pytest.fixture
def with_demo_password(production: dict[str, str]) -> dict[str, str]:
    """A database into which a demonstration account has found its way."""
    make = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from portal import sign_in
from tests import cast
guan = cast.lay_out_city().people["guan"]
guan.password = sign_in.demo_hash()
guan.save()
"""
    done = run(
        "-c", make, DJANGO_SETTINGS_MODULE="portal.settings", DEMO="on",
        VAR_DIR=production["VAR_DIR"],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return production


@pytest.mark.parametrize("words", [("-c", "import portal.wsgi"), ("manage.py", "work", "--once")])
def test_production_starts_neither_web_nor_worker_with_demo_passwords(words, with_demo_password):
    done = run(*words, **with_demo_password)

    assert done.returncode != 0
    assert "demonstration accounts" in done.stderr
    demo = run(*words, VAR_DIR=with_demo_password["VAR_DIR"], DEMO="on")
    assert demo.returncode == 0, demo.stderr
