"""A visit typed in by hand: its clicks, and what the model says after each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.bundle import Bundle
from buysignal.events import EVENT_CODES
from buysignal.explain import Reason
from buysignal.features.live import LiveVisitor, Reader
from buysignal.row_scores import live_row
from buysignal.scoring import reasons_for, score_rows
from buysignal.sources.demo import shop_items
from buysignal.sources.read import Loaded

MOST_ITEMS = 20_000
ABOUT_ITEMS = ("select_item", "view_item", "add_to_wishlist", "add_to_cart", "remove_from_cart")
NOT_OFFERED = ("purchase", "refund")
"""The question is whether the visitor buys later; after a purchase it is answered."""

PASTS: dict[str, str] = {
    "new": "First visit",
    "looked": "Was here 3 days ago and looked around",
    "left_cart": "Left a cart behind 3 days ago",
    "bought": "Bought 10 days ago",
}
_DAYS_AGO = {"looked": 3, "left_cart": 3, "bought": 10}
_PAST_EVENTS: dict[str, tuple[str, ...]] = {
    "looked": ("page_view", "view_item", "view_item"),
    "left_cart": ("page_view", "view_item", "add_to_cart"),
    "bought": ("page_view", "view_item", "add_to_cart", "begin_checkout", "purchase"),
}
_PAST_GAP_SECONDS = 40


@dataclass(frozen=True)
class Click:
    """One event of the visit; ``pause_s`` are the seconds since the click before."""

    event: str
    item: str | None = None
    category: str | None = None
    price: float | None = None
    pause_s: float = 20.0


@dataclass(frozen=True)
class Setting:
    """What is known at the door; a level is None where the source does not tell it."""

    channel: str | None = None
    device: str | None = None
    country: str | None = None
    weekday: int = 6
    hour: int = 19
    past: str = "new"


@dataclass(frozen=True, eq=False)
class LiveScores:
    """The scores after each click.

    Attributes:
        steps: one row a click: ``click``, ``event``, ``item``, ``price`` and the columns of a score.
        reasons: for the last score.
        typical: probability of a typical visit.
    """

    steps: pd.DataFrame
    reasons: list[Reason]
    typical: float


def levels(bundle: Bundle, column: str) -> tuple[str, ...]:
    """Return the levels of a column the model has learned, most frequent first; empty if none."""
    return bundle.vocabulary.levels.get(column, ()) if bundle.vocabulary is not None else ()


def events_offered(bundle: Bundle, loaded: Loaded | None) -> list[str]:
    """Return the events a visit can be made of, in the order of the funnel.

    They are those of the data in use where it is of the model's kind, else those its format can have.
    """
    profile = bundle.profile
    if loaded is not None and loaded.profile.level == "event":
        seen = {str(name) for name in loaded.table.column("event_name").unique().to_pylist()}
    elif profile.event_name is not None:
        seen = {profile.event_name}
    else:
        seen = set(profile.event_names.values()) or set(EVENT_CODES)
    return [name for name in EVENT_CODES if name in seen and name not in NOT_OFFERED] or ["view_item"]


def has_clock(bundle: Bundle) -> bool:
    """Return whether the source the model learned from knows the time of day."""
    return not np.isnan(bundle.typical[bundle.names.index("hour")])


def items_offered(bundle: Bundle, loaded: Loaded | None) -> pd.DataFrame:
    """Return the items to choose from, most viewed first.

    Columns: ``item``, ``name``, ``title``, ``category``, ``price``.

    They come from the data in use where it has items, else from the demo shop's shelves where the model
    learned from it, else from the model's own list, which knows neither price nor category.
    """
    if loaded is not None and loaded.profile.level == "event":
        found = _items_of(loaded.table)
        if len(found):
            return found
    shelves = shop_items()
    if bundle.vocabulary is None or not bundle.vocabulary.items:
        return shelves.iloc[:0].assign(item="", title="", price=0.0)
    known = bundle.vocabulary.items
    if set(known) <= set(shelves["item_id"]):
        titled = shelves.assign(
            title=[f"{n} ({i})" for n, i in zip(shelves.name, shelves.item_id, strict=True)]
        )
        return titled.rename(columns={"item_id": "item", "list_price": "price"})
    return pd.DataFrame(
        {
            "item": known[:MOST_ITEMS],
            "name": known[:MOST_ITEMS],
            "title": known[:MOST_ITEMS],
            "category": None,
            "price": np.nan,
        }
    )


def _items_of(events: pa.Table) -> pd.DataFrame:
    seen = events.select(["item_id", "category", "price"]).filter(pc.is_valid(events.column("item_id")))
    frame = seen.cast(
        pa.schema([("item_id", pa.string()), ("category", pa.string()), ("price", pa.float64())])
    )
    by_item = frame.group_by("item_id").aggregate(
        [("category", "max"), ("price", "mean"), ("price", "count")]
    )
    table = by_item.to_pandas().rename(
        columns={"item_id": "item", "category_max": "category", "price_mean": "price", "price_count": "n"}
    )
    table = table.sort_values(["n", "item"], ascending=[False, True]).head(MOST_ITEMS)
    names = dict(zip(shop_items()["item_id"], shop_items()["name"], strict=True))
    titles = [f"{names[i]} ({i})" if i in names else str(i) for i in table["item"]]
    called = [names.get(i, str(i)) for i in table["item"]]
    return table.assign(name=called, title=titles, price=table["price"].round(2)).reset_index(drop=True)


def score_clicks(bundle: Bundle, clicks: list[Click], setting: Setting) -> LiveScores:
    """Return the scores after each of the clicks, as a live shop would get them."""
    X = _rows(bundle, clicks, setting)
    steps = pd.DataFrame(
        {
            "click": np.arange(1, len(clicks) + 1),
            "event": [c.event for c in clicks],
            "item": [c.item for c in clicks],
            "price": [c.price for c in clicks],
        }
    )
    typical = float(bundle.probability(bundle.typical[None])[0])
    return LiveScores(
        pd.concat([steps, score_rows(bundle, X)], axis=1), reasons_for(bundle, X[-1], count=6), typical
    )


def _rows(bundle: Bundle, clicks: list[Click], setting: Setting) -> npt.NDArray[np.float32]:
    assert bundle.vocabulary is not None
    visitor = LiveVisitor(Reader(bundle.vocabulary), bundle.session_gap)
    clock = has_clock(bundle)
    moment = _start(setting)
    at_door = {"channel": setting.channel, "device": setting.device, "country": setting.country}
    if clock:
        _live_the_past(visitor, setting, moment, at_door, clicks)
    rows = np.empty((len(clicks), bundle.width), np.float32)
    for i, click in enumerate(clicks):
        moment += timedelta(seconds=click.pause_s if i else 0.0)
        visit = visitor.note(
            {
                "session_id": "now",
                "event_time": moment if clock else None,
                "event_date": moment.date(),
                "event_name": click.event,
                "item_id": click.item,
                "category": click.category,
                "price": click.price,
                **at_door,
            }
        )
        rows[i] = live_row(bundle, visitor.row(visit), visit)
    return rows


def _live_the_past(
    visitor: LiveVisitor, setting: Setting, now: datetime, at_door: dict[str, str | None], clicks: list[Click]
) -> None:
    """Let the visitor have been here before, with the first item of this visit where there is one."""
    if setting.past not in _PAST_EVENTS:
        return
    first = next((c for c in clicks if c.item is not None), Click("view_item"))
    moment = now - timedelta(days=_DAYS_AGO[setting.past])
    for event in _PAST_EVENTS[setting.past]:
        about = event in ABOUT_ITEMS or event == "purchase"
        visitor.observe(
            {
                "session_id": "before",
                "event_time": moment,
                "event_name": event,
                "item_id": first.item if about else None,
                "category": first.category if about else None,
                "price": first.price if about else None,
                **at_door,
            }
        )
        moment += timedelta(seconds=_PAST_GAP_SECONDS)


def _start(setting: Setting) -> datetime:
    """Return a moment on the weekday and hour asked for."""
    monday = date(2025, 3, 17)
    day = monday + timedelta(days=setting.weekday)
    return datetime(day.year, day.month, day.day, setting.hour, 15, tzinfo=UTC)


def composed(
    offered: list[str],
    items: pd.DataFrame,
    *,
    pages: int,
    searches: int,
    lists: int,
    views: int,
    in_cart: int,
    checkout: bool,
    price: float | None,
    category: str | None,
    pause_s: float,
) -> list[Click]:
    """Return the clicks of a plain visit with these counts: look around, look at items, fill the cart."""
    shelf = items if category is None else items[items["category"] == category]
    names = list(shelf["item"].head(max(views, 1))) or [None]
    clicks = [Click("page_view", pause_s=pause_s)] * pages
    clicks += [Click("search", pause_s=pause_s)] * searches
    clicks += [Click("view_item_list", category=category, pause_s=pause_s)] * lists
    looked = [Click("view_item", names[i % len(names)], category, price, pause_s) for i in range(views)]
    clicks += looked
    for i in range(in_cart):
        item = looked[i % len(looked)].item if looked else names[0]
        clicks.append(Click("add_to_cart", item, category, price, pause_s))
    if checkout:
        clicks.append(Click("begin_checkout", pause_s=pause_s))
    kept = [click for click in clicks if click.event in offered]
    return kept or [
        Click(offered[0], names[0] if offered[0] in ABOUT_ITEMS else None, category, price, pause_s)
    ]
