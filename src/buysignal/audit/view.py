"""The samples as the audit sees them: columns with codes, the target, and two halves to judge on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.samples import Samples

Target = Literal["y", "revenue"]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FEW_LEVELS = 60
"""A column with at most so many values can be the category of a rule "≥ 48 in trousers"."""


@dataclass(frozen=True, eq=False)
class Column:
    """One feature column.

    Attributes:
        values: (n,) float32 as in ``Samples.X``.
        codes: (n,) position of each value in ``levels``; a missing value is a level of its own.
        levels: the distinct values, as float32.
        texts: names of the levels of a categorical column; None for a numeric one.
    """

    name: str
    values: npt.NDArray[np.float32]
    codes: IntArray
    levels: npt.NDArray[np.float32]
    texts: tuple[str, ...] | None

    @property
    def categorical(self) -> bool:
        return self.texts is not None

    def level_text(self, code: int) -> str:
        """Return how a person would write the level."""
        value = float(self.levels[code])
        if np.isnan(value):
            return "missing"
        return self.texts[int(value)] if self.texts is not None else number_text(value)


@dataclass(frozen=True, eq=False)
class View:
    """The columns of some samples with the target, and the half each row belongs to.

    Rules are found where ``first`` is true and judged where it is false. All rows of one visitor
    are in the same half, so that a rule cannot be confirmed by the visitor it was learned from.
    """

    columns: tuple[Column, ...]
    target: npt.NDArray[np.float64]
    binary: bool
    first: BoolArray
    words: TargetWords

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: IntArray | BoolArray) -> View:
        """Return the view of some rows; levels keep their codes."""
        columns = tuple(replace(c, values=c.values[rows], codes=c.codes[rows]) for c in self.columns)
        return replace(self, columns=columns, target=self.target[rows], first=self.first[rows])


@dataclass(frozen=True)
class TargetWords:
    """How the target is called in a sentence."""

    noun: str
    yes: str


def view_of(samples: Samples, target: Target) -> View:
    """Return the view of ``samples`` with constant columns left out."""
    values = samples.y if target == "y" else samples.revenue
    assert values is not None
    columns = [_column(samples, i) for i in range(len(samples.names))]
    return View(
        columns=tuple(c for c in columns if len(c.levels) > 1),
        target=np.asarray(values, dtype=np.float64),
        binary=target == "y",
        first=_first_half(samples),
        words=words_of(samples, target),
    )


def words_of(samples: Samples, target: Target) -> TargetWords:
    """Return the name of the target and the sentence that it holds."""
    goal = samples.goal
    if target == "revenue":
        noun = f"`{goal.value_column}`" if goal.value_column else (goal.value_sentence or "the amount")
        return TargetWords(noun=noun, yes=noun)
    if goal.kind == "column" and goal.attribute:
        equals = "true" if goal.equals is None else _plain(goal.equals)
        return TargetWords(noun=f"`{goal.attribute}`", yes=f"`{goal.attribute}` is {equals}")
    return TargetWords(noun=f"the answer to “{goal.sentence}”", yes=f"“{goal.sentence}” holds")


def _plain(value: str | float | bool) -> str:
    return str(value) if isinstance(value, str | bool) else number_text(float(value))


def number_text(value: float) -> str:
    """Return a number as people write it.

    >>> number_text(48.0), number_text(12918.0), number_text(0.123456)
    ('48', '12,918', '0.1235')
    """
    if value == round(value) and abs(value) < 1e12:
        return f"{round(value):,}"
    return f"{value:.4g}"


def percent(part: int, whole: int) -> str:
    """Return a share in words that never rounds something to nothing.

    >>> percent(96, 100), percent(1, 3000), percent(2999, 3000)
    ('96 %', 'under 0.1 %', '99.9 %')
    """
    share = 100 * part / max(whole, 1)
    if 0 < share < 0.1:
        return "under 0.1 %"
    text = f"{share:.0f}" if 10 <= share <= 99 or share in (0, 100) else f"{min(share, 99.9):.1f}"
    return f"{text} %"


def _column(samples: Samples, i: int) -> Column:
    name = samples.names[i]
    values = np.ascontiguousarray(samples.X[:, i])
    codes, levels = pd.factorize(values, use_na_sentinel=False)
    return Column(name, values, codes.astype(np.int64), np.asarray(levels), samples.categories.get(name))


def _first_half(samples: Samples) -> BoolArray:
    for codes in (samples.visitor, samples.session):
        if len(pd.unique(codes)) >= 20:
            return (mix(codes) & np.uint64(1)).astype(np.bool_)
    return (mix(np.arange(len(samples))) & np.uint64(1)).astype(np.bool_)


def mix(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return well-mixed 64-bit hashes of integers (the finaliser of splitmix64, Steele et al. 2014)."""
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
