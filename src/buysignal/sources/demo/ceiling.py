"""What is true after each event, computed from the log alone: the ceiling no model can pass.

A Bayes filter over the intents goes through each session; its belief weighs the values that
`truth.py` solved. It reads only what a log shows (steps, items, prices, times, channel, device,
earlier sessions), never the intent that the walk drew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.sources.demo import shop, visitors
from buysignal.sources.demo.journey import Step
from buysignal.sources.demo.rules import DAY_SECONDS, entry_belief, law, normalise
from buysignal.sources.demo.walk import Rows

_LIST, _VIEW, _ADD, _REMOVE = int(Step.LIST), int(Step.VIEW), int(Step.ADD), int(Step.REMOVE)
_PURCHASE = int(Step.PURCHASE)
_N_INTENTS = len(visitors.INTENTS)
_WEEKS = shop.PROMOTION_WEEKS
_SHORTEST_GAP = 1e-6


class Standing(NamedTuple):
    """Where a visit stands after each of n rows, as far as a log shows it.

    ``belief``: (n, intents), the chances of the intents; ``place``: (n, 2), lines in the cart and the
    category in focus (0 where there is none yet). Both are 0 from a purchase on.
    """

    belief: npt.NDArray[np.float64]
    place: npt.NDArray[np.int8]


def ceiling(rows: Rows) -> npt.NDArray[np.float64]:
    """Return P(buys later in this session) and the expected revenue to come (EUR), shape (n, 2)."""
    out = np.zeros((len(rows), 2))
    _ceiling(rows, law(), out, Standing(np.zeros((0, _N_INTENTS)), np.zeros((0, 2), np.int8)))
    return out


def standing(rows: Rows) -> Standing:
    """Return where each visit stands after each row."""
    found = Standing(np.zeros((len(rows), _N_INTENTS)), np.zeros((len(rows), 2), np.int8))
    _ceiling(rows, law(), np.zeros((len(rows), 2)), found)
    return found


@njit(cache=True, nogil=True)
def _ceiling(rows, laws, out, standing):  # type: ignore[no-untyped-def]
    law = laws[0]
    belief = np.zeros(_N_INTENTS)
    visitor, session = -1, -1
    bought, lines, ended = False, 0, 0.0
    week, focus, seen, worth, mean = 0, 0, 0, 0.0, 0.0
    for at in range(len(rows)):
        row = rows[at]
        now = row.time * 1e-6
        if row.visitor != visitor or row.session != session:
            if row.visitor != visitor:
                bought, lines = False, 0
            visitor, session = row.visitor, row.session
            entry_belief(belief, law, row.channel, row.device, session, bought, lines > 0, now, now - ended)
            week = int(now / DAY_SECONDS) // 7 % _WEEKS
            focus, lines, seen, worth, mean = 0, 0, 0, 0.0, 0.0
        if row.step >= _PURCHASE:
            bought, lines, ended = True, 0, now
            continue
        old_focus, old_lines = focus, lines
        if row.step in (_LIST, _VIEW):
            focus = row.category + 1
        if row.step == _VIEW:
            mean = row.price if seen == 0 else law.trail_near * row.price + (1.0 - law.trail_near) * mean
            seen += 1
        elif row.step == _ADD:
            lines, worth = lines + 1, worth + row.pieces * row.price
        elif row.step == _REMOVE:
            lines, worth = lines - 1, worth - row.pieces * row.price
        if row.seq == 0:
            for z in range(_N_INTENTS):
                belief[z] *= law.entry[z, row.channel, row.step]
        else:
            log_gap = np.log(max(now - ended, _SHORTEST_GAP))
            _learn(belief, law, rows[at - 1], old_lines, week, row.step, log_gap)
        _learn_choice(belief, law, row, week, old_focus, focus)
        normalise(belief)
        ended = now
        if len(standing.belief):
            standing.belief[at] = belief
            standing.place[at, 0], standing.place[at, 1] = lines, focus
        out[at, 0], out[at, 1] = _foresee(belief, law, row, week, lines, focus, worth, mean, seen)


@njit(cache=True, nogil=True)
def _learn(belief, law, last, lines, week, step, log_gap):  # type: ignore[no-untyped-def]
    """What the step taken after ``last``, and the time it took, say about the intent."""
    pull = law.pull[week, last.item] if last.step == _VIEW else 1.0
    for z in range(_N_INTENTS):
        if last.step == _VIEW:
            weight = law.view_odds[z, lines, step] * (pull if step == _ADD else 1.0)
            weight /= law.view_total[z, lines, 0] + pull * law.view_total[z, lines, 1]
        else:
            weight = law.chances[z, last.step, lines, step]
        off = (log_gap - law.gap_mean[z, last.step]) / law.gap_sd
        belief[z] *= weight * np.exp(-0.5 * off * off) / law.gap_kept[z, last.step]


@njit(cache=True, nogil=True)
def _learn_choice(belief, law, row, week, old_focus, focus):  # type: ignore[no-untyped-def]
    """What the category and the item chosen say about the intent."""
    for z in range(_N_INTENTS):
        if row.step in (_LIST, _VIEW):
            belief[z] *= law.focus[z, old_focus, focus]
        if row.step == _VIEW:
            belief[z] *= law.items[week, z, row.item]


@njit(cache=True, nogil=True)
def _foresee(belief, law, row, week, lines, focus, worth, mean, seen):  # type: ignore[no-untyped-def]
    """Return the chance of a purchase and the expected revenue still to come, given the belief."""
    price = row.price if row.item >= 0 else 0.0
    pull = law.pull[week, row.item] if row.step == _VIEW else 0.0
    p, revenue = 0.0, 0.0
    for z in range(_N_INTENTS):
        if row.step == _VIEW:
            rest, adding = law.viewed[week, z, lines, focus, 0], law.viewed[week, z, lines, focus, 1]
            scale = belief[z] / (law.view_total[z, lines, 0] + pull * law.view_total[z, lines, 1])
            p += scale * (rest[0] + pull * adding[0])
            revenue += scale * (_line(rest, worth, price, mean) + pull * _line(adding, worth, price, mean))
        else:
            value = law.state[week, z, row.step, lines, focus]
            p += belief[z] * value[0]
            if seen == 0:
                revenue += belief[z] * law.fresh[week, z, row.step, focus]
            else:
                revenue += belief[z] * _line(value, worth, price, mean)
    return p, revenue


@njit(cache=True, nogil=True)
def _line(value, worth, price, mean):  # type: ignore[no-untyped-def]
    return value[1] * worth + value[2] + value[3] * price + value[4] * mean
