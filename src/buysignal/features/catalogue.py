"""The feature catalogue: every column of the fold, with its unit, group and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["activity", "money", "cart", "time", "breadth", "context", "history", "prior"]

CATALOGUE_VERSION = 1
"""Raised whenever a feature is added, removed or changes its meaning; bundles record it."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the fold.

    Attributes:
        name: as it stands in every table, chart and bundle.
        unit: what one step of the value is.
        group: the kind of knowledge it carries.
        sentence: what it says, for people.
        levels: for a categorical feature, the vocabulary its codes point into.
    """

    name: str
    unit: str
    group: Group
    sentence: str
    levels: Literal["", "event_name", "category", "channel", "device", "country"] = ""


CATALOGUE: tuple[Feature, ...] = (
    # What has been done in this session so far.
    Feature("n_events", "events", "activity", "events in this session so far"),
    Feature("n_page_view", "events", "activity", "pages opened"),
    Feature("n_view_item_list", "events", "activity", "item lists opened"),
    Feature("n_search", "events", "activity", "searches made"),
    Feature("n_select_item", "events", "activity", "items picked from a list"),
    Feature("n_view_item", "events", "activity", "item pages viewed"),
    Feature("n_add_to_wishlist", "events", "activity", "items put on the wishlist"),
    Feature("n_add_to_cart", "events", "activity", "times something was put into the cart"),
    Feature("n_remove_from_cart", "events", "activity", "times something was taken out of the cart"),
    Feature("n_view_cart", "events", "activity", "times the cart was looked at"),
    Feature("n_checkout_steps", "events", "activity", "checkout, shipping and payment steps taken"),
    Feature("n_purchase", "events", "activity", "purchases already made in this session"),
    Feature("n_other", "events", "activity", "events with a name outside GA4's list"),
    Feature("view_share", "share", "activity", "share of events that are item views"),
    Feature("last_event", "code", "activity", "what the latest event was", "event_name"),
    Feature("entry_event", "code", "activity", "what the first event was", "event_name"),
    # Prices met.
    Feature("price_last", "currency", "money", "price of the latest item viewed"),
    Feature("price_first", "currency", "money", "price of the first item viewed"),
    Feature("price_mean", "currency", "money", "mean price of the items viewed"),
    Feature("price_min", "currency", "money", "lowest price viewed"),
    Feature("price_max", "currency", "money", "highest price viewed"),
    Feature("price_std", "currency", "money", "spread of the prices viewed (standard deviation)"),
    Feature("price_sum", "currency", "money", "sum of the prices viewed"),
    Feature("price_share_of_dearest", "share", "money", "latest price as a share of the dearest viewed"),
    Feature("price_step", "currency", "money", "latest price less the one viewed before it"),
    Feature("price_vs_category", "ratio", "money", "latest price over its category's usual price"),
    Feature("price_vs_category_mean", "ratio", "money", "mean of price over the category's usual price"),
    # The cart as it stands.
    Feature("cart_items", "items", "cart", "items in the cart now"),
    Feature("cart_value", "currency", "cart", "value of the cart now"),
    Feature("cart_value_max", "currency", "cart", "highest value the cart has had in this session"),
    Feature("cart_mean_price", "currency", "cart", "mean price of the items put into the cart"),
    Feature("cart_removed_value", "currency", "cart", "value taken out of the cart"),
    Feature("events_since_cart", "events", "cart", "events since the cart was last added to"),
    Feature("seconds_since_cart", "seconds", "cart", "time since the cart was last added to"),
    # Pace.
    Feature("seconds_since_start", "seconds", "time", "time since the session began"),
    Feature("gap_last", "seconds", "time", "pause before the latest event"),
    Feature("gap_mean", "seconds", "time", "mean pause between events"),
    Feature("gap_std", "seconds", "time", "spread of the pauses (standard deviation)"),
    Feature("gap_max", "seconds", "time", "longest pause"),
    Feature("gap_log_mean", "log seconds", "time", "mean of the logarithm of 1 + the pause"),
    Feature("events_per_minute", "events per minute", "time", "pace of the session"),
    Feature("hour", "hours", "time", "hour of the day, UTC"),
    Feature("weekday", "days", "time", "day of the week, Monday is 0"),
    # Breadth and return.
    Feature("distinct_items", "items", "breadth", "different items seen"),
    Feature("distinct_categories", "categories", "breadth", "different categories seen"),
    Feature("revisits", "views", "breadth", "views of items already seen in this session"),
    Feature("revisit_share", "share", "breadth", "share of item views that are revisits"),
    Feature("item_views", "views", "breadth", "times the latest item has been seen"),
    Feature("top_item_views", "views", "breadth", "views of the item seen most often"),
    Feature("back_and_forth", "views", "breadth", "returns to the item seen before the last one"),
    Feature("category_switches", "switches", "breadth", "changes from one category to another"),
    Feature("category_run", "events", "breadth", "events in the current category without a break"),
    Feature("page_last", "page", "breadth", "number of the page the latest event was on"),
    Feature("page_max", "page", "breadth", "deepest page reached"),
    Feature("category_last", "code", "breadth", "category of the latest item", "category"),
    # What is known at the door.
    Feature("channel", "code", "context", "channel the visitor came by", "channel"),
    Feature("device", "code", "context", "kind of device", "device"),
    Feature("country", "code", "context", "country of the visitor", "country"),
    # The visitor's past.
    Feature("past_sessions", "sessions", "history", "earlier sessions of this visitor"),
    Feature("past_events", "events", "history", "events in earlier sessions"),
    Feature("past_purchases", "sessions", "history", "earlier sessions with a purchase"),
    Feature("past_spend", "currency", "history", "spent in earlier sessions"),
    Feature("past_open_carts", "sessions", "history", "earlier sessions that ended with an open cart"),
    Feature("past_cart_value", "currency", "history", "cart left behind by the session before this one"),
    Feature("days_since_session", "days", "history", "days since the last session ended"),
    Feature("days_since_purchase", "days", "history", "days since the last session with a purchase"),
    # What other visitors did before, learned on the training period alone.
    Feature("item_popularity", "log sessions", "prior", "sessions that saw the latest item (log of 1 + n)"),
    Feature("item_cart_rate", "share", "prior", "share of sessions that put the latest item into the cart"),
    Feature("item_buy_rate", "share", "prior", "share of sessions seeing the latest item that bought it"),
    Feature("item_buy_rate_max", "share", "prior", "highest of these shares among the items seen"),
    Feature("item_buy_rate_mean", "share", "prior", "mean of these shares over the item views"),
    Feature(
        "category_buy_rate", "share", "prior", "share of sessions seeing the latest category that bought"
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in CATALOGUE)
_POSITION = {name: position for position, name in enumerate(NAMES)}


def positions(names: str) -> tuple[int, ...]:
    """Return the column of each of the space-separated ``names``.

    >>> positions("n_events n_search")
    (0, 3)
    """
    return tuple(_POSITION[name] for name in names.split())


def feature(name: str) -> Feature:
    """Return the catalogue's entry for ``name``; KeyError where there is none."""
    return CATALOGUE[_POSITION[name]]
