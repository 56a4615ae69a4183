"""Samples: the only thing a model ever sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.errors import SamplesError
from buysignal.goals import Goal

Unit = Literal["click", "session", "prefix"]
Known = Literal["start", "during", "end"]

ORDER = "order_of_events"
"""What the last events in their order are called where every column has a name."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StepLayout:
    """How the last events of a visit lie in one row: event after event, oldest first, padded on the left.

    Attributes:
        columns: what is known of each event, in this order.
        sizes: how many codes each column has; 0 for a number. Code 0 in the first column is padding.
        length: events of a row.
    """

    columns: tuple[str, ...]
    sizes: tuple[int, ...]
    length: int

    @property
    def width(self) -> int:
        return self.length * len(self.columns)


class Steps(Protocol):
    """The last events up to and including each row, cut out when they are asked for."""

    @property
    def layout(self) -> StepLayout: ...

    def at(self, rows: npt.NDArray[np.int64]) -> FloatArray:
        """Return (m, layout.width) float32 of the source rows (m,)."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Features known at one moment, and what came after it; n rows, f features.

    Attributes:
        X: (n, f) float32. Numeric columns hold values, categorical columns hold the position of
            the level in ``categories[name]``; NaN is missing or a level never seen.
        names: the f column names.
        categories: levels of each categorical column, most frequent first.
        y: (n,) int8 in {0, 1}; None where the goal has no yes/no question.
        revenue: (n,) float64 ≥ 0 in ``goal.currency``; None where the goal has no amount.
        time: (n,) datetime64[us], the moment of the row (NaT where unknown).
        session: (n,) int64 code; rows of one session never stand on both sides of a split.
        visitor: (n,) int64 code.
        k: (n,) int32 clicks seen so far (1 for session and click tables).
        unit: what one row is.
        goal: the question ``y`` and ``revenue`` answer.
        has_cart: (n,) bool, a cart is open at this moment; None where the source has no carts.
        known: when each column is known, where it is not "start" or "during" (profile's word).
        source_row: (n,) int64 row of the table the samples were made from, for joining back.
        steps: the last events up to each row, asked for by ``source_row``; None where no model reads them.
    """

    X: FloatArray
    names: tuple[str, ...]
    y: npt.NDArray[np.int8] | None
    revenue: npt.NDArray[np.float64] | None
    time: npt.NDArray[np.datetime64]
    session: npt.NDArray[np.int64]
    visitor: npt.NDArray[np.int64]
    k: npt.NDArray[np.int32]
    unit: Unit
    goal: Goal
    source_row: npt.NDArray[np.int64]
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    has_cart: npt.NDArray[np.bool_] | None = None
    known: dict[str, Known] = field(default_factory=dict)
    steps: Steps | None = None

    def __post_init__(self) -> None:
        n, f = self.X.shape
        if f != len(self.names):
            raise SamplesError(f"X has {f} columns but {len(self.names)} names")
        for name in ("y", "revenue", "time", "session", "visitor", "k", "source_row", "has_cart"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise SamplesError(f"'{name}' has {len(values):,} rows", allowed=f"{n:,}, as X")

    def __len__(self) -> int:
        return len(self.X)

    def with_steps(self, rows: npt.NDArray[np.int64]) -> FloatArray:
        """Return X of ``rows`` (m,) with the last events beside it, shape (m, f + width).

        Raises:
            SamplesError: there are no steps.
        """
        if self.steps is None:
            raise SamplesError("these samples have no steps", allowed="prefix samples of events")
        return np.hstack([self.X[rows], self.steps.at(self.source_row[rows])])

    def subset(self, rows: npt.NDArray[Any]) -> Samples:
        """Return the samples at ``rows`` (positions or a boolean mask)."""
        picked: dict[str, Any] = {
            name: values[rows]
            for name in ("X", "y", "revenue", "time", "session", "visitor", "k", "source_row", "has_cart")
            if (values := getattr(self, name)) is not None
        }
        return replace(self, **picked)

    def drop(self, names: list[str] | tuple[str, ...] | set[str]) -> Samples:
        """Return the samples without the feature columns ``names``."""
        keep = [i for i, name in enumerate(self.names) if name not in names]
        return replace(
            self,
            X=np.ascontiguousarray(self.X[:, keep]),
            names=tuple(self.names[i] for i in keep),
            categories={c: v for c, v in self.categories.items() if c not in names},
            known={c: v for c, v in self.known.items() if c not in names},
        )

    def frame(self) -> pd.DataFrame:
        """Return X as a DataFrame with categorical columns decoded to their levels."""
        columns: dict[str, Any] = {}
        for i, name in enumerate(self.names):
            values = self.X[:, i]
            if name in self.categories:
                codes = np.where(np.isnan(values), -1, values).astype(np.int64)
                columns[name] = pd.Categorical.from_codes(codes, pd.Index(self.categories[name]))
            else:
                columns[name] = values
        return pd.DataFrame(columns)


def concatenate(first: Samples, second: Samples) -> Samples:
    """Return the rows of both; they must share names, categories, unit and goal.

    Raises:
        SamplesError: the columns differ.
    """
    if first.names != second.names or first.categories != second.categories:
        raise SamplesError("two sample sets with different columns cannot be joined")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("X", "y", "revenue", "time", "session", "visitor", "k", "source_row", "has_cart")
        if getattr(first, name) is not None
    }
    return replace(first, **joined)
