"""All rules as plain arrays, the form the compiled walk reads."""

from __future__ import annotations

from functools import cache
from math import erf, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from buysignal.sources.demo import journey, shop, truth, visitors
from buysignal.sources.demo.journey import Step
from buysignal.sources.demo.truth import Values

Floats = npt.NDArray[np.float64]


class Rules(NamedTuple):
    """What the compiled walk needs to know; ``cumulative`` names hold running sums along the last axis."""

    channel_cumulative: Floats  # (2: first or later session, channels)
    device_cumulative: Floats
    country_cumulative: Floats
    hour_cumulative: Floats
    base: Floats  # log-weights of the intents, see visitors.py
    by_channel: Floats
    by_device: Floats
    per_earlier_session: Floats
    has_bought: Floats
    left_cart: Floats
    recency: Floats
    in_evening: Floats
    at_weekend: Floats
    return_chance: Floats
    entry: Floats  # (intents, channels, 4)
    chances: Floats  # (intents, live, lines + 1, steps)
    view_odds: Floats  # (intents, lines + 1, steps), before the price effect
    view_total: Floats  # (intents, lines + 1, 2) their sum: all but add to cart, add to cart
    focus: Floats  # (intents, focus, focus)
    focus_cumulative: Floats
    items: Floats  # (weeks, intents, items)
    items_cumulative: Floats  # within each category
    prices: Floats  # (weeks, items)
    pull: Floats  # (weeks, items) factor of price and category on add to cart
    gap_mean: Floats  # (intents, steps) of the log of seconds
    gap_kept: Floats  # (intents, steps) chance that a gap is below the limit
    values: Values


@cache
def rules() -> Rules:
    """Return the rules, solved once per process."""
    focus, items, prices = truth.focus_chances(), truth.item_chances(), shop.weekly_prices()
    shelves = (*items.shape[:2], len(shop.CATEGORIES), shop.ITEMS_PER_CATEGORY)
    view_odds = np.ascontiguousarray(journey.step_odds()[:, Step.VIEW])
    adding = view_odds[..., Step.ADD]
    gap_mean = journey.GAP_LOG_MEAN[:, None] + journey.GAP_LOG_STEP[None, :]
    return Rules(
        channel_cumulative=np.cumsum(visitors.CHANNEL_SHARES, axis=-1),
        device_cumulative=np.cumsum(visitors.DEVICE_SHARES),
        country_cumulative=np.cumsum(visitors.COUNTRY_SHARES),
        hour_cumulative=np.cumsum(visitors.HOUR_WEIGHTS / visitors.HOUR_WEIGHTS.sum()),
        base=visitors.BASE,
        by_channel=visitors.BY_CHANNEL,
        by_device=visitors.BY_DEVICE,
        per_earlier_session=visitors.PER_EARLIER_SESSION,
        has_bought=visitors.HAS_BOUGHT,
        left_cart=visitors.LEFT_CART,
        recency=visitors.RECENCY,
        in_evening=visitors.IN_EVENING,
        at_weekend=visitors.AT_WEEKEND,
        return_chance=visitors.RETURN_CHANCE,
        entry=journey.entry_chances(),
        chances=journey.step_chances(),
        view_odds=view_odds,
        view_total=np.stack([view_odds.sum(axis=-1) - adding, adding], axis=-1),
        focus=focus,
        focus_cumulative=np.cumsum(focus, axis=-1),
        items=items,
        items_cumulative=np.cumsum(items.reshape(shelves), axis=-1).reshape(items.shape),
        prices=prices,
        pull=np.exp(shop.appeal(prices)),
        gap_mean=gap_mean,
        gap_kept=_below(np.log(journey.GAP_LIMIT), gap_mean),
        values=truth.values(),
    )


def _below(limit: float, mean: Floats) -> Floats:
    """Return the chance that a normal draw around ``mean`` stays below ``limit``."""
    scale = journey.GAP_LOG_SD * sqrt(2.0)
    return np.vectorize(lambda m: 0.5 * (1.0 + erf((limit - m) / scale)))(mean)
