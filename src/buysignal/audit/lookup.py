"""Rules of the kind "`item_id` alone fixes `price`": the target is (almost) constant in each group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.audit.view import Column, IntArray, View, number_text

SUPPORT = 2
"""A group says something about unseen rows only if at least so many rows taught it."""

MAX_ERROR, MAX_ERROR_OF_RARE, MIN_RARE, MIN_COVERAGE = 0.005, 0.05, 20, 0.5


@dataclass(frozen=True)
class Judged:
    """How a rule did on the rows it was not found on.

    Attributes:
        rows: rows it had an answer for.
        errors: rows where the answer was wrong.
        rare: rows of the rarer answer (or, for amounts, of any but the most frequent one).
        rare_errors: wrong answers among those.
        coverage: share of the held-out rows it had an answer for.
    """

    rows: int
    errors: int
    rare: int
    rare_errors: int
    coverage: float

    @property
    def holds(self) -> bool:
        """Whether the rule is (almost) without exception, for the rare answer too."""
        return (
            self.coverage >= MIN_COVERAGE
            and self.rare >= MIN_RARE
            and self.errors <= MAX_ERROR * self.rows
            and self.errors <= MAX_ERROR_OF_RARE * self.rare
            and self.rare_errors <= MAX_ERROR_OF_RARE * self.rare
        )

    @property
    def promising(self) -> bool:
        """Whether the rule deserves a look at all rows, judged on a sample."""
        return self.rows >= 50 and self.errors <= 0.03 * self.rows and self.errors <= 0.3 * self.rare

    def evidence(self) -> dict[str, float]:
        return {
            "held_out_rows": self.rows,
            "held_out_exceptions": self.errors,
            "held_out_coverage": round(self.coverage, 4),
        }


def judge(wrong: npt.NDArray[np.bool_], truth: npt.NDArray[np.float64], held_out: int) -> Judged:
    """Count the errors of a rule on the ``truth`` rows it covers, out of ``held_out`` rows."""
    rare = _rare(truth)
    return Judged(
        rows=len(truth),
        errors=int(wrong.sum()),
        rare=int(rare.sum()),
        rare_errors=int((wrong & rare).sum()),
        coverage=len(truth) / max(held_out, 1),
    )


def _rare(truth: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    codes, levels = pd.factorize(truth)
    if len(levels) == 0:
        return np.zeros(0, dtype=np.bool_)
    counts = np.bincount(codes)
    return np.asarray(codes != counts.argmax())


def same(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether amounts are equal up to the rounding of float32 features."""
    return np.asarray(np.abs(a - b) <= 1e-5 * np.maximum(np.abs(a), np.abs(b)) + 1e-9)


def groups_of(columns: tuple[Column, ...], rows: int) -> tuple[IntArray, int]:
    """Return a code per combination of levels, and how many codes there may be."""
    codes, count = columns[0].codes, len(columns[0].levels)
    for column in columns[1:]:
        codes, count = codes * len(column.levels) + column.codes, count * len(column.levels)
    if count > max(4 * rows, 100_000):
        codes, uniques = pd.factorize(codes)
        count = len(uniques)
    return codes, count


def judge_lookup(view: View, columns: tuple[Column, ...]) -> Judged:
    """Learn the group means of the first half, judge them on the second.

    A yes/no target is answered by majority, an amount by the mean.
    """
    codes, count = groups_of(columns, len(view))
    counts, means = _means(codes[view.first], view.target[view.first], count)
    held_out = ~view.first
    ours = codes[held_out]
    known = counts[ours] >= SUPPORT
    truth = view.target[held_out][known]
    answer = means[ours[known]]
    wrong = ((answer > 0.5) != (truth > 0.5)) if view.binary else ~same(answer, truth)
    return judge(wrong, truth, int(held_out.sum()))


def explains(view: View, columns: tuple[Column, ...], in_doubt: bool = False) -> bool:
    """Whether group means of an amount explain nearly all of it: a quick look before ``judge_amounts``.

    Unlike equality it forgives a few exceptions, which shift the means. With too few rows to say,
    the answer is ``in_doubt``.
    """
    codes, count = groups_of(columns, len(view))
    counts, means = _means(codes[view.first], view.target[view.first], count)
    ours = codes[~view.first]
    known = counts[ours] >= SUPPORT
    truth = view.target[~view.first][known]
    if len(truth) < 50 or truth.var() == 0:
        return in_doubt
    return bool(np.mean((truth - means[ours[known]]) ** 2) < 0.05 * truth.var())


def judge_amounts(view: View, columns: tuple[Column, ...]) -> Judged:
    """As ``judge_lookup`` for amounts, with medians, which exceptions do not move."""
    codes, _ = groups_of(columns, len(view))
    taught = pd.Series(view.target[view.first]).groupby(codes[view.first])
    medians = taught.median()[taught.size() >= SUPPORT]
    held_out = ~view.first
    answer = medians.reindex(codes[held_out]).to_numpy(dtype=np.float64)
    known = ~np.isnan(answer)
    truth = view.target[held_out][known]
    return judge(~same(np.asarray(answer[known], np.float64), truth), truth, int(held_out.sum()))


def _means(
    codes: IntArray, target: npt.NDArray[np.float64], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    counts = np.bincount(codes, minlength=count).astype(np.float64)
    sums = np.bincount(codes, weights=target, minlength=count)
    return counts, np.divide(sums, counts, out=np.zeros(count), where=counts > 0)


def lookup_sentence(view: View, columns: tuple[Column, ...]) -> tuple[str, dict[str, float]]:
    """Return the rule in words, with the number of groups and two or three examples."""
    codes, _ = groups_of(columns, len(view))
    groups = pd.DataFrame({"code": codes, "target": view.target, "row": np.arange(len(view))})
    table = groups.groupby("code").agg(n=("row", "size"), target=("target", "median"), row=("row", "first"))
    table = table.sort_values("n", ascending=False, kind="stable")
    names = " and ".join(f"`{c.name}`" for c in columns)
    verb = "alone fixes" if len(columns) == 1 else "together fix"
    things = "values" if len(columns) == 1 else "combinations"
    one = "one answer" if view.binary else "one value"
    shown = _examples(view, table)
    examples = "; ".join(
        _example(view, columns, int(row), float(target))
        for row, target in zip(shown.row, shown.target, strict=True)
    )
    sentence = f"{names} {verb} {view.words.noun} ({len(table):,} {things}, {one} each: {examples})"
    return sentence, {"groups": float(len(table)), "rows_per_group": round(len(view) / len(table), 1)}


def _examples(view: View, table: pd.DataFrame) -> pd.DataFrame:
    if not view.binary:
        return table.head(3)
    return pd.concat([table[table.target > 0.5].head(2), table[table.target <= 0.5].head(1)])


def _example(view: View, columns: tuple[Column, ...], row: int, target: float) -> str:
    levels = ", ".join(c.level_text(int(c.codes[row])) for c in columns)
    answer = ("yes" if target > 0.5 else "no") if view.binary else number_text(target)
    return f"{levels} → {answer}"
