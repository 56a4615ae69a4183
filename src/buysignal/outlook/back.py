"""How earlier forecasts came out: every visit at fair moments, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal import prefixes, scoring, sessions, tables
from buysignal.bundle import Bundle
from buysignal.errors import SamplesError
from buysignal.folded import Folded, folded_for
from buysignal.outlook.amounts import event_values, learned_from, need_amounts, still_to_come, table_times
from buysignal.sources.read import Loaded

Progress = Callable[[float, str], None]
Rows = npt.NDArray[np.int64]

MOMENTS = {"1": "after the first click", "3": "after 3 clicks", "5": "after 5 clicks",
           "10": "after 10 clicks", "cart": "when the first item is in the cart"}  # fmt: skip
"""When a visit is asked about, for predicted against actual. All are moments that show themselves as they
come: of its last click no visit tells that it is the last, so forecasts made there cannot add up."""


def look_back(
    bundle: Bundle, loaded: Loaded, *, folded: Folded | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Return what was expected of each visit at each of `MOMENTS`, and what it went on to bring.

    Columns: ``moment`` (a key of `MOMENTS`; "1" alone for session tables), ``expected``, ``actual``,
    ``probability``, ``visitor``, ``learned`` ("no", "yes", "maybe"), and to group by: ``channel``,
    ``device``, ``category`` (of the latest item seen by then), ``segment``, ``day``. Left out are
    suspected bots and what comes after a purchase. ``folded`` is the source's events as they were folded
    for an earlier question.

    Raises:
        GoalError: the model knows no amounts.
    """
    tell = progress or (lambda _share, _text: None)
    need_amounts(bundle)
    if not bundle.reads_events:
        return _back_of_table(bundle, loaded)
    tell(0.1, "reading the visits")
    known = folded_for(bundle, loaded.table, folded)
    events, where = known.events, known.layout
    asked = _asked(events, where)
    at = np.concatenate(list(asked.values()))
    tell(0.4, "scoring every moment")
    scores = known.scores(at)
    tell(0.8, "comparing")
    value = event_values(events, bundle.goal)
    session = where.session_of_row()
    start = prefixes.moments(events)[where.session_starts[:-1]][session[at]]
    return pd.DataFrame(
        {
            "moment": np.repeat(list(asked), [len(r) for r in asked.values()]),
            "expected": scores["expected_revenue"],
            "actual": still_to_come(where, value)[at],
            "probability": scores["probability"],
            "visitor": where.visitor_of_session()[session[at]],
            "learned": learned_from(bundle, loaded, start),
            "channel": _text(events, "channel", at),
            "device": _text(events, "device", at),
            "category": _latest_category(events, session, at),
            "segment": scores.get("segment"),
            "day": start.astype("datetime64[D]").astype(str),
        }
    )


def _asked(events: pa.Table, where: sessions.Layout) -> dict[str, Rows]:
    """Return the rows at which each visit is asked, by moment."""
    starts, ends = where.session_starts[:-1], where.session_starts[1:]
    bots = sessions.bots(events)[starts]
    purchase = np.flatnonzero(ev.codes_of_names(events) == ev.EVENT_CODES["purchase"])
    first = np.full(where.sessions, events.num_rows)
    np.minimum.at(first, where.session_of_row()[purchase], purchase)
    stop = np.minimum(np.minimum(ends, first), starts + sessions.SESSION_CAP)
    found = {}
    for name in MOMENTS:
        rows = _first_cart(events, where) if name == "cart" else starts + int(name) - 1
        found[name] = rows[(rows < stop) & ~bots]
    return {name: rows for name, rows in found.items() if len(rows)}


def _first_cart(events: pa.Table, where: sessions.Layout) -> Rows:
    """Return the row at which each visit first put an item into the cart, beyond the table if never."""
    added = np.flatnonzero(ev.codes_of_names(events) == ev.EVENT_CODES["add_to_cart"])
    first = np.full(where.sessions, events.num_rows)
    np.minimum.at(first, where.session_of_row()[added], added)
    return first


def _text(events: pa.Table, name: str, at: Rows) -> pd.Series:
    return events.column(name).cast(pa.string()).take(pa.array(at)).to_pandas()


def _latest_category(events: pa.Table, session: Rows, at: Rows) -> npt.NDArray[np.object_]:
    """Return the category of the latest item the visit had seen by each row."""
    column = events.column("category").cast(pa.string()).dictionary_encode().unify_dictionaries()
    merged = column.combine_chunks()
    known = merged.indices.is_valid().to_numpy(zero_copy_only=False)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(session)), -1))[at]
    # The latest row with a category counts only if it is of the same visit.
    own = (latest >= 0) & (session[np.maximum(latest, 0)] == session[at])
    codes = merged.indices.fill_null(0).to_numpy(zero_copy_only=False)
    names = np.array([*merged.dictionary.to_pylist(), "no item yet"], dtype=object)
    return names[np.where(own, codes[np.maximum(latest, 0)], len(names) - 1)]


def _back_of_table(bundle: Bundle, loaded: Loaded) -> pd.DataFrame:
    amount = tables.column_amount(loaded.table, bundle.goal)
    if amount is None:
        raise SamplesError("these visits carry no amounts", todo="bring data with amounts")
    scored = scoring.score(bundle, loaded.table).table
    rows = scored["row"].to_numpy()
    frame = pd.DataFrame(
        {
            "moment": "1",
            "expected": scored["expected_revenue"],
            "actual": amount[rows],
            "probability": scored["probability"],
            "visitor": rows,
            "learned": "maybe",
        }
    )
    if bundle.profile.roles.time in loaded.table.column_names:
        start = table_times(bundle, loaded)[rows]
        frame["learned"] = learned_from(bundle, loaded, start)
        frame["day"] = start.astype("datetime64[D]").astype(str)
    for name in ("channel", "device"):
        if name in loaded.table.column_names:
            frame[name] = _text(loaded.table, name, rows)
    if "segment" in scored:
        frame["segment"] = scored["segment"]
    return frame
