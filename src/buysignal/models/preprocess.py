"""What stands between the raw columns of `Samples` and an estimator: imputing, one-hot, scaling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Impute = Literal["mean", "median", "mode"]
IMPUTE: tuple[Impute, ...] = ("mean", "median", "mode")
Categories = Mapping[str, tuple[str, ...]]

MOST_LEVELS = 400
"""Rarer levels of a categorical column than the 400 most frequent share the all-zero code."""

FEW_LEVELS = 30

_STRATEGY = {"mean": "mean", "median": "median", "mode": "most_frequent"}


class SkewLog(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """log1p of the columns that are never negative and have a long right tail; others unchanged.

    Counts, seconds and money are such. A skewness above ``limit`` on the rows of ``fit`` decides;
    columns that stay below 5 are left alone, where a log is nearly a line.
    """

    def __init__(self, limit: float = 2.0) -> None:
        self.limit = limit

    def fit(self, X: Any, y: Any = None) -> SkewLog:
        values = np.asarray(X, dtype=np.float64)
        low, high = values.min(axis=0, initial=0), values.max(axis=0, initial=0)
        self.mask_ = (low >= 0) & (high >= 5) & (skewness(values) > self.limit)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        values = np.array(X, dtype=np.float32)
        values[:, self.mask_] = np.log1p(np.maximum(values[:, self.mask_], 0))
        return values


def skewness(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the skewness of each column (n, c) without gaps; 0 where a column does not vary.

    >>> skewness(np.array([[0.0, 1.0], [0.0, 1.0], [3.0, 1.0]])).round(3)
    array([0.707, 0.   ])
    """
    away = values - values.mean(axis=0)
    spread = values.std(axis=0)
    varies = spread > 1e-9 * (1 + np.abs(values).max(axis=0, initial=0))
    return np.where(varies, (away * away * away).mean(axis=0) / np.where(varies, spread, 1) ** 3, 0.0)


def make_preprocess(
    names: Sequence[str],
    categories: Categories,
    *,
    impute: Impute = "median",
    scale: bool = True,
    one_hot: bool = True,
    keep: Collection[str] | None = None,
) -> ColumnTransformer:
    """Return the transformer of raw (n, f) float32 columns; numeric ones first, then categorical.

    Of ``keep`` alone where it is given; other columns are dropped.

    Numeric columns are imputed, long tails are logged, and scaled to unit variance. Categorical
    codes become one-hot columns (a missing or unseen level is all zero), or stay codes with -1 for
    missing where ``one_hot`` is false.
    """
    numeric, categorical = (
        [i for i in positions if keep is None or names[i] in keep]
        for positions in column_positions(names, categories)
    )
    impute_numeric = SimpleImputer(strategy=_STRATEGY[impute], keep_empty_features=True)
    steps: list[tuple[str, Any]] = [("impute", impute_numeric)]
    if scale:
        steps += [("log", SkewLog()), ("scale", StandardScaler())]
    parts: list[tuple[str, Any, list[int]]] = []
    if numeric:
        parts.append(("numeric", Pipeline(steps), numeric))
    if categorical:
        coding = [("impute", SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True))]
        if one_hot:
            sizes = [len(categories[names[i]]) for i in categorical]
            coding.append(("one_hot", _one_hot(sizes)))
        parts.append(("categorical", Pipeline(coding), categorical))
    return ColumnTransformer(parts)


def make_choice(names: Sequence[str], keep: Collection[str]) -> ColumnTransformer:
    """Return the transformer that passes the columns ``keep`` as they are, gaps included, and no other."""
    chosen = [i for i, name in enumerate(names) if name in keep]
    return ColumnTransformer([("chosen", "passthrough", chosen)], sparse_threshold=0.0)


def make_encode(names: Sequence[str], categories: Categories) -> ColumnTransformer:
    """Return the second half alone, for columns that `make_preprocess(scale=False, one_hot=False)` left.

    Resampling stands between the two halves: it needs numbers without gaps, and codes that are codes.
    """
    numeric, categorical = column_positions(names, categories)
    sizes = [len(categories[names[i]]) for i in categorical]
    width = len(numeric)
    parts: list[tuple[str, Any, list[int]]] = []
    if numeric:
        parts.append(
            ("numeric", Pipeline([("log", SkewLog()), ("scale", StandardScaler())]), list(range(width)))
        )
    if categorical:
        parts.append(("categorical", _one_hot(sizes), list(range(width, width + len(categorical)))))
    return ColumnTransformer(parts)


def make_levels(names: Sequence[str], categories: Categories) -> ColumnTransformer:
    """Return the transformer that turns codes of at most `FEW_LEVELS` levels into one-hot columns.

    Everything else passes as it is, gaps and long codes included. A forest that averages deep trees
    finds single levels more easily in columns of their own.
    """
    few = [i for i, name in enumerate(names) if 0 < len(categories.get(name, ())) <= FEW_LEVELS]
    others = [i for i in range(len(names)) if i not in few]
    parts: list[tuple[str, Any, list[int]]] = [("others", "passthrough", others)] if others else []
    if few:
        coding = [("impute", SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True))]
        coding.append(("one_hot", _one_hot([len(categories[names[i]]) for i in few], sparse=False)))
        parts.append(("levels", Pipeline(coding), few))
    return ColumnTransformer(parts, sparse_threshold=0.0)


def column_positions(names: Sequence[str], categories: Categories) -> tuple[list[int], list[int]]:
    """Return positions of the numeric and of the categorical columns."""
    numeric = [i for i, name in enumerate(names) if name not in categories]
    return numeric, [i for i, name in enumerate(names) if name in categories]


def _one_hot(sizes: Sequence[int], sparse: bool = True) -> OneHotEncoder:
    levels = [np.arange(max(1, min(size, MOST_LEVELS)), dtype=np.float32) for size in sizes]
    return OneHotEncoder(categories=levels, handle_unknown="ignore", dtype=np.float32, sparse_output=sparse)
