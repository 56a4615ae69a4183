"""Is the target a function of one or two columns? Then a high score is a tautology."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from buysignal.audit.finding import Finding
from buysignal.audit.formula import (
    judge_comparison,
    judge_copy,
    judge_formula,
    promising_comparisons,
    promising_formulas,
)
from buysignal.audit.lookup import Judged, explains, judge_amounts, judge_lookup, lookup_sentence
from buysignal.audit.threshold import judge_threshold, threshold_sentence
from buysignal.audit.view import FEW_LEVELS, Column, View

CHECK = "function_of_columns"
SCREEN_ROWS = 30_000
NAMED_PAIRS = 3


def function_of_columns(view: View) -> list[Finding]:
    """Return a tautology for each column, and for each of a few pairs, that fixes the target.

    Rules are found on one half of the visitors and must hold on the other. Pairs are first tried
    on a sample with both answers well represented; those that hold there are judged on all rows.
    """
    screened = view.take(_screen_rows(view))
    singles = [(c, f) for c in view.columns if (f := _single(view, screened, c)) is not None]
    taken = {column.name for column, _ in singles}
    rest = [i for i, c in enumerate(view.columns) if c.name not in taken]
    findings = [finding for _, finding in singles] + _pairs(view, screened, rest)
    if findings:
        return findings
    detail = f"No column and no pair of columns fixes {view.words.noun}."
    return [Finding(check=CHECK, verdict="ok", detail=detail)]


def _screen_rows(view: View) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A seeded sample in which at most half of the rows have the most frequent answer."""
    n = len(view)
    if n <= SCREEN_ROWS:
        return np.arange(n)
    rng = np.random.default_rng(0)
    values, counts = np.unique(view.target, return_counts=True)
    frequent = view.target == values[counts.argmax()]
    picked = []
    rare_rows, frequent_rows = np.flatnonzero(~frequent), np.flatnonzero(frequent)
    rare_wanted = min(len(rare_rows), max(SCREEN_ROWS // 2, SCREEN_ROWS - len(frequent_rows)))
    picked.append(rng.choice(rare_rows, rare_wanted, replace=False))
    frequent_wanted = min(len(frequent_rows), SCREEN_ROWS - rare_wanted)
    picked.append(rng.choice(frequent_rows, frequent_wanted, replace=False))
    return np.sort(np.concatenate(picked))


def _single(view: View, screened: View, column: Column) -> Finding | None:
    small = next(c for c in screened.columns if c.name == column.name)
    if view.binary and not column.categorical and judge_threshold(screened, small, None).promising:
        judged = judge_threshold(view, column, None)
        if judged.holds:
            return _finding((column,), judged, *threshold_sentence(view, column, None))
    if not view.binary and not column.categorical:
        judged, sentence = judge_copy(view, column)
        if judged.holds:
            return _finding((column,), judged, sentence, {})
    return _lookup(view, screened, (column,), (small,))


def _lookup(
    view: View, screened: View, columns: tuple[Column, ...], small: tuple[Column, ...]
) -> Finding | None:
    if view.binary:
        if not judge_lookup(screened, small).promising:
            return None
        judged = judge_lookup(view, columns)
    else:
        if not explains(screened, small):
            return None
        judged = judge_amounts(view, columns)
    return _finding(columns, judged, *lookup_sentence(view, columns)) if judged.holds else None


def _pairs(view: View, screened: View, rest: list[int]) -> list[Finding]:
    found = _formulas(view, screened, rest)
    for i, j in combinations(rest, 2):
        columns, small = (view.columns[i], view.columns[j]), (screened.columns[i], screened.columns[j])
        found += _pair(view, screened, columns, small)
    found.sort(key=lambda f: f.evidence.get("groups", 0.0))
    return found[:NAMED_PAIRS]


def _pair(
    view: View, screened: View, columns: tuple[Column, Column], small: tuple[Column, Column]
) -> list[Finding]:
    if min(len(c.levels) for c in columns) > len(view) // 4:
        return []
    for a, b in ((0, 1), (1, 0)) if view.binary else ():
        number, category = columns[a], columns[b]
        if number.categorical or len(number.levels) <= 2 or len(category.levels) > FEW_LEVELS:
            continue
        if judge_threshold(screened, small[a], small[b]).promising:
            judged = judge_threshold(view, number, category)
            if judged.holds:
                return [_finding((number, category), judged, *threshold_sentence(view, number, category))]
    found = _lookup(view, screened, columns, small)
    return [] if found is None else [found]


def _formulas(view: View, screened: View, rest: list[int]) -> list[Finding]:
    numbers = [i for i in rest if not view.columns[i].categorical]
    if len(numbers) < 2:
        return []
    by_name = {view.columns[i].name: view.columns[i] for i in numbers}
    small = [screened.columns[i] for i in numbers]
    found = []
    if view.binary:
        for a, b in promising_comparisons(screened, small):
            left, right = by_name[a.name], by_name[b.name]
            found.append(((left, right), *judge_comparison(view, left, right)))
    else:
        for a, sign, b in promising_formulas(screened, small):
            left, right = by_name[a.name], by_name[b.name]
            found.append(((left, right), *judge_formula(view, left, sign, right)))
    return [_finding(columns, judged, sentence, {}) for columns, judged, sentence in found if judged.holds]


def _finding(columns: tuple[Column, ...], judged: Judged, sentence: str, more: dict[str, float]) -> Finding:
    exceptions = f", {judged.errors:,} exceptions" if judged.errors else ", no exception"
    return Finding(
        check=CHECK,
        verdict="tautology",
        columns=tuple(c.name for c in columns),
        detail=f"{sentence[0].upper()}{sentence[1:]}: checked on {judged.rows:,} other rows{exceptions}.",
        evidence={**judged.evidence(), **more},
    )
