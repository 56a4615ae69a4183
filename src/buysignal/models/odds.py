"""The probability a fitted classifier gives, taken at the place where it is most exact.

A float32 probability next to 1 has lost the digits of its distance from 1, and calibration may stretch
just that distance. So whoever computes log odds is asked for log odds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def probability(estimator: Any, X: npt.NDArray[np.float32]) -> Floats:
    """Return P(y = 1), shape (n,), of a fitted classifier; 0 or 1 where it saw one class only."""
    classes = list(estimator.classes_)
    if len(classes) == 1:
        return np.full(len(X), float(classes[0]))
    before, last = parts(estimator)
    values: Any = X
    for step in before:
        values = step.transform(values)
    odds = log_odds(last, values)
    if odds is not None:
        return sigmoid(odds)
    return np.asarray(last.predict_proba(values)[:, classes.index(1)], dtype=np.float64)


def parts(estimator: Any) -> tuple[list[Any], Any]:
    """Return the transformers of a pipeline (its resampler is for training only) and its model."""
    from sklearn.pipeline import Pipeline

    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    last = steps[-1]
    last = getattr(last, "estimator_", last) if type(last).__name__ == "ClassWeighted" else last
    return [step for step in steps[:-1] if not hasattr(step, "fit_resample")], last


def log_odds(model: Any, values: Any) -> Floats | None:
    """Return a model's log odds (n,); None for models that average probabilities."""
    kind = type(model).__name__
    if kind == "XGBClassifier":
        return np.asarray(model.predict(values, output_margin=True), np.float64)
    if kind in ("MLPClassifier", "TabularNetwork"):
        return _mlp(model, values)
    if kind in ("SequenceClassifier", "StackedClassifier"):
        return np.asarray(model.log_odds(values), np.float64)
    if kind in ("LogisticRegression", "HistGradientBoostingClassifier"):
        return np.asarray(model.decision_function(values), np.float64)
    return None


def sigmoid(odds: Floats) -> Floats:
    """Return 1 / (1 + e^-odds) without overflow.

    >>> sigmoid(np.array([0.0, -1000.0]))
    array([0.5, 0. ])
    """
    small = np.exp(-np.abs(odds))
    return np.where(odds >= 0, 1 / (1 + small), small / (1 + small))


def _mlp(model: Any, values: Any) -> Floats:
    """The layers of a rectifier network up to, not including, its last squashing."""
    layer = values
    for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        layer = np.maximum(np.asarray(layer @ weights) + bias, 0)
    return np.asarray(layer @ model.coefs_[-1] + model.intercepts_[-1], np.float64).ravel()
