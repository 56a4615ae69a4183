"""Transitions and first steps: every visit enters once and leaves once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.explore import explore
from buysignal.explore.paths import first_steps, transitions
from buysignal.explore.places import EXIT, START, Place, path_places

from .clicks import BUY, CART, PAGE, VIEW, prepared, table, visit


def of_events(*visits: list[dict[str, object]]) -> tuple[Place, object]:
    data = prepared(*visits)
    return path_places(data)[0].folded(10), data


def test_moves_between_events_are_those_counted_by_hand() -> None:
    chart = explore(
        table([*visit("a", PAGE, VIEW, VIEW, CART), *visit("b", VIEW, PAGE), *visit("c", VIEW)])
    ).chart("paths-event-transitions")
    moves = chart.data.set_index(["from", "to"])["moves"]
    page, view, cart = "page opened", "item viewed", "put into the cart"
    assert moves[moves > 0].to_dict() == {
        (START, page): 1, (START, view): 2, (page, view): 1, (page, EXIT): 1,
        (view, view): 1, (view, cart): 1, (view, page): 1, (view, EXIT): 1, (cart, EXIT): 1,
    }  # fmt: skip
    share = chart.data.set_index(["from", "to"])["share of moves"]
    assert share[(view, EXIT)] == 1 / 4
    assert np.allclose(chart.data.groupby("from")["share of moves"].sum(), 1)


names = st.lists(st.sampled_from([PAGE, VIEW, CART, "search", "own_event", "EXIT"]), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=1, max_size=12))
def test_no_visit_is_lost_on_its_way(visits: list[list[str]]) -> None:
    data = prepared(*(visit(f"v{i}", *names) for i, names in enumerate(visits)))
    for place in path_places(data):
        moves = transitions(data, place.folded(10))
        assert moves[0].sum() == len(visits)
        assert moves[:, -1].sum() == len(visits)
        # What arrives at a state leaves it again.
        assert (moves[:, :-1].sum(axis=0) == moves[1:].sum(axis=1)).all()
        assert moves[1:].sum() == sum(len(v) for v in visits)
        flows = first_steps(data, place)
        into = flows.groupby("to")["visits"].sum()
        out = flows.groupby("from")["visits"].sum()
        for node in set(into.index) & set(out.index):
            assert into[node] == out[node]
        assert flows.loc[flows["step"] == 1, "visits"].sum() == len(visits)


def test_the_first_steps_are_those_counted_by_hand() -> None:
    data = prepared(visit("a", PAGE, VIEW), visit("b", PAGE, VIEW), visit("c", PAGE))
    flows = first_steps(data, path_places(data)[0])
    assert flows.to_dict("records") == [
        {"step": 1, "from": "1. page opened", "to": "2. item viewed", "visits": 2},
        {"step": 1, "from": "1. page opened", "to": f"2. {EXIT}", "visits": 1},
        {"step": 2, "from": "2. item viewed", "to": f"3. {EXIT}", "visits": 2},
    ]


def test_the_rows_of_one_purchase_are_one_step() -> None:
    order = [{**c, "event_time": visit("a", BUY)[0]["event_time"]} for c in visit("a", BUY, BUY, BUY)]
    data = prepared(order)
    assert data.visits["events"].tolist() == [1]
    assert data.rows == 3
    assert data.visits["orders"].tolist() == [3]  # none has a transaction id, so each row is an order


def test_pages_that_follow_from_the_event_are_not_told_twice() -> None:
    clicks = visit("a", PAGE, VIEW, CART) + visit("b", VIEW, CART)
    page = {PAGE: "home", VIEW: "product", CART: "cart"}
    same = explore(table([{**c, "page": page[c["event_name"]]} for c in clicks]))
    assert [c.key for c in same.section("paths").charts] == ["paths-event-transitions", "paths-event-flow"]
    own = explore(table([{**c, "page": f"p{i % 5}"} for i, c in enumerate(clicks)]))
    assert "paths-page-transitions" in [c.key for c in own.section("paths").charts]


def test_rare_states_stand_together_and_are_not_the_news() -> None:
    clicks = [c for i in range(40) for c in visit(f"v{i}", f"rare_{i}", f"rare_{i}", VIEW)]
    chart = explore(table(clicks)).chart("paths-event-transitions")
    assert chart.data["from"].nunique() == 11
    assert "32 others" in set(chart.data["from"])
    assert chart.sentence.startswith("After 'item viewed'")
