"""python -m tests.benchmarks.verifying JOBS: verify the ledger in a process of its own.

Prints seconds, and the megabytes that this process took at most; with several jobs, also the
largest of the others.
"""

import django

django.setup()

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from django.utils import timezone  # noqa: E402

from credits import verification  # noqa: E402


def own_megabytes() -> float:
    """The most that this program held: getrusage would tell what it was forked from as well."""
    with open("/proc/self/status") as file:
        [most] = [line for line in file if line.startswith("VmHWM")]
    return int(most.split()[1]) / 1024


def others_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main(jobs: int) -> None:
    before = own_megabytes()
    began = time.perf_counter()
    report = verification.verify(at=timezone.now(), jobs=jobs)
    taken = time.perf_counter() - began
    assert report.ok, report.problems[:3]
    most = max(own_megabytes(), others_megabytes())
    sys.stdout.write(json.dumps({"seconds": taken, "before": before, "megabytes": most}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
