"""Events in, sequences of looked-at items out."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.sequences import Catalog, Sequences

LEAST_VIEWS = 5
"""Items seen less often in training cannot be suggested (the usual bound of the field)."""

CONSTANT = 0.95
"""Share of an item's views that must agree before a column counts as the item's own."""

_SELECT, _VIEW = (ev.EVENT_CODES[name] for name in ("select_item", "view_item"))


def looked_at(events: pa.Table, catalog: Catalog, *, goal: npt.NDArray[np.int8] | None = None) -> Sequences:
    """Return what visits of two or more looks looked at, item after item.

    A look is a ``view_item`` or ``select_item``; the ``view_item`` that a ``select_item`` of the same
    item leads to is the same look. Items outside ``catalog`` are kept as unknown. Suspected bots are left
    out.

    Args:
        events: n events as ``sessions.assign`` leaves them.
        catalog: the items of the training period.
        goal: (n,) as in ``Sequences``, for every event.
    """
    where = sessions.layout(events)
    rows = looks(events, where)
    codes = pc.index_in(events.column("item_id").cast(pa.string()), pa.array(catalog.names, pa.string()))
    items = pc.fill_null(codes, -1).to_numpy().astype(np.int32)[rows]
    session = where.session_of_row()[rows]
    sizes = np.bincount(session, minlength=where.sessions)
    kept = sizes >= 2
    starts = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
    rows = rows[kept[session]]
    return Sequences(
        items[kept[session]],
        starts,
        _start_day(events, where)[kept],
        catalog,
        gap=gaps(sessions.times(events)[rows], starts),
        goal=None if goal is None else goal[rows],
    )


def gaps(time: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the seconds between each look and the one before, (n,); NaN for the first of a visit.

    Args:
        time: (n,) in microseconds, ``sessions.NO_TIME`` where unknown.
        starts: (s + 1,) where each visit begins, then n.
    """
    gap = np.full(len(time), np.nan, np.float32)
    known = (time[1:] != sessions.NO_TIME) & (time[:-1] != sessions.NO_TIME)
    gap[1:][known] = (time[1:] - time[:-1])[known] / 1e6
    gap[starts[starts < len(time)]] = np.nan
    return gap


def looks(events: pa.Table, where: sessions.Layout, *, with_bots: bool = False) -> npt.NDArray[np.int64]:
    """Return the rows of ``events`` that are looks at an item, as ``looked_at`` counts them.

    Args:
        events: events as ``sessions.assign`` leaves them.
        where: their layout.
        with_bots: keep those of suspected bots.
    """
    code = ev.codes_of_names(events)
    item = sessions.codes(events.column("item_id"))
    session = where.session_of_row()
    wanted = ((code == _SELECT) | (code == _VIEW)) & (item >= 0)
    rows = np.flatnonzero(wanted if with_bots else wanted & ~sessions.bots(events))
    if len(rows) < 2:
        return rows
    before, here = rows[:-1], rows[1:]
    same = (session[before] == session[here]) & (item[before] == item[here])
    led_to = same & (code[before] == _SELECT) & (code[here] == _VIEW)
    return rows[np.insert(~led_to, 0, True)]


def _start_day(events: pa.Table, where: sessions.Layout) -> npt.NDArray[np.float64]:
    first = where.session_starts[:-1]
    time, day = sessions.times(events)[first], sessions.days(events)[first]
    return np.where(time != sessions.NO_TIME, time / sessions.US_PER_DAY, day.astype(float))


def catalog_of(events: pa.Table, *, least: int = LEAST_VIEWS) -> Catalog:
    """Return the items looked at ``least`` times or more in ``events``, and what stays the same of each.

    ``category``, ``page`` and every ``attr_*`` column count as the item's own where at least 95 % of the
    looks of each item, on the whole, agree. Items are in natural order of their ids (``A2`` before
    ``A10``): shops number what stands together.

    Args:
        events: events of the training period, as ``sessions.assign`` leaves them.
    """
    seen = events.take(pa.array(looks(events, sessions.layout(events))))
    counted = pc.value_counts(seen.column("item_id").cast(pa.string()))
    often = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    names = tuple(sorted((name for name, n in often if n >= least), key=_natural))
    code = pc.index_in(seen.column("item_id").cast(pa.string()), pa.array(names, pa.string()))
    item = pc.fill_null(code, -1).to_numpy().astype(np.int64)
    own = [c for c in seen.column_names if c in ("category", "page") or c.startswith(ev.ATTRIBUTE_PREFIX)]
    found = {c: _own(seen.column(c), item, len(names)) for c in own}
    kept = {c: values for c, values in found.items() if values is not None}
    return Catalog(
        names,
        {c: codes for c, (codes, _) in kept.items()},
        {c: levels for c, (_, levels) in kept.items()},
        _usual_price(seen, item, len(names)),
    )


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts)


def _own(
    column: pa.ChunkedArray, item: npt.NDArray[np.int64], size: int
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]] | None:
    """Return each item's most frequent value and the values; None where items do not keep to one."""
    text = column.cast(pa.string()).to_pandas()
    frame = pd.DataFrame({"item": item, "value": text})[(item >= 0) & text.notna().to_numpy()]
    if frame.empty:
        return None
    counts = frame.value_counts().reset_index(name="n").drop_duplicates("item")
    agree = counts["n"].sum() / len(frame)
    if agree < CONSTANT or counts["value"].nunique() < 2:
        return None
    codes, levels = pd.factorize(counts["value"], sort=True)
    values = np.full(size, -1, np.int32)
    values[counts["item"]] = codes
    return values, tuple(map(str, levels))


def _usual_price(looks: pa.Table, item: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.float32]:
    price = pd.Series(looks.column("price").to_numpy())[item >= 0]
    usual = price.groupby(item[item >= 0]).median().reindex(range(size))
    return usual.to_numpy().astype(np.float32)
