"""What a network reads: steps of visits as numbers, and what is asked at each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Codes of no step, of a value that training did not know, and of the first value that it did."""

NONE = -1
"""Target of a step of which nothing is asked."""

Rows = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Column:
    """One of the numbers that describe a step.

    Attributes:
        levels: codes of this column are below it; 0 where it is a number, about -3 to 3 and never NaN.
    """

    name: str
    levels: int = 0


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the columns of a step are, and which items can come next.

    Attributes:
        columns: the first holds codes; a step is there where its code is not ``PADDING``.
        items: m, how many items can come next; 0 where nobody asks for the next item.
        described_by: per column with codes, (m,) the code that each item has in it. An item's vector in
            the output is the sum of these columns' vectors in the input (tied weights).
        in_order: items that stand together in the shop have neighbouring numbers, and the first column
            holds an item's number + ``FIRST``: what is next on the shelf can then be learned for all at once.
    """

    columns: tuple[Column, ...]
    items: int = 0
    described_by: Mapping[str, Codes] = field(default_factory=dict)
    in_order: bool = False

    def __post_init__(self) -> None:
        named = {column.name: column for column in self.columns}
        if not self.columns or not self.columns[0].levels:
            raise SamplesError(
                "the first column of a step is no code", allowed="codes from 0, 0 being no step"
            )
        if self.items and not self.described_by:
            raise SamplesError(f"{self.items} items and no column that describes them")
        for name, codes in self.described_by.items():
            if name not in named or codes.shape != (self.items,) or codes.max() >= named[name].levels:
                raise SamplesError(f"the codes of the items do not fit the column '{name}'")


@dataclass(frozen=True, eq=False)
class Steps:
    """n rows of up to L steps each, oldest first, and what is asked at each.

    Attributes:
        X: (n, L, c) float32; rows shorter than L are padded with 0, all before or all after their steps.
        next_item: (n, L) int32, the item after each step, 0 to m - 1, or ``NONE``.
        goal: (n, L) int8, whether the goal is reached after each step (1, 0), or ``NONE``.
        weight: (n,) float32, how much each row counts.
    """

    X: Rows
    next_item: Codes | None = None
    goal: npt.NDArray[np.int8] | None = None
    weight: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.X)

    def only(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Steps:
        """Return these rows."""
        return Steps(
            self.X[rows],
            None if self.next_item is None else self.next_item[rows],
            None if self.goal is None else self.goal[rows],
            None if self.weight is None else self.weight[rows],
        )

    def first(self, places: int) -> Steps:
        """Return the first places of every row."""
        return Steps(
            self.X[:, :places],
            None if self.next_item is None else self.next_item[:, :places],
            None if self.goal is None else self.goal[:, :places],
            self.weight,
        )

    def from_the_left(self) -> Steps:
        """Return the same steps with all padding behind them."""
        place, inside = _moves(self.X)
        item, goal = (
            None if t is None else np.where(inside, np.take_along_axis(t, place, axis=1), t.dtype.type(NONE))
            for t in (self.next_item, self.goal)
        )
        return Steps(from_the_left(self.X), item, goal, self.weight)


def lengths(X: Rows) -> npt.NDArray[np.int64]:
    """Return how many steps each row of X (n, L, c) has, shape (n,)."""
    return np.count_nonzero(X[:, :, 0], axis=1)


def from_the_left(X: Rows) -> Rows:
    """Return X (n, L, c) with all padding behind the steps.

    A causal network then never reads padding before it answers, and needs no mask.

    >>> X = np.array([[[0.0], [5.0], [7.0]]], np.float32)
    >>> from_the_left(X)[0, :, 0].tolist()
    [5.0, 7.0, 0.0]
    """
    if (X[:, :1, 0] != PADDING).all():
        return X
    place, inside = _moves(X)
    moved = np.take_along_axis(X, place[:, :, None], axis=1)
    return np.where(inside[:, :, None], moved, np.float32(0))


def _moves(X: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return from which place each place is filled, (n, L), and whether from inside the row."""
    first = (X[:, :, 0] != PADDING).argmax(axis=1)
    place = np.arange(X.shape[1]) + first[:, None]
    inside = place < X.shape[1]
    return np.where(inside, place, 0), inside


def known_codes(X: Rows, columns: Sequence[Column]) -> Rows:
    """Return X (n, L, c) with codes that no column knows as ``UNKNOWN``.

    >>> known_codes(np.array([[[2.0], [9.0]]], np.float32), [Column("item", 3)])[0, :, 0].tolist()
    [2.0, 1.0]
    """
    most = np.array([column.levels or np.inf for column in columns], np.float32)
    strange = most <= X
    return np.where(strange, np.float32(UNKNOWN), X) if strange.any() else X
