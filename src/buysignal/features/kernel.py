"""The fold: one compiled walk over a visitor's events that writes a row of features after each.

Training, live scoring, Spark and Kafka all call this code, so they agree by construction. A row
depends on nothing but the session's events up to it, and what the visitor had done in other sessions
before this one began.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.events import EVENT_CODES
from buysignal.features.catalogue import NAMES, positions
from buysignal.features.stream_row import stream_row
from buysignal.features.vocabulary import BUY_RATE, CART_RATE, CATEGORY_PRICE, CATEGORY_RATE, POPULARITY
from buysignal.sessions import NO_TIME, SESSION_CAP

# Numba takes module-level integers as constants, so each column and code gets its own name here.
(N_EVENTS, N_CHECKOUT_STEPS, VIEW_SHARE, LAST_EVENT, ENTRY_EVENT) = positions(
    "n_events n_checkout_steps view_share last_event entry_event"
)
(PRICE_LAST, PRICE_FIRST, PRICE_MEAN, PRICE_MIN, PRICE_MAX, PRICE_STD, PRICE_SUM) = positions(
    "price_last price_first price_mean price_min price_max price_std price_sum"
)
(PRICE_SHARE_OF_DEAREST, PRICE_STEP, PRICE_VS_CATEGORY, PRICE_VS_CATEGORY_MEAN) = positions(
    "price_share_of_dearest price_step price_vs_category price_vs_category_mean"
)
(CART_ITEMS, CART_VALUE, CART_VALUE_MAX, CART_MEAN_PRICE, CART_REMOVED_VALUE) = positions(
    "cart_items cart_value cart_value_max cart_mean_price cart_removed_value"
)
(EVENTS_SINCE_CART, SECONDS_SINCE_CART, SECONDS_SINCE_START, GAP_LAST, GAP_MEAN, GAP_STD) = positions(
    "events_since_cart seconds_since_cart seconds_since_start gap_last gap_mean gap_std"
)
(GAP_MAX, GAP_LOG_MEAN, EVENTS_PER_MINUTE, HOUR, WEEKDAY) = positions(
    "gap_max gap_log_mean events_per_minute hour weekday"
)
(DISTINCT_ITEMS, DISTINCT_CATEGORIES, REVISITS, REVISIT_SHARE, ITEM_VIEWS, TOP_ITEM_VIEWS) = positions(
    "distinct_items distinct_categories revisits revisit_share item_views top_item_views"
)
(BACK_AND_FORTH, CATEGORY_SWITCHES, CATEGORY_RUN, PAGE_LAST, PAGE_MAX, CATEGORY_LAST) = positions(
    "back_and_forth category_switches category_run page_last page_max category_last"
)
(CHANNEL, DEVICE, COUNTRY, HISTORY_SESSIONS, HISTORY_EVENTS, HISTORY_PURCHASES) = positions(
    "channel device country past_sessions past_events past_purchases"
)
(HISTORY_SPEND, HISTORY_OPEN_CARTS, HISTORY_CART_VALUE, DAYS_SINCE_SESSION, DAYS_SINCE_PURCHASE) = positions(
    "past_spend past_open_carts past_cart_value days_since_session days_since_purchase"
)
(ITEM_POPULARITY, ITEM_CART_RATE, ITEM_BUY_RATE, ITEM_BUY_RATE_MAX, ITEM_BUY_RATE_MEAN) = positions(
    "item_popularity item_cart_rate item_buy_rate item_buy_rate_max item_buy_rate_mean"
)
(CATEGORY_BUY_RATE,) = positions("category_buy_rate")

# The plain counts, in the order of the event codes; -1 where several codes share one column.
COUNT_COLUMN = np.array(
    [
        *positions("n_page_view n_view_item_list n_search n_select_item n_view_item n_add_to_wishlist"),
        *positions("n_add_to_cart n_remove_from_cart n_view_cart"),
        *positions("n_checkout_steps n_checkout_steps n_checkout_steps n_purchase n_other n_other"),
    ],
    dtype=np.int64,
)
(COUNT_FIRST,) = positions("n_page_view")
(COUNT_LAST,) = positions("n_other")
(N_PURCHASE,) = positions("n_purchase")

N_FEATURES = len(NAMES)

BLANK = np.full(N_FEATURES, np.nan, dtype=np.float32)
"""The row before a session's first event: nothing counted, nothing known."""
BLANK[COUNT_FIRST : COUNT_LAST + 1] = 0.0
BLANK[[PRICE_SUM, CART_ITEMS, CART_VALUE, CART_VALUE_MAX, CART_REMOVED_VALUE]] = 0.0
BLANK[[DISTINCT_ITEMS, DISTINCT_CATEGORIES, REVISITS, ITEM_VIEWS, TOP_ITEM_VIEWS, BACK_AND_FORTH]] = 0.0
BLANK[[CATEGORY_SWITCHES, CATEGORY_RUN]] = 0.0

VIEW_ITEM = EVENT_CODES["view_item"]
SELECT_ITEM = EVENT_CODES["select_item"]
ADD_TO_CART = EVENT_CODES["add_to_cart"]
REMOVE_FROM_CART = EVENT_CODES["remove_from_cart"]
PURCHASE = EVENT_CODES["purchase"]

# A visitor's past is this row of numbers, and no more.
PAST_SESSIONS, PAST_EVENTS, PAST_PURCHASES, PAST_SPEND, PAST_OPEN_CARTS, PAST_CART_VALUE = range(6)
PAST_LAST_END, PAST_LAST_PURCHASE = 6, 7
PAST_SIZE = 8

US_PER_SECOND = 1e6
US_PER_HOUR = 3_600_000_000
SECONDS_PER_DAY = 86_400.0


class EventArrays(NamedTuple):
    """n events as the fold reads them; ``item`` and ``category`` are any distinct small integers.

    ``item_row`` and ``category_row`` give each of those integers its row in the priors (the last row
    stands for "never seen in training"); ``category_level`` its code as a feature. ``time`` is in
    microseconds UTC and ``day`` in days since 1970, both ``NO_TIME`` where unknown. ``context`` holds the
    codes of channel, device and country, -1 where unknown.
    """

    code: npt.NDArray[np.int8]
    time: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    item: npt.NDArray[np.int32]
    category: npt.NDArray[np.int32]
    price: npt.NDArray[np.float64]
    quantity: npt.NDArray[np.float64]
    page: npt.NDArray[np.float32]
    context: npt.NDArray[np.int32]
    item_row: npt.NDArray[np.int32]
    category_row: npt.NDArray[np.int32]
    category_level: npt.NDArray[np.int32]


class Scratch(NamedTuple):
    """Working memory of one thread.

    Which session last touched an item or category, and how often; the row as it stands now.
    """

    item_session: npt.NDArray[np.int64]
    item_count: npt.NDArray[np.int32]
    category_session: npt.NDArray[np.int64]
    row: npt.NDArray[np.float32]
    past: npt.NDArray[np.float64]
    known: npt.NDArray[np.float64]


@njit(cache=True)
def empty_past() -> npt.NDArray[np.float64]:
    """Return the past of a visitor never seen before."""
    past = np.empty(PAST_SIZE, np.float64)
    clear(past)
    return past


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def clear(past: npt.NDArray[np.float64]) -> None:
    """Make ``past`` that of a visitor never seen before."""
    for number in range(PAST_SIZE):
        past[number] = 0.0
    past[PAST_LAST_END] = np.nan
    past[PAST_LAST_PURCHASE] = np.nan


class Selection(NamedTuple):
    """Which features a walk writes.

    Attributes:
        columns: their positions in the catalogue, in the order wanted; empty for the whole catalogue.
        wanted: (N_FEATURES,) whether each is among them; what is not and costs something is left out.
        streamed: whether whole rows go to memory past the caches, which needs rows at multiples of 16 bytes
            and pays where there are too many to stay in the caches anyway.
        any_category: whether one of the features of this kind is wanted; likewise the others.
    """

    columns: npt.NDArray[np.uintp]
    wanted: npt.NDArray[np.bool_]
    streamed: bool
    any_category: bool
    any_view: bool
    any_prior: bool
    any_context: bool
    any_cart: bool
    any_page: bool


EVERYTHING = Selection(
    np.zeros(0, np.uintp), np.ones(N_FEATURES, np.bool_), False, True, True, True, True, True, True
)

OF_CATEGORIES = positions(
    "distinct_categories category_switches category_run category_last category_buy_rate"
)
OF_VIEWS = positions("revisits revisit_share item_views top_item_views back_and_forth")
OF_PRIORS = positions("item_popularity item_cart_rate item_buy_rate item_buy_rate_max item_buy_rate_mean")
OF_CONTEXT = positions("channel device country weekday")
OF_CARTS = positions(
    "cart_items cart_value cart_value_max cart_mean_price cart_removed_value events_since_cart "
    "seconds_since_cart"
)
OF_PAGES = positions("page_last page_max")

STREAMED_FROM = 2**25
"""Bytes of features from which on they are streamed: about what the caches of a processor hold."""


def selection(columns: Sequence[str] | None, out: npt.NDArray[np.float32]) -> Selection:
    """Return how the features ``columns``, all if None, are written to ``out``."""
    if columns is None or tuple(columns) == NAMES:
        aligned = out.ctypes.data % 16 == 0
        return EVERYTHING._replace(streamed=aligned and out.nbytes >= STREAMED_FROM)
    asked = np.array(positions(" ".join(columns)), dtype=np.uintp)
    wanted = np.zeros(N_FEATURES, np.bool_)
    wanted[asked] = True
    kinds = (OF_CATEGORIES, OF_VIEWS, OF_PRIORS, OF_CONTEXT, OF_CARTS, OF_PAGES)
    return Selection(asked, wanted, False, *(bool(wanted[list(kind)].any()) for kind in kinds))


@njit(cache=True)
def make_scratch(items: int, categories: int) -> Scratch:
    """Return scratch memory for that many distinct items and categories."""
    return Scratch(
        np.full(items, -1, np.int64),
        np.zeros(items, np.int32),
        np.full(categories, -1, np.int64),
        np.zeros(N_FEATURES, np.float32),
        empty_past(),
        empty_past(),
    )


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)
def fold_session(
    events: EventArrays,
    start: int,
    stop: int,
    past: npt.NDArray[np.float64],
    item_priors: npt.NDArray[np.float32],
    category_priors: npt.NDArray[np.float32],
    table: int,
    scratch: Scratch,
    session: int,
    selection: Selection,
    out: npt.NDArray[np.float32],
) -> None:
    """Write one row of features after each event of a session into ``out[start:stop]``.

    Args:
        events: all arrays; this session is rows ``start`` to ``stop``.
        past: (PAST_SIZE,) the visitor's other sessions, as they stood when this one began.
        item_priors: (tables, items + 1, ITEM_PRIORS); the last row is for items never seen in training.
        category_priors: (tables, categories + 1, CATEGORY_PRIORS), likewise.
        table: which of these tables the session may see.
        scratch: working memory; no clean-up is needed between sessions.
        session: a number no other session using this scratch has.
        selection: which features ``out`` holds.
        out: (n, f) float32.
    """
    nan = np.float32(np.nan)
    first_time = events.time[start]
    last_time = NO_TIME
    day_last = NO_TIME
    cart_time = NO_TIME
    cart_event = -1
    n_looks = 0
    n_views = 0
    n_priced = 0
    price_sum = 0.0
    price_squares = 0.0
    price_min = np.inf
    price_max = -np.inf
    price_last = np.nan
    price_before = np.nan
    relative_sum = 0.0
    n_relative = 0
    cart_items = 0.0
    cart_value = 0.0
    cart_value_max = 0.0
    cart_added = 0.0
    cart_added_value = 0.0
    cart_removed_value = 0.0
    n_gaps = 0
    gap_sum = 0.0
    gap_squares = 0.0
    gap_max = 0.0
    gap_log_sum = 0.0
    distinct_items = 0
    distinct_categories = 0
    revisits = 0
    top_item_views = 0
    back_and_forth = 0
    item_last = -1
    item_before = -1
    category_last = -1
    category_switches = 0
    category_run = 0
    page_max = nan
    rate_max = -np.inf
    rate_sum = 0.0
    n_rates = 0
    channel = -1
    device = -1
    country = -1

    # The row stays in the cache and an event changes only what it has a say in.
    row = scratch.row
    for column in range(N_FEATURES):
        row[column] = BLANK[column]
    row[ENTRY_EVENT] = events.code[start]
    row[HISTORY_SESSIONS] = past[PAST_SESSIONS]
    row[HISTORY_EVENTS] = past[PAST_EVENTS]
    row[HISTORY_PURCHASES] = past[PAST_PURCHASES]
    row[HISTORY_SPEND] = past[PAST_SPEND]
    row[HISTORY_OPEN_CARTS] = past[PAST_OPEN_CARTS]
    row[HISTORY_CART_VALUE] = past[PAST_CART_VALUE]
    if first_time != NO_TIME:
        write_pauses(row, first_time, past)

    wanted = selection.wanted
    for i in range(start, min(stop, start + SESSION_CAP)):
        seen = i - start
        at = np.uintp(i)
        code = events.code[at]
        time = events.time[at]
        price = events.price[at]
        item = events.item[at]
        category = events.category[at]
        is_view = code in (VIEW_ITEM, SELECT_ITEM)

        n_events = seen + 1
        row[N_EVENTS] = n_events
        row[COUNT_COLUMN[np.uintp(code)]] += np.float32(1.0)
        n_looks += is_view
        if wanted[VIEW_SHARE]:
            row[VIEW_SHARE] = n_looks / n_events
        row[LAST_EVENT] = code

        if time != NO_TIME:
            if first_time == NO_TIME:
                # The session's first time, so that the pauses stay the same all visit long.
                first_time = time
                write_pauses(row, first_time, past)
            if last_time != NO_TIME:
                gap = (time - last_time) / US_PER_SECOND
                n_gaps += 1
                gap_sum += gap
                gap_squares += gap * gap
                if gap > gap_max:
                    gap_max = gap
                row[GAP_LAST] = gap
                row[GAP_MAX] = gap_max
                if wanted[GAP_LOG_MEAN]:
                    gap_log_sum += math.log1p(gap)
                    row[GAP_LOG_MEAN] = gap_log_sum / n_gaps
                if wanted[GAP_MEAN] or wanted[GAP_STD]:
                    gap_mean = gap_sum / n_gaps
                    row[GAP_MEAN] = gap_mean
                    row[GAP_STD] = math.sqrt(max(gap_squares / n_gaps - gap_mean * gap_mean, 0.0))
            last_time = time
            elapsed = (last_time - first_time) / US_PER_SECOND
            row[SECONDS_SINCE_START] = elapsed
            if wanted[EVENTS_PER_MINUTE]:
                row[EVENTS_PER_MINUTE] = 60.0 * n_gaps / elapsed if elapsed > 0 else nan
            if wanted[HOUR]:
                row[HOUR] = (last_time // US_PER_HOUR) % 24
        if selection.any_context:
            day = events.day[at]
            if day != day_last:
                day_last = day
                # 1 January 1970 was a Thursday.
                row[WEEKDAY] = (day + 3) % 7 if day != NO_TIME else nan

            # A context that comes with a later event than the first still counts from there on.
            if channel < 0:
                channel = events.context[at, 0]
                row[CHANNEL] = channel if channel >= 0 else nan
            if device < 0:
                device = events.context[at, 1]
                row[DEVICE] = device if device >= 0 else nan
            if country < 0:
                country = events.context[at, 2]
                row[COUNTRY] = country if country >= 0 else nan

        if selection.any_category and category >= 0:
            which = np.uintp(category)
            if scratch.category_session[which] != session:
                scratch.category_session[which] = session
                distinct_categories += 1
                row[DISTINCT_CATEGORIES] = distinct_categories
            if category == category_last:
                category_run += 1
            else:
                if category_last >= 0:
                    category_switches += 1
                    row[CATEGORY_SWITCHES] = category_switches
                category_run = 1
                category_last = category
                level = events.category_level[which]
                row[CATEGORY_LAST] = level if level >= 0 else nan
                row[CATEGORY_BUY_RATE] = category_priors[
                    table, np.uintp(events.category_row[which]), CATEGORY_RATE
                ]
            row[CATEGORY_RUN] = category_run

        if item >= 0:
            which = np.uintp(item)
            if scratch.item_session[which] != session:
                scratch.item_session[which] = session
                scratch.item_count[which] = 0
                distinct_items += 1
                row[DISTINCT_ITEMS] = distinct_items
            if selection.any_view:
                if is_view:
                    n_views += 1
                    if scratch.item_count[which] > 0:
                        revisits += 1
                        row[REVISITS] = revisits
                    if wanted[REVISIT_SHARE]:
                        row[REVISIT_SHARE] = revisits / n_views
                    scratch.item_count[which] += 1
                    if item == item_before and item != item_last:
                        back_and_forth += 1
                        row[BACK_AND_FORTH] = back_and_forth
                    if item != item_last:
                        item_before = item_last
                item_last = item
                item_views = scratch.item_count[which]
                row[ITEM_VIEWS] = item_views
                if item_views > top_item_views:
                    top_item_views = item_views
                    row[TOP_ITEM_VIEWS] = top_item_views
            if selection.any_prior:
                prior = np.uintp(events.item_row[which])
                rate = item_priors[table, prior, BUY_RATE]
                row[ITEM_POPULARITY] = item_priors[table, prior, POPULARITY]
                row[ITEM_CART_RATE] = item_priors[table, prior, CART_RATE]
                row[ITEM_BUY_RATE] = rate
                if is_view and not math.isnan(rate):
                    n_rates += 1
                    rate_sum += rate
                    if rate > rate_max:
                        rate_max = rate
                        row[ITEM_BUY_RATE_MAX] = rate_max
                    if wanted[ITEM_BUY_RATE_MEAN]:
                        row[ITEM_BUY_RATE_MEAN] = rate_sum / n_rates

        if is_view and not math.isnan(price):
            price_before = price_last
            price_last = price
            if n_priced == 0:
                row[PRICE_FIRST] = price
            n_priced += 1
            price_sum += price
            price_squares += price * price
            price_min = min(price_min, price)
            price_max = max(price_max, price)
            mean = price_sum / n_priced
            row[PRICE_LAST] = price
            row[PRICE_MEAN] = mean
            row[PRICE_MIN] = price_min
            row[PRICE_MAX] = price_max
            if wanted[PRICE_STD]:
                row[PRICE_STD] = math.sqrt(max(price_squares / n_priced - mean * mean, 0.0))
            row[PRICE_SUM] = price_sum
            if wanted[PRICE_SHARE_OF_DEAREST]:
                row[PRICE_SHARE_OF_DEAREST] = price / price_max if price_max > 0 else nan
            row[PRICE_STEP] = price - price_before
            if category >= 0 and (wanted[PRICE_VS_CATEGORY] or wanted[PRICE_VS_CATEGORY_MEAN]):
                usual = category_priors[
                    table, np.uintp(events.category_row[np.uintp(category)]), CATEGORY_PRICE
                ]
                if usual > 0:
                    relative = price / usual
                    relative_sum += relative
                    n_relative += 1
                    row[PRICE_VS_CATEGORY] = relative
                    row[PRICE_VS_CATEGORY_MEAN] = relative_sum / n_relative

        if selection.any_cart and code in (ADD_TO_CART, REMOVE_FROM_CART, PURCHASE):
            quantity = events.quantity[at]
            cart_items, cart_value = cart_after(code, price, quantity, cart_items, cart_value)
            value = 0.0 if math.isnan(price) else price * quantity
            if code == ADD_TO_CART:
                cart_added += quantity
                cart_added_value += value
                cart_value_max = max(cart_value_max, cart_value)
                cart_time = time
                cart_event = seen
                row[CART_VALUE_MAX] = cart_value_max
                row[CART_MEAN_PRICE] = cart_added_value / cart_added if cart_added > 0 else nan
            elif code == REMOVE_FROM_CART:
                cart_removed_value += value
                row[CART_REMOVED_VALUE] = cart_removed_value
            row[CART_ITEMS] = cart_items
            row[CART_VALUE] = cart_value
        if cart_event >= 0:
            row[EVENTS_SINCE_CART] = seen - cart_event
            has_times = time != NO_TIME and cart_time != NO_TIME
            row[SECONDS_SINCE_CART] = (time - cart_time) / US_PER_SECOND if has_times else nan

        if selection.any_page:
            page = events.page[at]
            if not math.isnan(page):
                page_max = page if math.isnan(page_max) else max(page, page_max)
                row[PAGE_LAST] = page
                row[PAGE_MAX] = page_max

        copy_row(row, selection, out, i)

    # After the cap nothing changes any more.
    for i in range(start + SESSION_CAP, stop):
        copy_row(row, selection, out, i)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def copy_row(
    row: npt.NDArray[np.float32], selection: Selection, out: npt.NDArray[np.float32], i: int
) -> None:
    """Write what is wanted of ``row`` to row ``i`` of ``out``."""
    at = np.uintp(i)
    columns = selection.columns
    if selection.streamed:
        stream_row(row, out, at)
    elif len(columns) == 0:
        for column in range(N_FEATURES):
            out[at, column] = row[column]
    else:
        for column in range(len(columns)):
            out[at, np.uintp(column)] = row[columns[np.uintp(column)]]


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def write_pauses(row: npt.NDArray[np.float32], first_time: int, past: npt.NDArray[np.float64]) -> None:
    """Write the days since the visitor was last here and last bought, NaN where never."""
    start_seconds = first_time / US_PER_SECOND
    row[DAYS_SINCE_SESSION] = (start_seconds - past[PAST_LAST_END]) / SECONDS_PER_DAY
    row[DAYS_SINCE_PURCHASE] = (start_seconds - past[PAST_LAST_PURCHASE]) / SECONDS_PER_DAY


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def cart_after(code: int, price: float, quantity: float, items: float, value: float) -> tuple[float, float]:
    """Return items and value of a cart that held ``items`` worth ``value`` before this event."""
    amount = 0.0 if math.isnan(price) else price * quantity
    if code == ADD_TO_CART:
        return items + quantity, value + amount
    if code == REMOVE_FROM_CART:
        left = max(items - quantity, 0.0)
        return left, max(value - amount, 0.0) if left > 0.0 else 0.0
    if code == PURCHASE:
        return 0.0, 0.0
    return items, value


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def absorb(
    past: npt.NDArray[np.float64],
    codes: npt.NDArray[np.int8],
    times: npt.NDArray[np.int64],
    prices: npt.NDArray[np.float64],
    quantities: npt.NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Add the session of rows ``start`` to ``stop`` to ``past``."""
    stop = min(stop, start + SESSION_CAP)
    spend = 0.0
    end = np.nan
    items = 0.0
    value = 0.0
    bought = False
    for i in range(start, stop):
        code = codes[np.uintp(i)]
        if code in (ADD_TO_CART, REMOVE_FROM_CART, PURCHASE):
            price = prices[np.uintp(i)]
            quantity = quantities[np.uintp(i)]
            items, value = cart_after(code, price, quantity, items, value)
            if code == PURCHASE:
                bought = True
                if not math.isnan(price):
                    spend += price * quantity
    for i in range(stop - 1, start - 1, -1):
        if times[np.uintp(i)] != NO_TIME:
            end = times[np.uintp(i)] / US_PER_SECOND
            break
    past[PAST_SESSIONS] += 1
    past[PAST_EVENTS] += stop - start
    past[PAST_SPEND] += spend
    # As the features say it, in single precision.
    past[PAST_CART_VALUE] = np.float32(value)
    if np.float32(items) > 0:
        past[PAST_OPEN_CARTS] += 1
    if bought:
        past[PAST_PURCHASES] += 1
        past[PAST_LAST_PURCHASE] = end
    if not math.isnan(end) and not past[PAST_LAST_END] >= end:
        past[PAST_LAST_END] = end


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def rows_before(times: npt.NDArray[np.int64], start: int, stop: int, moment: int) -> int:
    """Return where a session's events before ``moment`` stop; without a clock all count as before."""
    if moment == NO_TIME:
        return stop
    while stop > start and times[np.uintp(stop - 1)] != NO_TIME and times[np.uintp(stop - 1)] >= moment:
        stop -= 1
    return stop


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def fold_visitors(
    events: EventArrays,
    session_starts: npt.NDArray[np.int64],
    visitor_starts: npt.NDArray[np.int64],
    table_of_session: npt.NDArray[np.int8],
    item_priors: npt.NDArray[np.float32],
    category_priors: npt.NDArray[np.float32],
    scratch: Scratch,
    first_visitor: int,
    last_visitor: int,
    selection: Selection,
    out: npt.NDArray[np.float32],
) -> None:
    """Fold every session of the visitors ``first_visitor`` to ``last_visitor``.

    No lock is held and nothing is shared but what is only read, so any number of threads may run this at
    once, each with other visitors and a scratch of its own.

    Args:
        events: n events sorted as ``sessions.assign`` leaves them.
        session_starts: (sessions + 1,) as in ``Layout``.
        visitor_starts: (visitors + 1,) as in ``Layout``.
        table_of_session: (sessions,) which of the prior tables a session may see.
        item_priors: (tables, items + 1, ITEM_PRIORS).
        category_priors: (tables, categories + 1, CATEGORY_PRIORS).
        scratch: working memory of this thread.
        selection: which features ``out`` holds.
        out: (n, f) float32; the rows of these visitors are written whole.
    """
    for visitor in range(first_visitor, last_visitor):
        past = scratch.past
        clear(past)
        first = visitor_starts[visitor]
        waiting = first  # every session before this one lies wholly in the past
        for session in range(first, visitor_starts[visitor + 1]):
            start, stop = session_starts[session], session_starts[session + 1]
            moment = events.time[start]
            while waiting < session:
                earlier, until = session_starts[waiting], session_starts[waiting + 1]
                if rows_before(events.time, earlier, until, moment) < until:
                    break
                absorb(past, events.code, events.time, events.price, events.quantity, earlier, until)
                waiting += 1
            known = past
            if waiting < session:
                # Two tabs or devices at once: their visits count as far as they had come by now.
                known = scratch.known
                for number in range(PAST_SIZE):
                    known[number] = past[number]
                for other in range(waiting, session):
                    earlier = session_starts[other]
                    until = rows_before(events.time, earlier, session_starts[other + 1], moment)
                    if until > earlier:
                        absorb(known, events.code, events.time, events.price, events.quantity, earlier, until)
            fold_session(
                events, start, stop, known, item_priors, category_priors, np.int64(table_of_session[session]),
                scratch, session, selection, out,
            )  # fmt: skip
