"""Phones that arrive evenly, whether or not those before them have been answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

PATIENCE = 120  # seconds
T = TypeVar("T")


@dataclass
class Answer:
    status: int
    text: str
    location: str


@dataclass
class Phone:
    """One connection to the portal on loopback, with its cookies."""

    port: int
    cookies: dict[str, str]
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)

    async def ask(self, method: str, path: str, body: str = "") -> Answer:
        """Send one request and read its answer to the end."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self._reader is not None
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {cookies}\r\n"
        if body:
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        said = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        for name, value in re.findall(r"(?im)^set-cookie: ([^=]+)=([^;\r]*)", said):
            self.cookies[name] = value
        length = re.search(r"(?im)^content-length: (\d+)", said)
        text = await self._reader.readexactly(int(length[1])) if length else b""
        location = re.search(r"(?im)^location: (\S+)", said)
        status = int(said.split(" ", 2)[1])
        return Answer(status, text.decode(), location[1] if location else "")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def _arrive(
    work: Callable[[Phone, float], Awaitable[T]], phones: Sequence[Phone], seconds: float
) -> list[T]:
    began = time.perf_counter() + 0.2
    tasks = []
    for number, phone in enumerate(phones):
        due = began + seconds * number / len(phones)
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(_one(work, phone, due)))
    return list(await asyncio.gather(*tasks))


async def _one(work: Callable[[Phone, float], Awaitable[T]], phone: Phone, due: float) -> T:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work(phone, due)
    finally:
        phone.close()


def arrive(
    work: Callable[[Phone, float], Awaitable[T]], phones: Sequence[Phone], seconds: float
) -> list[T]:
    """Each phone does `work` at its own moment, evenly over so many seconds; what each came to.
    `work` is told that moment: waiting to begin counts as waiting."""
    return asyncio.run(_arrive(work, phones, seconds))
