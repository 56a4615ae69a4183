"""Rows that became good later, put with those that were kept at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events
from buysignal.events import ATTRIBUTE_PREFIX
from buysignal.sources.profile import folded
from buysignal.sources.read import Loaded

NUMBER = f"{ATTRIBUTE_PREFIX}mended_row"
"""Column that says which of the mended rows a row is."""


def merged_sessions(kept: pa.Table, good: pa.Table) -> pa.Table:
    """Return a session table with the good rows behind the kept ones."""
    return pa.concat_tables([kept, _as(good, kept.schema)])


def merged_events(first: Loaded, good: pa.Table) -> tuple[pa.Table, dict[str, list[int]]]:
    """Return the events of both readings in order, and which good rows do not go with the others.

    Args:
        first: what was kept at once.
        good: events read later, each with its number in the column ``NUMBER``.

    The second answer has reason -> numbers: of rows that equal another in every column that is read, and
    of those whose session is another visitor's.
    """
    number = good.column(NUMBER).to_numpy() if good.num_rows else np.zeros(0, dtype=np.int64)
    good = _as(good, first.table.schema)
    if not good.num_rows:
        return first.table, {}
    if not _gives_order(first):
        # They stand behind all others: where in the files they stood before does not matter any more.
        last = pc.max(first.table.column("event_seq")).as_py() or 0
        place = pa.array(last + 1 + number.astype(np.int64))
        good = good.set_column(good.column_names.index("event_seq"), "event_seq", place)
    foreign = _foreign(first.table, good)
    equal = _equal(first, good) & ~foreign
    stays = good.filter(pa.array(~(foreign | equal))).cast(first.table.schema)
    both = pa.concat_tables([first.table, stays]).unify_dictionaries()
    reasons = {"session_of_two_visitors:session_id": foreign, "duplicate_event": equal}
    return events.sort(both), {reason: number[mask].astype(int).tolist() for reason, mask in reasons.items()}


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the columns and types of ``schema``; what is missing is null."""
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        column = table.column(field.name)
        if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(field.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        columns.append(column.cast(field.type))
    return pa.table(columns, schema=schema)


def _gives_order(first: Loaded) -> bool:
    """Whether ``event_seq`` is the source's own, and not the place in the files."""
    mapping = first.profile.columns.get("event_seq")
    wanted = set() if mapping is None else {folded(s) for s in mapping.source or ("event_seq",)}
    return any(folded(c) in wanted for form in first.forms for c in form.columns)


def _foreign(kept: pa.Table, good: pa.Table) -> npt.NDArray[np.bool_]:
    """Which good rows have a session that another visitor has rows of already."""
    sessions = pc.unique(good.column("session_id")).drop_null()
    if not len(sessions):
        return np.zeros(good.num_rows, dtype=bool)
    known = kept.filter(pc.is_in(kept.column("session_id"), value_set=sessions))
    pairs = zip(*(known.column(c).to_pylist() for c in ("session_id", "visitor_id")), strict=True)
    owner = dict(pairs)
    pairs = zip(good.column("session_id").to_pylist(), good.column("visitor_id").to_pylist(), strict=True)
    return np.array([owner.setdefault(s, v) != v if s is not None else False for s, v in pairs], dtype=bool)


def _equal(first: Loaded, good: pa.Table) -> npt.NDArray[np.bool_]:
    """Which good rows equal a kept row, or an earlier good one, in every column that is read."""
    columns = [c for c in good.column_names if c != "event_seq" or _gives_order(first)]
    visitors = pc.unique(good.column("visitor_id"))
    near = first.table.filter(pc.is_in(first.table.column("visitor_id"), value_set=visitors))
    both = pa.concat_tables([near.select(columns), good.select(columns).cast(near.select(columns).schema)])
    equal: npt.NDArray[np.bool_] = both.unify_dictionaries().to_pandas().duplicated().to_numpy()
    return equal[near.num_rows :]
