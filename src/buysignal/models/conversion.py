"""Candidates that answer yes or no: will it happen, and how sure is that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from buysignal.errors import SamplesError
from buysignal.models.imbalance import IMBALANCE, ClassWeighted, Imbalance, make_sampler
from buysignal.models.odds import probability
from buysignal.models.preprocess import (
    Categories,
    Impute,
    column_positions,
    make_choice,
    make_encode,
    make_levels,
    make_preprocess,
)
from buysignal.samples import Samples, StepLayout

__all__ = [
    "IMBALANCE", "MODELS", "NETWORK", "ROW_CAP", "SEQUENCE_MODELS", "SoftVote", "candidates", "probability",
    "scores", "search",
]  # fmt: skip

MODELS = (
    "logistic_regression",
    "decision_tree",
    "random_forest",
    "extra_trees",
    "hist_gradient_boosting",
    "xgboost",
    "mlp",
)
"""All there are; `DEFAULT_MODELS` leave out two more kinds of trees that pay on small tables."""

DEFAULT_MODELS = ("logistic_regression", "decision_tree", "random_forest", "xgboost", "mlp")

NETWORK = "tabular_network"
"""A larger network on the same columns; joins with the extra ``deep`` alone."""

SEQUENCE_MODELS = ("gru", "transformer", "stacked_gru")
"""Networks on the last events in their order, and trees on the columns and what the network made of these;
they read rows of ``Samples.with_steps`` and join with the extra ``deep``."""

ROW_CAP = {
    "random_forest": 60_000, "extra_trees": 60_000, "mlp": 60_000, "logistic_regression": 100_000,
    NETWORK: 200_000, "gru": 200_000, "transformer": 200_000, "stacked_gru": 400_000,
}  # fmt: skip
"""Training rows of the slow models; more are thinned by drawing whole sessions (or visitors)."""

AT_ONCE = 50_000

_ENCODED = {"logistic_regression", "mlp", NETWORK}
"""Models that need one-hot and scaled columns; the trees keep missing values and read raw codes."""

_LEVELS = {"random_forest"}
"""... but for the forest, which gets short codes one-hot."""


def candidates(
    names: Sequence[str],
    categories: Categories,
    *,
    imbalance: Imbalance = "none",
    impute: Impute = "median",
    seed: int = 0,
    fast: bool = False,
    models: Sequence[str] = DEFAULT_MODELS,
    keep: Sequence[str] | None = None,
    steps: StepLayout | None = None,
) -> dict[str, BaseEstimator]:
    """Return unfitted classifiers by name; each takes (n, f) float32 X as in `Samples`.

    ``imbalance`` stands inside the pipeline, so that resampling never sees a row that is judged.
    SMOTE needs gapless columns, so with it trees too impute (``impute``). ``keep`` names the columns that
    are read, where not all are (without resampling). ``steps`` is what `SEQUENCE_MODELS` find beside X.

    >>> list(candidates(["clicks"], {}))
    ['logistic_regression', 'decision_tree', 'random_forest', 'xgboost', 'mlp']
    """
    return {
        name: _sequence(name, len(names), steps, seed, fast)
        if name in SEQUENCE_MODELS
        else _pipeline(
            name, names, categories, imbalance=imbalance, impute=impute, seed=seed, fast=fast, keep=keep
        )
        for name in models
    }


def _sequence(name: str, features: int, steps: StepLayout | None, seed: int, fast: bool) -> Any:
    from imblearn.pipeline import Pipeline

    from buysignal.models.sequence import SequenceClassifier
    from buysignal.models.sequence_stacked import StackedClassifier

    if steps is None:
        raise SamplesError(f"'{name}' reads the order of events", allowed="prefix samples of events")
    body = "transformer" if name == "transformer" else "gru"
    network = SequenceClassifier(steps, features, body=body, epochs=3 if fast else 12, seed=seed)
    model = StackedClassifier(network, _xgboost(seed, fast)) if name == "stacked_gru" else network
    return Pipeline([("model", model)])


def _pipeline(
    name: str,
    names: Sequence[str],
    categories: Categories,
    *,
    imbalance: Imbalance,
    impute: Impute,
    seed: int,
    fast: bool,
    keep: Sequence[str] | None,
) -> Any:
    from imblearn.pipeline import Pipeline

    numeric, categorical = column_positions(names, categories)
    after = list(range(len(numeric), len(names)))
    sampler = make_sampler(imbalance, after if imbalance == "smote" else categorical, seed)
    steps: list[tuple[str, Any]] = []
    if imbalance == "smote":
        steps.append(
            ("impute", make_preprocess(names, categories, impute=impute, scale=False, one_hot=False))
        )
        steps.append(("sample", sampler))
        if name in _ENCODED:
            steps.append(("encode", make_encode(names, categories)))
        elif name in _LEVELS and categories:
            steps.append(("levels", make_levels([names[i] for i in (*numeric, *categorical)], categories)))
    else:
        if sampler is not None:
            steps.append(("sample", sampler))
        if name in _ENCODED:
            steps.append(("preprocess", make_preprocess(names, categories, impute=impute, keep=keep)))
        elif keep is not None:
            steps.append(("choice", make_choice(names, keep)))
        elif name in _LEVELS and categories:
            steps.append(("levels", make_levels(names, categories)))
    steps.append(("model", _model(name, seed, fast, balanced=imbalance == "class_weight")))
    return Pipeline(steps)


def _model(name: str, seed: int, fast: bool, balanced: bool) -> Any:
    weight = "balanced" if balanced else None
    if name == "logistic_regression":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=1.0, max_iter=200, class_weight=weight)
    if name == "decision_tree":
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(min_samples_leaf=10, class_weight=weight, random_state=seed)
    if name in ("random_forest", "extra_trees"):
        from sklearn import ensemble

        kind = "RandomForestClassifier" if name == "random_forest" else "ExtraTreesClassifier"
        return getattr(ensemble, kind)(
            n_estimators=60 if fast else 150,
            min_samples_leaf=5,
            max_leaf_nodes=1_000,
            class_weight=weight,
            n_jobs=2,
            random_state=seed,
        )
    if name == "hist_gradient_boosting":
        return _hist_gradient_boosting(seed, fast, weight)
    if name == NETWORK:
        return _network(seed, fast, weight)
    made = _xgboost(seed, fast) if name == "xgboost" else _mlp(seed, fast)
    return ClassWeighted(made) if balanced else made


def _hist_gradient_boosting(seed: int, fast: bool, weight: str | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=100 if fast else 250,
        learning_rate=0.08 if fast else 0.03,
        max_leaf_nodes=12,
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        class_weight=weight,
        random_state=seed,
    )


def _xgboost(seed: int, fast: bool) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=100 if fast else 250,
        learning_rate=0.12 if fast else 0.06,
        max_depth=5,
        min_child_weight=5,
        subsample=0.8,
        colsample_bytree=0.7,
        tree_method="hist",
        n_jobs=2,
        random_state=seed,
    )


def _mlp(seed: int, fast: bool) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(32, 16),
        alpha=1e-3,
        batch_size=256,
        learning_rate_init=2e-3,
        max_iter=6 if fast else 20,
        n_iter_no_change=3,
        random_state=seed,
    )


def _network(seed: int, fast: bool, weight: str | None) -> Any:
    from buysignal.models.deep_tabular import TabularNetwork

    return TabularNetwork(epochs=4 if fast else 30, class_weight=weight, seed=seed)


def inputs(name: str, samples: Samples, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return what the candidate ``name`` reads of ``rows`` (m,): X, or X with the last events beside it."""
    return samples.with_steps(rows) if name in SEQUENCE_MODELS else samples.X[rows]


def scores(
    name: str, estimator: Any, samples: Samples, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return P(yes) of ``rows``, shape (m,), by a fitted candidate."""
    if name not in SEQUENCE_MODELS:
        return probability(estimator, samples.X[rows])
    # Rows with all their last events are wide: a block at a time.
    parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
    return np.concatenate(
        [probability(estimator, samples.with_steps(part)) for part in parts] or [np.zeros(0)]
    )


GRID: dict[str, list[dict[str, Any]]] = {
    "logistic_regression": [{"C": 0.03}, {"C": 0.3}, {"C": 3.0}],
    "decision_tree": [
        {"min_samples_leaf": 10},
        {"min_samples_leaf": 40},
        {"min_samples_leaf": 100},
        {"min_samples_leaf": 100, "max_depth": 5},
    ],
    "random_forest": [
        {"min_samples_leaf": 5},
        {"min_samples_leaf": 10, "max_features": 0.4},
        {"min_samples_leaf": 25},
    ],
    "extra_trees": [
        {"min_samples_leaf": 4, "max_features": 0.5},
        {"min_samples_leaf": 6, "max_features": None},
        {"min_samples_leaf": 15, "max_features": 0.5},
    ],
    "hist_gradient_boosting": [
        {"max_leaf_nodes": 6},
        {"max_leaf_nodes": 12},
        {"max_leaf_nodes": 24, "min_samples_leaf": 40},
    ],
    "xgboost": [
        {"max_depth": 3, "min_child_weight": 10, "learning_rate": 0.05},
        {"max_depth": 4, "min_child_weight": 20, "learning_rate": 0.03},
        {
            "max_depth": 6,
            "learning_rate": 0.02,
            "n_estimators": 300,
            "subsample": 0.7,
            "colsample_bytree": 0.6,
            "reg_lambda": 5.0,
        },
        {"max_depth": 7, "learning_rate": 0.08},
    ],
    "mlp": [{"alpha": 1e-3}, {"alpha": 1.0}],
}
"""The settings `search` tries, by model: at most four, chosen beforehand."""


SEARCH_TREES = {"random_forest": 50, "extra_trees": 50}
"""Trees while settings are compared: a third of them rank the settings alike in a third of the time.
Boosted trees keep all of theirs, as their number belongs to the learning rate."""


@dataclass(frozen=True)
class Found:
    """What `search` chose for one model, and the log loss of every setting on the inner judges."""

    params: dict[str, Any]
    losses: list[tuple[dict[str, Any], float]]


def search(
    name: str,
    estimator: Any,
    X: npt.NDArray[np.float32],
    y: npt.NDArray[np.int8],
    fit: npt.NDArray[np.int64],
    judge: npt.NDArray[np.int64],
) -> tuple[Any, Found]:
    """Return a clone of ``estimator`` with the setting of `GRID` that has the least log loss.

    ``fit`` and ``judge`` are positions among training rows only (`splits.inner_split`). Scores are
    calibrated in slope and level first, so that resampling does not count as an error.
    """
    from buysignal.metrics import conversion_metrics
    from buysignal.models.calibration import fit_calibration

    few = {"n_estimators": SEARCH_TREES[name]} if name in SEARCH_TREES else {}
    losses = []
    for params in GRID.get(name, []):
        trial = set_params(clone(estimator), params | few)
        trial.fit(X[fit], y[fit])
        p = probability(trial, X[judge])
        loss = conversion_metrics(y[judge], fit_calibration(p, y[judge]).apply(p))["log_loss"]
        losses.append((params, float(loss)))
    if not losses:
        return clone(estimator), Found({}, [])
    best = min(losses, key=lambda pair: pair[1])[0]
    return set_params(clone(estimator), best), Found(best, losses)


def set_params(pipeline: Any, params: Mapping[str, Any]) -> Any:
    """Set parameters of the pipeline's last step, under its class weights where it has them."""
    inner = "model__estimator__" if isinstance(pipeline[-1], ClassWeighted) else "model__"
    return pipeline.set_params(**{inner + key: value for key, value in params.items()})


def settings_of(name: str, chosen: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of a sequence model: those found for plain trees, where it ends in trees."""
    if name in chosen:
        return dict(chosen[name])
    booster = chosen.get("xgboost", {}) if name == "stacked_gru" else {}
    return {f"booster__{key}": value for key, value in booster.items()}


class SoftVote(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The weighted mean of the members' probabilities.

    Args:
        members: (name, estimator) pairs.
        weights: one per member; equal where None.
        prefit: members are fitted already; ``fit`` keeps them as they are.
    """

    def __init__(
        self,
        members: list[tuple[str, Any]],
        weights: list[float] | None = None,
        prefit: bool = False,
    ) -> None:
        self.members = members
        self.weights = weights
        self.prefit = prefit

    def fit(self, X: Any = None, y: Any = None) -> SoftVote:
        self.members_ = [
            (name, member if self.prefit else clone(member).fit(X, y)) for name, member in self.members
        ]
        weights = np.ones(len(self.members_)) if self.weights is None else np.asarray(self.weights, float)
        self.weights_ = weights / weights.sum()
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: Any) -> Any:
        p = sum(w * probability(m, X) for w, (_, m) in zip(self.weights_, self.members_, strict=True))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> Any:
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int8)
