"""Data made ready to be explored: one row per visit, and the events' columns as arrays.

Made once; filters cut it, and every chart is drawn from what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.explore.columns import Coded
from buysignal.explore.outcome import Outcome

Level = str


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is explored; n rows (events, or rows of a session table) of v visits.

    Attributes:
        level: "event", or "session" where a row is a visit.
        visits: (v,) rows with ``id``, ``day`` (midnight UTC, NaT unknown), ``start`` (microseconds since
            1970 UTC, ``sessions.NO_TIME`` unknown), ``rows``, ``events`` (rows of one purchase count
            once), ``seconds`` (NaN without a clock), ``reached`` (the outcome), ``orders``, ``revenue``;
            of events also ``visitor`` (code), ``visit_number``, ``returning`` and, where they are known,
            ``device``, ``channel``, ``country``.
        actions: (n,) whether the row is an event's first: a purchase of several items has a row for each.
        session: (n,) position of the visit each row belongs to, ascending.
        kind: (n,) GA4 code of each event.
        coded: text columns; ``event_name``, ``item_id``, ``category``, ``page`` and ``attr_*`` of events.
        numbers: (n,) numeric columns, NaN empty.
        value: (n,) price × quantity.
        time: (n,) microseconds since 1970 UTC.
        empty: (n,) whether the cell is empty, per column that has empty cells.
        columns: names of all columns that the source could have filled.
        returning_known: whether some visitor comes more than once.
        left_out: what is not looked at, and how many visits or events that is.
    """

    level: Level
    visits: pd.DataFrame
    session: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    actions: npt.NDArray[np.bool_]
    coded: dict[str, Coded]
    numbers: dict[str, npt.NDArray[np.float64]]
    value: npt.NDArray[np.float64]
    time: npt.NDArray[np.int64]
    empty: dict[str, npt.NDArray[np.bool_]]
    columns: tuple[str, ...]
    outcome: Outcome
    currency: str | None = None
    simulated: bool = False
    returning_known: bool = False
    has_amounts: bool = False
    filter_columns: tuple[str, ...] = ()
    late: dict[str, str] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.session)

    @property
    def has_clock(self) -> bool:
        """Whether the visits have a time of day."""
        return bool(self.visits["seconds"].notna().any()) or (
            self.level == "session" and bool(self.visits["day"].notna().any())
        )

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Row of each visit's first event, shape (v,)."""
        sizes = self.visits["rows"].to_numpy()
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

    def where(self, kept: npt.NDArray[np.bool_]) -> Prepared:
        """Return the data of these visits alone; ``kept`` has shape (v,)."""
        if kept.all():
            return self
        rows = kept[self.session]
        return replace(
            self,
            visits=self.visits[kept].reset_index(drop=True),
            session=(np.cumsum(kept) - 1)[self.session[rows]],
            kind=self.kind[rows],
            actions=self.actions[rows],
            coded={name: column.where(rows) for name, column in self.coded.items()},
            numbers={name: column[rows] for name, column in self.numbers.items()},
            value=self.value[rows],
            time=self.time[rows],
            empty={name: column[rows] for name, column in self.empty.items()},
        )
