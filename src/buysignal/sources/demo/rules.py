"""All rules as one record of plain arrays, the form the compiled code reads."""

from __future__ import annotations

from functools import cache
from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.sources.demo import journey, shop, truth, visitors
from buysignal.sources.demo.journey import Step

Floats = npt.NDArray[np.float64]
Law = np.ndarray[tuple[int], np.dtype[np.void]]
"""Array of one record; its fields are the keys of ``_tables``. Numbers go in here rather than into compiled
code as constants: numba's cache would not notice when they change in another file."""

ROW = np.dtype(
    [
        ("visitor", np.int64),
        ("time", np.int64),  # microseconds since the simulation's first midnight
        ("price", np.float64),  # NaN where there is none
        ("session", np.int32),  # number of the visitor's session, from 0
        ("seq", np.int32),  # from 0 in each session
        ("item", np.int16),  # -1 where there is none
        ("category", np.int8),  # -1 where there is none
        ("step", np.int8),  # journey.Step; a page view after a purchase is AFTER_PURCHASE
        ("pieces", np.int8),  # 0 where there are none
        ("country", np.int8),
        ("device", np.int8),
        ("channel", np.int8),
        ("intent", np.int8),
    ],
    align=True,
)
"""One event as codes."""
AFTER_PURCHASE = int(Step.PURCHASE) + 1

DAY_SECONDS = 86_400.0
_N_INTENTS = len(visitors.INTENTS)


@cache
def law() -> Law:
    """Return the rules, solved once per process."""
    tables = {name: np.asarray(table, dtype=np.float64) for name, table in _tables().items()}
    record = np.zeros(1, dtype=[(name, np.float64, table.shape) for name, table in tables.items()])
    for name, table in tables.items():
        record[name][0] = table
    return record


def _tables() -> dict[str, npt.NDArray[Any]]:
    focus, items, prices = truth.focus_chances(), truth.item_chances(), shop.weekly_prices()
    shelves = (*items.shape[:2], len(shop.CATEGORIES), shop.ITEMS_PER_CATEGORY)
    view_odds = journey.step_odds()[:, Step.VIEW]
    adding = view_odds[..., Step.ADD]
    gap_mean = journey.GAP_LOG_MEAN[:, None] + journey.GAP_LOG_STEP[None, :]
    values = truth.values()
    return {
        "channel_shares": visitors.CHANNEL_SHARES,  # (2: first or later session, channels)
        "device_shares": visitors.DEVICE_SHARES,
        "country_shares": visitors.COUNTRY_SHARES,
        "hour_weights": visitors.HOUR_WEIGHTS,
        "intent_base": visitors.BASE,  # log-weights of the intents, (..., intents)
        "intent_by_channel": visitors.BY_CHANNEL,
        "intent_by_device": visitors.BY_DEVICE,
        "intent_per_session": visitors.PER_EARLIER_SESSION,
        "intent_bought": visitors.HAS_BOUGHT,
        "intent_left_cart": visitors.LEFT_CART,
        "intent_recency": visitors.RECENCY,
        "intent_evening": visitors.IN_EVENING,
        "intent_weekend": visitors.AT_WEEKEND,
        "is_evening": np.isin(np.arange(24), np.arange(visitors.EVENING[0], visitors.EVENING[1] + 1)),
        "return_chance": visitors.RETURN_CHANCE,
        "return_mean": np.asarray(visitors.RETURN_DAYS_LOG_MEAN),
        "return_sd": np.asarray(visitors.RETURN_DAYS_LOG_SD),
        "entry": journey.entry_chances(),  # (intents, channels, 4)
        "chances": journey.step_chances(),  # (intents, live, lines + 1, steps)
        "view_odds": view_odds,  # (intents, lines + 1, steps), before the price effect
        "view_total": np.stack([view_odds.sum(axis=-1) - adding, adding], axis=-1),  # others, add to cart
        "focus": focus,  # (intents, focus, focus)
        "items": items,  # (weeks, intents, items), within each category
        "items_cumulative": np.cumsum(items.reshape(shelves), axis=-1).reshape(items.shape),
        "prices": prices,  # (weeks, items)
        "pull": np.exp(shop.appeal(prices)),  # factor of price and category on add to cart
        "gap_mean": gap_mean,  # (intents, steps), of the log of seconds
        "gap_kept": _below(float(np.log(journey.GAP_LIMIT)), gap_mean),
        "gap_sd": np.asarray(journey.GAP_LOG_SD),
        "gap_limit": np.log(journey.GAP_LIMIT),
        "trail_near": np.asarray(journey.TRAIL_NEAR),
        "two_pieces": np.asarray(journey.TWO_PIECES),
        "stays": np.asarray(journey.STAYS_AFTER_PURCHASE),
        "state": values.state,
        "viewed": values.viewed,
        "fresh": values.fresh,
    }


def _below(limit: float, mean: Floats) -> Floats:
    """Return the chance that a normal draw around ``mean`` stays below ``limit``."""
    scale = journey.GAP_LOG_SD * sqrt(2.0)
    return np.vectorize(lambda m: 0.5 * (1.0 + erf((limit - m) / scale)))(mean)


@njit(cache=True, nogil=True)
def entry_belief(belief, law, channel, device, session, bought, left_cart, start, away):  # type: ignore[no-untyped-def]
    """Fill ``belief`` with the chances of the intents before the first event of a session.

    ``start`` is in seconds since the first midnight, ``away`` the seconds since the last session.
    """
    hour = int(start / 3600.0) % 24
    weekend = int(start / DAY_SECONDS) % 7 >= 5
    recency = np.exp(-away / DAY_SECONDS / 5.0)
    for z in range(_N_INTENTS):
        score = law.intent_base[z] + law.intent_by_channel[channel, z] + law.intent_by_device[device, z]
        if session > 0:
            score += law.intent_per_session[z] * min(session, 3) + law.intent_recency[z] * recency
        if bought:
            score += law.intent_bought[z]
        if left_cart:
            score += law.intent_left_cart[z]
        score += law.is_evening[hour] * law.intent_evening[z]
        if weekend:
            score += law.intent_weekend[z]
        belief[z] = np.exp(score)
    normalise(belief)


@njit(cache=True, nogil=True)
def normalise(belief):  # type: ignore[no-untyped-def]
    """Scale ``belief`` to the sum 1."""
    total = 0.0
    for weight in belief:
        total += weight
    for z in range(len(belief)):
        belief[z] /= total
