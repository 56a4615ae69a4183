"""Learning to rank: gradient-boosted trees weigh what counts, attributes and the visit say.

Candidates come from the counts; boosted trees with a softmax over each question's candidates order them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.models.blocks import in_blocks
from buysignal.models.next_item.base import NextItem, Scores, Stored, chunks, first_views, softmax
from buysignal.models.next_item.cross_fitted import held_out, training_rows
from buysignal.models.next_item.evidence import MIXED, describe
from buysignal.models.next_item.item_counts import ItemCounts, count_items, table_arrays, table_from
from buysignal.models.next_item.shelf import LEARNED, shelf_of, shelf_with
from buysignal.models.runtime import Graph
from buysignal.sequences import Catalog, Sequences

PLAIN_COUNTS = ("seen", "pair_keys", "recent_seen")
FLOOR = np.float32(-50.0)
"""Score below all candidates, for items that were not among them."""

LEAST_QUESTIONS = 200
"""With fewer training questions there are no trees; the mixture that proposes candidates orders them."""

Rows = npt.NDArray[np.float32]


class Ranked(NextItem):
    """Boosted trees over candidates.

    Args:
        candidates: items a question that stand for choice.
        questions: at most so many training questions, drawn evenly over the visits.
        rivals: candidates that a training question is compared with, drawn evenly.
        rounds: boosting rounds at most; fewer where questions set aside say that more do not help.
        seed: of the folds, the draws and the trees.
        threads: of the training, and of many questions at once.
    """

    def __init__(
        self,
        candidates: int = 80,
        questions: int = 100_000,
        rivals: int = 16,
        rounds: int = 300,
        learning_rate: float = 0.1,
        depth: int = 6,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.candidates = candidates
        self.questions = questions
        self.rivals = rivals
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.depth = depth
        self.seed = seed
        self.threads = threads

    def fit(self, train: Sequences, progress: Callable[[float, str], None] | None = None) -> Ranked:
        """Count, describe, boost.

        Args:
            progress: called now and then with the share done and what is being done; what it raises ends
                the training.
        """
        from buysignal.models.next_item.boosted import boost

        self.catalog_ = train.catalog
        rows, self.others_, visit = training_rows(
            train, candidates=self.candidates, rivals=self.rivals, questions=self.questions, seed=self.seed
        )
        self.graph_ = b""
        if len(rows) >= LEAST_QUESTIONS and rows.shape[1] > 1:
            apart = held_out(visit, self.seed)
            self.graph_ = boost(
                rows[~apart], rows[apart], rounds=self.rounds, settings=self._settings(), progress=progress
            )
        self.counts_ = count_items(train)
        self.shelf_ = shelf_of(train, self.counts_.ahead)
        return self._ready()

    def _settings(self) -> dict[str, Any]:
        return {
            "max_depth": self.depth, "eta": self.learning_rate, "min_child_weight": 5.0, "lambda": 2.0,
            "subsample": 0.8, "colsample_bytree": 0.7, "nthread": self.threads, "seed": self.seed,
        }  # fmt: skip

    def _ready(self) -> Ranked:
        self._trees = Graph(self.graph_) if self.graph_ else None
        frequency = (self.counts_.seen + 1.0) / (self.counts_.seen + 1.0).sum()
        self._floor = (FLOOR + np.log(frequency)).astype(np.float32)
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items); items that were no candidates stand below all that were."""
        out = np.tile(self._floor, (len(questions), 1))
        first = first_views(visits, questions)
        columns = self.candidates * 64
        for piece in chunks(np.arange(len(questions)), columns):
            chosen, rows = describe(
                self.counts_, self.shelf_, visits.items, first[piece], questions[piece], self.candidates
            )
            margin = self._margin(rows.reshape(-1, rows.shape[2])).reshape(chosen.shape)
            out[piece[:, None], chosen] = margin
        return out

    def _margin(self, rows: Rows) -> Rows:
        if self._trees is None:
            return rows[:, MIXED]
        trees = self._trees
        return in_blocks(lambda block: trees(block)[:, 0], rows, threads=self.threads).astype(np.float32)

    def probabilities(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items): a softmax over the candidates, the rest as it was in training."""
        scores = self.scores(visits, questions)
        other = scores <= FLOOR
        rest = np.where(other, np.exp(scores - FLOOR), 0.0)
        total = rest.sum(axis=1, keepdims=True)
        left = np.where(total > 0, self.others_, 0.0)
        inside = softmax(np.where(other, np.float32(-np.inf), scores))
        return np.asarray((1 - left) * inside + left * rest / np.where(total > 0, total, 1.0), np.float32)

    def stored(self) -> Stored:
        """Return the counts and the trees."""
        counts = self.counts_._asdict()
        arrays = {name: counts.pop(name) for name in PLAIN_COUNTS}
        for name, table in counts.items():
            arrays |= table_arrays(name, table)
        arrays |= {name: getattr(self.shelf_, name) for name in LEARNED}
        settings = {**self.get_params(), "others": self.others_}
        return Stored("ranked", settings, arrays, {"trees": self.graph_} if self.graph_ else {})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Ranked:
        """Return it with the counts and trees that were stored."""
        settings = dict(stored.settings)
        others = settings.pop("others")
        found = cls(**settings)
        parts: list[Any] = [
            stored.arrays[name] if name in PLAIN_COUNTS else table_from(name, stored.arrays)
            for name in ItemCounts._fields
        ]
        found.counts_ = ItemCounts(*parts)
        found.others_, found.catalog_ = others, catalog
        found.shelf_ = shelf_with(catalog, {name: stored.arrays[name] for name in LEARNED})
        found.graph_ = stored.graphs.get("trees", b"")
        return found._ready()
