"""Sequences of items: all that a recommender ever sees of visits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError

Codes = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Catalog:
    """The m items, and what is known of each whatever the visitor does.

    Attributes:
        names: item ids; a code is a position in here.
        attributes: per attribute (category, colour, ...), (m,) int32 code of its value, -1 unknown.
        levels: per attribute the names of its values; a code is a position in here.
        price: (m,) float32, the usual price; NaN where there is none.
    """

    names: tuple[str, ...]
    attributes: dict[str, Codes] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    price: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def __post_init__(self) -> None:
        if not len(self.price):
            object.__setattr__(self, "price", np.full(len(self.names), np.nan, np.float32))
        wrong = [n for n, codes in self.attributes.items() if codes.shape != (len(self.names),)]
        if wrong or self.price.shape != (len(self.names),):
            raise SamplesError(
                f"{len(self.names)} items and another number of {', '.join(wrong) or 'prices'}",
                allowed="one value an item",
            )


@dataclass(frozen=True, eq=False)
class Sequences:
    """Items of s visits in the order they were looked at; n views in all.

    Attributes:
        items: (n,) int32 codes in ``catalog``; -1 is an item it does not know.
        starts: (s + 1,) where each visit begins in ``items``, then n.
        day: (s,) float64, when each visit began, in days since 1970.
        catalog: the items.
        gap: (n,) float32 seconds since the visit's look before; NaN for the first, and without a clock.
            None where nobody asked for it.
        goal: (n,) int8, whether the goal is reached later in the visit (1, 0), or the question is settled
            or unknown (-1). None where there is no such question.
    """

    items: Codes
    starts: Positions
    day: npt.NDArray[np.float64]
    catalog: Catalog
    gap: npt.NDArray[np.float32] | None = None
    goal: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.day) + 1 or (len(self.starts) and self.starts[-1] != len(self.items)):
            raise SamplesError("the bounds of the visits do not fit their items")
        for name in ("gap", "goal"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.items):
                raise SamplesError(f"'{name}' has {len(values):,} values", allowed=f"{len(self.items):,}")

    @property
    def visits(self) -> int:
        return len(self.starts) - 1

    def visit_of_view(self) -> Positions:
        """Return each view's visit, shape (n,)."""
        return np.repeat(np.arange(self.visits), np.diff(self.starts))

    def place_in_visit(self) -> Positions:
        """Return each view's place in its visit, from 0, shape (n,)."""
        return np.arange(len(self.items)) - np.repeat(self.starts[:-1], np.diff(self.starts))

    def questions(self) -> Positions:
        """Return the views that can be asked for: known items after the first of a visit."""
        return np.flatnonzero((self.place_in_visit() > 0) & (self.items >= 0))

    def only(self, visits: npt.NDArray[np.bool_]) -> Sequences:
        """Return the visits where ``visits`` (s,) holds."""
        kept = visits[self.visit_of_view()]
        sizes = np.diff(self.starts)[visits]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        gap = None if self.gap is None else self.gap[kept]
        goal = None if self.goal is None else self.goal[kept]
        return Sequences(self.items[kept], starts, self.day[visits], self.catalog, gap, goal)


def joined(first: Sequences, second: Sequences) -> Sequences:
    """Return the visits of both, those of ``first`` in front; they share a catalog.

    Raises:
        SamplesError: they do not.
    """
    if first.catalog is not second.catalog:
        raise SamplesError("visits of two catalogs cannot be joined", allowed="visits that share one")

    def both(name: str) -> npt.NDArray[Any] | None:
        parts = [getattr(one, name) for one in (first, second)]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    return Sequences(
        np.concatenate([first.items, second.items]),
        np.concatenate([first.starts[:-1], second.starts + len(first.items)]),
        np.concatenate([first.day, second.day]),
        first.catalog,
        gap=both("gap"),
        goal=both("goal"),
    )
