"""Rules of the kind "is 1 exactly when `price` ≥ 48 in trousers, ≥ 52 in skirts"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.audit.lookup import Judged, judge
from buysignal.audit.view import Column, IntArray, View, number_text

NAMED_LEVELS = 6
"""So many thresholds are written out; more are counted."""


@dataclass(frozen=True)
class Cut:
    """Where one category changes its answer: ``below`` and ``above`` are the two values next to it.

    ``below`` is -inf where every row is on the upper side, ``above`` is +inf where none is.
    """

    below: float
    above: float
    errors: int
    rows: int

    @property
    def middle(self) -> float:
        return (self.below + self.above) / 2

    @property
    def one_sided(self) -> bool:
        return np.isinf(self.below) or np.isinf(self.above)


@dataclass(frozen=True)
class Thresholds:
    """One cut per level of a category; yes above the cuts (``upward``) or at and below them."""

    cuts: dict[int, Cut]
    upward: bool

    def errors(self) -> int:
        return sum(cut.errors for cut in self.cuts.values())


def judge_threshold(view: View, number: Column, category: Column | None) -> Judged:
    """Find the cuts on the first half, judge them on the second."""
    rule = find_cuts(view, number, category, view.first)
    levels = 1 if category is None else len(category.levels)
    middles = np.full(levels, np.nan)
    for level, cut in rule.cuts.items():
        middles[level] = cut.middle
    held_out = ~view.first
    cut_of_row = middles[_codes(category, len(view))[held_out]]
    values = number.values[held_out].astype(np.float64)
    known = ~np.isnan(cut_of_row) & ~np.isnan(values)
    truth = view.target[held_out][known]
    yes = (values[known] > cut_of_row[known]) == rule.upward
    return judge(yes != (truth > 0.5), truth, int(held_out.sum()))


def find_cuts(
    view: View, number: Column, category: Column | None, rows: npt.NDArray[np.bool_] | None = None
) -> Thresholds:
    """Return the cuts with the fewest exceptions, all in the same direction."""
    kept = ~np.isnan(number.values) if rows is None else rows & ~np.isnan(number.values)
    codes, values, yes = _codes(category, len(view))[kept], number.values[kept], view.target[kept] > 0.5
    order = np.lexsort((values, codes))
    codes, values, yes = codes[order], values[order], yes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else np.zeros(0, np.int64)
    ends = np.append(starts, len(codes))[1:]
    found = [
        Thresholds(
            {int(codes[s]): _cut(values[s:e], yes[s:e], up) for s, e in zip(starts, ends, strict=True)}, up
        )
        for up in (True, False)
    ]
    return min(found, key=Thresholds.errors)


def _codes(category: Column | None, rows: int) -> IntArray:
    return np.zeros(rows, dtype=np.int64) if category is None else category.codes


def _cut(values: npt.NDArray[np.float32], yes: npt.NDArray[np.bool_], upward: bool) -> Cut:
    high = yes if upward else ~yes
    wrong_below = np.r_[0, np.cumsum(high)]
    wrong_above = np.r_[np.cumsum(~high[::-1])[::-1], 0]
    errors = (wrong_below + wrong_above).astype(np.float64)
    errors[1:-1][values[1:] == values[:-1]] = np.inf
    at = int(errors.argmin())
    return Cut(
        below=float(values[at - 1]) if at else -np.inf,
        above=float(values[at]) if at < len(values) else np.inf,
        errors=int(errors[at]),
        rows=len(values),
    )


def threshold_sentence(view: View, number: Column, category: Column | None) -> tuple[str, dict[str, float]]:
    """Return the rule in words, with the cuts of all rows, and how many exceptions it has."""
    rule = find_cuts(view, number, category)
    rows = sum(cut.rows for cut in rule.cuts.values())
    when = "exactly when" if rule.errors() == 0 else f"in {1 - rule.errors() / rows:.1%} of the rows when"
    ordered = sorted(rule.cuts.items(), key=lambda item: -item[1].rows)
    named = ordered[:NAMED_LEVELS] if category is not None else ordered
    if category is not None:
        named.sort(key=lambda item: (item[1].one_sided, category.level_text(item[0])))
    parts = [_condition(cut, rule.upward) + _place(category, at) for at, cut in named]
    if len(ordered) > len(parts):
        parts.append(f"with {len(ordered) - len(parts)} further cuts")
    sentence = f"{view.words.yes} {when} `{number.name}` {', '.join(parts)}"
    return sentence, {"groups": float(len(rule.cuts)), "exceptions": float(rule.errors())}


def _condition(cut: Cut, upward: bool) -> str:
    if cut.one_sided:
        return "always" if np.isinf(cut.below) == upward else "never"
    return f"≥ {number_text(cut.above)}" if upward else f"≤ {number_text(cut.below)}"


def _place(category: Column | None, code: int) -> str:
    if category is None:
        return ""
    text = category.level_text(code)
    bare = text.replace(".", "").replace("-", "").isdigit() or text == "missing"
    return f" in `{category.name}` {text}" if bare else f" in {text}"
