"""python -I workbook_child SECONDS MEGABYTES ROWS COLUMNS [bit], with the file on stdin.

Answers on stdout: {"sheets": …} or {"error": code}. With `bit` the answer comes bit by bit, a line
of JSON each: {"kind": …, "sheets": number}, then for each sheet {"sheet": …} without its rows and
lists of rows, and at last {"end": true}.
"""

import json
import os
import resource
import sys
from typing import Any

sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from portal.workbook_child import answers  # noqa: E402
from portal.workbook_child.unreadable import Unreadable  # noqa: E402


def main(arguments: list[str]) -> None:
    seconds, megabytes, rows, columns = (int(argument) for argument in arguments[:4])
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        data = sys.stdin.buffer.read()
        if arguments[4:] == ["bit"]:
            for bit in answers.bit_by_bit(data, rows, columns):
                say(bit)
                sys.stdout.write("\n")
            answer: dict[str, Any] = {"end": True}
        else:
            answer = answers.whole(data, rows, columns)
    except Unreadable as reason:
        answer = {"error": reason.code, "detail": reason.detail}
    except MemoryError:
        answer = {"error": "memory"}
    except Exception as error:  # whatever a hostile file provokes: the parent needs one answer
        answer = {"error": "broken", "detail": type(error).__name__}
    say(answer)


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=True, separators=(",", ":")))


if __name__ == "__main__":
    main(sys.argv[1:])
