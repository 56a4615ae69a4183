"""Histograms: how many values lie in each bar; long tails on a logarithmic axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

MOST_BARS = 30
LONG_TAIL = 8.0
"""A column is long-tailed when its 99th percentile is this many times its median."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Bars ``from`` (included) ``to`` (excluded, but for the last) with ``count``."""

    bars: pd.DataFrame
    log: bool
    clipped: int = 0
    """Values of zero or less, which a logarithmic axis cannot show; they are in no bar."""


def histogram(
    values: npt.NDArray[np.float64], unit: str = "count", *, whole: bool | None = None
) -> Histogram:
    """Return the histogram of the values that are known, in column ``unit``.

    Whole numbers with few different values get a bar each; long tails get bars that grow.
    """
    known = values[np.isfinite(values)]
    if whole is None:
        whole = bool(np.all(known == np.round(known)))
    low, high = float(known.min()), float(known.max())
    if whole and high - low < MOST_BARS:
        edges = np.arange(low, high + 2)
        return Histogram(_bars(known, edges, unit), log=False)
    if long_tailed(known):
        return _log(known, unit, whole)
    edges = np.histogram_bin_edges(known, bins=min(MOST_BARS, max(8, int(np.sqrt(len(known))))))
    if whole:
        edges = np.arange(low, high + 1, np.ceil((high - low + 1) / MOST_BARS))
        edges = np.append(edges, edges[-1] + edges[1] - edges[0])
    return Histogram(_bars(known, edges, unit), log=False)


def long_tailed(known: npt.NDArray[np.float64]) -> bool:
    """Whether the largest values lie so far out that an even axis would hide the rest."""
    positive = known[known > 0]
    if len(positive) < 0.5 * len(known) or len(positive) < 20 or known.min() < 0:
        return False
    middle, far = np.percentile(positive, [50, 99])
    return bool(far > LONG_TAIL * middle or positive.max() > 10 * LONG_TAIL * middle)


def _log(known: npt.NDArray[np.float64], unit: str, whole: bool) -> Histogram:
    positive = known[known > 0]
    low = max(float(positive.min()), float(np.percentile(positive, 0.1)))
    edges = np.geomspace(low, float(positive.max()), 25)
    edges[0] = float(positive.min())
    if whole:
        edges = np.unique(np.append(np.floor(edges[:-1]), np.floor(edges[-1]) + 1))
    return Histogram(_bars(positive, edges, unit), log=True, clipped=len(known) - len(positive))


def _bars(known: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], unit: str) -> pd.DataFrame:
    counts, edges = np.histogram(known, bins=edges)
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], unit: counts})


def quantiles(values: npt.NDArray[np.float64], *shares: float) -> tuple[float, ...]:
    """Return the values that these shares do not exceed; a value that occurs, not one between two."""
    known = values[np.isfinite(values)]
    return tuple(float(v) for v in np.quantile(known, shares, method="inverted_cdf"))
