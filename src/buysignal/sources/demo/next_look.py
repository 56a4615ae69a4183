"""What is looked at next, exactly: the ceiling of every recommender on the demo shop.

Between two looks (a new item, or one of this session again) a visit walks through other steps. Given the
intent ``z`` that walk is a Markov chain on (step, lines in the cart, category in focus) which ends at a
new item of one of the categories, at a return to an earlier item, or without another look. With ``s`` all
that a log shows up to a look:

``P(next look is i | s) = Σ P(z | s) · (P(new item of i's category | z, s) · P(i | z, category, week)
+ P(return | z, s) · P(i | return, trail))``

``P(z | s)`` is the filter of `ceiling.py`. A recommender that ranks by it has the highest recall, MRR and
NDCG that can be expected, because all three fall with the rank; who sees less than the whole log (only
the items, say) stays below.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import sparse
from scipy.sparse.linalg import splu

from buysignal.errors import SamplesError
from buysignal.sources.demo import journey, shop, truth, visitors
from buysignal.sources.demo.ceiling import standing
from buysignal.sources.demo.journey import MAX_EVENTS, MAX_LINES, N_LIVE, N_STEPS, Step
from buysignal.sources.demo.rules import DAY_SECONDS, law
from buysignal.sources.demo.truth import N_FOCUS
from buysignal.sources.demo.walk import Rows

Floats = npt.NDArray[np.float64]

LOOKS = (Step.VIEW, Step.AGAIN)
BETWEEN = tuple(step for step in Step if step < N_LIVE and step not in LOOKS)
"""Steps that a visit may walk through between two looks."""

RETURN = len(shop.CATEGORIES)
N_ENDS = RETURN + 1
"""How the way to the next look ends: at a new item of each category, or at a return."""

_VIEW, _AGAIN, _ADD = int(Step.VIEW), int(Step.AGAIN), int(Step.ADD)
_SHELF = shop.ITEMS_PER_CATEGORY
_WEEKS = shop.PROMOTION_WEEKS


def looks(rows: Rows) -> npt.NDArray[np.int64]:
    """Return the rows that are looks, in order."""
    return np.flatnonzero(np.isin(rows["step"], LOOKS))


def next_look(rows: Rows, at: npt.NDArray[np.int64]) -> Floats:
    """Return the chance of each item to be looked at next in the visit, shape (len(at), items).

    What a line lacks of 1 is the chance that no other look follows; divided by its sum it is what holds
    given that one does. Nothing after ``at``, and no intent, is read.

    Args:
        rows: whole logs of visitors, as ``walk`` returns them.
        at: rows that are looks, rising.

    Raises:
        SamplesError: one of ``at`` is no look, or they do not rise.
    """
    at = np.asarray(at, np.int64)
    if not np.isin(rows["step"][at], LOOKS).all() or (np.diff(at) <= 0).any():
        raise SamplesError(
            "asked what is looked at after a row that is no look, or rows out of order",
            allowed="some of looks(rows), in order",
        )
    known = standing(rows)
    out = np.zeros((len(at), shop.N_ITEMS))
    _next_look(rows, at, known.belief, known.place, law(), ways(), out)
    return out


@cache
def ways() -> Floats:
    """Return how the way to the next look ends, if the next step is ``step``.

    Shape (intents, lines + 1, focus, steps, ends): the chance of each end; their sum is that of any look.
    """
    return np.stack([_ways(intent) for intent in range(len(visitors.INTENTS))])


def _ways(intent: int) -> Floats:
    """Return ``ways`` of one intent: solve the chain of the steps between, then take one step more."""
    focus = truth.focus_chances()[intent]
    chances = journey.step_chances()[intent]
    size = (len(BETWEEN), MAX_LINES + 1, N_FOCUS)
    moves = np.zeros((*size, *size))
    ends = np.zeros((*size, N_ENDS))
    for here, step in enumerate(BETWEEN):
        ends[here] = chances[step, :, None, _VIEW, None] * _enter_view(focus)
        ends[here, :, :, RETURN] = chances[step, :, None, _AGAIN]
        for there, nxt in enumerate(BETWEEN):
            to = focus if nxt == Step.LIST else np.eye(N_FOCUS)
            for lines, arrive in _lines(nxt):
                moves[here, lines, :, there, arrive] = chances[step, lines, nxt] * to
    flat = ends.reshape(-1, N_ENDS)
    rest = sparse.csc_matrix(np.eye(len(flat)) - moves.reshape(len(flat), len(flat)))
    solved = np.asarray(splu(rest).solve(flat)).reshape(ends.shape)

    enter = np.zeros((MAX_LINES + 1, N_FOCUS, N_STEPS, N_ENDS))
    enter[:, :, _VIEW] = _enter_view(focus)
    enter[:, :, _AGAIN, RETURN] = 1.0
    for there, nxt in enumerate(BETWEEN):
        to = focus if nxt == Step.LIST else np.eye(N_FOCUS)
        for lines, arrive in _lines(nxt):
            enter[lines, :, nxt] = to @ solved[there, arrive]
    return enter


def _enter_view(focus: Floats) -> Floats:
    """Return the end of a new item, by the category in focus before it, shape (focus, ends)."""
    return np.pad(focus[:, 1:], ((0, 0), (0, 1)))


def _lines(nxt: Step) -> list[tuple[int, int]]:
    """Return lines in the cart before and after a step, where it is possible."""
    change = (nxt == Step.ADD) - (nxt == Step.REMOVE)
    return [(n, n + change) for n in range(MAX_LINES + 1) if 0 <= n + change <= MAX_LINES]


@njit(cache=True, nogil=True)
def _next_look(rows, at, belief, place, laws, ways, out):  # type: ignore[no-untyped-def]
    law = laws[0]
    trail = np.zeros(MAX_EVENTS + 1, np.int64)
    seen, week, asked = 0, 0, 0
    for number in range(len(rows)):
        if asked == len(at):
            return
        row = rows[number]
        if row.seq == 0:
            seen = 0
            week = int(row.time * 1e-6 / DAY_SECONDS) // 7 % _WEEKS
        if row.step == _VIEW:
            trail[seen] = row.item
            seen += 1
        if number == at[asked]:
            lines, focus = place[number, 0], place[number, 1]
            _ends(law, ways, belief[number], row, lines, focus, week, trail[:seen], out[asked])
            asked += 1


@njit(cache=True, nogil=True)
def _ends(law, ways, belief, row, lines, focus, week, trail, out):  # type: ignore[no-untyped-def]
    """Add up, over the intents, what the next look may be."""
    back = 0.0
    for z in range(len(belief)):
        end = _after(law, ways[z, lines, focus], row, z, lines, week)
        for item in range(len(out)):
            out[item] += belief[z] * end[item // _SHELF] * law.items[week, z, item]
        back += belief[z] * end[RETURN]
    # As the walk picks it: the latest with the chance trail_near, else the one before, and so on.
    for place in range(len(trail) - 1, 0, -1):
        out[trail[place]] += back * law.trail_near
        back *= 1.0 - law.trail_near
    out[trail[0]] += back


@njit(cache=True, nogil=True)
def _after(law, way, row, z, lines, week):  # type: ignore[no-untyped-def]
    """Return the chances of the ends after a look, given the intent, shape (ends,)."""
    end, total = np.zeros(N_ENDS), 0.0
    for nxt in range(N_STEPS):
        if row.step == _VIEW:
            weight = law.view_odds[z, lines, nxt]
            if nxt == _ADD:
                weight *= law.pull[week, row.item]
        else:
            weight = law.chances[z, row.step, lines, nxt]
        total += weight
        for kind in range(N_ENDS):
            end[kind] += weight * way[nxt, kind]
    return end / total
