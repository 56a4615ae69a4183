"""Is the target a function of one or two columns? Then a high score is a tautology."""

from __future__ import annotations

from itertools import combinations

from buysignal.audit.finding import Finding
from buysignal.audit.formula import (
    judge_comparison,
    judge_copy,
    judge_formula,
    promising_comparisons,
    promising_formulas,
)
from buysignal.audit.lookup import Judged, judge_amounts, judge_lookup, lookup_sentence
from buysignal.audit.screen import Screen, worth_grouping
from buysignal.audit.threshold import judge_threshold, threshold_sentence
from buysignal.audit.view import FEW_LEVELS, Column, View

CHECK = "function_of_columns"
NAMED_PAIRS = 3


def function_of_columns(view: View) -> list[Finding]:
    """Return a tautology for each column, and for each of a few pairs, that fixes the target.

    Rules are found on one half of the visitors and must hold on the other. They are first tried on
    a sample with both answers well represented; those that hold there are judged on all rows.
    """
    screen = Screen(view)
    singles = [(i, f) for i in range(len(view.columns)) if (f := _single(view, screen, i)) is not None]
    taken = {i for i, _ in singles}
    rest = [i for i in range(len(view.columns)) if i not in taken]
    findings = [finding for _, finding in singles] + _pairs(view, screen, rest)
    if findings:
        return findings
    detail = f"No column and no pair of columns fixes {view.words.noun}."
    return [Finding(check=CHECK, verdict="ok", detail=detail)]


def _single(view: View, screen: Screen, i: int) -> Finding | None:
    column = view.columns[i]
    if view.binary and not column.categorical:
        if judge_threshold(screen.view, screen.view.columns[i], None).promising:
            judged = judge_threshold(view, column, None)
            if judged.holds:
                return _finding((column,), judged, *threshold_sentence(view, column, None))
    elif not column.categorical:
        judged, sentence = judge_copy(view, column)
        if judged.holds:
            return _finding((column,), judged, sentence, {})
    return _lookup(view, screen, (i,))


def _lookup(view: View, screen: Screen, at: tuple[int, ...]) -> Finding | None:
    columns = tuple(view.columns[i] for i in at)
    if not worth_grouping(columns, len(view)) or not screen.lookup(at):
        return None
    judged = judge_lookup(view, columns) if view.binary else judge_amounts(view, columns)
    return _finding(columns, judged, *lookup_sentence(view, columns)) if judged.holds else None


def _pairs(view: View, screen: Screen, rest: list[int]) -> list[Finding]:
    found = _formulas(view, screen.view, rest)
    pairs = (_pair(view, screen, i, j) for i, j in combinations(rest, 2))
    found += [finding for finding in pairs if finding is not None]
    return _simplest(found)[:NAMED_PAIRS]


def _simplest(found: list[Finding]) -> list[Finding]:
    """Keep the rule with the fewest groups among those that share a column: an item and the price
    say no more than the item's category and the price."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda f: f.evidence.get("groups", 0.0)):
        if not any(set(finding.columns) & set(other.columns) for other in kept):
            kept.append(finding)
    return kept


def _pair(view: View, screen: Screen, i: int, j: int) -> Finding | None:
    for a, b in ((i, j), (j, i)) if view.binary else ():
        number, category = view.columns[a], view.columns[b]
        if number.categorical or len(number.levels) <= 2 or len(category.levels) > FEW_LEVELS:
            continue
        if screen.threshold(a, b):
            judged = judge_threshold(view, number, category)
            if judged.holds:
                return _finding((number, category), judged, *threshold_sentence(view, number, category))
    return _lookup(view, screen, (i, j))


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
    count = "no" if judged.errors == 0 else f"{judged.errors:,}"
    exceptions = f", {count} exception{'' if judged.errors <= 1 else 's'}"
    return Finding(
        check=CHECK,
        verdict="tautology",
        columns=tuple(c.name for c in columns),
        detail=f"{sentence[0].upper()}{sentence[1:]}: checked on {judged.rows:,} other rows{exceptions}.",
        evidence={**judged.evidence(), **more},
    )
