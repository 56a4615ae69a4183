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

from buysignal.models.blocks import in_blocks
from buysignal.models.next_item.base import NextItem, Scores, Stored, first_views, softmax
from buysignal.models.next_item.evidence import describe, shelf_of, shelf_with
from buysignal.models.next_item.item_counts import ItemCounts, count_items, table_arrays, table_from
from buysignal.models.runtime import Graph
from buysignal.sequences import Catalog, Sequences

FOLDS = 5
PROOF = 1_000
"""Questions on whose candidates the stored trees are compared with the trained ones."""

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
        booster = xgboost.train(settings, data, self.rounds, obj=_softmax_within(size))
        self.graph_ = _proven(booster, X[:: max(1, len(X) // PROOF)].reshape(-1, X.shape[2]))
        self.counts_, self.shelf_ = count_items(train), shelf_of(train)
        self._model = Graph(self.graph_)
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
        self.others_ = 1 - sum(map(len, hits)) / max(len(questions), 1)
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
        margin = in_blocks(
            lambda block: self._model(block)[:, 0], rows.reshape(-1, rows.shape[2]), threads=self.threads
        )
        frequency = (self.counts_.seen + 1.0) / (self.counts_.seen + 1.0).sum()
        out = np.tile((FLOOR + np.log(frequency)).astype(np.float32), (len(questions), 1))
        np.put_along_axis(
            out, chosen.astype(np.int64), margin.reshape(chosen.shape).astype(np.float32), axis=1
        )
        return out

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
        arrays = {name: counts.pop(name) for name in ("seen", "pair_keys")}
        for name, table in counts.items():
            arrays |= table_arrays(name, table)
        settings = {**self.get_params(), "others": self.others_}
        return Stored("ranked", settings, {**arrays, "lift": self.shelf_.lift}, {"trees": self.graph_})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Ranked:
        """Return it with the counts and trees that were stored."""
        settings = dict(stored.settings)
        others = settings.pop("others")
        found = cls(**settings)
        found.others_ = others
        tables = [name for name in ItemCounts._fields if name not in ("seen", "pair_keys")]
        found.counts_ = ItemCounts(
            seen=stored.arrays["seen"],
            pair_keys=stored.arrays["pair_keys"],
            **{name: table_from(name, stored.arrays) for name in tables},
        )
        found.catalog_, found.graph_ = catalog, stored.graphs["trees"]
        found.shelf_ = shelf_with(catalog, stored.arrays["lift"])
        found._model = Graph(found.graph_)
        return found


def _proven(booster: Any, rows: npt.NDArray[np.float32]) -> bytes:
    """Return the booster as ONNX, after it gave the same margins on ``rows`` (n, f)."""
    from buysignal.models.onnx import assert_equal, booster_graph

    graph = booster_graph(booster, rows.shape[1]).SerializeToString()
    theirs = booster.inplace_predict(rows, predict_type="margin")
    assert_equal(np.abs(Graph(graph)(rows)[:, 0] - theirs).max(initial=0.0), "scores")
    return graph


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
