"""The compiled walk: every visitor's sessions, event by event, with what is true after each.

Each visitor has a random stream of their own, so neither the number of threads nor the size of a
chunk changes a result. The walk runs twice over a chunk: first to count rows, then to write them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.sources.demo import journey, shop, visitors
from buysignal.sources.demo.journey import MAX_EVENTS, MAX_LINES, N_STEPS, Step
from buysignal.sources.demo.rules import rules

_PAGE, _LIST, _SEARCH, _VIEW = int(Step.PAGE), int(Step.LIST), int(Step.SEARCH), int(Step.VIEW)
_AGAIN, _WISH, _ADD, _REMOVE = int(Step.AGAIN), int(Step.WISH), int(Step.ADD), int(Step.REMOVE)
_PURCHASE, _EXIT = int(Step.PURCHASE), int(Step.EXIT)
_ORDER_STATUS = journey.ORDER_STATUS_PAGE
_N_INTENTS = len(visitors.INTENTS)
_SHELF = shop.ITEMS_PER_CATEGORY
_WEEKS = shop.PROMOTION_WEEKS
_DAY = 86_400.0
_EVENING_FROM, _EVENING_TO = visitors.EVENING
_GAP_SD, _GAP_LIMIT = journey.GAP_LOG_SD, journey.GAP_LIMIT
_GAP_LOG_LIMIT = float(np.log(_GAP_LIMIT))
_TRAIL_NEAR, _TWO_PIECES, _STAYS = journey.TRAIL_NEAR, journey.TWO_PIECES, journey.STAYS_AFTER_PURCHASE
_ENTRY_STEPS = 4
_MAX_SESSIONS = visitors.MAX_SESSIONS
_RETURN_MEAN, _RETURN_SD = visitors.RETURN_DAYS_LOG_MEAN, visitors.RETURN_DAYS_LOG_SD
_MIN_RETURN_HOURS = 2.0


class Rows(NamedTuple):
    """One array per column, (n,) each. Codes are -1 where there is nothing."""

    visitor: npt.NDArray[np.int64]
    session: npt.NDArray[np.int32]  # number of the visitor's session, from 0
    seq: npt.NDArray[np.int32]  # from 0 in each session
    time: npt.NDArray[np.int64]  # microseconds since the simulation's first midnight
    step: npt.NDArray[np.int8]  # journey.Step; a page view after a purchase is PURCHASE + 1
    item: npt.NDArray[np.int16]
    category: npt.NDArray[np.int8]
    price: npt.NDArray[np.float64]
    pieces: npt.NDArray[np.int32]  # 0 where there is no quantity
    country: npt.NDArray[np.int8]
    device: npt.NDArray[np.int8]
    channel: npt.NDArray[np.int8]
    intent: npt.NDArray[np.int8]
    p_buy: npt.NDArray[np.float64]
    expected_revenue: npt.NDArray[np.float64]


class Cart(NamedTuple):
    """Lines of a cart and the trail of items seen, reused from session to session."""

    item: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int64]
    trail: npt.NDArray[np.int64]


def walk(first: int, visitors_: int, start_days: npt.NDArray[np.float64], days: int, seed: int) -> Rows:
    """Return the rows of the visitors ``first .. first + visitors_ - 1``, in order of visitor and time.

    ``start_days`` holds the running sum of the chances of each day as a visitor's first, (days,).
    """
    sizes = np.zeros(visitors_, dtype=np.int64)
    none = _empty(0)
    law = rules()
    _walk(first, visitors_, start_days, days, seed, law, none, sizes, False)
    rows = _empty(int(sizes.sum()))
    _walk(first, visitors_, start_days, days, seed, law, rows, sizes, True)
    return rows


def _empty(n: int) -> Rows:
    types = (np.int64, np.int32, np.int32, np.int64, np.int8, np.int16, np.int8, np.float64, np.int32,
             np.int8, np.int8, np.int8, np.int8, np.float64, np.float64)  # fmt: skip
    return Rows(*(np.empty(n, dtype=t) for t in types))


@njit(cache=True, nogil=True)
def _walk(first, count, start_days, days, seed, law, rows, sizes, write):  # type: ignore[no-untyped-def]
    random = np.zeros(1, dtype=np.uint64)
    belief = np.zeros(_N_INTENTS)
    cart = Cart(
        np.zeros(MAX_LINES, dtype=np.int64),
        np.zeros(MAX_LINES, dtype=np.int64),
        np.zeros(MAX_EVENTS + 1, dtype=np.int64),
    )
    at = 0
    for number in range(count):
        begin = at
        visitor = first + number
        random[0] = _mix(_mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15)) + np.uint64(visitor))
        at = _visitor(visitor, start_days, days, random, belief, cart, law, rows, at, write)
        sizes[number] = at - begin


@njit(cache=True, nogil=True)
def _mix(z):  # type: ignore[no-untyped-def]
    """Finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _uniform(random):  # type: ignore[no-untyped-def]
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    return (_mix(random[0]) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def _normal(random):  # type: ignore[no-untyped-def]
    radius = np.sqrt(-2.0 * np.log(1.0 - _uniform(random)))
    return radius * np.cos(2.0 * np.pi * _uniform(random))


@njit(cache=True, nogil=True)
def _pick(cumulative, random):  # type: ignore[no-untyped-def]
    """Draw a position from running sums by bisection."""
    u = _uniform(random) * cumulative[-1]
    low, high = 0, len(cumulative) - 1
    while low < high:
        middle = (low + high) >> 1
        if cumulative[middle] > u:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True)
def _pick_weight(weights, random):  # type: ignore[no-untyped-def]
    total = 0.0
    for weight in weights:
        total += weight
    u = _uniform(random) * total
    last = 0
    for i in range(len(weights)):
        if weights[i] > 0.0:
            last = i
            if u < weights[i]:
                return i
            u -= weights[i]
    return last


@njit(cache=True, nogil=True)
def _start(day, law, random):  # type: ignore[no-untyped-def]
    """Return seconds since the first midnight of a start on ``day``."""
    hour = _pick(law.hour_cumulative, random)
    return day * _DAY + (hour + _uniform(random)) * 3600.0


@njit(cache=True, nogil=True)
def _visitor(visitor, start_days, days, random, belief, cart, law, rows, at, write):  # type: ignore[no-untyped-def]
    country = _pick(law.country_cumulative, random)
    device = _pick(law.device_cumulative, random)
    start = _start(_pick(start_days, random), law, random)
    bought, left_cart, ended = 0, False, 0.0
    for session in range(_MAX_SESSIONS):
        channel = _pick(law.channel_cumulative[min(session, 1)], random)
        _prior(belief, law, channel, device, session, bought, left_cart, start, start - ended)
        intent = _pick_weight(belief, random)
        at, ended, buys, left_cart = _session(
            visitor,
            session,
            start,
            intent,
            country,
            device,
            channel,
            random,
            belief,
            cart,
            law,
            rows,
            at,
            write,
        )
        bought += buys
        ending = 1 if left_cart else (2 if buys else 0)
        if _uniform(random) >= law.return_chance[ending]:
            break
        away = np.exp(_RETURN_MEAN + _RETURN_SD * _normal(random))
        start = _start(np.floor(ended / _DAY + away), law, random)
        if start < ended + _MIN_RETURN_HOURS * 3600.0:
            start += _DAY
        if start >= days * _DAY:
            break
    return at


@njit(cache=True, nogil=True)
def _prior(belief, law, channel, device, session, bought, left_cart, start, away):  # type: ignore[no-untyped-def]
    """Fill ``belief`` with the chances of the intents before the first event."""
    hour = int(start / 3600.0) % 24
    weekend = int(start / _DAY) % 7 >= 5
    for z in range(_N_INTENTS):
        score = law.base[z] + law.by_channel[channel, z] + law.by_device[device, z]
        if session > 0:
            score += law.per_earlier_session[z] * min(session, 3)
            score += law.recency[z] * np.exp(-away / _DAY / 5.0)
        if bought > 0:
            score += law.has_bought[z]
        if left_cart:
            score += law.left_cart[z]
        if _EVENING_FROM <= hour <= _EVENING_TO:
            score += law.in_evening[z]
        if weekend:
            score += law.at_weekend[z]
        belief[z] = np.exp(score)
    _normalise(belief)


@njit(cache=True, nogil=True)
def _normalise(belief):  # type: ignore[no-untyped-def]
    total = 0.0
    for weight in belief:
        total += weight
    for z in range(len(belief)):
        belief[z] /= total


@njit(cache=True, nogil=True)
def _session(
    visitor, number, start, intent, country, device, channel, random, belief, cart, law, rows, at, write
):  # type: ignore[no-untyped-def]
    """Walk one session; return (next row, end in seconds, purchases, whether a cart was left)."""
    week = int(start / _DAY) // 7 % _WEEKS
    now, seq = start, 0
    lines, worth, seen, mean, focus = 0, 0.0, 0, 0.0, 0
    item, pieces, buys = -1, 0, 0
    odds = np.zeros(N_STEPS)
    step = _pick_weight(law.entry[intent, channel], random)
    last, last_lines, last_item = -1, 0, -1
    while True:
        log_gap = _GAP_LOG_LIMIT
        if last >= 0:
            while log_gap >= _GAP_LOG_LIMIT:
                log_gap = law.gap_mean[intent, last] + _GAP_SD * _normal(random)
            now += np.exp(log_gap)
        old_focus = focus
        pieces = 0
        if step == _LIST or step == _VIEW:
            focus = _pick(law.focus_cumulative[intent, focus], random)
        if step == _VIEW:
            shelf = (focus - 1) * _SHELF
            item = shelf + _pick(law.items_cumulative[week, intent, shelf : shelf + _SHELF], random)
            price = law.prices[week, item]
            mean = price if seen == 0 else _TRAIL_NEAR * price + (1.0 - _TRAIL_NEAR) * mean
            cart.trail[seen] = item
            seen += 1
        elif step == _AGAIN:
            place = seen - 1
            while place > 0 and _uniform(random) >= _TRAIL_NEAR:
                place -= 1
            item = cart.trail[place]
        elif step == _ADD:
            pieces = 2 if _uniform(random) < _TWO_PIECES else 1
            cart.item[lines] = item
            cart.pieces[lines] = pieces
            lines += 1
            worth += pieces * law.prices[week, item]
        elif step == _REMOVE:
            line = min(int(_uniform(random) * lines), lines - 1)
            item, pieces = cart.item[line], cart.pieces[line]
            lines -= 1
            worth -= pieces * law.prices[week, item]
            cart.item[line], cart.pieces[line] = cart.item[lines], cart.pieces[lines]

        if step == _PURCHASE:
            buys = 1
            at, seq = _checkout(visitor, number, seq, now, country, device, channel, intent, week, lines, cart,
                                law, rows, at, write)  # fmt: skip
            lines = 0
            while seq < MAX_EVENTS and _uniform(random) < _STAYS:
                gap = np.exp(law.gap_mean[intent, _PURCHASE] + _GAP_SD * _normal(random))
                now += min(gap, _GAP_LIMIT)
                if write:
                    _put(rows, at, visitor, number, seq, now, _PURCHASE + 1, -1, -1, np.nan, 0, country, device,
                         channel, intent, 0.0, 0.0)  # fmt: skip
                at += 1
                seq += 1
            break

        if write:
            _learn(
                belief, law, channel, last, last_lines, last_item, week, old_focus, step, focus, item, log_gap
            )
            p, revenue = _foresee(belief, law, week, step, lines, focus, item, worth, mean, seen)
            shown = item if _VIEW <= step <= _REMOVE else -1
            category = item // _SHELF if shown >= 0 else (focus - 1 if step == _LIST else -1)
            price = law.prices[week, item] if shown >= 0 else np.nan
            _put(rows, at, visitor, number, seq, now, step, shown, category, price, pieces, country, device,
                 channel, intent, p, revenue)  # fmt: skip
        at += 1
        seq += 1
        if seq >= MAX_EVENTS - MAX_LINES:
            break
        last, last_lines, last_item = step, lines, item
        if step == _VIEW:
            for i in range(N_STEPS):
                odds[i] = law.view_odds[intent, lines, i]
            odds[_ADD] *= law.pull[week, item]
            step = _pick_weight(odds, random)
        else:
            step = _pick_weight(law.chances[intent, step, lines], random)
        if step == _EXIT:
            break
    return at, now, buys, lines > 0


@njit(cache=True, nogil=True)
def _learn(belief, law, channel, last, last_lines, last_item, week, old_focus, step, focus, item, log_gap):  # type: ignore[no-untyped-def]
    """Forward step of the Bayes filter: what this event says about the intent."""
    for z in range(_N_INTENTS):
        if last < 0:
            weight = law.entry[z, channel, step]
        elif last == _VIEW:
            pull = law.pull[week, last_item]
            total = law.view_total[z, last_lines, 0] + pull * law.view_total[z, last_lines, 1]
            weight = law.view_odds[z, last_lines, step] * (pull if step == _ADD else 1.0) / total
        else:
            weight = law.chances[z, last, last_lines, step]
        if step == _LIST or step == _VIEW:
            weight *= law.focus[z, old_focus, focus]
        if step == _VIEW:
            weight *= law.items[week, z, item]
        if last >= 0:
            off = (log_gap - law.gap_mean[z, last]) / _GAP_SD
            weight *= np.exp(-0.5 * off * off) / law.gap_kept[z, last]
        belief[z] *= weight
    _normalise(belief)


@njit(cache=True, nogil=True)
def _foresee(belief, law, week, step, lines, focus, item, worth, mean, seen):  # type: ignore[no-untyped-def]
    """Return the chance of a purchase and the expected revenue still to come, given the belief."""
    price = law.prices[week, item] if item >= 0 else 0.0
    pull = law.pull[week, item] if step == _VIEW else 0.0
    p, revenue = 0.0, 0.0
    for z in range(_N_INTENTS):
        if step == _VIEW:
            rest = law.values.viewed[week, z, lines, focus, 0]
            adding = law.values.viewed[week, z, lines, focus, 1]
            scale = belief[z] / (law.view_total[z, lines, 0] + pull * law.view_total[z, lines, 1])
            p += scale * (rest[0] + pull * adding[0])
            revenue += scale * (_line(rest, worth, price, mean) + pull * _line(adding, worth, price, mean))
        else:
            value = law.values.state[week, z, step, lines, focus]
            p += belief[z] * value[0]
            if seen == 0:
                revenue += belief[z] * law.values.fresh[week, z, step, focus]
            else:
                revenue += belief[z] * _line(value, worth, price, mean)
    return p, revenue


@njit(cache=True, nogil=True)
def _line(value, worth, price, mean):  # type: ignore[no-untyped-def]
    return value[1] * worth + value[2] + value[3] * price + value[4] * mean


@njit(cache=True, nogil=True)
def _checkout(
    visitor, number, seq, now, country, device, channel, intent, week, lines, cart, law, rows, at, write
):  # type: ignore[no-untyped-def]
    """Write one row per item of the cart; lines of one item become one row."""
    for line in range(lines):
        for other in range(line):
            if cart.item[other] == cart.item[line] and cart.pieces[other] > 0:
                cart.pieces[other] += cart.pieces[line]
                cart.pieces[line] = 0
                break
    for line in range(lines):
        if cart.pieces[line] > 0:
            item = cart.item[line]
            if write:
                _put(rows, at, visitor, number, seq, now, _PURCHASE, item, item // _SHELF,
                     law.prices[week, item], cart.pieces[line], country, device, channel, intent, 0.0, 0.0)  # fmt: skip
            at += 1
            seq += 1
    return at, seq


@njit(cache=True, nogil=True)
def _put(
    rows, at, visitor, number, seq, now, step, item, category, price, pieces, country, device, channel, intent,
    p, revenue,
):  # type: ignore[no-untyped-def]  # fmt: skip
    rows.visitor[at] = visitor
    rows.session[at] = number
    rows.seq[at] = seq
    rows.time[at] = int(now * 1e6)
    rows.step[at] = step
    rows.item[at] = item
    rows.category[at] = category
    rows.price[at] = price
    rows.pieces[at] = pieces
    rows.country[at] = country
    rows.device[at] = device
    rows.channel[at] = channel
    rows.intent[at] = intent
    rows.p_buy[at] = p
    rows.expected_revenue[at] = revenue
