"""Say where the portal is and who can sign in, as soon as it answers; or check that the port is
free (`--check`). Part of `make run`; the standard library only."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

PORT = int(os.environ["PORT"])
ADDRESS = f"http://127.0.0.1:{PORT}/"
PATIENCE = 120  # seconds


def check() -> None:
    """Stop with a plain sentence when somebody else has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((os.environ["BIND"], PORT))
        except OSError as error:
            sys.exit(f"端口 {PORT} 不能用（{error.strerror}），请换一个：make run PORT=8123")


def announce() -> None:
    """Wait until the first page is there, then print the address and the accounts."""
    parent, until = os.getppid(), time.monotonic() + PATIENCE
    while not _answers():
        if os.getppid() != parent or time.monotonic() > until:
            return
        time.sleep(0.3)
    print(f"\n党史学习教育平台已启动：{ADDRESS}", flush=True)  # noqa: T201
    subprocess.run([sys.executable, "manage.py", "demo_sign_ins"], check=False)
    print("按 Ctrl-C 停止。\n", flush=True)  # noqa: T201


def _answers() -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(ADDRESS, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    check() if "--check" in sys.argv else announce()
