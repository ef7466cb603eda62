"""What a walk over the ledger lays aside for the members: their lines, by ranges of member ids.

Five numbers a line in a file for each range, so that nobody holds a whole city's lines in memory
and no database sorts them once more.
"""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

RANGE = 11  # a range is 2 ** 11 member ids
BYTES = 4  # of a length
FULL = 40_000  # lines held before they go into the files
# One line as a member's sums need it: member, entry, posting (lines of one are one act), number of
# its period and form, hours. Plain tuples: there are millions.
Line = tuple[int, int, int, int, int]
Lines = dict[int, list[Line]]  # by member, in the order of the walk


class Spool:
    """The lines of one stretch, by range of members; whoever walks appends to `ranges`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.ranges: defaultdict[int, list[Line]] = defaultdict(list)

    def flush(self) -> None:
        """Write what is held behind what is in the files."""
        for number, lines in self.ranges.items():
            data = marshal.dumps(lines)
            with self._file(number).open("ab") as file:
                file.write(len(data).to_bytes(BYTES, "big") + data)
        self.ranges.clear()

    def read(self, number: int) -> Iterator[list[Line]]:
        """What was laid aside for a range."""
        file = self._file(number)
        data = memoryview(file.read_bytes() if file.exists() else b"")
        while data:
            length = int.from_bytes(data[:BYTES], "big")
            yield marshal.loads(data[BYTES : BYTES + length])  # noqa: S302 - our own, of this run
            data = data[BYTES + length :]

    def _file(self, number: int) -> Path:
        return self.folder / f"{self.name}.{number}"


def lines_of(number: int, spools: Sequence[Spool]) -> Lines:
    """The lines of a range of members, from the stretches in their order."""
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    for spool in spools:
        for some in spool.read(number):
            for line in some:
                lines[line[0]].append(line)
    return lines


def members_of(spool: Spool) -> set[int]:
    """Everybody who has a line in a stretch."""
    numbers = [int(file.suffix[1:]) for file in spool.folder.glob(f"{spool.name}.*")]
    return {line[0] for number in numbers for some in spool.read(number) for line in some}
