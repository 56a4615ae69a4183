"""The open visits as their scores tell of them, one after the other; nothing is scored here.

Time is the shop's: it moves with what the scores say, never with the clock on the wall, so that a stream that
stands still makes no visit look left.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from threading import RLock
from typing import Any

from buysignal.units import duration_us

MOST = 200_000
"""Open visits that are kept; beyond them whoever was heard of longest ago is let go."""

Answer = Mapping[str, Any]
Key = tuple[str, str]


@dataclass(slots=True)
class OpenVisit:
    """A visit as its latest score tells of it.

    Attributes:
        last: its latest click, microseconds since 1970.
        expected: amount that is still expected, None where the bundle expects none.
        cart_items, cart_value, spent: pieces and value in the cart, and what was paid, in the bundle's
            currency.
        bought: it has a purchase; what its probability means is then settled.
    """

    visitor_id: str
    session_id: str
    last: int
    clicks: int
    probability: float
    expected: float | None
    segment: str | None
    cart_items: int
    cart_value: float
    spent: float
    bought: bool

    @property
    def key(self) -> Key:
        return self.visitor_id, self.session_id


@dataclass(frozen=True)
class Labels:
    """What the scores are of: the goal, whether it is a proxy, whether it was learned from a simulation."""

    goal: str
    proxy: bool
    simulated: bool
    bundle_version: str


class OpenVisits:
    """Visits with a click not longer ago than the session gap; may be read while another thread writes.

    Args:
        session_gap: after this pause a visit is over, such as ``"30m"``.
        keep: remember visits at least for so long, microseconds, for rules that wait longer than the gap.

    Attributes:
        scores: taken in so far.
        buyers: visits with a purchase, since watching began.
        bought: what they paid, since watching began.
        let_go: visits that were dropped for want of room.
        labels: of the latest score.
        knows_carts: whether the scores say what lies in carts.
    """

    def __init__(self, session_gap: str, keep: int = 0) -> None:
        self.lock = RLock()
        self.gap = duration_us(session_gap, "session_gap")
        self.now = 0
        self.scores = 0
        self.buyers = 0
        self.bought = 0.0
        self.let_go = 0
        self.labels: Labels | None = None
        self.knows_carts = True
        self.keep = keep
        self._visits: OrderedDict[Key, OpenVisit] = OrderedDict()

    def __len__(self) -> int:
        return len(self._visits)

    def take(self, answer: Answer, moment: int) -> OpenVisit:
        """Take in a score of a visit whose click was at ``moment``; a late one is the visit as it now stands.

        Raises:
            KeyError, TypeError, ValueError: it is no score.
        """
        found = _visit(answer, moment)
        labels = Labels(
            str(answer["goal"]),
            bool(answer["proxy"]),
            bool(answer["simulated"]),
            str(answer["bundle_version"]),
        )
        with self.lock:
            before = self._visits.pop(found.key, None)
            if before is not None:
                found.last = max(found.last, before.last)
            self._visits[found.key] = found
            self._count(found, before)
            self.labels = labels
            self.knows_carts = "cart_value" in answer
            if len(self._visits) > MOST:
                self._visits.popitem(last=False)
                self.let_go += 1
        return found

    def advance(self, now: int) -> None:
        """Let the shop's time go on, never back, and let go of whose visits are over."""
        with self.lock:
            self.now = max(self.now, now)
            until = self.now - max(self.gap, self.keep)
            while self._visits:
                key, oldest = next(iter(self._visits.items()))
                if oldest.last >= until:
                    break
                del self._visits[key]

    def get(self, key: Key) -> OpenVisit | None:
        """Return a visit that is kept."""
        return self._visits.get(key)

    def forget(self, visitor_id: str) -> None:
        """Forget a visitor at once, who refused consent."""
        with self.lock:
            for key in [key for key in self._visits if key[0] == visitor_id]:
                del self._visits[key]

    def kept(self) -> list[OpenVisit]:
        """Return all that are kept, whoever was heard of longest ago first."""
        with self.lock:
            return list(self._visits.values())

    def open(self) -> list[OpenVisit]:
        """Return the visits that are not over."""
        with self.lock:
            since = self.now - self.gap
            return [visit for visit in self._visits.values() if visit.last >= since]

    def _count(self, found: OpenVisit, before: OpenVisit | None) -> None:
        self.scores += 1
        # Of a visit that is first heard of in its middle, what it paid before is not counted.
        known = before is not None or found.clicks == 1
        spent, bought = (before.spent, before.bought) if before is not None else (0.0, False)
        if known:
            self.buyers += found.bought and not bought
            self.bought += max(found.spent - spent, 0.0)


def _visit(answer: Answer, moment: int) -> OpenVisit:
    expected, segment = answer.get("expected_revenue"), answer.get("segment")
    found = OpenVisit(
        visitor_id=str(answer["visitor_id"]),
        session_id=str(answer["session_id"]),
        last=moment,
        clicks=int(answer["clicks"]),
        probability=float(answer["probability"]),
        expected=None if expected is None else float(expected),
        segment=None if segment is None else str(segment),
        cart_items=int(answer.get("cart_items", 0)),
        cart_value=float(answer.get("cart_value", 0.0)),
        spent=float(answer.get("spent", 0.0)),
        bought=bool(answer["already_bought"]),
    )
    if not all(map(isfinite, (found.probability, found.expected or 0.0, found.cart_value, found.spent))):
        raise ValueError("a number of this score is none")
    return found
