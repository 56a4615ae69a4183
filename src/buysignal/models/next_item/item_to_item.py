"""Item to item: what the same visits looked at, near items counting more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.next_item.base import NextItem, Scores, Stored, first_views
from buysignal.models.next_item.item_counts import Table, add_row, count_items, table_arrays, table_from
from buysignal.models.next_item.popularity import background
from buysignal.sequences import Catalog, Sequences


class ItemToItem(NextItem):
    """Sum, over the visit's last items, of what stood near each of them in training visits.

    After Linden, Smith & York (2003), "Amazon.com recommendations: item-to-item collaborative
    filtering", with the decay by distance that session-based evaluations use (Ludewig & Jannach 2018).

    Args:
        decay: weight that an item of the visit loses with every further view.
        reach: items of the visit that count, the last ones.
    """

    def __init__(self, decay: float = 0.6, reach: int = 10) -> None:
        self.decay = decay
        self.reach = reach

    def fit(self, train: Sequences) -> ItemToItem:
        """Count what stood near what, on either side."""
        counts = count_items(train)
        self.catalog_, self.seen_ = train.catalog, counts.seen
        self.ahead_, self.behind_ = counts.ahead, counts.behind
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.tile(background(self.seen_), (len(questions), 1))
        first = np.maximum(first_views(visits, questions), questions - self.reach)
        _near(self.ahead_, self.behind_, visits.items, first, questions, self.decay, out)
        return out

    def stored(self) -> Stored:
        """Return the counts."""
        tables = {**table_arrays("ahead", self.ahead_), **table_arrays("behind", self.behind_)}
        return Stored("item_to_item", self.get_params(), {"seen": self.seen_, **tables})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> ItemToItem:
        """Return it with the counts that were stored."""
        found = cls(**stored.settings)
        found.catalog_, found.seen_ = catalog, stored.arrays["seen"]
        found.ahead_, found.behind_ = (table_from(name, stored.arrays) for name in ("ahead", "behind"))
        return found


@njit(cache=True)
def _near(
    ahead: Table,
    behind: Table,
    items: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    decay: float,
    out: npt.NDArray[np.float32],
) -> None:
    for q in range(len(questions)):
        weight = 1.0
        for k in range(questions[q] - 1, first[q] - 1, -1):
            if items[k] >= 0:
                add_row(ahead, items[k], weight, out[q])
                add_row(behind, items[k], 0.5 * weight, out[q])
            weight *= decay
