"""Candidates that answer how much: expected revenue, and expected log1p revenue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin, clone

from buysignal.models.preprocess import Categories, Impute, make_preprocess

MODELS = ("mean", "linear", "ridge", "lasso", "gradient_boosting", "two_part")

ROW_CAP = {"linear": 100_000, "ridge": 100_000, "lasso": 60_000}
"""Training rows of the slower models; more are thinned by drawing whole sessions (or visitors)."""

LINEAR = ("linear", "ridge", "lasso")

GRID: dict[str, list[dict[str, Any]]] = {
    "ridge": [{"strength": 0.1}, {"strength": 10.0}, {"strength": 1000.0}],
    "lasso": [{"strength": 1e-4}, {"strength": 1e-3}, {"strength": 1e-2}],
    "gradient_boosting": [{"depth": 3}, {"depth": 5}, {"depth": 8}],
    "two_part": [{"depth": 3}, {"depth": 5}],
}
"""The settings the search tries, by model."""

Floats = npt.NDArray[np.float64]


def candidates(
    names: Sequence[str],
    categories: Categories,
    *,
    impute: Impute = "median",
    seed: int = 0,
    fast: bool = False,
    models: Sequence[str] = MODELS,
) -> dict[str, BaseEstimator]:
    """Return unfitted regressors by name; each takes (n, f) float32 X as in `Samples`.

    ``fit(X, revenue)`` takes amounts ≥ 0 in currency; ``predict`` returns expected amounts ≥ 0 and
    ``predict_log1p`` the expected log1p amount, which is what ``rmse_log1p`` is measured on.
    """
    shared: dict[str, Any] = {
        "names": tuple(names),
        "categories": dict(categories),
        "impute": impute,
        "seed": seed,
        "fast": fast,
    }
    return {
        name: TwoPart(**shared) if name == "two_part" else AmountModel(kind=name, **shared) for name in models
    }


class AmountModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """One regressor for the amount and one of the same kind for its log1p.

    Args:
        kind: mean, linear, ridge, lasso or gradient_boosting.
        strength: ridge's penalty; for lasso the penalty over the standard deviation of the target.
        depth: depth of the boosted trees.
    """

    def __init__(
        self,
        kind: str = "ridge",
        names: tuple[str, ...] = (),
        categories: dict[str, tuple[str, ...]] | None = None,
        impute: Impute = "median",
        seed: int = 0,
        fast: bool = False,
        strength: float | None = None,
        depth: int = 6,
    ) -> None:
        self.kind = kind
        self.names = names
        self.categories = categories
        self.impute = impute
        self.seed = seed
        self.fast = fast
        self.strength = strength
        self.depth = depth

    def fit(self, X: Any, y: Any) -> AmountModel:
        amounts = np.asarray(y, dtype=np.float64)
        self.amount_, self.log_ = self._fitted(X, amounts, np.log1p(amounts))
        return self

    def fit_log1p(self, X: Any, y: Any) -> AmountModel:
        """Fit what ``predict_log1p`` needs alone, which is what a search judges by."""
        (self.log_,) = self._fitted(X, np.log1p(np.asarray(y, dtype=np.float64)))
        return self

    def predict(self, X: Any) -> Floats:
        return np.maximum(np.asarray(self.amount_.predict(X), np.float64), 0)

    def predict_log1p(self, X: Any) -> Floats:
        return np.maximum(np.asarray(self.log_.predict(X), np.float64), 0)

    def _fitted(self, X: Any, *targets: Floats) -> list[Any]:
        """One regressor per target; linear ones read the same prepared columns, prepared once."""
        if self.kind not in LINEAR:
            return [self._regressor(target).fit(X, target) for target in targets]
        from sklearn.pipeline import Pipeline

        before = make_preprocess(self.names, self.categories or {}, impute=self.impute)
        columns = before.fit_transform(X)
        return [
            Pipeline([("preprocess", before), ("model", self._regressor(target).fit(columns, target))])
            for target in targets
        ]

    def _regressor(self, target: Floats) -> Any:
        if self.kind == "mean":
            from sklearn.dummy import DummyRegressor

            return DummyRegressor()
        if self.kind == "gradient_boosting":
            return boosted("XGBRegressor", self.depth, self.seed, self.fast)
        return self._linear(float(target.std()) or 1.0)

    def _linear(self, spread: float) -> Any:
        from sklearn import linear_model

        if self.kind == "linear":
            return linear_model.LinearRegression()
        if self.kind == "ridge":
            return linear_model.Ridge(alpha=1.0 if self.strength is None else self.strength)
        share = 1e-4 if self.strength is None else self.strength
        # The Gram matrix makes a sweep cost columns squared instead of rows times columns.
        return linear_model.Lasso(alpha=share * spread, max_iter=300, tol=1e-3, precompute=True)


class TwoPart(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """P(buy) × E[amount | buy] (Duan, Manning, Morris & Newhouse 1983).

    Boosted trees answer whether there is an amount, a ridge how large its log1p is among the rows
    that have one; Duan's smearing (1983) brings that back to currency. Log forecasts stay within the
    range seen in training.
    """

    def __init__(
        self,
        names: tuple[str, ...] = (),
        categories: dict[str, tuple[str, ...]] | None = None,
        impute: Impute = "median",
        seed: int = 0,
        fast: bool = False,
        depth: int = 4,
        strength: float = 30.0,
    ) -> None:
        self.names = names
        self.categories = categories
        self.impute = impute
        self.seed = seed
        self.fast = fast
        self.depth = depth
        self.strength = strength

    def fit(self, X: Any, y: Any) -> TwoPart:
        from sklearn.dummy import DummyClassifier
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import Pipeline

        amounts = np.asarray(y, dtype=np.float64)
        some = amounts > 0
        if some.all() or not some.any():
            self.buy_ = DummyClassifier(strategy="prior").fit(X, some.astype(np.int8))
        else:
            self.buy_ = boosted("XGBClassifier", self.depth, self.seed, self.fast)
            self.buy_.fit(X, some.astype(np.int8))
        rows = some if some.any() else np.ones(len(amounts), dtype=bool)
        before = make_preprocess(self.names, self.categories or {}, impute=self.impute)
        logs = np.log1p(amounts[rows])
        self.log_ = Pipeline([("preprocess", before), ("model", Ridge(alpha=self.strength))])
        self.log_.fit(X[rows], logs)
        self.range_ = (float(logs.min()), float(logs.max()))
        back = np.expm1(self._log_if_bought(X[rows])).sum()
        self.smear_ = float(amounts[rows].sum() / back) if back > 0 else 1.0
        return self

    def fit_log1p(self, X: Any, y: Any) -> TwoPart:
        """Fit everything: both parts are in the forecast of the log1p amount."""
        return self.fit(X, y)

    def predict(self, X: Any) -> Floats:
        return self._buy(X) * self.smear_ * np.expm1(self._log_if_bought(X))

    def predict_log1p(self, X: Any) -> Floats:
        return self._buy(X) * self._log_if_bought(X)

    def _buy(self, X: Any) -> Floats:
        from buysignal.models.conversion import probability

        return probability(self.buy_, X)

    def _log_if_bought(self, X: Any) -> Floats:
        return np.clip(np.asarray(self.log_.predict(X), np.float64), *self.range_)


def boosted(kind: str, depth: int, seed: int, fast: bool) -> Any:
    """Return boosted trees (`XGBRegressor` or `XGBClassifier`) that read raw codes and gaps."""
    import xgboost

    return getattr(xgboost, kind)(
        n_estimators=100 if fast else 250,
        learning_rate=0.12 if fast else 0.05,
        max_depth=depth,
        min_child_weight=10,
        subsample=0.8,
        colsample_bytree=0.8,
        tree_method="hist",
        n_jobs=2,
        random_state=seed,
    )


def search(
    name: str,
    estimator: Any,
    X: npt.NDArray[np.float32],
    revenue: Floats,
    fit: npt.NDArray[np.int64],
    judge: npt.NDArray[np.int64],
) -> tuple[Any, dict[str, Any]]:
    """Return a clone with the setting of `GRID` that has the least rmse_log1p on ``judge``.

    ``fit`` and ``judge`` are positions among training rows only.
    """
    losses = []
    for params in GRID.get(name, []):
        trial = clone(estimator).set_params(**params).fit_log1p(X[fit], revenue[fit])
        wrong = np.log1p(revenue[judge]) - trial.predict_log1p(X[judge])
        losses.append((float((wrong**2).mean()), params))
    if not losses:
        return clone(estimator), {}
    best = min(losses, key=lambda pair: pair[0])[1]
    return clone(estimator).set_params(**best), best
