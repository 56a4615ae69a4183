"""What is exactly true of a prefix, by linear algebra on the rules.

Given the intent, a session is a Markov chain on ``(step, lines in the cart, category in focus)``,
with a purchase and an exit as its ends. Two things reach beyond that state, and both only linearly:
the value ``w`` of the cart, and ``m``, the mean price of the item that *recently viewed* would offer
(``m' = g·price + (1 − g)·m`` with each new item, ``g = TRAIL_NEAR``). So, for every intent,

- the chance of a purchase solves ``p = P p + P[purchase]``;
- the expected revenue is ``A·w + B + C·price + D·m`` with the price of the item on the page;
  ``A`` solves the same system with the cart shrinking by ``1/lines`` at each removal, ``C`` is the
  chance to add the item at once, ``D`` and ``B`` follow from the same chain.

Right after a new item is seen its own price decides the next step: there the row of ``P`` is made
from that price (``Values.viewed``), and the mean over items only stands for items yet to come.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu

from buysignal.sources.demo import journey, shop
from buysignal.sources.demo.journey import MAX_LINES, N_LIVE, N_STEPS, Step
from buysignal.sources.demo.visitors import INTENTS

Floats = npt.NDArray[np.float64]

N_FOCUS = len(shop.CATEGORIES) + 1
"""Category in focus, 0 where there is none yet."""
PIECES = 1.0 + journey.TWO_PIECES
"""Expected pieces of a line."""
STATES = (N_LIVE, MAX_LINES + 1, N_FOCUS)


class Values(NamedTuple):
    """Values of all weeks of prices and all intents; the last axis is ``(p, a, b, c, d)``.

    ``state``: (weeks, intents, live, lines + 1, focus, 5) at a state whose item, if any, counts no more;
    ``viewed``: (weeks, intents, lines + 1, focus, 2, 5) right after a new item: odds times value of the
    next step, for *add to cart* (at 1, to be multiplied by the item's pull) and for all others (at 0);
    ``fresh``: (weeks, intents, 3, focus), ``b`` of page, list and search before any item was seen.
    """

    state: Floats
    viewed: Floats
    fresh: Floats


def focus_chances() -> Floats:
    """Return P(category of the next list or new item | intent, focus), shape (intents, focus, focus)."""
    chances = np.zeros((len(INTENTS), N_FOCUS, N_FOCUS))
    chances[:, 0, 1:] = shop.CATEGORY_SHARES
    for focus in range(1, N_FOCUS):
        stay = journey.STAY_IN_CATEGORY
        chances[:, focus, 1:] = (1.0 - stay)[:, None] * shop.CATEGORY_SHARES
        chances[:, focus, focus] += stay
    return chances


@cache
def item_chances() -> Floats:
    """Return P(item | intent, its category), shape (weeks, intents, items)."""
    prices = shop.weekly_prices()
    discount = 1.0 - prices / shop.shop_items()["list_price"].to_numpy()
    log_price = np.log(prices / shop.REFERENCE_PRICE)
    odds = shop.popularity() * np.exp(
        journey.PRICE_TASTE[None, :, None] * log_price[:, None, :]
        + journey.OFFER_TASTE[None, :, None] * discount[:, None, :]
    )
    sums = odds.reshape(*odds.shape[:2], len(shop.CATEGORIES), shop.ITEMS_PER_CATEGORY).sum(axis=-1)
    return np.asarray(odds / np.repeat(sums, shop.ITEMS_PER_CATEGORY, axis=-1))


def view_chances(appeal: Floats) -> Floats:
    """Return P(next | intent, item, lines) after a new item, (intents, items, lines + 1, steps)."""
    odds = np.repeat(journey.step_odds()[:, None, Step.VIEW], len(appeal), axis=1)
    odds[..., Step.ADD] *= np.exp(appeal)[None, :, None]
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


@cache
def values() -> Values:
    """Return the solved values of all weeks and intents."""
    weeks, items = shop.weekly_prices(), item_chances()
    solved = [
        [_solve(intent, weeks[week], items[week, intent]) for intent in range(len(INTENTS))]
        for week in range(shop.PROMOTION_WEEKS)
    ]
    return Values(
        *(
            np.ascontiguousarray([[one[field] for one in week] for week in solved])
            for field in range(len(Values._fields))
        )
    )


def _solve(intent: int, prices: Floats, chances: Floats) -> Values:
    focus = focus_chances()[intent]
    rows, priced = _rows(intent, prices, chances)
    moves = _moves(rows, focus)
    shrinking = moves.copy()
    for lines in range(1, MAX_LINES + 1):
        shrinking[:, lines, :, Step.REMOVE] *= 1.0 - 1.0 / lines
    buys = rows[..., Step.PURCHASE]
    p, a = _fixed_point(moves, buys), _fixed_point(shrinking, buys)

    c = np.zeros(STATES)
    c[Step.WISH, :-1] = rows[Step.WISH, :-1, :, Step.ADD] * PIECES * a[Step.ADD, 1:]
    c[Step.AGAIN, :-1] = rows[Step.AGAIN, :-1, :, Step.ADD] * PIECES * a[Step.ADD, 1:]
    c[Step.AGAIN] += rows[Step.AGAIN, :, :, Step.WISH] * c[Step.WISH]

    fading = moves.copy()
    fading[Step.VIEW] *= 1.0 - journey.TRAIL_NEAR
    offered = rows[..., Step.AGAIN] * c[Step.AGAIN]
    offered[Step.VIEW] *= 1.0 - journey.TRAIL_NEAR
    d = _fixed_point(fading, offered)

    enter_a, enter_c, enter_d = _enter_a(a, focus), _enter_c(a, c), _enter(d, focus)
    enter_d[..., Step.AGAIN] += c[Step.AGAIN]
    gained = np.zeros(STATES)
    gained[Step.VIEW] = (priced * (enter_c + journey.TRAIL_NEAR * enter_d)).sum(axis=-1)
    b = _fixed_point(moves, gained)

    enter_p, enter_b = _enter(p, focus), _enter(b, focus)
    enter_p[..., Step.PURCHASE] = 1.0
    first = (rows[Step.VIEW, 0] * enter_b[0] + priced[0] * (enter_c[0] + enter_d[0])).sum(axis=-1)
    entering = np.stack([enter_p, enter_a, enter_b, enter_c, enter_d], axis=-1)
    weighted = journey.step_odds()[intent, Step.VIEW][:, None, :, None] * entering
    adding = weighted[..., Step.ADD, :]
    return Values(
        state=np.stack([p, a, b, c, d], axis=-1),
        viewed=np.stack([weighted.sum(axis=-2) - adding, adding], axis=-2),
        fresh=_fresh(rows, focus, first),
    )


def _rows(intent: int, prices: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """Return P(next | step, lines, focus), and for new items its mean weighted with the price."""
    rows = np.repeat(journey.step_chances()[intent][:, :, None, :], N_FOCUS, axis=2)
    views = view_chances(shop.appeal(prices))[intent]
    shelves = (len(shop.CATEGORIES), shop.ITEMS_PER_CATEGORY)
    by_shelf = views.reshape(*shelves, MAX_LINES + 1, N_STEPS)
    priced = np.zeros((MAX_LINES + 1, N_FOCUS, N_STEPS))
    mean = np.einsum("ci,cins->ncs", chances.reshape(shelves), by_shelf)
    priced[:, 1:] = np.einsum("ci,cins->ncs", (chances * prices).reshape(shelves), by_shelf)
    rows[Step.VIEW, :, 1:] = mean
    return rows, priced


def _moves(rows: Floats, focus: Floats) -> Floats:
    """Return the chain's matrix as a tensor (step, lines, focus, next step, next lines, next focus)."""
    moves = np.zeros((*STATES, *STATES))
    for nxt in range(N_LIVE):
        for lines in range(MAX_LINES + 1):
            arrive = lines + (nxt == Step.ADD) - (nxt == Step.REMOVE)
            if not 0 <= arrive <= MAX_LINES:
                continue
            to = focus if nxt in (Step.VIEW, Step.LIST) else np.eye(N_FOCUS)
            moves[:, lines, :, nxt, arrive, :] = rows[:, lines, :, nxt, None] * to
    return moves


def _fixed_point(moves: Floats, gain: Floats) -> Floats:
    """Return the solution of ``x = moves x + gain``."""
    rest = sparse.csc_matrix(np.eye(gain.size) - moves.reshape(gain.size, gain.size))
    return np.asarray(splu(rest).solve(gain.reshape(-1)).reshape(gain.shape))


def _enter(state: Floats, focus: Floats) -> Floats:
    """Return the value of taking each next step from (lines, focus), shape (lines + 1, focus, steps)."""
    enter = np.zeros((MAX_LINES + 1, N_FOCUS, N_STEPS))
    enter[..., :N_LIVE] = np.moveaxis(state, 0, -1)
    for step in (Step.VIEW, Step.LIST):
        enter[..., step] = state[step] @ focus.T
    enter[:-1, :, Step.ADD] = state[Step.ADD, 1:]
    enter[-1, :, Step.ADD] = 0.0
    enter[1:, :, Step.REMOVE] = state[Step.REMOVE, :-1]
    enter[0, :, Step.REMOVE] = 0.0
    return enter


def _enter_a(a: Floats, focus: Floats) -> Floats:
    enter = _enter(a, focus)
    enter[..., Step.PURCHASE] = 1.0
    for lines in range(1, MAX_LINES + 1):
        enter[lines, :, Step.REMOVE] *= 1.0 - 1.0 / lines
    return enter


def _enter_c(a: Floats, c: Floats) -> Floats:
    enter = np.zeros((MAX_LINES + 1, N_FOCUS, N_STEPS))
    enter[:-1, :, Step.ADD] = PIECES * a[Step.ADD, 1:]
    enter[..., Step.WISH] = c[Step.WISH]
    return enter


def _fresh(rows: Floats, focus: Floats, first: Floats) -> Floats:
    """Return ``b`` of page, list and search while no item was seen (nothing to go back to)."""
    moves = np.zeros((3, N_FOCUS, 3, N_FOCUS))
    for nxt in range(3):
        to = focus if nxt == Step.LIST else np.eye(N_FOCUS)
        moves[:, :, nxt, :] = rows[:3, 0, :, nxt, None] * to
    return _fixed_point(moves, rows[:3, 0, :, Step.VIEW] * (focus @ first))
