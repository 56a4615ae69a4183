"""Learning to rank: gradient-boosted trees weigh what counts, attributes and the visit say.

Candidates come from the counts; a boosted model with a softmax over each question's candidates orders
them (the listwise loss of Cao et al. 2007, "Learning to rank: from pairwise approach to listwise
approach"). Counts are cross-fitted: what a training question reads was counted on the other visits, as a
later question will find it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.models.next_item.base import NextItem, Scores, first_views
from buysignal.models.next_item.evidence import describe, shelf_of
from buysignal.models.next_item.item_counts import count_items
from buysignal.sequences import Sequences

FOLDS = 5
FLOOR = np.float32(-50.0)
"""Score below all candidates, for items that were not among them."""


class Ranked(NextItem):
    """Boosted trees over candidates.

    Args:
        candidates: items a question that stand for choice.
        questions: at most so many training questions, drawn evenly over the visits.
        rounds: boosting rounds.
        seed: of the folds, the draw and the trees.
        threads: of the training.
    """

    def __init__(
        self,
        candidates: int = 80,
        questions: int = 100_000,
        rounds: int = 300,
        learning_rate: float = 0.1,
        depth: int = 6,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.candidates = candidates
        self.questions = questions
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.depth = depth
        self.seed = seed
        self.threads = threads

    def fit(self, train: Sequences) -> Ranked:
        """Count, describe, boost."""
        import xgboost

        self.catalog_ = train.catalog
        X, hit = self._training_rows(train)
        size = X.shape[1]
        data = xgboost.QuantileDMatrix(X.reshape(-1, X.shape[2]), label=hit.ravel(), nthread=self.threads)
        settings: dict[str, Any] = {
            "max_depth": self.depth, "eta": self.learning_rate, "min_child_weight": 5.0, "lambda": 2.0,
            "subsample": 0.8, "colsample_bytree": 0.7, "tree_method": "hist", "nthread": self.threads,
            "seed": self.seed, "base_score": 0.0, "disable_default_eval_metric": 1,
        }  # fmt: skip
        self.booster_ = xgboost.train(settings, data, self.rounds, obj=_softmax_within(size))
        self.counts_, self.shelf_ = count_items(train), shelf_of(train)
        return self

    def _training_rows(self, train: Sequences) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return evidence (q, c, f) and which candidate it was (q, c), of questions whose item is there."""
        random = np.random.default_rng(self.seed)
        fold = random.integers(0, FOLDS, train.visits)
        questions = train.questions()
        if len(questions) > self.questions:
            questions = np.sort(random.choice(questions, self.questions, replace=False))
        fold_of_question = fold[train.visit_of_view()[questions]]
        evidence, hits = [], []
        for left_out in range(FOLDS):
            others = train.only(fold != left_out)
            mine = questions[fold_of_question == left_out]
            chosen, rows = describe(
                count_items(others), shelf_of(others), train.items, first_views(train, mine), mine,
                self.candidates,
            )  # fmt: skip
            hit = chosen == train.items[mine][:, None]
            there = hit.any(axis=1)
            evidence.append(rows[there])
            hits.append(hit[there].astype(np.float32))
        return np.concatenate(evidence), np.concatenate(hits)

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items); items that were no candidates stand below all that were."""
        chosen, rows = describe(
            self.counts_,
            self.shelf_,
            visits.items,
            first_views(visits, questions),
            questions,
            self.candidates,
        )
        margin = self.booster_.inplace_predict(rows.reshape(-1, rows.shape[2]), predict_type="margin")
        out = np.full((len(questions), len(self.catalog_.names)), FLOOR, np.float32)
        np.put_along_axis(out, chosen.astype(np.int64), margin.reshape(chosen.shape), axis=1)
        return out


def _softmax_within(size: int) -> Any:
    """Return the objective: cross entropy of a softmax over each question's ``size`` candidates."""

    def objective(margin: npt.NDArray[np.float32], data: Any) -> tuple[Any, Any]:
        z = margin.reshape(-1, size)
        z = z - z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        hit = data.get_label().reshape(-1, size)
        return (p - hit).ravel(), np.maximum(p * (1 - p), 1e-6).ravel()

    return objective
