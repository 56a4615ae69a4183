"""A server under steady load for minutes: visitors come and go beyond its bounds, its memory is watched."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _rest_server import served_process, write_requests
from _results import Row

RATE = 500
VISITORS = 3_000
"""Remembered at most: fewer than come, so that visitors are forgotten all the time."""

FILL = 60_000
"""Clicks before the first sample: more visitors than are remembered, so that memory is at its size."""

MOST_GROWTH = 0.05
PIECE_S = 30
SAMPLE_S = 1.0

Load = Callable[[int, Path, float, float], dict[str, Any]]


class Memory:
    """The resident memory of a process, sampled by a thread until told to stop.

    Attributes:
        megabytes: one number a sample.
    """

    def __init__(self, pid: int) -> None:
        self.megabytes: list[float] = []
        self._place = Path(f"/proc/{pid}/statm")
        self._page = os.sysconf("SC_PAGE_SIZE") / 1e6
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.megabytes.append(int(self._place.read_text().split()[1]) * self._page)


def soaked(bundle: Path, clicks: Sequence[bytes], folder: Path, minutes: float, load: Load) -> list[Row]:
    """Return the server's memory in the first and the last third, and its latency.

    Raises:
        AssertionError: the memory grew by more than ``MOST_GROWTH``.
    """
    endless = without_end(clicks)
    with served_process(bundle, "--visitors", str(VISITORS)) as (port, pid):
        load(port, written(folder, endless, FILL), 0, 600)
        with Memory(pid) as memory:
            pieces = []
            for number in range(max(round(minutes * 60 / PIECE_S), 3)):
                pieces.append(load(port, written(folder, endless, RATE * PIECE_S), RATE, PIECE_S))
                print(
                    f"  {(number + 1) * PIECE_S:5} s   {memory.megabytes[-1]:8.1f} MB   "
                    f"p99 {pieces[-1]['p99_ms']:6.2f} ms", flush=True,
                )  # fmt: skip
    return judged(memory.megabytes, pieces, minutes)


def judged(megabytes: Sequence[float], pieces: Sequence[dict[str, Any]], minutes: float) -> list[Row]:
    """Return the figures, where the memory is steady.

    Raises:
        AssertionError: it is not.
    """
    third = len(megabytes) // 3
    first, last = float(np.mean(megabytes[:third])), float(np.mean(megabytes[-third:]))
    case, n = f"{minutes:g} minutes at {RATE} a second", sum(piece["requests"] for piece in pieces)
    print(f"  first third {first:.1f} MB, last third {last:.1f} MB ({last / first - 1:+.1%})", flush=True)
    if last > first * (1 + MOST_GROWTH):
        raise AssertionError(f"memory grew from {first:.1f} MB to {last:.1f} MB")
    figures = {
        f"{case}, first third": first, f"{case}, last third": last, f"{case}, most": max(megabytes),
    }  # fmt: skip
    rows = [
        Row(benchmark="rest", metric="peak_rss_mb", value=value, n=n, case=name)
        for name, value in figures.items()
    ]
    worst = max(piece["p99_ms"] for piece in pieces)
    rows.append(
        Row(
            benchmark="rest",
            metric="p99_ms",
            value=worst,
            n=n,
            case=f"{case}, 99 % of the worst {PIECE_S} s within",
        )
    )
    return rows


def without_end(clicks: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the clicks again and again, each time of new visitors in new visits."""
    around = 0
    while True:
        mark = b"%d-" % around
        for click in clicks:
            yield click.replace(b'"visitor_id": "', b'"visitor_id": "' + mark).replace(
                b'"session_id": "', b'"session_id": "' + mark
            )
        around += 1


def written(folder: Path, endless: Iterator[bytes], count: int) -> Path:
    """Write the next so many requests."""
    return write_requests(folder / "soak", "/v1/score", [next(endless) for _ in range(count)])
