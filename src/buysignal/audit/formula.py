"""Rules of the kind "`revenue` is `price` × `quantity`" and "is true exactly when `a` > `b`"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from buysignal.audit.lookup import Judged, judge, same
from buysignal.audit.view import Column, View, number_text

Array = npt.NDArray[np.float64]

OPERATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "×": np.multiply,
    "+": np.add,
    "−": np.subtract,
    "/": lambda a, b: np.divide(a, b, out=np.full_like(a, np.nan), where=b != 0),
}
"""Each is tried on every pair of numeric columns, in both orders where that matters."""

SYMMETRIC = "×+"
ROWS = 1_000


def judge_copy(view: View, column: Column) -> tuple[Judged, str]:
    """Fit target = a × column + b on the first half, judge it on the second."""
    x, y = column.values.astype(np.float64), view.target
    known = ~np.isnan(x)
    first = known & view.first
    if first.sum() < 20 or x[first].var() == 0 or y[first].var() == 0:
        return judge(np.zeros(0, np.bool_), np.zeros(0), 1), ""
    slope, offset = np.polyfit(x[first], y[first], 1)
    slope, offset = _round(slope), (0.0 if abs(offset) < 1e-5 * y[first].std() else offset)
    held_out = known & ~view.first
    judged = judge(~same(slope * x[held_out] + offset, y[held_out]), y[held_out], int((~view.first).sum()))
    factor = "" if slope == 1 else f"{number_text(slope)} × "
    plus = "" if offset == 0 else f" {'+' if offset > 0 else '−'} {number_text(abs(offset))}"
    return judged, f"{view.words.noun} is {factor}`{column.name}`{plus}"


def _round(slope: float) -> float:
    return float(round(slope)) if abs(slope - round(slope)) < 1e-6 and round(slope) else slope


def promising_formulas(view: View, numbers: list[Column]) -> list[tuple[Column, str, Column]]:
    """Return the pairs and operations whose result is, on a few rows, (nearly) the amount."""
    values, target = _few(view, numbers)
    rare = target != np.median(target)
    if rare.sum() < 10:
        return []
    found = []
    for sign, operation in OPERATIONS.items():
        for i, left in enumerate(numbers):
            start = i + 1 if sign in SYMMETRIC else 0
            with np.errstate(over="ignore", invalid="ignore"):
                hits = same(
                    operation(np.broadcast_to(values[:, i : i + 1], values.shape), values), target[:, None]
                )
            good = (hits[rare].mean(axis=0) > 0.9) & (hits.mean(axis=0) > 0.9)
            found += [(left, sign, numbers[j]) for j in np.flatnonzero(good) if j >= start and j != i]
    return found


def _few(view: View, numbers: list[Column]) -> tuple[Array, Array]:
    rows = np.linspace(0, len(view) - 1, min(ROWS, len(view))).astype(np.int64)
    return np.column_stack([c.values[rows] for c in numbers]).astype(np.float64), view.target[rows]


def judge_formula(view: View, left: Column, sign: str, right: Column) -> tuple[Judged, str]:
    """Judge target = left (sign) right on all rows of the second half."""
    held_out = ~view.first
    a, b = left.values[held_out].astype(np.float64), right.values[held_out].astype(np.float64)
    result, truth = OPERATIONS[sign](a, b), view.target[held_out]
    known = ~np.isnan(result)
    judged = judge(~same(result[known], truth[known]), truth[known], len(truth))
    return judged, f"{view.words.noun} is `{left.name}` {sign} `{right.name}`"


def promising_comparisons(view: View, numbers: list[Column]) -> list[tuple[Column, Column]]:
    """Return the pairs where, on a few rows, the first is larger for yes and not for no."""
    values, target = _few(view, numbers)
    yes = target > 0.5
    if yes.sum() < 10 or (~yes).sum() < 10:
        return []
    found = []
    for i, left in enumerate(numbers):
        larger = values[:, i : i + 1] - values
        good = (np.mean(larger[yes] >= 0, axis=0) > 0.95) & (np.mean(larger[~yes] <= 0, axis=0) > 0.95)
        found += [(left, numbers[j]) for j in np.flatnonzero(good) if j != i]
    return found


def judge_comparison(view: View, left: Column, right: Column) -> tuple[Judged, str]:
    """Judge the better of left > right and left ≥ right on the second half."""
    held_out = ~view.first
    a, b, truth = left.values[held_out], right.values[held_out], view.target[held_out]
    known = ~np.isnan(a) & ~np.isnan(b)
    a, b, truth = a[known], b[known], truth[known]
    total = int(held_out.sum())
    options = [
        (judge((a > b) != (truth > 0.5), truth, total), ">"),
        (judge((a >= b) != (truth > 0.5), truth, total), "≥"),
    ]
    judged, sign = min(options, key=lambda option: option[0].errors)
    return judged, f"{view.words.yes} exactly when `{left.name}` {sign} `{right.name}`"
