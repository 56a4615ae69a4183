"""The truth of the next look: calibrated, equal to a plain enumeration, blind to the hidden."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from buysignal.errors import SamplesError
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.sources.demo import journey, next_look, shop, truth
from buysignal.sources.demo.ceiling import ceiling, standing
from buysignal.sources.demo.journey import Step
from buysignal.sources.demo.rules import DAY_SECONDS
from buysignal.sources.demo.walk import Rows, walk

Floats = npt.NDArray[np.float64]
BOUND = 4.0
"""Standard errors; with a fixed seed and some sixty comparisons."""


@pytest.fixture(scope="module")
def rows() -> Rows:
    return walk(0, 12_000, 28, 5)


@pytest.fixture(scope="module")
def asked(rows: Rows) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
    """Every look, the chances after it, and what was looked at next (-1 where nothing was)."""
    at = next_look.looks(rows)
    session = rows["visitor"][at] * 100 + rows["session"][at]
    came = np.full(len(at), -1)
    goes_on = session[1:] == session[:-1]
    came[:-1][goes_on] = rows["item"][at[1:]][goes_on]
    return at, next_look.next_look(rows, at), came


def _standard_errors_off(expected: Floats, came: npt.NDArray[np.bool_]) -> float:
    return float((came.sum() - expected.sum()) / np.sqrt((expected * (1 - expected)).sum()))


def test_chances_are_what_happens_in_every_slice_a_log_can_show(
    rows: Rows, asked: tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]
) -> None:
    at, chance, came = asked
    category = chance.reshape(len(at), -1, shop.ITEMS_PER_CATEGORY).sum(axis=2)
    own = rows["item"][at]
    said = {
        "any look": (chance.sum(axis=1), came >= 0),
        "the same item": (chance[np.arange(len(at)), own], came == own),
        "the same category": (
            category[np.arange(len(at)), own // shop.ITEMS_PER_CATEGORY],
            (came >= 0) & (came // shop.ITEMS_PER_CATEGORY == own // shop.ITEMS_PER_CATEGORY),
        ),
    }
    place = standing(rows).place
    slices = {
        "step": rows["step"][at],
        "lines": place[at, 0],
        "channel": rows["channel"][at],
        "clicks": np.minimum(rows["seq"][at], 12),
        "week": (rows["time"][at] / 1e6 / DAY_SECONDS / 7).astype(int),
    }
    for what, (expected, happened) in said.items():
        for name, by in slices.items():
            for value in np.unique(by):
                mine = by == value
                if expected[mine].sum() > 20:
                    off = _standard_errors_off(expected[mine], happened[mine])
                    assert abs(off) < BOUND, (what, name, value, off)


def test_chances_of_single_items_are_calibrated_in_bins(
    asked: tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]],
) -> None:
    _, chance, came = asked
    happened = np.zeros(chance.shape, bool)
    happened[came >= 0, came[came >= 0]] = True
    edges = np.concatenate([[0.0], np.quantile(chance, [0.5, 0.9, 0.97, 0.99, 0.995, 0.999]), [1.0]])
    for low, high in pairwise(edges):
        mine = (chance > low) & (chance <= high)
        assert abs(_standard_errors_off(chance[mine], happened[mine])) < BOUND, (low, high)
    # The test could fail: chances that are a fifth too sure are found out.
    top = chance > edges[-2]
    assert abs(_standard_errors_off(np.minimum(1.2 * chance[top], 1), happened[top])) > BOUND


def test_ranking_by_the_truth_gives_the_figures_it_promises(
    asked: tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]],
) -> None:
    _, chance, came = asked
    given = chance[came >= 0] / chance[came >= 0].sum(axis=1, keepdims=True)
    best = -np.sort(-given, axis=1)[:, :20]
    found = ranking_metrics(ranks(given.astype(np.float32), came[came >= 0].astype(np.int32)))
    for name, worth in {
        "recall_at_20": np.ones(20),
        "mrr_at_20": 1.0 / np.arange(1, 21),
        "ndcg_at_20": 1.0 / np.log2(np.arange(2, 22)),
    }.items():
        promised = best @ worth
        error = np.sqrt((best @ worth**2 - promised**2).sum()) / len(given)
        assert abs(found[name][0] - promised.mean()) < BOUND * error
        assert error < 0.005


# A second, slow and plain implementation: the walk enumerated step by step, straight from the rules.


def _odds(intent: int, step: Step, lines: int, item: int, prices: Floats) -> Floats:
    odds = journey.WEIGHTS[step] * np.exp(journey.TILT[intent]) * journey.CART_FACTORS[lines]
    if step == Step.VIEW:
        odds = odds.copy()
        odds[Step.ADD] *= np.exp(shop.appeal(prices)[item])
    return np.asarray(odds / odds.sum())


def _enumerated(intent: int, row: np.void, lines: int, focus: int, week: int, trail: list[int]) -> Floats:
    """Return the chances after a look of a visitor with ``intent``, shape (items,)."""
    prices, items = shop.weekly_prices()[week], truth.item_chances()[week, intent]
    focus_chances = truth.focus_chances()[intent]
    out = np.zeros(shop.N_ITEMS)
    alive: dict[tuple[Step, int, int], float] = {(Step(int(row["step"])), lines, focus): 1.0}
    while sum(alive.values()) > 1e-12:
        after: dict[tuple[Step, int, int], float] = defaultdict(float)
        for (step, n, category), weight in alive.items():
            for nxt, chance in enumerate(_odds(intent, step, n, int(row["item"]), prices)):
                moved = weight * chance
                if nxt in (Step.EXIT, Step.PURCHASE) or not moved:
                    continue
                if nxt == Step.VIEW:
                    out += moved * focus_chances[category, 1:][shop.ITEM_CATEGORY] * items
                elif nxt == Step.AGAIN:
                    left = moved
                    for back, item in enumerate(reversed(trail)):
                        last = back == len(trail) - 1
                        out[item] += left * (1.0 if last else journey.TRAIL_NEAR)
                        left *= 1.0 - journey.TRAIL_NEAR
                elif nxt == Step.LIST:
                    for new, share in enumerate(focus_chances[category]):
                        after[Step.LIST, n, new] += moved * share
                else:
                    change = (nxt == Step.ADD) - (nxt == Step.REMOVE)
                    after[Step(nxt), n + change, category] += moved
        alive = {state: weight for state, weight in after.items() if weight > 1e-16}
    return out


@pytest.mark.parametrize(
    ("last", "lines", "looks"),
    [(Step.VIEW, 0, 1), (Step.VIEW, 1, 4), (Step.VIEW, 2, 6), (Step.AGAIN, 0, 3), (Step.AGAIN, 2, 5)],
    ids=lambda value: value.name.lower() if isinstance(value, Step) else str(value),
)
def test_truth_equals_a_plain_enumeration(rows: Rows, last: Step, lines: int, looks: int) -> None:
    known = standing(rows)
    begin = np.arange(len(rows)) - rows["seq"]
    number = np.cumsum(np.isin(rows["step"], next_look.LOOKS))
    place = number - number[begin] + np.isin(rows["step"][begin], next_look.LOOKS)
    there = (rows["step"] == last) & (known.place[:, 0] == lines) & (place == looks)
    at = int(np.flatnonzero(there)[0])
    session = rows[begin[at] : at + 1]
    week = int(session["time"][0] / 1e6 // (7 * DAY_SECONDS)) % shop.PROMOTION_WEEKS
    trail = session["item"][session["step"] == Step.VIEW].tolist()
    listed = session["category"][np.isin(session["step"], (Step.LIST, Step.VIEW))]
    expected = sum(
        weight * _enumerated(z, rows[at], lines, int(listed[-1]) + 1, week, trail)
        for z, weight in enumerate(known.belief[at])
    )
    found = next_look.next_look(rows, np.array([at]))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_ways_end_in_one_of_the_ends_or_nowhere() -> None:
    ways = next_look.ways()
    assert ways.min() >= 0.0
    assert ways.sum(axis=-1).max() <= 1.0 + 1e-12
    assert (ways[..., Step.EXIT, :] == 0.0).all()
    assert (ways[..., Step.PURCHASE, :] == 0.0).all()
    np.testing.assert_allclose(ways[..., Step.VIEW, :].sum(axis=-1), 1.0)


def test_the_truth_sees_neither_the_intent_nor_the_future(rows: Rows) -> None:
    some = rows[:3_000].copy()
    at = next_look.looks(some)
    known = next_look.next_look(some, at)
    blind = some.copy()
    blind["intent"] = -1
    assert np.array_equal(next_look.next_look(blind, at), known)
    for cut in (40, 1_234):
        before = at[at < cut]
        assert np.array_equal(next_look.next_look(some[:cut], before), known[: len(before)])


def test_a_question_after_something_else_is_refused(rows: Rows) -> None:
    other = np.flatnonzero(rows["step"] == Step.LIST)[:1]
    with pytest.raises(SamplesError, match="no look"):
        next_look.next_look(rows, other)
    at = next_look.looks(rows)[:2]
    with pytest.raises(SamplesError, match="out of order"):
        next_look.next_look(rows, at[::-1])


def test_what_stands_in_the_belief_is_what_the_ceiling_uses(rows: Rows) -> None:
    known = standing(rows)
    live = rows["step"] < Step.PURCHASE
    np.testing.assert_allclose(known.belief[live].sum(axis=1), 1.0)
    assert (known.belief[~live] == 0.0).all()
    assert Counter((ceiling(rows)[:, 0] > 0).tolist()) == Counter(live.tolist())
