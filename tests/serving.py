"""gunicorn as the Procfile starts it, in processes of its own."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(log: Path, *, site: str = "tests.plain_site", **environment: str) -> Iterator[int]:
    """The portal on loopback until the end of the block; yields its port. What the server says is
    in `log`."""
    port = free_port()
    words = ["-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", site]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    usual = {"DEMO": "on", "DJANGO_SETTINGS_MODULE": "portal.settings", "PORT": str(port)}
    with log.open("w") as said:
        server = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=kept | usual | environment,
            stdout=said,
            stderr=said,
        )
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, f"no answer within a minute: {log.read_text()}"
            time.sleep(0.1)
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # at once, whatever is still open
        server.wait(timeout=30)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/sign-in/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False  # the port is bound before there is a process that answers
    finally:
        connection.close()
