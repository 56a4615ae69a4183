"""Start one command, wait for it, and write down how long it took and how much memory it had at most.

Run by ``_process.run`` as a process of its own, and for a reason: on Linux a new process begins with the
peak of the one that started it, so a command started from a large benchmark would show the benchmark's
memory. This file imports next to nothing: its own 10 MB are the least that can be told.

Run: ``python -I -S _watch.py REPORT CORES COMMAND ...``.
"""

import json
import os
import signal
import sys
import time


def main(report: str, cores: int, command: list[str]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    begun = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.signal(signal.SIGINT, lambda *_: None)  # the command was interrupted as well, and may tidy up
    _, status, usage = os.wait4(child, 0)
    found = {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": _mb(usage.ru_maxrss),
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123  pathlib would add to the 10 MB
        json.dump(found, file)


def _mb(maxrss: int) -> float:
    """Return megabytes; the system counts in kilobytes, macOS in bytes."""
    return maxrss / 2**20 if sys.platform == "darwin" else maxrss / 2**10


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
