"""Small made events with one right answer, for the tests of decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions

START = datetime(2025, 3, 3, 12, tzinfo=UTC)


def made(*rows: tuple[Any, ...], **columns: list[Any]) -> pa.Table:
    """Return events of rows (visitor, session, minutes after START, name[, item, price, quantity]).

    Other columns are given by name, one value per row, in the order of the rows.
    """
    full = [(*row, *(None, None, None)[len(row) - 4 :]) for row in rows]
    visitor, session, minutes, name, item, price, quantity = zip(*full, strict=True)
    table = pa.table(
        {
            "visitor_id": list(visitor),
            "session_id": list(session),
            "event_time": pa.array(
                [START + timedelta(minutes=m) for m in minutes], pa.timestamp("us", tz="UTC")
            ),
            "event_seq": pa.array(range(len(rows)), pa.int64()),
            "event_name": list(name),
            "item_id": pa.array(item, pa.string()),
            "price": pa.array(price, pa.float64()),
            "quantity": pa.array(quantity, pa.int32()),
            **{key: pa.array(value) for key, value in columns.items()},
        }
    )
    return sessions.assign(ev.sort(ev.conform(table)))


def at(minutes: float) -> Any:
    """Return the moment ``minutes`` after START as datetime64[us], UTC."""
    import numpy as np

    return np.datetime64((START + timedelta(minutes=minutes)).replace(tzinfo=None), "us")
