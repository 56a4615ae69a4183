"""One row through a graph, beside ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from buysignal.models import conversion, revenue
from buysignal.models.onnx import export_conversion, export_revenue
from buysignal.models.runtime import Graph
from buysignal.serve.one_graph import compiled
from made import CHANNELS, NAMES, made_samples

CATEGORIES = {"channel": CHANNELS}
HARD = np.array([np.nan, -np.inf, np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 99.0, 1e30], np.float32)


def rows(width: int) -> np.ndarray:
    """Rows of ordinary and of hard cells."""
    rng = np.random.default_rng(1)
    X = made_samples(200, seed=9, gaps=0.2).X
    hard = rng.choice(HARD, (200, width))
    return np.vstack([X, np.where(rng.random(hard.shape) < 0.3, hard, X)]).astype(np.float32)


@pytest.mark.parametrize(
    "model", ["logistic_regression", "xgboost", "decision_tree", "extra_trees", "hist_gradient_boosting"]
)
def test_classifiers_answer_as_onnx_runtime_does(model: str) -> None:
    samples = made_samples(1_000)
    made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=[model])[model]
    stored = export_conversion(made.fit(samples.X, samples.y), samples.X)
    graph = Graph(stored.parts["model"])
    ask = compiled(graph)
    assert ask is not None
    X = rows(graph.width)
    told = graph(X)
    known = np.isfinite(told).all(axis=1)
    assert known.sum() > 200
    found = np.array([ask(row) for row in X])
    np.testing.assert_allclose(found[known, 1], told[known, -1], rtol=1e-12, atol=1e-12)
    if told.shape[1] == 2:
        np.testing.assert_allclose(found[known, 0], told[known, 0], rtol=1e-12, atol=1e-12)


def test_a_linear_amount_is_one_short_graph_and_answers_as_onnx_runtime_does() -> None:
    import onnx

    samples = made_samples(1_000)
    made = revenue.candidates(NAMES, CATEGORIES, fast=True)
    name = next(name for name in made if "linear" in name)
    stored = export_revenue(made[name].fit(samples.X, samples.revenue), samples.X)
    for part, content in stored.parts.items():
        assert len(onnx.load_from_string(content).graph.node) < 25, part
        graph = Graph(content)
        ask = compiled(graph)
        assert ask is not None
        X = rows(graph.width)
        told = graph(X)[:, 0]
        known = np.isfinite(told)
        assert known.sum() > 200
        found = np.array([ask(row)[1] for row in X])
        np.testing.assert_allclose(found[known], told[known], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", ["mlp", "random_forest"])
def test_layers_and_trees_behind_other_steps_are_asked_through_onnx_runtime(model: str) -> None:
    samples = made_samples(400)
    made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=[model])[model]
    stored = export_conversion(made.fit(samples.X, samples.y), samples.X)
    assert compiled(Graph(stored.parts["model"])) is None
