"""Have values shifted? Two samples of one column, held against each other with limits that know their sizes.

Population stability index (PSI) and the two-sample Kolmogorov-Smirnov distance (KS). Where nothing has
changed, PSI times the harmonic size of the samples is about chi-square distributed (Yurdakul 2018,
"Statistical Properties of the Population Stability Index"), and KS follows Kolmogorov's law; a limit is what
chance passes once in ``1 / alpha`` comparisons, and never below what is worth a look (0.1 for either).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEAST_PSI = 0.1
"""Below it a shift is commonly called none (Siddiqi 2006, "Credit Risk Scorecards")."""
LEAST_KS = 0.1
MOST_BINS = 100
_COARSE_SHARE = 0.1
_LEVEL_SHARE = 0.01
_HALF = 0.5


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of one column in bins that the reference has laid out.

    Attributes:
        edges: (b - 1,) rising; a value belongs to the first bin whose edge is not below it.
        counts: (b + 1,) the bins, and last what is missing.
        levels: the values are codes without an order.
    """

    edges: Floats
    counts: Counts
    levels: bool = False

    def again(self, values: npt.NDArray[np.floating]) -> Histogram:
        """Return the histogram of other values (n,) in the same bins."""
        return Histogram(self.edges, _counted(values, self.edges), self.levels)


@dataclass(frozen=True)
class Shift:
    """One column then and now.

    Attributes:
        psi, psi_limit: population stability index, and from where on it is no chance.
        ks, ks_limit: Kolmogorov-Smirnov distance of the known values; None for codes without an order.
        missing_before, missing_now: shares of rows without a value.
    """

    name: str
    psi: float
    psi_limit: float
    ks: float | None
    ks_limit: float | None
    missing_before: float
    missing_now: float

    @property
    def drifted(self) -> bool:
        far = self.ks is not None and self.ks_limit is not None and self.ks > self.ks_limit
        return far or self.psi > self.psi_limit

    @property
    def times_limit(self) -> float:
        """How far it went, 1 being the limit."""
        both = [self.psi / self.psi_limit]
        if self.ks is not None and self.ks_limit:
            both.append(self.ks / self.ks_limit)
        return max(both)


def histogram(values: npt.NDArray[np.floating], *, levels: int | None = None) -> Histogram:
    """Return the histogram of values (n,), NaN for missing, in at most 100 bins of about equal mass.

    Args:
        levels: the values are codes below this number; each has a bin, the last one all from 99 on.

    >>> histogram(np.array([1.0, 1.0, 2.0, np.nan])).counts
    array([2, 1, 1])
    """
    if levels is not None:
        edges = np.arange(min(levels, MOST_BINS) - 1, dtype=np.float64)
    else:
        known = values[~np.isnan(values)].astype(np.float64)
        edges = np.zeros(0)
        if len(known):
            shares = np.arange(1, MOST_BINS) / MOST_BINS
            edges = np.unique(np.quantile(known, shares, method="lower"))
    return Histogram(edges, _counted(values, edges), levels is not None)


def shift(
    name: str, before: Histogram, now: Histogram, *, independent: tuple[int, int], alpha: float
) -> Shift:
    """Return how far a column has shifted.

    Args:
        before, now: of the same bins.
        independent: how many rows each sample is worth; rows of one visitor resemble each other, so its
            number of visitors.
        alpha: how often chance may pass a limit.
    """
    # Every bundle holds histograms; only who compares them waits for SciPy.
    from scipy import stats

    sizes = _sizes(independent)
    # Only rows with a value are held against each other by KS.
    known = _sizes((independent[0] * (1 - _missing(before)), independent[1] * (1 - _missing(now))))
    first, second = _coarse(before, now)
    freedom = max(len(first) - 1, 1)
    ks = None if before.levels else _ks(before, now)
    return Shift(
        name=name,
        psi=_psi(first, second),
        psi_limit=max(LEAST_PSI, float(stats.chi2.isf(alpha, freedom)) * sizes),
        ks=ks,
        ks_limit=None if ks is None else max(LEAST_KS, float(stats.kstwobign.isf(alpha)) * known**0.5),
        missing_before=_missing(before),
        missing_now=_missing(now),
    )


def shifts(
    before: Mapping[str, Histogram],
    now: Mapping[str, Histogram],
    *,
    independent: tuple[int, int],
    alpha: float,
) -> list[Shift]:
    """Return the shift of every column of ``before``, the farthest first."""
    found = [
        shift(name, one, now[name], independent=independent, alpha=alpha) for name, one in before.items()
    ]
    return sorted(found, key=lambda one: -one.times_limit)


def groups(before: Histogram) -> list[Counts]:
    """Return the bins that stand together in few groups: tenths, or each frequent level and the rare ones."""
    known = before.counts[:-1]
    return _frequent(known) if before.levels else _tenths(known)


def _sizes(independent: tuple[float, float]) -> float:
    return 1 / max(independent[0], 1) + 1 / max(independent[1], 1)


def _counted(values: npt.NDArray[np.floating], edges: Floats) -> Counts:
    missing = np.isnan(values)
    bins = np.searchsorted(edges, values[~missing].astype(np.float64), side="left")
    return np.append(np.bincount(bins, minlength=len(edges) + 1), missing.sum()).astype(np.int64)


def _missing(one: Histogram) -> float:
    return float(one.counts[-1] / max(one.counts.sum(), 1))


def _coarse(before: Histogram, now: Histogram) -> tuple[Floats, Floats]:
    """Return the counts of both in few bins: tenths or frequent levels, and what is missing."""
    known = before.counts[:-1]
    pairs = [(known[group].sum(), now.counts[:-1][group].sum()) for group in groups(before)]
    pairs.append((before.counts[-1], now.counts[-1]))
    filled = np.array([pair for pair in pairs if sum(pair)], dtype=np.float64).reshape(-1, 2)
    return filled[:, 0], filled[:, 1]


def _tenths(known: Counts) -> list[Counts]:
    cumulative = np.cumsum(known) / max(known.sum(), 1)
    # A bin belongs to the tenth its end falls into, so one value of great mass stays alone.
    tenth = np.minimum((cumulative - 1e-12) / _COARSE_SHARE, 1 / _COARSE_SHARE - 1).astype(np.int64)
    return [np.flatnonzero(tenth == number) for number in np.unique(tenth)]


def _frequent(known: Counts) -> list[Counts]:
    often = known >= _LEVEL_SHARE * max(known.sum(), 1)
    return [np.array([level]) for level in np.flatnonzero(often)] + [np.flatnonzero(~often)]


def _psi(before: Floats, now: Floats) -> float:
    # Half a row in each bin, so that an empty one says "rare" and not "infinitely far".
    p, q = before + _HALF, now + _HALF
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _ks(before: Histogram, now: Histogram) -> float:
    first, second = (np.cumsum(one.counts[:-1]) / max(one.counts[:-1].sum(), 1) for one in (before, now))
    return float(np.abs(first - second).max()) if before.counts[:-1].sum() and now.counts[:-1].sum() else 0.0


def columns(
    X: npt.NDArray[np.float32], names: Sequence[str], levels: Mapping[str, int]
) -> dict[str, Histogram]:
    """Return the histogram of every column of X (n, f); ``levels`` names those that hold codes."""
    return {name: histogram(X[:, at], levels=levels.get(name)) for at, name in enumerate(names)}
