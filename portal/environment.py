"""The environment of the process, read strictly: a value that nobody can read stops the start."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


def on_or_off(name: str, *, default: bool) -> bool:
    """Whether a switch is on; anything but on and off stops the start."""
    text = os.environ.get(name, "")
    if not text:
        return default
    if text.lower() in {"on", "true", "1", "yes"}:
        return True
    if text.lower() in {"off", "false", "0", "no"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {text!r}")


def whole_number(name: str, *, default: int) -> int:
    """A whole number; anything else stops the start."""
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}") from error


def items(name: str) -> list[str]:
    """The parts of a comma-separated list, none where the variable is not set."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


def long_secrets(name: str) -> list[str]:
    """Secrets of at least 40 characters, the present one first; a shorter one stops the start."""
    found = items(name)
    if any(len(secret) < 40 for secret in found):
        raise ImproperlyConfigured(f"{name} must be a random text of at least 40 characters")
    return found


def origins(name: str) -> list[str]:
    """Origins such as https://gateway.example:8443; plain http is for this very machine only."""
    found = [item.rstrip("/").lower() for item in items(name)]
    for origin in found:
        parts = urlsplit(origin)
        here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in origin:
            raise ImproperlyConfigured(f"{name} must be origins such as https://host:port")
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            raise ImproperlyConfigured(f"{name} must begin with https://")
    return found


def databases(var_dir: Path) -> dict[str, dict[str, Any]]:
    """The writing connection and `snapshot`, its read-only twin for long reads: PostgreSQL where
    DATABASE_URL names it, else a SQLite file, whose folder is made. `replica` is there only where
    DATABASE_REPLICA_URL names a standby."""
    url, standby = os.environ.get("DATABASE_URL", ""), os.environ.get("DATABASE_REPLICA_URL", "")
    if url:
        return _postgresql(url) | (_standby(standby) if standby else {})
    if standby:
        raise ImproperlyConfigured("DATABASE_REPLICA_URL needs DATABASE_URL: SQLite has no standby")
    path = Path(os.environ.get("SQLITE_FILE", var_dir / "portal.sqlite3"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return _sqlite(path, os.environ.get("SQLITE_TEST_FILE", str(var_dir / "test.sqlite3")))


def _postgresql(url: str) -> dict[str, dict[str, Any]]:
    config = _connection("DATABASE_URL", url)
    read_only = (
        "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
    )
    options = config.get("OPTIONS", {}) | {"options": read_only}
    return {
        "default": config,
        "snapshot": {**config, "OPTIONS": options, "TEST": {"MIRROR": "default"}},
    }


def _standby(url: str) -> dict[str, dict[str, Any]]:
    config = _connection("DATABASE_REPLICA_URL", url)
    patience = {  # a standby that says nothing has failed: the primary is asked instead
        "options": "-c default_transaction_read_only=on -c statement_timeout=10s",
        "connect_timeout": 2,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    options = config.get("OPTIONS", {}) | patience
    return {"replica": {**config, "OPTIONS": options, "TEST": {"MIRROR": "default"}}}


def _connection(name: str, url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if "postgresql" not in str(config["ENGINE"]):
        raise ImproperlyConfigured(f"{name} must begin with postgres://")
    # The server gets values apart from the text and keeps the plan of what it is asked often:
    # for a small statement planning costs more than answering. Plans go with their connection.
    often = {"server_side_binding": True, "prepare_threshold": 5}
    options = config.get("OPTIONS", {}) | often
    return config | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _sqlite(path: Path, test_name: str) -> dict[str, dict[str, Any]]:
    engine = {"ENGINE": "django.db.backends.sqlite3", "TIME_ZONE": None}
    pragmas = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA recursive_triggers=ON; PRAGMA cache_size=-32000;"
    )
    return {
        "default": {
            **engine,
            "NAME": path,
            "CONN_MAX_AGE": 60,  # to open it and take its statements in costs as much as a page
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas},
            "TEST": {"NAME": test_name},
        },
        "snapshot": {
            **engine,
            "NAME": f"file:{path}?mode=ro",
            "OPTIONS": {"uri": True, "transaction_mode": "DEFERRED", "timeout": 20},
            "TEST": {"MIRROR": "default"},
        },
    }


def mail(*, default: str) -> dict[str, Any]:
    """Where e-mail goes, from EMAIL_URL (`smtp+tls://user:password@host:587`), empty where none is
    sent; a server needs MAIL_FROM, the address that it sends from."""
    url, sender = os.environ.get("EMAIL_URL", "") or default, os.environ.get("MAIL_FROM", "")
    if not url:
        return {}
    scheme = url.partition(":")[0]
    if scheme not in {"smtp", "smtp+tls", "smtp+ssl", "consolemail"}:
        raise ImproperlyConfigured("EMAIL_URL must begin with smtp://, smtp+tls:// or smtp+ssl://")
    try:
        found: dict[str, Any] = dict(environ.Env.email_url_config(url))
    except ValueError:
        raise ImproperlyConfigured("EMAIL_URL cannot be read") from None  # it holds a password
    if scheme == "consolemail":
        return {"EMAIL_BACKEND": found["EMAIL_BACKEND"]}
    if not found.get("EMAIL_HOST") or "@" not in sender:
        raise ImproperlyConfigured("EMAIL_URL needs a host, and MAIL_FROM an address")
    return {name: value for name, value in found.items() if value} | {"MAIL_FROM": sender}
