"""The one request to a robot: what became of it, or that nobody knows.

Nothing of the address is ever said: errors of the HTTP library name it, so only their kind is.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from courses.online.robot_services import Letter, meaning

PATIENCE = httpx.Timeout(5.0, connect=3.0, pool=1.0)  # seconds: connecting, each read and write
LONGEST = 10.0  # seconds for a whole answer, whoever dribbles
MOST = 16_384  # bytes of an answer that are read
# Errors that come before anything was sent.
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
SERVER_TOOK_NOTHING = {429, 500, 503}


@dataclass(frozen=True)
class Result:
    """outcome: sent, again, failed or unknown. reached: whether the service answered at all."""

    outcome: str
    words: str = ""
    reached: bool = True


class Caller:
    """Connections to the services, kept open over a run."""

    def __init__(self) -> None:
        # No redirect is followed; neither proxies nor passwords come from the environment.
        self._client = httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def call(self, service: str, letter: Letter) -> Result:
        """Send one letter, once. Never raises."""
        content = json.dumps(letter.body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            request = self._client.build_request(
                "POST", letter.address, content=content, headers=headers
            )
            answer = self._client.send(request, stream=True)
        except NOTHING_SENT:
            return Result("again", "连接不上平台", reached=False)
        except Exception as error:
            return Result("unknown", f"没有收到平台的答复（{type(error).__name__}）", reached=False)
        try:
            return self._read(service, answer)
        finally:
            with suppress(httpx.HTTPError):
                answer.close()

    def _read(self, service: str, answer: httpx.Response) -> Result:
        status = answer.status_code
        if status in SERVER_TOOK_NOTHING:
            return Result("again", f"平台限流或繁忙（状态 {status}）")
        refused = 300 <= status < 500
        said = meaning(service, _json(answer)) if status == 200 or refused else None
        if said is not None and not (refused and said.outcome == "sent"):
            return Result(said.outcome, said.words)
        if refused:
            return Result("failed", f"平台没有接受（状态 {status}）")
        return Result("unknown", f"平台的答复看不明白（状态 {status}）")


def _json(answer: httpx.Response) -> Any:
    """The JSON of an answer; None where it is none, too long or breaks off."""
    until, raw = time.monotonic() + LONGEST, b""
    try:
        for part in answer.iter_bytes():
            raw += part
            if len(raw) > MOST or time.monotonic() > until:
                return None
        return json.loads(raw)
    except (httpx.HTTPError, httpx.StreamError, ValueError):
        return None
