"""Small tables of events, counted by hand in the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from buysignal import events as ev
from buysignal.explore import Prepared, prepare

MONDAY = datetime(2024, 5, 6, 9, 0, tzinfo=UTC)

Click = dict[str, Any]


def click(visitor: str, name: str, minute: float = 0, **more: Any) -> Click:
    """Return one event, ``minute`` minutes after nine on a Monday; ``day`` moves it by days."""
    day = more.pop("day", 0)
    return {
        "visitor_id": visitor,
        "session_id": more.pop("session", f"{visitor}-{day}"),
        "event_time": MONDAY + timedelta(days=day, minutes=minute),
        "event_name": name,
        **more,
    }


def table(clicks: Sequence[Click], *, clock: bool = True) -> pa.Table:
    """Return the events as the library has them: conformed and sorted."""
    columns = {name: [c.get(name) for c in clicks] for name in dict.fromkeys(k for c in clicks for k in c)}
    if not clock:
        columns["event_date"] = [moment.date() for moment in columns.pop("event_time")]
    columns["event_seq"] = list(range(len(clicks)))
    return ev.sort(ev.conform(pa.table(columns)))


def visit(visitor: str, *names: str, day: int = 0, **more: Any) -> list[Click]:
    """Return a visit whose events come a minute apart."""
    return [click(visitor, name, minute, day=day, **more) for minute, name in enumerate(names)]


def prepared(*visits: Sequence[Click]) -> Prepared:
    """Return the visits ready to be explored."""
    return prepare(table([click for one in visits for click in one]))


VIEW, CART, CHECKOUT, BUY, PAGE = "view_item", "add_to_cart", "begin_checkout", "purchase", "page_view"
