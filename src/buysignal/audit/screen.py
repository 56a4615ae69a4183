"""Which pairs of columns deserve a close look: quick tries on few rows, where no true rule is lost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.audit.lookup import explains, judge_lookup
from buysignal.audit.view import Column, IntArray, View

ROWS, FEW_ROWS = 30_000, 4_000
BINS = 64
_LEAST_COVERED = 50


def screen_rows(view: View, most: int) -> IntArray:
    """Return at most ``most`` seeded rows, of which, if it can be, half have a rarer answer."""
    n = len(view)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(0)
    values, counts = np.unique(view.target, return_counts=True)
    frequent = view.target == values[counts.argmax()]
    rare_rows, frequent_rows = np.flatnonzero(~frequent), np.flatnonzero(frequent)
    wanted = min(len(rare_rows), max(most // 2, most - len(frequent_rows)))
    rare = rng.choice(rare_rows, wanted, replace=False)
    rest = rng.choice(frequent_rows, min(len(frequent_rows), most - wanted), replace=False)
    return np.sort(np.concatenate([rare, rest]))


class Screen:
    """A view of some rows, and one of fewer, to try rules on before all rows are asked."""

    def __init__(self, view: View) -> None:
        self.view = view.take(screen_rows(view, ROWS))
        self.few = self.view.take(screen_rows(self.view, FEW_ROWS))
        self._yes = self.view.target > 0.5
        self._bins = [None if c.categorical else _bins(c.values) for c in self.view.columns]

    def threshold(self, number: int, category: int) -> bool:
        """Whether one cut of the number per category may answer nearly all rows.

        The number is binned, so that the bin with the cut may be wrong on a few rows.
        """
        bins = self._bins[number]
        assert bins is not None
        levels = len(self.view.columns[category].levels)
        joint = self.view.columns[category].codes * (BINS + 1) + bins
        size = levels * (BINS + 1)
        rows = np.bincount(joint, minlength=size).reshape(levels, -1)[:, :BINS]
        yes = np.bincount(joint[self._yes], minlength=size).reshape(levels, -1)[:, :BINS]
        errors = min(_fewest_errors(rows - yes, yes), _fewest_errors(yes, rows - yes))
        rare = min(yes.sum(), rows.sum() - yes.sum())
        return bool(errors <= 0.05 * rows.sum() and errors <= 0.3 * rare)

    def lookup(self, columns: tuple[int, ...]) -> bool:
        """Whether the groups of the columns may fix the target: first on few rows, then on more."""
        few = tuple(self.few.columns[i] for i in columns)
        more = tuple(self.view.columns[i] for i in columns)
        if not self.view.binary:
            return explains(self.few, few, in_doubt=True) and explains(self.view, more)
        quick = judge_lookup(self.few, few)
        if quick.rows >= _LEAST_COVERED and not quick.promising:
            return False
        return judge_lookup(self.view, more).promising


def worth_grouping(columns: tuple[Column, ...], rows: int) -> bool:
    """Whether groups of the columns can have more than a row or two each."""
    return max(len(c.levels) for c in columns) <= 0.4 * rows


def _bins(values: npt.NDArray[np.float32]) -> IntArray:
    """Return the quantile bin of each value, equal values together; ``BINS`` where it is missing."""
    missing = np.isnan(values)
    if missing.all():
        return np.full(len(values), BINS, dtype=np.int64)
    edges = np.unique(np.quantile(values[~missing], np.linspace(0, 1, BINS)[1:], method="lower"))
    return np.where(missing, BINS, np.minimum(np.searchsorted(edges, values), BINS - 1))


def _fewest_errors(above_wrong: npt.NDArray[np.int64], below_wrong: npt.NDArray[np.int64]) -> int:
    """Sum over levels of the fewest errors of any cut; rows (levels, bins) are wrong on one side each."""
    below = np.cumsum(np.pad(below_wrong, ((0, 0), (1, 0))), axis=1)
    above = np.cumsum(np.pad(above_wrong, ((0, 0), (0, 1)))[:, ::-1], axis=1)[:, ::-1]
    return int((below + above).min(axis=1).sum())
