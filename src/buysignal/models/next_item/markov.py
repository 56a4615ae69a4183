"""First-order Markov chain: what followed the last item."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.next_item.base import NextItem, Scores, Stored, shares
from buysignal.models.next_item.item_counts import Table, add_row, count_items, table_arrays, table_from
from buysignal.models.next_item.popularity import background
from buysignal.sequences import Catalog, Sequences

SMOOTHING = 3.0
"""Views' worth of the overall frequency in a chance."""


class Markov(NextItem):
    """How often each item followed the last one; what never did is ordered by its frequency."""

    def fit(self, train: Sequences) -> Markov:
        """Count what followed what."""
        counts = count_items(train)
        self.catalog_, self.follow_, self.seen_ = train.catalog, counts.follow, counts.seen
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.tile(background(self.seen_), (len(questions), 1))
        _follow(self.follow_, visits.items[questions - 1], out)
        return out

    def probabilities(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items): counts, with some views' worth of the overall frequency added."""
        frequency = (self.seen_ + 1.0) / (self.seen_ + 1.0).sum()
        return shares(self.scores(visits, questions) + np.float32(SMOOTHING) * frequency.astype(np.float32))

    def stored(self) -> Stored:
        """Return the counts."""
        return Stored("markov", arrays={"seen": self.seen_, **table_arrays("follow", self.follow_)})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Markov:
        """Return it with the counts that were stored."""
        found = cls()
        found.catalog_, found.seen_ = catalog, stored.arrays["seen"]
        found.follow_ = table_from("follow", stored.arrays)
        return found


@njit(cache=True)
def _follow(table: Table, last: npt.NDArray[np.int32], out: npt.NDArray[np.float32]) -> None:
    for q in range(len(last)):
        if last[q] >= 0:
            add_row(table, last[q], 1.0, out[q])
