"""Boosted trees that choose one of several rows, as ONNX: a softmax over each question's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.onnx import assert_equal, booster_graph
from buysignal.models.runtime import Graph

PROOF = 50_000
"""Rows on which the stored trees are compared with the trained ones."""

PATIENCE = 20
"""Rounds without a gain after which no more are tried."""

Rows = npt.NDArray[np.float32]
Progress = Callable[[float, str], None]


def boost(
    rows: Rows, held: Rows, *, rounds: int, settings: dict[str, Any], progress: Progress | None = None
) -> bytes:
    """Return trees that raise the first of each question's rows above the others, as ONNX.

    The loss is the cross entropy of a softmax over the rows of a question (Cao et al. 2007, "Learning to
    rank: from pairwise approach to listwise approach").

    Args:
        rows: (q, c, f); missing values are NaN.
        held: (h, c, f) questions that say when more trees help no more.
        rounds: trees at most.
        settings: XGBoost's parameters.
        progress: called now and then with the share done and what is being done; what it raises ends
            the training.

    Raises:
        BundleError: ONNX gives scores that differ from XGBoost's by more than 1e-5.
    """
    import xgboost

    size = rows.shape[1]
    flat = rows.reshape(-1, rows.shape[2])
    threads = settings["nthread"]
    data = xgboost.QuantileDMatrix(flat, label=np.zeros(len(flat), np.float32), nthread=threads)
    apart = held.reshape(-1, rows.shape[2])
    test = xgboost.QuantileDMatrix(apart, label=np.zeros(len(apart), np.float32), nthread=threads, ref=data)
    fixed = {"tree_method": "hist", "base_score": 0.0, "disable_default_eval_metric": 1}
    booster = xgboost.train(
        {**fixed, **settings}, data, rounds, obj=_first_of(size), callbacks=_told(rounds, progress),
        evals=[(test, "held")], custom_metric=_cost_of(size), early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )  # fmt: skip
    booster = booster[: booster.best_iteration + 1]
    made = booster_graph(booster, rows.shape[2])
    made.graph.name = "trees"  # drawn at random otherwise, and no two bundles would have the same hash
    graph = bytes(made.SerializeToString())
    some = np.ascontiguousarray(flat[:: max(1, len(flat) // PROOF)])
    theirs = booster.inplace_predict(some, predict_type="margin")
    assert_equal(float(np.abs(Graph(graph)(some)[:, 0] - theirs).max(initial=0.0)), "scores")
    return graph


def _told(rounds: int, progress: Progress | None) -> list[Any]:
    from xgboost.callback import TrainingCallback

    if progress is None:
        return []
    tell = progress

    class Told(TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            tell((epoch + 1) / rounds, "boosting")
            return False

    return [Told()]


def _cost_of(size: int) -> Callable[[Rows, Any], tuple[str, float]]:
    def metric(margin: Rows, data: Any) -> tuple[str, float]:
        each = margin.reshape(-1, size).astype(np.float64)
        return "cost", float((np.logaddexp.reduce(each, axis=1) - each[:, 0]).mean())

    return metric


def _first_of(size: int) -> Callable[[Rows, Any], tuple[Rows, Rows]]:
    def objective(margin: Rows, data: Any) -> tuple[Rows, Rows]:
        slope, bend = np.empty(len(margin), np.float32), np.empty(len(margin), np.float32)
        _slopes(margin.reshape(-1, size), slope.reshape(-1, size), bend.reshape(-1, size))
        return slope, bend

    return objective


@njit(cache=True)
def _slopes(margin: Rows, slope: Rows, bend: Rows) -> None:
    for q in range(len(margin)):
        raised = np.exp(margin[q] - margin[q].max())
        chance = raised / raised.sum()
        slope[q] = chance
        slope[q, 0] -= np.float32(1.0)
        bend[q] = np.maximum(chance * (1 - chance), np.float32(1e-6))
