"""Carts: what lies open at a moment, what it is worth, what came back, and nothing later than that."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal import acting, features, scoring, sessions
from buysignal.decisions import carts
from buysignal.errors import GoalError, SamplesError
from buysignal.folded import known_by
from buysignal.sources.read import load
from decisions.shops import at, made
from shop import Shop

DAY = 1440
EVENTS = made(
    ("v1", "s1", 0, "add_to_cart", "a", 20.0, 2),
    ("v1", "s1", 1, "add_to_cart", "b", 5.0),
    ("v1", "s1", 2, "remove_from_cart", "b", 5.0),
    ("v2", "s2", 0, "add_to_cart", "a", 20.0),
    ("v2", "s2", 9, "purchase", "a", 20.0),
    ("v3", "s3", 0, "add_to_cart", "c", 7.0),
    ("v3", "s4", 2 * DAY, "page_view"),
    ("v3", "s4", 2 * DAY + 5, "purchase", "c", 7.0),
    ("v4", "s5", 0, "add_to_cart", "a", 20.0),
    ("v4", "s6", DAY, "add_to_cart", "b", 5.0),
    ("v5", "s7", 0, "add_to_cart", "a", 20.0),
    ("v5", "s7", 1, "remove_from_cart", "a", 20.0),
    ("v6", "s8", 9 * DAY, "add_to_cart", "d", 100.0),
    consent=[True] * 12 + [True],
)


def folded(events: pa.Table) -> np.ndarray:
    vocabulary = features.fit_vocabulary(events)
    return features.fold(events, vocabulary)


def found_at(minutes: float, events: pa.Table = EVENTS, p: float = 0.25, horizon: str = "7d") -> carts.Carts:
    """Return the carts at a moment; later events are taken away as they must be."""
    known = events.filter(sessions.times(events) <= int(at(minutes).astype(np.int64)))
    X = folded(known)
    names = list(features.NAMES)
    return carts.carts(
        known, X[:, names.index("cart_items")], X[:, names.index("cart_value")],
        np.full(sessions.layout(known).sessions, p), now=at(minutes), horizon=horizon, currency="EUR",
    )  # fmt: skip


def test_open_carts_are_those_left_and_not_bought_since() -> None:
    found = found_at(9 * DAY)
    assert found.open["session_id"].tolist() == ["s8", "s1", "s6"]
    assert found.open["value"].tolist() == [100.0, 40.0, 5.0]
    assert found.open["contents"].tolist() == ["d", "2 × a", "b"]
    assert found.open["at_risk"].tolist() == [75.0, 30.0, 3.75]
    assert found.open["visit_over"].tolist() == [False, True, True]
    assert found.open["idle_minutes"].tolist() == pytest.approx([0.0, 9 * DAY - 2, 8 * DAY])
    assert "whenever they were left" in found.sentence
    assert found.narrowed(idle="3d").open["session_id"].tolist() == ["s8"]
    assert found.narrowed(least=40).open["session_id"].tolist() == ["s8", "s1"]
    assert found.narrowed(idle="8d").at_risk == pytest.approx(78.75)
    assert found.narrowed(idle="3d").recovery_rate == found.recovery_rate


def test_carts_that_came_back_in_the_same_or_in_a_later_visit() -> None:
    back = found_at(9 * DAY).recovered.set_index("session_id")
    assert back["same_visit"].to_dict() == {"s3": False, "s2": True}
    assert back["value"].to_dict() == {"s3": 7.0, "s2": 20.0}
    assert back.loc["s3", "days"] == pytest.approx(2 + 5 / DAY)
    assert back.loc["s2", "days"] == pytest.approx(9 / DAY)


def test_counts_and_the_recovery_rate_of_carts_whose_time_is_up() -> None:
    found = found_at(9 * DAY)
    assert (found.filled, found.bought_in_visit, found.left) == (7, 1, 5)
    # s1, s3, s5 and s6 were left seven days ago or earlier; s3 came back within them.
    assert (found.judged, found.recovery_rate) == (4, 0.25)
    assert found_at(9 * DAY, horizon="1d").recovery_rate == 0.0
    assert found_at(60).recovery_rate is None
    assert "not known yet" in found_at(60).sentence


def test_by_day_every_left_cart_is_recovered_open_or_replaced() -> None:
    days = found_at(9 * DAY).by_day
    assert days["left"].tolist() == [3, 1, 1]
    assert (days["left"] == days[["recovered", "open", "replaced"]].sum(axis=1)).all()
    assert days["value_left"].tolist() == [67.0, 5.0, 100.0]
    assert days["value_recovered"].tolist() == [7.0, 0.0, 0.0]


def test_a_refusal_and_a_bot_are_not_listed() -> None:
    events = made(
        ("v1", "s1", 0, "add_to_cart", "a", 20.0), ("v2", "s2", 0, "add_to_cart", "a", 20.0),
        *(("v3", "s3", i / 600, "add_to_cart", "a", 1.0) for i in range(40)),
        consent=[True, False] + [True] * 40,
    )  # fmt: skip
    found = found_at(10, events)
    assert found.open["session_id"].tolist() == ["s1"]
    assert found.excluded == {"suspected_bot": 1, "refused_consent": 1}


def test_what_cannot_be_told_is_one_sentence() -> None:
    with pytest.raises(SamplesError, match="put nothing into a cart"):
        found_at(10, made(("v1", "s1", 0, "page_view")))
    X = folded(EVENTS)
    with pytest.raises(SamplesError, match="later than"):
        carts.carts(EVENTS, X[:, 0], X[:, 0], np.zeros(8), now=at(5))


@pytest.fixture(scope="module")
def table(shop: Shop) -> pa.Table:
    return load(shop.events, profile=shop.bundle.profile).table


def test_what_lies_in_a_cart_is_worth_what_the_fold_says(shop: Shop, table: pa.Table) -> None:
    """The listed value is the fold's; the contents, found apart from it, hold as many pieces."""
    events, X = scoring.fold_events(shop.bundle, table)
    last = sessions.layout(events).session_starts[1:] - 1
    value = X[last, features.NAMES.index("cart_value")]
    pieces = X[last, features.NAMES.index("cart_items")]
    found = acting.carts_at_risk(shop.bundle, table)
    of_session = pd.Series(value, index=events.column("session_id").take(pa.array(last)).to_pylist())
    assert len(found.open) > 100
    assert found.open["value"].to_numpy() == pytest.approx(of_session[found.open["session_id"]], abs=0.01)
    lines = carts.left_carts(events, last[pieces > 0])
    in_cart = lines.groupby("row")["pieces"].sum()
    same = in_cart.reindex(last[pieces > 0]).to_numpy() == pieces[pieces > 0]
    # Dirt takes single events away: a removal without its addition makes the two differ.
    assert same.mean() > 0.97


def test_later_events_change_nothing(shop: Shop, table: pa.Table) -> None:
    now = "2025-03-20 12:00"
    full = acting.carts_at_risk(shop.bundle, table, now=now, reasons=2)
    known = known_by(table, acting.moment_of(table, now))
    assert known.num_rows < table.num_rows
    alone = acting.carts_at_risk(shop.bundle, known, now=now, reasons=2)
    for name in ("open", "recovered", "by_day"):
        pd.testing.assert_frame_equal(getattr(full, name), getattr(alone, name))
    assert full.sentence == alone.sentence
    assert full.open["reasons"].head(2).str.len().min() > 10
    assert json.loads(json.dumps(full.as_json(), default=str))["simulated"] is True


def test_a_cart_recovered_after_now_was_open_at_now() -> None:
    early = found_at(DAY - 1)
    assert "s3" in set(early.open["session_id"])
    assert early.recovered["session_id"].tolist() == ["s2"]
    assert "s3" in set(found_at(2 * DAY + 5).recovered["session_id"])


def test_a_proxy_says_nothing_of_abandoning(shop: Shop, table: pa.Table) -> None:
    from dataclasses import replace

    used = shop.bundle
    goal = used.goal.model_copy(update={"proxy": True, "name": "much_viewed"})
    proxied = replace(used, manifest=used.manifest.model_copy(update={"goal": goal}))
    with pytest.raises(GoalError, match="proxy 'much_viewed'"):
        acting.carts_at_risk(proxied, table)
