"""What to show a visit next, from a bundle: the one way that every door asks.

What is suggested is likely to be looked at next. It is no forecast of a purchase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from buysignal import events as ev
from buysignal import item_views, pseudonyms, sessions
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, SourceError
from buysignal.pseudonyms import possible
from buysignal.sources.order import is_sorted
from buysignal.spreadsheet import neutral

if TYPE_CHECKING:
    from buysignal.recommender import Recommender, Suggestion, Wishes
    from buysignal.recommender.suggest import VisitSoFar

Progress = Callable[[float, str], None]

NEXT_LOOK = "next_look"
"""What a ``score`` here is the chance of, as scores of visits name their goal."""

COLUMNS = ("rank", "item", "score", "category", "price", "because", "reason")
_TEXT, _NUMBER = pa.string(), pa.float64()
_SCHEMA = pa.schema(
    [("visitor_id", _TEXT), ("session_id", _TEXT), ("rank", pa.int64()), ("item", _TEXT), ("score", _NUMBER),
     ("category", _TEXT), ("price", _NUMBER), ("because", _TEXT), ("reason", _TEXT),
     ("goal", _TEXT), ("simulated", pa.bool_()), ("bundle_version", _TEXT)]
)  # fmt: skip

PIECE = 10_000
"""Visits answered and written at a time."""


def recommender_of(bundle: Bundle) -> Recommender:
    """Return the bundle's recommender.

    Raises:
        BundleError: it has none.
    """
    if bundle.recommender is None:
        raise BundleError(
            "this bundle suggests no items",
            allowed="a bundle trained on events with enough looks at items",
            todo="train again on such events; the report's notes say what was missing",
        )
    return bundle.recommender


def recommend_items(
    bundle: Bundle, items: Sequence[str], wishes: Wishes | None = None, *, category: str | None = None
) -> pd.DataFrame:
    """Return what a visit that looked at ``items`` is likely to look at next, best first.

    Args:
        items: ids, oldest first; unknown ones and none at all are answered, too.
        wishes: see ``Wishes``; ten items of all there are where None.
        category: of the last look, where it is known and its item may not be.

    Returns:
        ``rank``, ``item``, ``score`` (chance that it is the one looked at next), ``category``, ``price``,
        ``because``, ``reason``, and on every row ``goal`` (the next look), ``simulated`` and
        ``bundle_version``.

    Raises:
        InputError: the bundle has no recommender, or a wish names what does not exist.
    """
    found = recommender_of(bundle).suggest(items, _or_all(wishes), category_hint=category)
    return _labelled(bundle, _frame(found))


def recommend_session(
    bundle: Bundle, events: pa.Table, session_id: str, wishes: Wishes | None = None
) -> pd.DataFrame:
    """Return the suggestions for one visit as it stands at its last event; see ``recommend_items``.

    What the visit bought is not suggested to it.

    Args:
        events: canonical events, that session among them.

    Raises:
        InputError: as ``recommend_items``, or there is no such session.
    """
    recommender = recommender_of(bundle)
    ids, visits = visits_so_far(bundle, events)
    names = possible(pseudonyms.from_environment(), session_id)
    found = np.flatnonzero(ids["session_id"].isin(names).to_numpy())
    if not len(found):
        raise SourceError(
            "there is no such session in this file",
            allowed="a session id of the file",
            todo="take one from the scores",
        )
    return _labelled(bundle, _frame(next(recommender.suggest_all([visits[found[0]]], _or_all(wishes)))))


def recommend_visits(
    bundle: Bundle, events: pa.Table, wishes: Wishes | None = None, *, progress: Progress | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the suggestions for all visits in ``events``, a piece of them at a time.

    Returns:
        As ``recommend_items``, one row per visit and rank, with ``visitor_id`` and ``session_id``.

    Raises:
        InputError: as ``recommend_items``.
    """
    recommender = recommender_of(bundle)
    ids, visits = visits_so_far(bundle, events)
    for begin in range(0, len(visits), PIECE):
        if progress is not None:
            progress(begin / len(visits), f"{begin:,} of {len(visits):,} visits")
        lists = list(recommender.suggest_all(visits[begin : begin + PIECE], _or_all(wishes)))
        of = np.repeat(np.arange(begin, begin + len(lists)), [len(found) for found in lists])
        frame = _frame([one for found in lists for one in found])
        yield _labelled(bundle, pd.concat([ids.iloc[of].reset_index(drop=True), frame], axis=1))


def visits_so_far(bundle: Bundle, events: pa.Table) -> tuple[pd.DataFrame, list[VisitSoFar]]:
    """Return ids of all visits in ``events``, and what is known of each at its last event.

    Events of visitors who refused consent are left out.

    Raises:
        BundleError: the bundle reads session rows.
    """
    from buysignal.recommender.suggest import VisitSoFar

    conformed, _ = ev.consenting(ev.conform(events))
    ordered = conformed if is_sorted(conformed) else ev.sort(conformed)
    assigned = sessions.assign(ordered, bundle.session_gap)
    where = sessions.layout(assigned)
    first = pa.array(where.session_starts[:-1])
    ids = pd.DataFrame({c: assigned.column(c).take(first).to_pandas() for c in ("visitor_id", "session_id")})
    rows = item_views.looks(assigned, where, with_bots=True)
    session = where.session_of_row()
    bounds = np.searchsorted(session[rows], np.arange(where.sessions + 1))
    items = assigned.column("item_id").cast(pa.string()).take(pa.array(rows)).to_pylist()
    category = assigned.column("category").cast(pa.string()).take(pa.array(rows)).to_pylist()
    gaps = item_views.gaps(sessions.times(assigned)[rows], bounds).tolist()
    bought = _bought(assigned, session)
    return ids, [
        VisitSoFar(
            tuple(items[a:b]),
            category[b - 1] if b > a else None,
            bought.get(number, frozenset()),
            tuple(gaps[a:b]),
        )
        for number, (a, b) in enumerate(pairwise(bounds.tolist()))
    ]


def write_visits(
    bundle: Bundle,
    events: pa.Table,
    out: Path,
    wishes: Wishes | None = None,
    *,
    progress: Progress | None = None,
) -> int:
    """Write the suggestions for all visits as CSV or Parquet, whole or not at all; returns the rows.

    Raises:
        InputError: as ``recommend_items``, or the place cannot be written to.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise SourceError(f"cannot write '{out.name}'", allowed="a name ending in .csv or .parquet")
    recommender_of(bundle)
    beside, rows = out.with_name(f".{out.name}"), 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        kind = pq.ParquetWriter if out.suffix == ".parquet" else pacsv.CSVWriter
        with kind(beside, _SCHEMA) as writer:
            for frame in recommend_visits(bundle, events, wishes, progress=progress):
                table = pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False)
                writer.write_table(table if out.suffix == ".parquet" else neutral(table))
                rows += len(frame)
        beside.replace(out)
    except OSError as error:
        raise SourceError(
            f"{out} cannot be written: {error.strerror}", todo="choose another place"
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return rows


def _bought(events: pa.Table, session: npt.NDArray[np.int64]) -> dict[int, frozenset[str]]:
    rows = np.flatnonzero(ev.codes_of_names(events) == ev.EVENT_CODES["purchase"])
    names = events.column("item_id").cast(pa.string()).take(pa.array(rows)).to_pylist()
    found: dict[int, set[str]] = {}
    for number, name in zip(session[rows].tolist(), names, strict=True):
        if name is not None:
            found.setdefault(number, set()).add(name)
    return {number: frozenset(items) for number, items in found.items()}


def _or_all(wishes: Wishes | None) -> Wishes:
    from buysignal.recommender import Wishes

    return Wishes() if wishes is None else wishes


def _frame(found: Sequence[Suggestion]) -> pd.DataFrame:
    return pd.DataFrame([asdict(one) for one in found], columns=list(COLUMNS))


def _labelled(bundle: Bundle, frame: pd.DataFrame) -> pd.DataFrame:
    frame["goal"] = NEXT_LOOK
    frame["simulated"] = bundle.manifest.dataset.simulated
    frame["bundle_version"] = bundle.version
    return frame
