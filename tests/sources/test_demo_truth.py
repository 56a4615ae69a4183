"""The truth of the demo shop: calibrated, equal to simulated continuations, blind to the hidden."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from buysignal.sources.demo import PRICE_EFFECT, journey, shop, simulate, truth, visitors
from buysignal.sources.demo.ceiling import ceiling
from buysignal.sources.demo.journey import MAX_EVENTS, MAX_LINES, N_LIVE, Step
from buysignal.sources.demo.rules import DAY_SECONDS
from buysignal.sources.demo.walk import Rows, walk

Floats = npt.NDArray[np.float64]
BOUND = 4.0
"""Standard errors; with a fixed seed and some sixty comparisons."""


@pytest.fixture(scope="module")
def rows() -> Rows:
    return walk(0, 150_000, 28, 21)


@pytest.fixture(scope="module")
def frame(rows: Rows) -> pd.DataFrame:
    table = pd.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
    table[["p", "expected"]] = ceiling(rows)
    table["sid"] = table["visitor"] * 100 + table["session"]
    paid = (table["price"] * table["pieces"]).where(table["step"] == Step.PURCHASE, 0.0)
    table["revenue"] = paid.groupby(table["sid"]).transform("sum")
    table["y"] = (table["revenue"] > 0).astype(float)
    added = (table["step"] == Step.ADD).astype(int) - (table["step"] == Step.REMOVE)
    table["lines"] = added.groupby(table["sid"]).cumsum()
    return table[table["step"] < Step.PURCHASE]


def _standard_errors_off(frame: pd.DataFrame, outcome: str, expected: str, by: pd.Series) -> pd.Series:
    """Return mean residual over its standard error, by group; rows of one session hang together."""
    residual = (frame[outcome] - frame[expected]).groupby([by, frame["sid"]], observed=True).sum()
    groups = residual.groupby(level=0, observed=True)
    return groups.sum() / np.sqrt((residual**2).groupby(level=0, observed=True).sum())


@pytest.mark.parametrize(("outcome", "expected"), [("y", "p"), ("revenue", "expected")])
def test_truth_is_calibrated_in_every_slice_a_log_can_show(
    frame: pd.DataFrame, outcome: str, expected: str
) -> None:
    pause = frame.groupby("sid")["time"].diff().fillna(0)
    slices = {
        "decile": pd.qcut(frame[expected], 10),
        "step": frame["step"],
        "channel": frame["channel"],
        "device": frame["device"],
        "clicks": frame["seq"].clip(upper=12),
        "lines": frame["lines"],
        "earlier sessions": frame["session"].clip(upper=3),
        "pause": pd.cut(pause, [-1, 0, 5e6, 2e7, 6e7, 2e9]),
        "price": pd.cut(frame["price"].fillna(-1), [-2, 0, 20, 50, 100, 500]),
        "hour": frame["time"] // 3_600_000_000 % 24 // 6,
    }
    for name, by in slices.items():
        off = _standard_errors_off(frame, outcome, expected, by)
        assert off.abs().max() < BOUND, (name, off.to_dict())


def test_deciles_spread_and_the_ceiling_lies_where_it_should(frame: pd.DataFrame) -> None:
    assert 0.85 < roc_auc_score(frame["y"], frame["p"]) < 0.92
    assert frame["p"].between(0.0, 1.0).all()
    assert (frame["expected"] >= 0.0).all()
    by_step = frame.groupby("step")["p"].mean()
    funnel = [Step.VIEW, Step.ADD, Step.CHECKOUT, Step.SHIPPING, Step.PAYMENT]
    assert by_step[funnel].is_monotonic_increasing
    assert by_step[Step.PAYMENT] > 0.8


def test_nothing_is_to_come_from_a_purchase_on(rows: Rows) -> None:
    known = ceiling(rows)
    assert (known[rows["step"] >= Step.PURCHASE] == 0.0).all()
    assert (known[rows["step"] < Step.PURCHASE, 0] > 0.0).all()


def test_truth_sees_neither_the_intent_nor_the_future(rows: Rows) -> None:
    some = rows[:5_000].copy()
    known = ceiling(some)
    blind = some.copy()
    blind["intent"] = -1
    assert np.array_equal(ceiling(blind), known)
    for cut in (1, 17, 1_234):
        assert np.array_equal(ceiling(some[:cut]), known[:cut])


def test_price_effect_is_found_again_in_what_visitors_do(rows: Rows) -> None:
    viewed = np.flatnonzero((rows["step"] == Step.VIEW) & (rows["seq"] < MAX_EVENTS - 10))[:-1]
    same = rows["seq"][viewed + 1] == rows["seq"][viewed] + 1
    added = same & (rows["step"][viewed + 1] == Step.ADD)
    first = rows[viewed]
    cells = pd.get_dummies(first["intent"].astype(int) * 10 + first["category"]).to_numpy(dtype=float)
    price = np.log(first["price"])
    fit = LogisticRegression(C=np.inf, fit_intercept=False, max_iter=500)
    fit.fit(np.column_stack([price - price.mean(), cells]), added)
    chance = fit.predict_proba(np.column_stack([price - price.mean(), cells]))[:, 1]
    within = price - (
        cells @ (cells.T @ (chance * (1 - chance) * price) / (cells.T @ (chance * (1 - chance))))
    )
    error = 1.0 / np.sqrt((chance * (1 - chance) * within**2).sum())
    assert abs(fit.coef_[0, 0] - PRICE_EFFECT) < BOUND * error
    assert error < 0.05


def test_a_session_hardly_ever_reaches_the_cap() -> None:
    researcher = visitors.INTENTS.index("researcher")
    chances = journey.step_chances()[researcher].copy()
    chances[Step.VIEW] = truth.view_chances(np.full(1, -5.0))[researcher, 0]
    moves = np.zeros((N_LIVE, MAX_LINES + 1, N_LIVE, MAX_LINES + 1))
    for step in range(N_LIVE):
        for lines in range(MAX_LINES + 1):
            to = lines + (step == Step.ADD) - (step == Step.REMOVE)
            if 0 <= to <= MAX_LINES:
                moves[:, lines, step, to] = chances[:, lines, step]
    size = N_LIVE * (MAX_LINES + 1)
    alive = np.linalg.matrix_power(moves.reshape(size, size), MAX_EVENTS - MAX_LINES - 1).sum(axis=1)
    assert alive.max() < 1e-6


# A second, slow and plain implementation: belief and continuation straight from the rules.


@dataclass
class Visit:
    """A session so far, as a log shows it."""

    step: Step = Step.PAGE
    focus: int = 0
    item: int = -1
    trail: list[int] = field(default_factory=list)
    cart: list[tuple[int, int]] = field(default_factory=list)


def _chances(intent: int, visit: Visit, prices: Floats) -> Floats:
    odds = journey.WEIGHTS[visit.step] * np.exp(journey.TILT[intent]) * journey.CART_FACTORS[len(visit.cart)]
    if visit.step == Step.VIEW:
        odds = odds.copy()
        odds[Step.ADD] *= np.exp(shop.appeal(prices)[visit.item])
    return np.asarray(odds / odds.sum())


def _continue(intent: int, visit: Visit, week: int, dice: random.Random) -> float:
    """Return the revenue of one made-up rest of the session."""
    prices, items = shop.weekly_prices()[week], truth.item_chances()[week, intent]
    focus_chances = truth.focus_chances()[intent]
    while True:
        step = Step(dice.choices(range(journey.N_STEPS), _chances(intent, visit, prices))[0])
        if step == Step.EXIT:
            return 0.0
        if step == Step.PURCHASE:
            return float(sum(prices[item] * pieces for item, pieces in visit.cart))
        if step in (Step.LIST, Step.VIEW):
            visit.focus = dice.choices(range(truth.N_FOCUS), focus_chances[visit.focus])[0]
        if step == Step.VIEW:
            shelf = np.flatnonzero(visit.focus - 1 == shop.ITEM_CATEGORY)
            visit.item = dice.choices(shelf.tolist(), items[shelf])[0]
            visit.trail.append(visit.item)
        elif step == Step.AGAIN:
            back = 0
            while back < len(visit.trail) - 1 and dice.random() >= journey.TRAIL_NEAR:
                back += 1
            visit.item = visit.trail[-1 - back]
        elif step == Step.ADD:
            visit.cart.append((visit.item, 2 if dice.random() < journey.TWO_PIECES else 1))
        elif step == Step.REMOVE:
            visit.item = visit.cart.pop(dice.randrange(len(visit.cart)))[0]
        visit.step = step


def _replay(session: Rows) -> tuple[Visit, Floats, int]:
    """Return the visit and the belief after the rows of a visitor's first session."""
    first = session[0]
    start = first["time"] / 1e6
    week = int(start // (7 * DAY_SECONDS)) % shop.PROMOTION_WEEKS
    prices = shop.weekly_prices()[week]
    score = visitors.BASE + visitors.BY_CHANNEL[first["channel"]] + visitors.BY_DEVICE[first["device"]]
    if visitors.EVENING[0] <= int(start // 3600) % 24 <= visitors.EVENING[1]:
        score = score + visitors.IN_EVENING
    if int(start // DAY_SECONDS) % 7 >= 5:
        score = score + visitors.AT_WEEKEND
    belief = np.exp(score) * journey.entry_chances()[:, first["channel"], first["step"]]
    visit = Visit()
    for number, row in enumerate(session):
        step = Step(int(row["step"]))
        for z in range(len(belief)):
            if number:
                gap = np.log((row["time"] - session[number - 1]["time"]) / 1e6)
                mean = journey.GAP_LOG_MEAN[z] + journey.GAP_LOG_STEP[visit.step]
                belief[z] *= _chances(z, visit, prices)[step]
                belief[z] *= np.exp(-0.5 * ((gap - mean) / journey.GAP_LOG_SD) ** 2)
            if step in (Step.LIST, Step.VIEW):
                belief[z] *= truth.focus_chances()[z, visit.focus, row["category"] + 1]
            if step == Step.VIEW:
                belief[z] *= truth.item_chances()[week, z, row["item"]]
        visit.step, visit.item = step, int(row["item"])
        if step in (Step.LIST, Step.VIEW):
            visit.focus = int(row["category"]) + 1
        if step == Step.VIEW:
            visit.trail.append(visit.item)
        elif step == Step.ADD:
            visit.cart.append((visit.item, int(row["pieces"])))
        elif step == Step.REMOVE:
            visit.cart.remove((visit.item, int(row["pieces"])))
    return visit, np.asarray(belief / belief.sum()), week


@pytest.mark.parametrize(
    ("last", "clicks", "lines"),
    [
        (Step.PAGE, 1, 0),
        (Step.LIST, 3, 0),
        (Step.VIEW, 2, 0),
        (Step.VIEW, 9, 1),
        (Step.AGAIN, 6, 0),
        (Step.WISH, 5, 0),
        (Step.ADD, 7, 2),
        (Step.REMOVE, 10, 1),
        (Step.CHECKOUT, 8, 1),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Step) else str(value),
)
def test_truth_equals_simulated_continuations(rows: Rows, last: Step, clicks: int, lines: int) -> None:
    moved = (rows["step"] == Step.ADD).astype(int) - (rows["step"] == Step.REMOVE)
    total = np.cumsum(moved)
    begin = np.arange(len(rows)) - rows["seq"]
    filled = total - total[begin] + moved[begin]
    at = np.flatnonzero(
        (rows["step"] == last) & (rows["seq"] == clicks - 1) & (rows["session"] == 0) & (filled == lines)
    )[0]
    session = rows[begin[at] : at + 1]
    expected_p, expected_revenue = ceiling(session)[-1]
    dice = random.Random(5)
    visit, belief, week = _replay(session)
    intents = dice.choices(range(len(belief)), belief, k=1_500)
    paid = np.array([_continue(intent, _copied(visit), week, dice) for intent in intents])
    spread = max(float(paid.std()), 1.0) / np.sqrt(len(paid))
    assert abs((paid > 0).mean() - expected_p) < BOUND * np.sqrt(expected_p * (1 - expected_p) / len(paid))
    assert abs(paid.mean() - expected_revenue) < BOUND * spread


def _copied(visit: Visit) -> Visit:
    return Visit(visit.step, visit.focus, visit.item, list(visit.trail), list(visit.cart))


def test_simulate_hands_out_the_same_truth() -> None:
    demo = simulate(visitors=2_000, days=28, seed=21)
    known = ceiling(walk(0, 2_000, 28, 21))
    assert np.array_equal(demo.truth.column("p_buy").to_numpy(), known[:, 0])
    assert np.array_equal(demo.truth.column("expected_revenue").to_numpy(), known[:, 1])
