"""Ways to treat a rare class; each acts on training rows only, inside the pipeline."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone

Imbalance = Literal["none", "class_weight", "smote", "undersample"]
IMBALANCE: tuple[Imbalance, ...] = ("none", "class_weight", "smote", "undersample")

SMOTE_SEEDS = 3_000
"""SMOTE searches neighbours among at most this many rows of the rare class, drawn at random."""


class ClassWeighted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fits ``estimator`` with balanced sample weights, for estimators without ``class_weight``."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> ClassWeighted:
        from sklearn.utils.class_weight import compute_sample_weight

        weights = compute_sample_weight("balanced", y).astype(np.float32)
        self.estimator_ = clone(self.estimator).fit(X, y, sample_weight=weights)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)


def make_sampler(imbalance: Imbalance, categorical: list[int], seed: int) -> Any:
    """Return the imbalanced-learn sampler of ``imbalance``; None where it needs none."""
    if imbalance == "undersample":
        from imblearn.under_sampling import RandomUnderSampler

        return RandomUnderSampler(random_state=seed)
    if imbalance == "smote":
        from imblearn import FunctionSampler

        return FunctionSampler(
            func=smote_capped, kw_args={"categorical": categorical, "seed": seed}, validate=False
        )
    return None


def smote_capped(
    X: npt.NDArray[Any], y: npt.NDArray[Any], categorical: list[int], seed: int, seeds: int = SMOTE_SEEDS
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the rows with synthetic ones of the rare class behind them, both classes equally many.

    SMOTE, or SMOTE-NC where there are ``categorical`` columns (Chawla et al. 2002), from at most
    ``seeds`` random rows of the rare class: the neighbour search is quadratic in them. Fewer than
    two rare rows cannot be interpolated; then the rows come back as they are.
    """
    counts = np.bincount(y, minlength=2)
    rare = int(np.argmin(counts))
    missing = int(counts.max() - counts.min())
    if counts[rare] < 2 or missing == 0:
        return X, y
    rng = np.random.default_rng(seed)
    rare_rows = np.flatnonzero(y == rare)
    drawn = rng.choice(rare_rows, size=min(seeds, len(rare_rows)), replace=False)
    others = np.flatnonzero(y != rare)[:2]
    base = np.concatenate([drawn, others])
    sampler = _smote(X.shape[1], categorical, rare, len(drawn) + missing, min(5, len(drawn) - 1), seed)
    made, labels = sampler.fit_resample(X[base], y[base])
    new = made[len(base) :].astype(X.dtype)
    return np.vstack([X, new]), np.concatenate([y, labels[len(base) :]])


def _smote(width: int, categorical: list[int], rare: int, target: int, neighbours: int, seed: int) -> Any:
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    shared = {"sampling_strategy": {rare: target}, "k_neighbors": neighbours, "random_state": seed}
    if not categorical:
        return SMOTE(**shared)
    if len(categorical) == width:
        return SMOTEN(**shared)
    return SMOTENC(categorical_features=categorical, **shared)
