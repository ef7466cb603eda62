"""A wire between browser and server, on which every byte is counted, whoever asked for it.

A browser's own counters leave out what its service worker fetches; nothing passes by a wire.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE = 65536


@dataclass
class Wire:
    """Carries connections from its own port to the server's; `received` counts bytes downwards."""

    to: int
    received: int = 0
    door: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.door.getsockname()[1])

    def carry(self) -> None:
        while True:
            try:
                near = self.door.accept()[0]
            except OSError:
                return  # closed
            far = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self._pour, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pour, args=(far, near, True), daemon=True).start()

    def _pour(self, source: socket.socket, target: socket.socket, down: bool) -> None:
        try:
            while piece := source.recv(PIECE):
                if down:
                    self.received += len(piece)
                target.sendall(piece)
        except OSError:
            pass  # one of the two has hung up, so does the other
        for end in (source, target):
            end.close()


@contextmanager
def wire(to: int) -> Iterator[Wire]:
    """A wire to the server at port `to`, until the end of the block."""
    made = Wire(to)
    threading.Thread(target=made.carry, daemon=True).start()
    try:
        yield made
    finally:
        made.door.close()
