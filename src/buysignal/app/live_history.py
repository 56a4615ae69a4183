"""How the open visits stood, moment by moment: what the live charts are drawn from."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pandas as pd

from buysignal.alerts.visits import OpenVisit, OpenVisits

MOST_POINTS = 400
"""Moments that are kept; beyond them every second one of the older half is let go."""

BANDS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
BAND_NAMES = ("under 1 %", "1–5 %", "5–20 %", "20–50 %", "50 % and more")
RATE_S = 5.0
"""Seconds over which events a second are counted."""


@dataclass(frozen=True)
class Point:
    """One moment.

    Attributes:
        moment: of the shop, microseconds since 1970.
        bands: open visits without a purchase, by band of probability.
        expected: amount still expected of them, None where the bundle expects none.
        bought: paid since watching began.
        carts: of them, with something in the cart.
        cart_value: what lies in these carts.
    """

    moment: int
    bands: tuple[int, ...]
    expected: float | None
    bought: float
    carts: int
    cart_value: float


def undecided(visits: list[OpenVisit]) -> list[OpenVisit]:
    """Return the visits that have not bought: what a probability speaks of."""
    return [visit for visit in visits if not visit.bought]


def point_of(visits: OpenVisits) -> Point:
    """Return how the open visits stand now."""
    with visits.lock:
        open_now, now, bought = undecided(visits.open()), visits.now, visits.bought
    p = np.array([visit.probability for visit in open_now])
    place = np.searchsorted(BANDS[1:-1], p, side="right")
    counts = np.bincount(place, minlength=len(BAND_NAMES))
    known = [visit.expected for visit in open_now if visit.expected is not None]
    carts = [visit.cart_value for visit in open_now if visit.cart_items > 0]
    expected = sum(known) if known else (None if open_now else 0.0)
    return Point(now, tuple(counts.tolist()), expected, bought, len(carts), sum(carts))


class History:
    """Points in order of time, few enough to draw; written by one thread and read by another."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._marks: deque[tuple[float, int]] = deque()
        self._lock = Lock()

    def note(self, visits: OpenVisits) -> None:
        """Add how the visits stand now."""
        point = point_of(visits)
        if point.moment == 0:
            return
        with self._lock:
            if self._points and self._points[-1].moment == point.moment:
                self._points.pop()
            self._points.append(point)
            if len(self._points) > MOST_POINTS:
                half = MOST_POINTS // 2
                self._points = self._points[:half:2] + self._points[half:]

    def count(self, events: int) -> None:
        """Note how many events there were by now, for the rate."""
        now = time.monotonic()
        with self._lock:
            self._marks.append((now, events))
            while len(self._marks) > 2 and now - self._marks[0][0] > RATE_S:
                self._marks.popleft()

    def rate(self) -> float:
        """Return events a second over the latest seconds."""
        with self._lock:
            if len(self._marks) < 2:
                return 0.0
            (begun, first), (ended, last) = self._marks[0], self._marks[-1]
            return (last - first) / max(ended - begun, 1e-3)

    def table(self) -> pd.DataFrame:
        """Return a row a point: ``time`` (UTC), a column a band, ``expected``, ``bought``."""
        with self._lock:
            points = list(self._points)
        rows = [
            {"time": p.moment, **dict(zip(BAND_NAMES, p.bands, strict=True)),
             "expected": p.expected, "bought": p.bought}
            for p in points
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["time", *BAND_NAMES, "expected", "bought"])
        return frame.assign(time=pd.to_datetime(frame["time"], unit="us"))
