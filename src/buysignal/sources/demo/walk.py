"""The compiled walk: every visitor's sessions, event by event, as the rules draw them.

Each visitor has a random stream of their own, so neither the number of threads nor the size of a
chunk changes a result. What is true after each event is found afterwards, from the log alone
(`ceiling.py`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from buysignal.sources.demo import shop, visitors
from buysignal.sources.demo.draws import normal, pick, pick_sorted, start_stream, uniform
from buysignal.sources.demo.journey import MAX_EVENTS, MAX_LINES, N_STEPS, Step
from buysignal.sources.demo.rules import AFTER_PURCHASE, DAY_SECONDS, ROW, entry_belief, law

Rows = np.ndarray[tuple[int], np.dtype[np.void]]
"""(n,) records of the type ``ROW``."""

_LIST, _VIEW, _AGAIN, _WISH = int(Step.LIST), int(Step.VIEW), int(Step.AGAIN), int(Step.WISH)
_ADD, _REMOVE, _PURCHASE, _EXIT = int(Step.ADD), int(Step.REMOVE), int(Step.PURCHASE), int(Step.EXIT)
_N_INTENTS = len(visitors.INTENTS)
_SHELF = shop.ITEMS_PER_CATEGORY
_WEEKS = shop.PROMOTION_WEEKS
_MAX_SESSIONS = visitors.MAX_SESSIONS
_MIN_AWAY = 2.0 * 3600.0
_MEAN_ROWS = 10

# numpy integers, not literals: a compiled function is made anew for each literal it is called with.
_ZERO: np.int64 = np.int64(0)
_NONE: np.int64 = np.int64(-1)


def walk(first: int, count: int, days: int, seed: int) -> Rows:
    """Return the events of the visitors ``first .. first + count - 1``, by visitor and time."""
    start_days = np.cumsum(visitors.start_day_weights(days))
    buffer = np.zeros(max(count * _MEAN_ROWS, 2 * MAX_EVENTS), dtype=ROW)
    rows, used = _walk(first, count, start_days, days, seed, law(), buffer)
    return np.asarray(rows[:used])


@njit(cache=True, nogil=True)
def _walk(first, count, start_days, days, seed, laws, rows):  # type: ignore[no-untyped-def]
    law = laws[0]
    random = np.zeros(1, dtype=np.uint64)
    belief, odds = np.zeros(_N_INTENTS), np.zeros(N_STEPS)
    cart = np.zeros((2, MAX_LINES), dtype=np.int64)
    trail = np.zeros(MAX_EVENTS + 1, dtype=np.int64)
    at = 0
    for visitor in range(first, first + count):
        start_stream(random, seed, visitor)
        country, device = pick(law.country_shares[:], random), pick(law.device_shares[:], random)
        start = _start(float(pick_sorted(start_days, random)), law, random)
        bought, left_cart, ended = np.bool_(False), np.bool_(False), 0.0
        for session in range(_MAX_SESSIONS):
            if at + MAX_EVENTS > len(rows):
                longer = np.zeros(2 * len(rows), dtype=rows.dtype)
                longer[:at] = rows[:at]
                rows = longer
            channel = pick(law.channel_shares[min(session, 1)], random)
            entry_belief(belief, law, channel, device, session, bought, left_cart, start, start - ended)
            intent = pick(belief, random)
            size, ended, buys, left_cart = _session(
                rows[at:], start, intent, channel, random, odds, cart, trail, law
            )
            for row in range(at, at + size):
                rows[row].visitor, rows[row].session, rows[row].seq = visitor, session, row - at
                rows[row].country, rows[row].device = country, device
                rows[row].channel, rows[row].intent = channel, intent
            at += size
            bought = bought or buys
            if uniform(random) >= law.return_chance[1 if left_cart else (2 if buys else 0)]:
                break
            start = _next_start(ended, law, random)
            if start >= days * DAY_SECONDS:
                break
    return rows, at


@njit(cache=True, nogil=True)
def _start(day, law, random):  # type: ignore[no-untyped-def]
    """Return seconds since the first midnight of a start on ``day``."""
    return day * DAY_SECONDS + (pick(law.hour_weights[:], random) + uniform(random)) * 3600.0


@njit(cache=True, nogil=True)
def _next_start(ended, law, random):  # type: ignore[no-untyped-def]
    away = np.exp(law.return_mean + law.return_sd * normal(random))
    start = _start(np.floor(ended / DAY_SECONDS + away), law, random)
    return start if start >= ended + _MIN_AWAY else start + DAY_SECONDS


@njit(cache=True, nogil=True)
def _session(rows, start, intent, channel, random, odds, cart, trail, law):  # type: ignore[no-untyped-def]
    """Walk one session; return its rows, its end in seconds, whether it bought, whether it left a cart."""
    week = int(start / DAY_SECONDS) // 7 % _WEEKS
    at, lines, seen, focus, item = _ZERO, _ZERO, _ZERO, _ZERO, _NONE
    now = start
    step = pick(law.entry[intent, channel], random)
    while step != _EXIT and at < MAX_EVENTS - MAX_LINES:
        pieces = _ZERO
        if step == _PURCHASE:
            at = _purchase(rows, at, now, week, lines, cart, law)
            at = _after_purchase(rows, at, now, intent, random, law)
            return at, rows[at - 1].time * 1e-6, True, False
        if step in (_LIST, _VIEW):
            focus = pick(law.focus[intent, focus], random)
        if step == _VIEW:
            shelf = (focus - 1) * _SHELF
            item = shelf + pick_sorted(law.items_cumulative[week, intent, shelf : shelf + _SHELF], random)
            trail[seen] = item
            seen += 1
        elif step == _AGAIN:
            place = seen - 1
            while place > 0 and uniform(random) >= law.trail_near:
                place -= 1
            item = trail[place]
        elif step == _ADD:
            pieces = np.int64(2 if uniform(random) < law.two_pieces else 1)
            cart[0, lines], cart[1, lines] = item, pieces
            lines += 1
        elif step == _REMOVE:
            line = min(int(uniform(random) * lines), lines - 1)
            item, pieces = cart[0, line], cart[1, line]
            lines -= 1
            cart[0, line], cart[1, line] = cart[0, lines], cart[1, lines]
        shown = item if _VIEW <= step <= _REMOVE else _NONE
        listed = focus - 1 if step == _LIST else _NONE
        _put(rows[at], now, step, shown, listed, pieces, week, law)
        at += 1
        now += _gap(step, intent, random, law)
        step = _next_step(step, intent, lines, week, item, random, odds, law)
    return at, rows[at - 1].time * 1e-6, False, lines > 0


@njit(cache=True, nogil=True)
def _next_step(step, intent, lines, week, item, random, odds, law):  # type: ignore[no-untyped-def]
    if step != _VIEW:
        return pick(law.chances[intent, step, lines], random)
    for nxt in range(N_STEPS):
        odds[nxt] = law.view_odds[intent, lines, nxt]
    odds[_ADD] *= law.pull[week, item]
    return pick(odds, random)


@njit(cache=True, nogil=True)
def _gap(step, intent, random, law):  # type: ignore[no-untyped-def]
    """Return seconds until the next event."""
    log_gap = law.gap_limit
    while log_gap >= law.gap_limit:
        log_gap = law.gap_mean[intent, step] + law.gap_sd * normal(random)
    return np.exp(log_gap)


@njit(cache=True, nogil=True)
def _purchase(rows, at, now, week, lines, cart, law):  # type: ignore[no-untyped-def]
    """Write one row per item of the cart; lines of one item become one row."""
    for line in range(lines):
        for other in range(line):
            if cart[0, other] == cart[0, line] and cart[1, other] > 0:
                cart[1, other] += cart[1, line]
                cart[1, line] = 0
                break
    for line in range(lines):
        if cart[1, line] > 0:
            _put(rows[at], now, np.int64(_PURCHASE), cart[0, line], _NONE, cart[1, line], week, law)
            at += 1
    return at


@njit(cache=True, nogil=True)
def _after_purchase(rows, at, now, intent, random, law):  # type: ignore[no-untyped-def]
    while at < MAX_EVENTS and uniform(random) < law.stays:
        now += _gap(np.int64(_PURCHASE), intent, random, law)
        _put(rows[at], now, np.int64(AFTER_PURCHASE), _NONE, _NONE, _ZERO, _ZERO, law)
        at += 1
    return at


@njit(cache=True, nogil=True)
def _put(row, now, step, item, category, pieces, week, law):  # type: ignore[no-untyped-def]
    row.time = int(now * 1e6)
    row.step = step
    row.item = item
    row.category = item // _SHELF if item >= 0 else category
    row.price = law.prices[week, item] if item >= 0 else np.nan
    row.pieces = pieces
