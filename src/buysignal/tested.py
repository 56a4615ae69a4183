"""Scores on test rows, and the figures that come from them: as a whole, per fold, on a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.metrics import (
    bootstrap_intervals,
    conversion_metrics,
    revenue_metrics,
    undefined_reason,
    weighted_conversion,
    weighted_revenue,
)
from buysignal.report import SliceRow
from buysignal.samples import Samples

Floats = npt.NDArray[np.float64]

KS = (1, 2, 3, 5, 10)
LEAST_SLICE = 20
DRAWS = 200
_DRAWS_LARGE = 100
_LARGE = 20_000


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Probabilities of one model on test rows, fold after fold.

    Attributes:
        rows: (n,) row positions in the samples.
        p: (n,) probabilities.
        fold: (n,) fold number, all 0 without cross-validation.
        thresholds: from which score each fold's model says yes.
    """

    samples: Samples
    rows: npt.NDArray[np.int64]
    p: Floats
    fold: npt.NDArray[np.int64]
    thresholds: tuple[float, ...]

    @property
    def y(self) -> Floats:
        assert self.samples.y is not None
        return self.samples.y[self.rows].astype(np.float64)

    def only(self, mask: npt.NDArray[np.bool_]) -> ScoredRows:
        """Return the rows where ``mask`` (n,) holds."""
        return ScoredRows(self.samples, self.rows[mask], self.p[mask], self.fold[mask], self.thresholds)

    def metrics(self) -> dict[str, float]:
        """Return every conversion metric; with folds, the mean over the folds."""
        y = self.y
        per_fold = [
            conversion_metrics(y[rows], self.p[rows], threshold=self.thresholds[number])
            for number, rows in self._parts()
        ]
        return {name: float(np.mean([one[name] for one in per_fold])) for name in per_fold[0]}

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return 95 % intervals of `metrics`, drawing visitors."""
        parts = self._parts()

        def metric_fn(y: Floats, p: Floats, *, weights: Floats) -> dict[str, Floats]:
            found = [
                weighted_conversion(
                    y[rows], p[rows], threshold=self.thresholds[number], weights=weights[:, rows]
                )
                for number, rows in parts
            ]
            return {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}

        groups = self.samples.visitor[self.rows]
        return bootstrap_intervals(metric_fn, self.y, self.p, groups=groups, seed=seed, n=_draws(len(groups)))

    def _parts(self) -> list[tuple[int, npt.NDArray[np.int64]]]:
        return [(int(number), np.flatnonzero(self.fold == number)) for number in np.unique(self.fold)]


def slice_row(name: str, tested: ScoredRows, seed: int = 0) -> SliceRow | None:
    """Return the figures on one slice of the test rows; None where it has too few rows to say any."""
    if len(tested.rows) < LEAST_SLICE:
        return None
    y = tested.y
    return SliceRow(
        slice=name,
        n=len(y),
        base_rate=float(y.mean()),
        metrics=dict(tested.metrics()),
        intervals=dict(tested.intervals(seed)),
        undefined=undefined_reason(y),
    )


def slices_by_k(tested: ScoredRows, ks: Sequence[int] = KS) -> list[SliceRow]:
    """Return one row per number of clicks seen."""
    k = tested.samples.k[tested.rows]
    rows = [slice_row(f"k={number}", tested.only(k == number)) for number in ks]
    return [row for row in rows if row is not None]


def slices_by_cart(tested: ScoredRows) -> list[SliceRow]:
    """Return the rows *with cart* and *no cart yet*; none where the source has no carts."""
    if tested.samples.has_cart is None:
        return []
    cart = tested.samples.has_cart[tested.rows]
    rows = [
        slice_row("with_cart", tested.only(cart)),
        slice_row("no_cart_yet", tested.only(~cart)),
    ]
    return [row for row in rows if row is not None]


@dataclass(frozen=True, eq=False)
class ForecastRows:
    """Forecast amounts and log1p amounts of one model on test rows, in the goal's currency."""

    samples: Samples
    rows: npt.NDArray[np.int64]
    forecast: Floats
    log1p: Floats

    @property
    def actual(self) -> Floats:
        assert self.samples.revenue is not None
        return self.samples.revenue[self.rows]

    def metrics(self) -> dict[str, float]:
        """Return every revenue metric."""
        return revenue_metrics(self.actual, self.forecast, self.log1p)

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return 95 % intervals of `metrics`, drawing visitors."""
        groups = self.samples.visitor[self.rows]
        arrays = (self.actual, self.forecast, self.log1p)
        return bootstrap_intervals(weighted_revenue, *arrays, groups=groups, seed=seed, n=_draws(len(groups)))

    def slices_by_k(self, ks: Sequence[int] = KS) -> list[SliceRow]:
        """Return one row per number of clicks seen; ``base_rate`` is the share with an amount."""
        k = self.samples.k[self.rows]
        parts = [(f"k={number}", k == number) for number in ks]
        return [self._slice(name, mask) for name, mask in parts if mask.sum() >= LEAST_SLICE]

    def _slice(self, name: str, mask: npt.NDArray[np.bool_]) -> SliceRow:
        part = ForecastRows(self.samples, self.rows[mask], self.forecast[mask], self.log1p[mask])
        return SliceRow(
            slice=name,
            n=len(part.rows),
            base_rate=float((part.actual > 0).mean()),
            metrics=dict(part.metrics()),
            intervals=dict(part.intervals()),
        )


def _draws(n: int) -> int:
    return DRAWS if n <= _LARGE else _DRAWS_LARGE
