"""What is looked at most, after whatever came before: the bar that all others must clear."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.models.next_item.base import NextItem, Scores, Stored
from buysignal.sequences import Catalog, Sequences

RARE = 1e-3
"""Score of the most looked-at item where nothing else speaks for it: little beside one count, and enough to
order items of equal counts in float32."""


def background(seen: npt.NDArray[np.float64]) -> Scores:
    """Return (m,) scores by which items stand in order of nothing but how often they were looked at.

    >>> background(np.array([4.0, 1.0])).round(6).tolist()
    [0.0010000000474974513, 0.0002500000118743628]
    """
    return (RARE * seen / max(seen.max(initial=0.0), 1.0)).astype(np.float32)


class Popularity(NextItem):
    """Views of each item in the training period; with ``by``, items like the last one come first.

    Args:
        by: an attribute of the catalog, such as category: items that share the last item's value stand
            above all others.
    """

    def __init__(self, by: str | None = None) -> None:
        self.by = by

    def fit(self, train: Sequences) -> Popularity:
        """Count views."""
        known = train.items[train.items >= 0]
        self.catalog_ = train.catalog
        self.seen_ = np.bincount(known, minlength=len(train.catalog.names)).astype(np.float32)
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.tile(self.seen_, (len(questions), 1))
        if self.by is not None and self.by in self.catalog_.attributes:
            value = self.catalog_.attributes[self.by]
            last = visits.items[questions - 1]
            alike = (value[last][:, None] == value[None]) & (last >= 0)[:, None]
            out += alike * (self.seen_.max(initial=0.0) + 1)
        return out

    def stored(self) -> Stored:
        """Return the counts."""
        return Stored("popularity", self.get_params(), {"seen": self.seen_})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Popularity:
        """Return it with the counts that were stored."""
        found = cls(**stored.settings)
        found.catalog_, found.seen_ = catalog, stored.arrays["seen"]
        return found
