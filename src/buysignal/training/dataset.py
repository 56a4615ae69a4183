"""What the report says of the data, and whether two files belong together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import tables
from buysignal.errors import SamplesError
from buysignal.report import Dataset
from buysignal.sources.read import Loaded

SIMULATED = f"{ev.ATTRIBUTE_PREFIX}simulated"
"""The column by which the demo shop says of every row that it is none of a real shop."""


def dataset_of(loaded: Loaded, test: Loaded | None) -> Dataset:
    """Return the report's description of what was read."""
    parts = [loaded] if test is None else [loaded, test]
    base = Dataset(
        name=loaded.profile.title,
        profile=loaded.profile.name,
        rows_in=sum(p.rows_in for p in parts),
        rows_kept=sum(p.rows_kept for p in parts),
        rows_rejected=sum(p.rows_rejected for p in parts),
        simulated=simulated(loaded),
        files=[path.name for part in parts for path in part.paths],
        **_refusals([p.table for p in parts if p.profile.level == "event"]),
    )
    described = [_of_events(p.table) if p.profile.level == "event" else _of_table(p) for p in parts]
    if len(described) == 1:
        return base.model_copy(update=described[0])
    return base.model_copy(update=_joined(described))


def simulated(loaded: Loaded) -> bool:
    """Return whether the rows say of themselves that they were simulated, as the demo shop's do."""
    return SIMULATED in loaded.table.column_names


def same_columns(train: Loaded, test: Loaded) -> None:
    """Raise SamplesError where a test file lacks columns of the training file."""
    missing = [
        c
        for c in train.table.column_names
        if c not in test.table.column_names
        or (test.table.column(c).null_count == len(test.table) > 0 == train.table.column(c).null_count)
    ]
    if missing:
        raise SamplesError(
            f"the test file has no column for {', '.join(missing)}",
            allowed=f"the training file's columns: {', '.join(train.table.column_names)}",
            todo="test on a file with the same columns",
        )


def _refusals(tables: Sequence[pa.Table]) -> dict[str, int]:
    """Events that were sent with a refusal of consent, and the visitors who did so."""
    refused = [t.filter(pc.fill_null(pc.invert(t.column("consent")), False)) for t in tables]
    visitors = {visitor for t in refused for visitor in t.column("visitor_id").unique().to_pylist()}
    return {"refused_events": sum(t.num_rows for t in refused), "refused_visitors": len(visitors)}


def _of_events(events: pa.Table) -> dict[str, object]:
    purchases = events.filter(pc.equal(events.column("event_name").cast(pa.string()), "purchase"))
    days = pc.min_max(events.column("event_date")) if events.column("event_date").null_count == 0 else None
    found: dict[str, object] = {
        "visitors": pc.count_distinct(events.column("visitor_id")).as_py(),
        "sessions": pc.count_distinct(events.column("session_id")).as_py(),
        "purchases": purchases.num_rows,
        "revenue": float(ev.line_values(purchases).sum()) if purchases.num_rows else None,
    }
    times = pc.min_max(events.column("event_time"))
    if times["min"].is_valid:
        found |= {"start": str(times["min"].as_py()), "end": str(times["max"].as_py())}
    elif days is not None:
        found |= {"start": str(days["min"].as_py()), "end": str(days["max"].as_py())}
    return found


def _of_table(loaded: Loaded) -> dict[str, object]:
    found: dict[str, object] = {"sessions": loaded.table.num_rows}
    for goal in loaded.profile.goals[:1]:
        y, amount = tables.column_outcome(loaded.table, goal), tables.column_amount(loaded.table, goal)
        found["purchases"] = None if y is None else int(y.sum())
        found["revenue"] = None if amount is None else float(np.sum(amount))
    time = loaded.profile.roles.time
    if time is not None:
        span = pc.min_max(loaded.table.column(time))
        found |= {"start": str(span["min"].as_py()), "end": str(span["max"].as_py())}
    return found


def _joined(parts: list[dict[str, object]]) -> dict[str, object]:
    """Sums and spans of both files; ids may stand in both, so they are left to the sessions' count."""
    first, second = parts
    found: dict[str, object] = {}
    for key in ("purchases", "revenue"):
        values = [v for v in (first.get(key), second.get(key)) if isinstance(v, int | float)]
        found[key] = sum(values) if values else None
    starts = [str(p["start"]) for p in parts if "start" in p]
    ends = [str(p["end"]) for p in parts if "end" in p]
    if starts:
        found |= {"start": min(starts), "end": max(ends)}
    return found
