"""A source's events folded for one bundle, once: every question about them asks here.

A value that is handed around, never a hidden store: whoever asks several questions of the same events
makes a `Folded` and gives it to each (``acting.ask``, ``outlook.look_back``, ``scoring.score``). The answers
are those that each would have come to alone.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.bundle import Bundle
from buysignal.errors import SamplesError
from buysignal.row_scores import Columns, as_frame, score_columns
from buysignal.sources.order import is_sorted
from buysignal.step_windows import StepWindows

Rows = npt.NDArray[np.int64]
Features = npt.NDArray[np.float32]

_WIDE_AT_ONCE = 50_000


class Folded:
    """Events with sessions assigned, their features, and the scores of rows that were asked for.

    Args:
        bundle: whose vocabulary the features read.
        table: canonical events, in any order.
        everyone: keep what was sent with a refusal of consent; for sums over all visits alone, never for a
            score that is shown of a visit.

    Attributes:
        events: (n) as `sessions.assign` leaves them; row numbers everywhere are of these.
        refused: events of ``table`` that were left out, because they were sent with a refusal of consent.

    Raises:
        SamplesError: the bundle reads session rows.
    """

    def __init__(self, bundle: Bundle, table: pa.Table, *, everyone: bool = False) -> None:
        self.bundle = bundle
        self.table = table
        self.everyone = everyone
        agreed, self.refused = (table, 0) if everyone else ev.consenting(table)
        self.events, X = fold_events(bundle, agreed)
        self._kept: _Kept = _Kept(bundle, self.events, X)
        self._rows: Rows | None = None

    @cached_property
    def layout(self) -> sessions.Layout:
        return sessions.layout(self.events)

    def features(self, rows: Rows) -> Features:
        """Return the rows (m, bundle.width) of the events ``rows`` (m,)."""
        return self._kept.rows(self._places(rows))

    def feature(self, name: str) -> Features:
        """Return one feature of every event, (n,)."""
        column = self._kept.X[:, features.NAMES.index(name)]
        return column if self._rows is None else column[self._rows]

    def scores(self, rows: Rows) -> pd.DataFrame:
        """Return the scores of the events ``rows`` (m,), as ``score_rows`` gives them; each is made once."""
        return as_frame(self.bundle, self._kept.scores(self._places(rows)))

    def until(self, moment: np.datetime64) -> Folded:
        """Return what was known at a moment (UTC), as if nothing later had ever come.

        A row of features depends on nothing later, so the cut needs no second fold. Events without a time
        are left out; where there are some, what is left is folded anew, since other rows had counted them.

        Raises:
            SamplesError: there is no event up to ``moment``.
        """
        time = self.events.column("event_time")
        if time.null_count:
            return Folded(self.bundle, known_by(self.table, moment), everyone=self.everyone)
        at = sessions.times(self.events)
        keep = at <= int(moment.astype("datetime64[us]").astype(np.int64))
        if keep.all():
            return self
        if not keep.any():
            raise _nothing_until(moment)
        cut = object.__new__(Folded)
        cut.bundle, cut.table, cut._kept = self.bundle, self.table, self._kept
        cut.everyone, cut.refused = self.everyone, self.refused
        cut.events = self.events.filter(pa.array(keep))
        cut._rows = self._places(np.flatnonzero(keep))
        return cut

    def _places(self, rows: Rows) -> Rows:
        return rows if self._rows is None else self._rows[rows]


class _Kept:
    """All rows of features, and the scores of those that were asked for."""

    def __init__(self, bundle: Bundle, events: pa.Table, X: Features) -> None:
        self.X = X
        self._bundle = bundle
        self._steps: StepWindows | None = None
        if bundle.step_codes is not None and bundle.vocabulary is not None:
            self._steps = StepWindows(events, bundle.vocabulary, bundle.step_codes)
        self._done = np.zeros(len(X), dtype=bool)
        self._columns: Columns = {}

    def scores(self, rows: Rows) -> Columns:
        new = np.unique(rows[~self._done[rows]])
        # Rows with their last events are wide: some at a time.
        size = max(len(new), 1) if self._steps is None else _WIDE_AT_ONCE
        for start in range(0, max(len(new), not self._columns), size):
            self._score(new[start : start + size])
        return {name: values[rows] for name, values in self._columns.items()}

    def rows(self, places: Rows) -> Features:
        """Return the rows (m, width): features, and the last events where the bundle reads them."""
        X = self.X[places]
        return X if self._steps is None else np.hstack([X, self._steps.at(places)])

    def _score(self, new: Rows) -> None:
        for name, values in score_columns(self._bundle, self.rows(new)).items():
            if name not in self._columns:
                self._columns[name] = np.zeros(len(self.X), dtype=values.dtype)
            self._columns[name][new] = values
        # Last, so that an interruption leaves no row that passes for scored.
        self._done[new] = True


def folded_for(bundle: Bundle, table: pa.Table, kept: Folded | None, *, everyone: bool = False) -> Folded:
    """Return ``kept`` where there is one, else the fold of ``table``.

    Where ``everyone`` is asked for and ``kept`` has left somebody out, the table is folded anew.

    Raises:
        SamplesError: ``kept`` was made of other events, or for another bundle.
    """
    if kept is None:
        return Folded(bundle, table, everyone=everyone)
    if kept.table is not table or kept.bundle.version != bundle.version:
        raise SamplesError(
            "these events were folded for another question",
            allowed="a Folded of the same bundle and the same table",
            todo="fold them again, or leave it out",
        )
    return Folded(bundle, table, everyone=True) if everyone and kept.refused else kept


def folded_until(
    bundle: Bundle, table: pa.Table, moment: np.datetime64, kept: Folded | None, *, everyone: bool = False
) -> Folded:
    """Return the fold of what was known at ``moment``, cut out of ``kept`` where there is one.

    Raises:
        SamplesError: as ``folded_for``, or there is no event up to ``moment``.
    """
    if kept is None:
        return Folded(bundle, known_by(table, moment), everyone=everyone)
    return folded_for(bundle, table, kept, everyone=everyone).until(moment)


def fold_events(bundle: Bundle, events: pa.Table) -> tuple[pa.Table, Features]:
    """Return the events with sessions assigned, and their features (n, f) as the bundle reads them."""
    if bundle.vocabulary is None:
        raise SamplesError("this bundle reads session rows, not events")
    conformed = ev.conform(events)
    ordered = conformed if is_sorted(conformed) else ev.sort(conformed)
    assigned = sessions.assign(ordered, bundle.session_gap)
    return assigned, features.fold(assigned, bundle.vocabulary)


def known_by(table: pa.Table, moment: np.datetime64) -> pa.Table:
    """Return the events up to a moment, it included; those without a time are left out.

    Raises:
        SamplesError: there are none.
    """
    limit = pa.scalar(int(moment.astype(np.int64)), pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    kept = table.filter(pc.fill_null(pc.less_equal(table.column("event_time"), limit), False))
    if not kept.num_rows:
        raise _nothing_until(moment)
    return kept


def _nothing_until(moment: np.datetime64) -> SamplesError:
    return SamplesError(f"there is no event up to {moment}", todo="ask at a later moment")
