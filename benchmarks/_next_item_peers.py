"""What the recommenders are held against that is none of ours: wsknn, and the demo shop's truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from buysignal.models.next_item.base import Scores, first_views
from buysignal.sequences import Catalog, Sequences
from buysignal.sources.demo import shop_items
from buysignal.sources.demo.next_look import next_look
from buysignal.sources.demo.walk import Rows


class WSKNN(BaseEstimator):
    """The package wsknn, asked for the whole list; items that no neighbour has stand behind, level.

    Args:
        neighbours, sample: ``number_of_neighbors`` and ``sample_size``.
        similarity, decay: ``weighting_func`` and ``ranking_strategy``.
    """

    def __init__(
        self, neighbours: int = 500, sample: int = 1_000, similarity: str = "linear", decay: str = "linear"
    ) -> None:
        self.neighbours = neighbours
        self.sample = sample
        self.similarity = similarity
        self.decay = decay

    def fit(self, train: Sequences) -> WSKNN:
        """Hand over the visits, each look at its visit's time."""
        from wsknn.model import wsknn

        self.catalog_: Catalog = train.catalog
        second = (train.day * 86_400).astype(np.int64)
        visits = {}
        for number, (begin, end) in enumerate(zip(train.starts[:-1], train.starts[1:], strict=True)):
            items = train.items[begin:end]
            known = items[items >= 0].tolist()
            if known:
                visits[number] = (known, [int(second[number])] * len(known))
        self.peer_ = wsknn.WSKNN(
            number_of_recommendations=len(train.catalog.names), number_of_neighbors=self.neighbours,
            sampling_strategy="recent", sample_size=self.sample, weighting_func=self.similarity,
            ranking_strategy=self.decay,
        )  # fmt: skip
        self.peer_.fit(visits)
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.zeros((len(questions), len(self.catalog_.names)), np.float32)
        first = first_views(visits, questions)
        for number, (begin, end) in enumerate(zip(first, questions, strict=True)):
            history = visits.items[begin:end]
            known = history[history >= 0].tolist()
            for item, score in (known and self.peer_.recommend([known, list(range(len(known)))])) or ():
                out[number, item] = score
        return out


class Truth:
    """The demo shop's own chances, from the whole log up to the last look.

    Args:
        rows: the simulator's rows.
        at: (n,) the row behind each view that will be asked about.
    """

    def __init__(self, rows: Rows, at: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        self.rows = rows
        self.at = at
        number = {name: place for place, name in enumerate(shop_items()["item_id"])}
        self.columns = np.array([number[name] for name in names])

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items): chances, given that one of the items comes."""
        chance = next_look(self.rows, self.at[questions - 1])[:, self.columns]
        return (chance / chance.sum(axis=1, keepdims=True)).astype(np.float32)
