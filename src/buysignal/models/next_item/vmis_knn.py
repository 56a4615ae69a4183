"""VMIS-kNN: the visits most like this one, found through an index of items, and what they looked at.

B. Kersbergen, O. Sprangers, S. Schelter: Serenade: low-latency session-based recommendation in
e-commerce at scale (SIGMOD 2022). It computes what V-SKNN (Ludewig & Jannach 2018) computes, from an
index that knows for each item its most recent visits, so that a question touches few of them.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import InputError
from buysignal.features.frozen import frozen
from buysignal.models.next_item.base import Codes, NextItem, Scores, Stored, first_views
from buysignal.models.next_item.popularity import background
from buysignal.models.next_item.vmis_index import (
    MOST_REACH,
    Index,
    Scratch,
    answer_all,
    answer_one,
    build_index,
    index_from,
    new_scratch,
)
from buysignal.sequences import Catalog, Sequences


class VMISkNN(NextItem):
    """Neighbours by the items they share with this visit, late items weighing more.

    Questions may be asked from several threads at once; each has working memory of its own (4 bytes a
    visit of the index, 8 an item).

    Args:
        neighbours: how many visits answer (the paper's k).
        recent: how many visits of an item are looked at, the most recent (the paper's m).
        reach: items of the visit that count, the last ones.
    """

    def __init__(self, neighbours: int = 500, recent: int = 2_500, reach: int = 10) -> None:
        self.neighbours = neighbours
        self.recent = recent
        self.reach = reach

    def fit(self, train: Sequences) -> VMISkNN:
        """Build the index.

        Raises:
            InputError: a setting is out of its range.
        """
        if min(self.neighbours, self.recent, self.reach) < 1 or self.reach > MOST_REACH:
            raise InputError(
                f"neighbours {self.neighbours}, recent {self.recent}, reach {self.reach}",
                allowed=f"1 or more each, reach up to {MOST_REACH:,}",
            )
        seen = np.bincount(train.items[train.items >= 0], minlength=len(train.catalog.names))
        return self._ready(train.catalog, build_index(train, self.recent), seen.astype(np.float64))

    def _ready(self, catalog: Catalog, index: Index, seen: npt.NDArray[np.float64]) -> VMISkNN:
        self.catalog_, self.index_, self.seen_ = catalog, index, seen
        self._background = background(seen)
        self._by_background = frozen(np.argsort(-self._background, kind="stable").astype(np.int32))
        self._memory = _PerThread()
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.tile(self._background, (len(questions), 1))
        first = np.maximum(first_views(visits, questions), questions - self.reach)
        answer_all(
            self.index_, frozen(visits.items), frozen(first), frozen(questions), self.neighbours,
            self._scratch(), out,
        )  # fmt: skip
        return out

    def top(self, history: Codes, count: int = 10) -> tuple[Codes, Scores]:
        """Return the best items and their scores, without a look at the rest of the catalog."""
        late = frozen(np.asarray(history, np.int32)[-self.reach :])
        items, scores = answer_one(
            self.index_, late, self.neighbours, self._scratch(), frozen(self._background),
            self._by_background, count,
        )  # fmt: skip
        best = np.lexsort((items, -scores))[:count]
        return items[best], scores[best]

    def _scratch(self) -> Scratch:
        if not hasattr(self._memory, "scratch"):
            self._memory.scratch = new_scratch(self.index_, self.recent, self.reach)
        found: Scratch = self._memory.scratch
        return found

    def stored(self) -> Stored:
        """Return the index."""
        return Stored("vmis_knn", self.get_params(), {"seen": self.seen_, **self.index_._asdict()})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> VMISkNN:
        """Return it with the index that was stored."""
        index = index_from(*(stored.arrays[name] for name in Index._fields))
        return cls(**stored.settings)._ready(catalog, index, stored.arrays["seen"])


class _PerThread(threading.local):
    """Working memory by thread; a copy of the recommender begins with none."""

    scratch: Scratch

    def __deepcopy__(self, memo: dict[int, Any]) -> _PerThread:
        return _PerThread()
