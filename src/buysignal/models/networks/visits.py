"""Visits as a network reads them: which columns describe a view, and long visits in windows.

A question is answered from one window of its visit, and which one depends on how many views came before
alone. So one visit asked live, all visits asked at once, and training see the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models.networks.steps import FIRST, NONE, UNKNOWN, Column, Inputs, Rows, Steps
from buysignal.sequences import Catalog, Sequences

INPUTS = ("item", "attributes", "price", "time", "place")
"""What a view may be described by: the item, what is known of it, its price band, the pause before it, and
its place in the visit."""

PRICE_BANDS = 10
GAP_BANDS = 14
"""Pauses by the logarithm to base 2 of their seconds: up to 1, 2, 4 ... and above 2 hours."""
PLACES = 30

Positions = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of visits, w in all.

    Attributes:
        visit: (w,) the visit.
        start: (w,) the first view of the window, counted from the start of the visit.
    """

    visit: Positions
    start: Positions


class Reader:
    """Turns visits into steps.

    Args:
        catalog: the items.
        inputs: some of ``INPUTS``, "item" among them.
        reach: views a window holds; the last half of them moves on in long visits.

    Raises:
        SamplesError: an input that does not exist, or none that names the item.
    """

    def __init__(self, catalog: Catalog, inputs: Sequence[str], reach: int) -> None:
        wrong = [name for name in inputs if name not in INPUTS]
        if wrong or "item" not in inputs or reach < 2:
            raise SamplesError(
                f"inputs {', '.join(inputs) or '(none)'} and a reach of {reach}",
                allowed=f"'item' and any of {', '.join(INPUTS[1:])}; a reach from 2",
            )
        self.reach, self.half = reach, reach // 2
        self._asked = inputs
        self._of_items = _columns_of_items(catalog, inputs)
        moment = [("time", Column("gap", GAP_BANDS + FIRST)), ("place", Column("place", PLACES + FIRST))]
        columns = [Column(name, levels) for name, (_, levels) in self._of_items.items()]
        columns += [column for name, column in moment if name in inputs]
        described_by = {name: codes[1:] for name, (codes, _) in self._of_items.items()}
        self.inputs = Inputs(tuple(columns), len(catalog.names), described_by, in_order=True)

    def windows(self, visits: Sequences) -> Windows:
        """Return all windows of all visits."""
        size = np.diff(visits.starts)
        count = np.where(size > 0, 1 + self._later(size), 0)
        visit = np.repeat(np.arange(visits.visits), count)
        number = np.arange(len(visit)) - np.repeat(np.cumsum(count) - count, count)
        return Windows(visit, number * self.half)

    def window_of(self, before: Positions) -> Positions:
        """Return the first view of the window that answers after ``before`` views, (q,)."""
        return self._later(before) * self.half

    def _later(self, views: Positions) -> Positions:
        """Return how many windows begin after the first one, if all ``views`` are to be covered."""
        return np.maximum(0, -((self.reach - views) // self.half))

    def read(self, visits: Sequences, windows: Windows) -> Rows:
        """Return (w, reach, c)."""
        view, inside = self._views(visits, windows)
        parts: list[npt.NDArray[np.generic]] = [
            codes[visits.items[view] + 1] for codes, _ in self._of_items.values()
        ]
        if "time" in self._asked:
            parts.append(_gap_bands(visits.gap, view))
        if "place" in self._asked:
            parts.append(FIRST + np.minimum(visits.place_in_visit()[view], PLACES - 1))
        return np.stack([np.where(inside, part, 0) for part in parts], axis=2).astype(np.float32)

    def steps(self, visits: Sequences, weight: npt.NDArray[np.float32] | None = None) -> Steps:
        """Return all windows with the next item and the goal after each view; each is asked once.

        Args:
            weight: (s,) of the visits.
        """
        windows = self.windows(visits)
        view, inside = self._views(visits, windows)
        asked = inside & ((windows.start == 0)[:, None] | (np.arange(self.reach) >= self.reach - self.half))
        ends = visits.starts[windows.visit + 1][:, None]
        following = visits.items[np.minimum(view + 1, len(visits.items) - 1)]
        next_item = np.where(asked & (view + 1 < ends), following, NONE).astype(np.int32)
        goal = None if visits.goal is None else np.where(asked, visits.goal[view], NONE).astype(np.int8)
        weights = None if weight is None else weight[windows.visit].astype(np.float32)
        return Steps(self.read(visits, windows), next_item, goal, weights)

    def _views(self, visits: Sequences, windows: Windows) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Return the view at each place of the windows, (w, reach), and whether there is one."""
        first = visits.starts[windows.visit] + windows.start
        view = first[:, None] + np.arange(self.reach)
        inside = view < visits.starts[windows.visit + 1][:, None]
        return np.where(inside, view, first[:, None]), inside

    def asked(self, visits: Sequences, after: Positions) -> tuple[Rows, Positions]:
        """Return what answers after the views ``after`` (q,): X (w, reach, c) and ``at`` (q, 2) in it."""
        visit = np.searchsorted(visits.starts, after, side="right") - 1
        place = after - visits.starts[visit]
        start = self.window_of(place + 1)
        pairs, row = np.unique(np.column_stack([visit, start]), axis=0, return_inverse=True)
        X = self.read(visits, Windows(pairs[:, 0], pairs[:, 1]))
        return X, np.column_stack([row.ravel(), place - start])


def _columns_of_items(catalog: Catalog, inputs: Sequence[str]) -> dict[str, tuple[Codes, int]]:
    """Return per column (m + 1,) codes, the first that of an unknown item, and how many codes there are."""
    size = len(catalog.names)
    found: dict[str, tuple[npt.NDArray[np.int32 | np.int64], int]] = {"item": (np.arange(size), size)}
    if "attributes" in inputs:
        found |= {n: (codes, len(catalog.levels[n])) for n, codes in catalog.attributes.items()}
    if "price" in inputs and np.isfinite(catalog.price).any():
        found["price"] = (_price_bands(catalog.price), PRICE_BANDS)
    return {
        name: (np.append(UNKNOWN, np.where(codes >= 0, codes + FIRST, UNKNOWN)).astype(np.int32), n + FIRST)
        for name, (codes, n) in found.items()
    }


def _price_bands(price: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return each item's tenth of the prices, -1 where it has none."""
    known = np.isfinite(price)
    edges = np.quantile(price[known], np.arange(1, PRICE_BANDS) / PRICE_BANDS)
    return np.where(known, np.searchsorted(edges, price, side="right"), -1)


def _gap_bands(gap: npt.NDArray[np.float32] | None, view: Positions) -> npt.NDArray[np.int64]:
    if gap is None:
        return np.full(view.shape, UNKNOWN)
    seconds = gap[view]
    band = np.ceil(np.log2(np.maximum(np.nan_to_num(seconds, nan=1.0), 1.0)))
    return np.where(np.isnan(seconds), UNKNOWN, FIRST + np.minimum(band, GAP_BANDS - 1)).astype(np.int64)
