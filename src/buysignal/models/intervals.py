"""Intervals around revenue forecasts, learned from what the model got wrong on a later slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError

Floats = npt.NDArray[np.float64]

LEAST_PER_BIN = 200


@dataclass(frozen=True)
class ConformalInterval:
    """Split-conformal interval, with its own residual quantiles in each bin of the prediction.

    Mondrian conformal prediction (Vovk, Gammerman & Shafer 2005, section 4.5) with lower and upper
    residuals apart (Romano, Patterson & Candès 2019): in each bin a new amount lies inside with
    probability ``level`` at least, as long as the data keep their ways. Amounts are never negative.

    Attributes:
        edges: upper edges of all bins but the last.
        low, high: added to the prediction, one per bin; an infinite ``high`` means too few rows.
        level: such as 0.9.
    """

    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level: float

    def predict(self, forecast: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return lower and upper ends (n,) around forecasts (n,), in currency."""
        values = np.asarray(forecast, np.float64)
        place = np.searchsorted(np.asarray(self.edges), values, side="left")
        low = np.maximum(values + np.asarray(self.low)[place], 0)
        return low, np.maximum(values + np.asarray(self.high)[place], 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, for a manifest."""
        return {
            "edges": list(self.edges),
            "low": list(self.low),
            "high": list(self.high),
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> ConformalInterval:
        """Read back what `to_dict` wrote."""
        bins = {name: tuple(float(v) for v in stored[name]) for name in ("edges", "low", "high")}
        return cls(**bins, level=float(stored["level"]))


def fit_conformal(
    forecast: npt.ArrayLike, revenue: npt.ArrayLike, *, level: float = 0.9, bins: int = 8
) -> ConformalInterval:
    """Learn the interval from forecasts and amounts (n,) of rows the model was not fitted on.

    Bins are quantiles of the forecast, of `LEAST_PER_BIN` rows at least.

    Raises:
        SamplesError: too few rows for any finite interval.
    """
    predicted, amounts = np.asarray(forecast, np.float64), np.asarray(revenue, np.float64)
    least = int(np.ceil(2 / (1 - level)))
    if len(predicted) < least:
        raise SamplesError(
            f"{len(predicted)} validation rows are too few for an interval of {level:.0%}",
            allowed=f"at least {least}",
            todo="bring more data",
        )
    parts = max(1, min(bins, len(predicted) // LEAST_PER_BIN))
    edges = np.unique(np.quantile(predicted, np.arange(1, parts) / parts)) if parts > 1 else np.zeros(0)
    place = np.searchsorted(edges, predicted, side="left")
    edges, place = _without_thin_bins(edges, place, least)
    ends = [_residual_ends(amounts[place == b] - predicted[place == b], level) for b in range(len(edges) + 1)]
    return ConformalInterval(
        tuple(map(float, edges)), tuple(low for low, _ in ends), tuple(high for _, high in ends), level
    )


def _without_thin_bins(
    edges: Floats, place: npt.NDArray[np.int64], least: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    counts = np.bincount(place, minlength=len(edges) + 1)
    keep = []
    running = 0
    for b in range(len(edges)):
        running += counts[b]
        if running >= least and counts[b + 1 :].sum() >= least:
            keep.append(b)
            running = 0
    return edges[keep], np.searchsorted(np.asarray(keep, dtype=np.int64), place, side="left")


def _residual_ends(residual: Floats, level: float) -> tuple[float, float]:
    ordered = np.sort(residual)
    n = len(ordered)
    tail = (1 - level) / 2
    lower = int(np.floor(tail * (n + 1)))
    upper = int(np.ceil((1 - tail) * (n + 1)))
    return float(ordered[max(lower, 1) - 1]), float(ordered[min(upper, n) - 1])


def total_forecast(
    forecast: npt.ArrayLike,
    validation_forecast: npt.ArrayLike,
    validation_revenue: npt.ArrayLike,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    level: float = 0.9,
    seed: int = 0,
    draws: int = 1000,
) -> tuple[float, float, float]:
    """Return the total of ``forecast`` (n,) with the ends of its interval, in currency.

    A predictive bootstrap (Davison & Hinkley 1997, section 6.3.3): each draw resamples the validation
    slice's residuals, by ``groups`` (visitors) where given, and then as many residuals from it as
    there are rows to forecast. So both count: how well the level is known, and the chance that is
    left in single purchases.
    """
    total = float(np.sum(np.asarray(forecast, np.float64)))
    residual = np.asarray(validation_revenue, np.float64) - np.asarray(validation_forecast, np.float64)
    if groups is not None:
        code = np.unique(groups, return_inverse=True)[1]
        counts = np.bincount(code)
        residual = np.bincount(code, weights=residual).astype(np.float64)
        wanted = max(1, round(np.size(forecast) / counts.mean()))
    else:
        wanted = np.size(forecast)
    rng = np.random.default_rng(seed)
    sums = np.empty(draws)
    for b in range(draws):
        known = rng.choice(residual, len(residual))
        sums[b] = total + rng.choice(known, wanted).sum()
    low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2])
    return total, float(max(low, 0)), float(max(high, 0))
