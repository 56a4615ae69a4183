"""Three ways to judge what a list of visits will bring, each with its interval.

- ``outcomes``: what these visits really did stands in place of their scores. Unbiased, however wrong the
  scores are. For visits whose outcome is known and that the model has not learned from.
- ``corrected``: what the scores promise of visits still under way, times what came over what was promised
  of earlier visits whose outcome is known (a ratio estimator: Cochran 1977, chapter 6; in the spirit of
  prediction-powered inference, Angelopoulos et al. 2023). The interval also holds the luck of the few visits
  on the list, so it is one for what they will bring.
- ``probabilities``: the scores are taken at their word; the interval holds luck alone.

Bootstraps draw visitors, not visits. The visits of a list are given, so what varies is their outcome;
drawing visitors also varies who is on the list, which makes the interval a little too wide, never too
narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.decisions import resample
from buysignal.decisions.economics import Economics

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Basis = Literal["outcomes", "corrected", "probabilities"]

LIKE = 50
"""A score's error is looked up among this many earlier visits of like worth; fewer tell nothing."""
MOST_DRAWN = 2_000
"""Longer lists have sums so near to normal that drawing each visit's luck tells nothing more."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Estimates at the list lengths asked for, (e,), and how many purchases stand behind each."""

    basis: Basis
    profit: Floats
    low: Floats
    high: Floats
    buyers: Ints | None


def by_outcomes(rows: pd.DataFrame, ends: Ints, level: float, seed: int) -> Judged:
    """Judge priced visits, best first, by what they did."""
    realised = rows["realised"].to_numpy(dtype=np.float64)
    group = resample.grouped(rows["visitor_id"].to_numpy(), seed)
    deviations = resample.ratio_deviations(realised, np.ones(len(rows)), group, ends)
    drawn = resample.bootstrap_counts(len(deviations), seed=seed) @ deviations
    profit = _until(realised, ends)
    low, high = resample.quantiles(drawn, level)
    return Judged("outcomes", profit, profit + low, profit + high, _buyers(rows)[ends])


def by_past(
    rows: pd.DataFrame, past: pd.DataFrame, economics: Economics, ends: Ints, level: float, seed: int
) -> Judged:
    """Judge priced visits, best first, by scores that are brought to what ``past`` visits of like worth did.

    What the effect gains and what incentives cost are each the list's promise times (what came / what was
    promised) on the past visits that would have been on a list with the same threshold.
    """
    worth, worth_past = rows["expected_profit"].to_numpy(), past["expected_profit"].to_numpy()
    alike = np.searchsorted(-worth_past, -worth[np.maximum(ends - 1, 0)], side="right")
    lengths, which = np.unique(np.clip(alike, min(LIKE, len(past)), len(past)), return_inverse=True)
    group = resample.grouped(past["visitor_id"].to_numpy(), seed)
    counts = resample.bootstrap_counts(int(group.max()) + 1, seed=seed)
    profit: Floats = -economics.contact_cost * ends.astype(np.float64)
    drawn, error = np.zeros((len(counts), len(ends))), np.zeros(len(past))
    for sign, (promised, came), (promise, _) in zip(
        (1.0, -1.0),
        _gains_and_incentives(past, economics),
        _gains_and_incentives(rows, economics),
        strict=True,
    ):
        total, seen = _until(promised, lengths), _until(came, lengths)
        ratio = np.divide(seen, total, out=np.ones_like(total), where=total > 0)
        asked = _until(promise, ends)
        deviations = resample.ratio_deviations(came, promised, group, lengths)
        per_promise = np.divide(
            counts @ deviations, total, out=np.zeros((len(counts), len(total))), where=total > 0
        )
        profit = profit + sign * asked * ratio[which]
        drawn += sign * per_promise[:, which] * asked
        error = error + sign * (came - ratio[-1] * promised)
    low, high = resample.quantiles(drawn + _luck_like(worth, worth_past, error, ends, seed), level)
    return Judged("corrected", profit, profit + low, profit + high, _buyers(past)[lengths[which]])


def _gains_and_incentives(visits: pd.DataFrame, economics: Economics) -> list[tuple[Floats, Floats]]:
    """Return (promised, came) of what the effect gains and of what incentives cost, each (n,)."""
    a = visits["a"].to_numpy(dtype=np.float64)
    gain, incentive = a * economics.margin, (1 + a) * economics.incentive
    promised, expected = visits["chance"].to_numpy(np.float64), visits["revenue"].to_numpy(np.float64)
    known = "bought" in visits
    bought = visits["bought"].to_numpy(np.float64) if known else promised
    came = visits["came"].to_numpy(np.float64) if known else expected
    return [(gain * expected, gain * came), (incentive * promised, incentive * bought)]


def by_probabilities(rows: pd.DataFrame, economics: Economics, ends: Ints, level: float, seed: int) -> Judged:
    """Judge by the scores alone: each visit buys with its chance and for the amount it lets expect."""
    p = rows["chance"].to_numpy(dtype=np.float64)
    profit = rows["expected_profit"].to_numpy()
    if_bought = np.divide(profit + economics.contact_cost, p, out=np.zeros_like(p), where=p > 0)
    rng = np.random.default_rng(seed)
    if len(p) <= MOST_DRAWN:
        luck = ((rng.random((resample.DRAWS, len(p))) < p) - p) * if_bought
        drawn = _until(luck, ends)
    else:
        drawn = _normal(p * (1 - p) * if_bought**2, ends, rng)
    low, high = resample.quantiles(drawn, level)
    at = _until(profit, ends)
    return Judged("probabilities", at, at + low, at + high, None)


def _luck_like(worth: Floats, worth_past: Floats, error: Floats, ends: Ints, seed: int) -> Floats:
    """Draw errors of the visits on the list, each from past visits of like worth, (draws, e)."""
    size = min(LIKE, len(error))
    start = np.searchsorted(-worth_past, -worth) - size // 2
    window = np.lib.stride_tricks.sliding_window_view(error, size)
    centred = window - window.mean(axis=1, keepdims=True)
    start = np.clip(start, 0, len(centred) - 1)
    rng = np.random.default_rng(seed + 1)
    if len(worth) > MOST_DRAWN:
        return _normal((centred**2).mean(axis=1)[start], ends, rng)
    return _until(centred[start, rng.integers(size, size=(resample.DRAWS, len(worth)))], ends)


def _normal(variance: Floats, ends: Ints, rng: np.random.Generator) -> Floats:
    """Draw sums of independent terms with these variances, (draws, e)."""
    return rng.normal(size=(resample.DRAWS, 1)) * np.sqrt(_until(variance, ends))


def _until(value: Floats, ends: Ints) -> Floats:
    """Return sums over the first ``ends`` along the last axis."""
    zero = np.zeros((*value.shape[:-1], 1))
    return np.concatenate([zero, np.cumsum(value, axis=-1)], axis=-1)[..., ends]


def _buyers(rows: pd.DataFrame) -> Ints:
    return np.concatenate([[0], np.cumsum(rows["bought"].to_numpy(dtype=np.int64))])
