"""How the odds of an outcome move with the price, within items.

A logit with an effect for every item, so that only changes of an item's own price count, and with
effects of time and of what else was known; item effects are absorbed by weighted demeaning inside
Newton's method (Stammann, Heiss & McFadden 2016). Standard errors allow for any dependence within a
visitor (Liang & Zeger 1986). Single items are one step of Newton's method away from the pooled effect,
and are drawn back to it as far as they differ no more than chance would make them (Efron & Morris 1975).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from buysignal.errors import SamplesError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_OUTCOMES = 30
"""Fewer outcomes among looks at items of varying price say nothing about price."""
LEAST_LEFT = 0.05
"""Share of the price variation within items that time and the rest must leave unexplained."""
PRIOR_SPREAD = 0.3
"""How far the slopes of one category's items (and of categories) are thought to lie apart beforehand."""

_STEPS = 40
_TOLERANCE = 1e-8
_RIDGE = 1e-8


@dataclass(frozen=True)
class Effect:
    """Change of the log-odds per unit of log price, with its standard error."""

    slope: float
    se: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the interval."""
        half = float(stats.norm.ppf((1 + level) / 2)) * self.se
        return self.slope - half, self.slope + half


@dataclass(frozen=True, eq=False)
class WithinFit:
    """The fitted logit.

    Attributes:
        pooled: the effect common to all items.
        score: (n,) log-odds of each row at its own price.
        left: share of the price variation within items that nothing else explains.
        item_slopes: by item code: ``slope``, ``variance``, of items whose price varied.
        weight: (n,) information of each row about its item's level.
    """

    pooled: Effect
    score: Floats
    left: float
    item_slopes: pd.DataFrame
    weight: Floats


def fit_within(log_price: Floats, outcome: Floats, item: Ints, others: Floats, visitor: Ints) -> WithinFit:
    """Fit the logit to n rows.

    Args:
        log_price: (n,).
        outcome: (n,) in {0, 1}; every item has both.
        item: (n,) codes 0 .. items - 1, each of them there.
        others: (n, c) time and what else was known.
        visitor: (n,) codes.

    Raises:
        SamplesError: prices moved only together with the other columns, or too few outcomes.
    """
    groups = _Groups(item)
    _enough(log_price, outcome, groups)
    # The matrices are tall and thin: waiting for other threads takes longer than the work.
    with threadpool_limits(limits=1, user_api="blas"):
        return _fitted(log_price, outcome, groups, others, visitor)


def _fitted(log_price: Floats, outcome: Floats, groups: _Groups, others: Floats, visitor: Ints) -> WithinFit:
    X = np.column_stack([log_price, others[:, _independent(others, groups)]])
    beta, score = _newton(X, outcome, groups)
    p = 1.0 / (1.0 + np.exp(-score))
    w = p * (1.0 - p)
    rest, own = _residual(X, w, groups)
    left = float((w * rest**2).sum() / (w * own**2).sum())
    if left < LEAST_LEFT:
        raise SamplesError(
            "all prices moved at the same moments, so a change of price cannot be told from a change of time",
            allowed="prices that changed in some weeks for some items and in other weeks for others",
        )
    pulls = rest * (outcome - p)
    information = float((w * rest**2).sum())
    per_visitor = np.bincount(visitor, weights=pulls)
    se = float(np.sqrt((per_visitor**2).sum())) / information
    return WithinFit(Effect(float(beta[0]), se), score, left, _slopes(beta[0], w, rest, pulls, groups), w)


class _Groups:
    """Sums and means by item."""

    def __init__(self, code: Ints) -> None:
        self.code = code
        self.count = int(code.max()) + 1

    def sum(self, values: Floats) -> Floats:
        if values.ndim == 1:
            return np.asarray(np.bincount(self.code, weights=values, minlength=self.count), np.float64)
        return np.column_stack([self.sum(column) for column in values.T])

    def demean(self, values: Floats, w: Floats) -> Floats:
        """Return values less their weighted mean within the item."""
        total = self.sum(w)
        if values.ndim == 1:
            return values - (self.sum(w * values) / total)[self.code]
        return values - (self.sum(w[:, None] * values) / total[:, None])[self.code]


def _enough(log_price: Floats, outcome: Floats, groups: _Groups) -> None:
    moved = groups.demean(log_price, np.ones(len(log_price)))
    varied = groups.sum(moved**2)[groups.code] > 1e-9
    if outcome[varied].sum() < LEAST_OUTCOMES:
        raise SamplesError(
            f"among looks at items whose price varied there are only {int(outcome[varied].sum())} with the "
            "outcome",
            allowed=f"at least {LEAST_OUTCOMES}",
            todo="bring more weeks of data",
        )


def _independent(others: Floats, groups: _Groups) -> npt.NDArray[np.bool_]:
    """Return which columns say something beyond the item and the columns before them."""
    within = groups.demean(others, np.ones(len(others)))
    gram = within.T @ within
    size = np.diag(gram).copy()
    kept = np.zeros(others.shape[1], bool)
    for column in np.flatnonzero(size > 1e-6 * len(others) * np.maximum(others.var(axis=0), 1e-12)):
        rest = size[column]
        if kept.any():
            part = gram[np.ix_(kept, kept)]
            rest -= gram[column, kept] @ np.linalg.solve(part, gram[kept, column])
        kept[column] = rest > 1e-6 * size[column]
    return kept


def _newton(X: Floats, outcome: Floats, groups: _Groups) -> tuple[Floats, Floats]:
    """Return slopes (c,) and log-odds (n,)."""
    rate = outcome.mean()
    score = np.full(len(outcome), np.log(rate / (1.0 - rate)))
    beta = np.zeros(X.shape[1])
    before = -np.inf
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-score))
        w = np.maximum(p * (1.0 - p), 1e-10)
        target = score + (outcome - p) / w
        Xd, td = groups.demean(X, w), groups.demean(target, w)
        hessian = (Xd * w[:, None]).T @ Xd
        hessian[np.diag_indices_from(hessian)] += _RIDGE * len(outcome)
        beta = np.linalg.solve(hessian, (Xd * w[:, None]).T @ td)
        new = target - td + Xd @ beta
        likelihood = float((outcome * new - np.logaddexp(0.0, new)).sum())
        for _ in range(5):
            if likelihood >= before:
                break
            new = (new + score) / 2
            likelihood = float((outcome * new - np.logaddexp(0.0, new)).sum())
        score = new
        if likelihood - before < _TOLERANCE * abs(likelihood):
            break
        before = likelihood
    return beta, score


def _residual(X: Floats, w: Floats, groups: _Groups) -> tuple[Floats, Floats]:
    """Return the log price less all else, and less the item's mean alone, both (n,)."""
    Xd = groups.demean(X, w)
    own, others = Xd[:, 0], Xd[:, 1:]
    if not others.shape[1]:
        return own, own
    gram = (others * w[:, None]).T @ others
    gram[np.diag_indices_from(gram)] += _RIDGE * len(w)
    return own - others @ np.linalg.solve(gram, others.T @ (w * own)), own


def _slopes(pooled: float, w: Floats, rest: Floats, pulls: Floats, groups: _Groups) -> pd.DataFrame:
    """Return each item's own slope and its variance, one Newton step from the pooled slope."""
    information, pull = groups.sum(w * rest**2), groups.sum(pulls)
    # An item of constant price has crumbs of information from the other columns alone.
    own = groups.demean(rest, w)
    informed = (information > 1e-9) & (groups.sum(w * own**2) > 0.5 * information) & (information > 0.01)
    codes = np.flatnonzero(informed)
    return pd.DataFrame(
        {
            "slope": pooled + pull[codes] / information[codes],
            "variance": 1.0 / information[codes],
        },
        index=pd.Index(codes, name="item"),
    )


def shrunk(own: pd.DataFrame, towards: Effect) -> pd.DataFrame:
    """Return ``slope`` and ``se`` of each row of ``own`` (``slope``, ``variance``), drawn to the common one.

    The rows' true slopes are taken to spread normally around ``towards``; how widely is learned from how
    much more they differ than their own standard errors explain (`spread_of`).
    """
    spread = spread_of(own, towards.slope)
    trust = spread / (spread + own["variance"])
    slope = trust * own["slope"] + (1 - trust) * towards.slope
    variance = trust * own["variance"] + (1 - trust) ** 2 * towards.se**2
    return pd.DataFrame({"slope": slope, "se": np.sqrt(variance)})


def spread_of(own: pd.DataFrame, centre: float) -> float:
    """Return the variance of the true slopes around ``centre``: its posterior mean.

    The standard deviation has a half-normal prior of scale `PRIOR_SPREAD` (Gelman 2006): without
    evidence, members may well differ from the common slope, by that much.
    """
    grid = np.linspace(0.0, 8.0 * PRIOR_SPREAD, 161)
    total = own["variance"].to_numpy()[:, None] + grid**2
    away = (own["slope"].to_numpy() - centre)[:, None]
    log_likelihood = -0.5 * (np.log(total) + away**2 / total).sum(axis=0)
    log_posterior = log_likelihood - 0.5 * (grid / PRIOR_SPREAD) ** 2
    weight = np.exp(log_posterior - log_posterior.max())
    return float((weight * grid**2).sum() / weight.sum())
