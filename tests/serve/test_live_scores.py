"""Click by click and whole visits: the scores that batch gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal import scoring
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, EventsError
from buysignal.recommend import visits_so_far
from buysignal.recommender.live_looks import visit_so_far
from buysignal.row_scores import score_rows
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.one_row import RowScorer, _asked
from buysignal.serve.state import Bounds, MemoryState
from shop import Shop

NUMBERS = ("probability", "percentile", "expected_revenue", "revenue_low", "revenue_high")


@pytest.fixture(scope="module")
def used(shop: Shop) -> Bundle:
    return shop.bundle


@pytest.fixture(scope="module")
def batch(used: Bundle, events: pa.Table) -> pd.DataFrame:
    return scoring.score(used, events).table.set_index(["visitor_id", "session_id"])


def assert_as_batch(found: dict[str, Any], batch: pd.DataFrame, used: Bundle) -> None:
    wanted = batch.loc[(found["visitor_id"], found["session_id"])]
    for name in NUMBERS:
        if name in batch:
            assert found[name] == pytest.approx(wanted[name], abs=1e-6), name
    assert found["segment"] == wanted["segment"]
    assert found["clicks"] == wanted["clicks"]
    assert found["already_bought"] == wanted["already_bought"]
    assert (found["goal"], found["proxy"], found["simulated"], found["bundle_version"]) == (
        used.goal.name, used.goal.proxy, True, used.version,
    )  # fmt: skip


def test_click_by_click_ends_as_batch(used: Bundle, events: pa.Table, batch: pd.DataFrame) -> None:
    scorer, state = LiveScorer(used), MemoryState()
    last = {}
    for event in events.to_pylist():
        standing = scorer.click(state, event)
        last[standing.visitor_id, standing.session_id] = standing
    assert len(last) == len(batch)
    for standing in last.values():
        assert_as_batch(scorer.scores(standing), batch, used)


def test_without_session_ids_visits_are_parted_and_named_as_batch_does(
    used: Bundle, events: pa.Table
) -> None:
    position = events.column_names.index("session_id")
    table = events.set_column(position, "session_id", pa.nulls(events.num_rows, pa.string()))
    batch = scoring.score(used, table).table.set_index(["visitor_id", "session_id"])
    scorer, state = LiveScorer(used), MemoryState()
    last = {}
    for event in table.to_pylist():
        standing = scorer.click(state, event)
        last[standing.visitor_id, standing.session_id] = standing
    assert set(last) == set(batch.index)
    for standing in last.values():
        assert_as_batch(scorer.scores(standing), batch, used)


def test_a_whole_visit_ends_as_batch_in_whatever_order_it_is_sent(
    used: Bundle, events: pa.Table, batch: pd.DataFrame
) -> None:
    scorer = LiveScorer(used)
    visits: dict[str, list[dict[str, Any]]] = {}
    for event in events.to_pylist():
        visits.setdefault(event["visitor_id"], []).append(event)
    for own in list(visits.values())[:60]:
        if len({event["event_time"] for event in own}) == len(own):
            assert_as_batch(scorer.scores(scorer.whole(own[::-1])), batch, used)


def test_a_late_event_counts_where_its_time_belongs(used: Bundle) -> None:
    scorer = LiveScorer(used)
    start = datetime(2025, 3, 20, 12, tzinfo=UTC)
    names = ("page_view", "view_item", "add_to_cart", "view_item")
    visit = [
        {"visitor_id": "v", "event_time": start + timedelta(seconds=20 * i), "event_name": name,
         "item_id": f"i{i}", "category": "c", "price": 10.0 + i, "device": "mobile"}
        for i, name in enumerate(names)
    ]  # fmt: skip
    ordered, late = MemoryState(), MemoryState()
    for event in visit:
        told = scorer.click(ordered, event)
    for event in (visit[0], visit[3], visit[1], visit[2]):
        found = scorer.click(late, event)
    np.testing.assert_array_equal(found.row, told.row)


def test_what_is_sent_twice_with_its_id_counts_once(used: Bundle) -> None:
    scorer, state = LiveScorer(used), MemoryState()
    click = {"visitor_id": "v", "event_name": "view_item", "item_id": "a", "price": 3.0, "event_id": "e1"}
    first = scorer.click(state, click)
    again = scorer.click(state, click)
    other = scorer.click(state, {**click, "event_id": "e2"})
    assert (first.repeated, again.repeated, other.repeated) == (False, True, False)
    assert (first.clicks, again.clicks, other.clicks) == (1, 1, 2)
    assert scorer.scores(again)["repeated"] is True


def test_one_row_is_scored_as_many_are(used: Bundle, events: pa.Table) -> None:
    X = scoring.fold_events(used, events)[1][:300]
    scorer = RowScorer(used)
    wanted = score_rows(used, X).to_dict(orient="records")
    for row, told in zip(X, wanted, strict=True):
        found = scorer(row)
        assert found.pop("segment") == told.pop("segment")
        assert found == pytest.approx(told, abs=1e-9)


@pytest.mark.parametrize("gives", ["log_odds", "shares", "value"])
def test_votes_constants_and_calibrations_are_those_of_the_stored_model(used: Bundle, gives: str) -> None:
    from buysignal.models.runtime import OnnxModel

    part = next(iter(used.conversion._graphs))
    graph = used.conversion.graph(part)
    X = np.full((1, graph.width), 1.0, np.float32)
    spec = {
        "kind": "calibrated", "calibration": {"method": "beta", "a": 0.7, "b": 1.2, "c": 0.1},
        "of": {"kind": "vote", "weights": [0.25, 0.75], "members": [
            {"kind": "constant", "value": 0.3}, {"kind": "graph", "part": part, "gives": gives},
        ]},
    }  # fmt: skip
    model = OnnxModel(spec, {})
    model._graphs = used.conversion._graphs
    found = _asked(model, spec)
    assert found is not None
    assert found(X) == pytest.approx(model.predict(X)[0], abs=1e-12)
    assert _asked(model, {"kind": "a new one"}) is None


def test_a_bundle_for_visits_that_are_over_is_refused(used: Bundle) -> None:
    from dataclasses import replace

    with pytest.raises(BundleError, match="visits that are over"):
        LiveScorer(replace(used, vocabulary=None))


def test_events_of_two_visitors_are_no_visit(used: Bundle) -> None:
    events = [{"visitor_id": v, "event_name": "page_view"} for v in "ab"]
    with pytest.raises(EventsError, match="2 visitors"):
        LiveScorer(used).whole(events)


def test_a_bundle_that_takes_over_reads_the_visit_anew(used: Bundle, events: pa.Table) -> None:
    """The vocabulary of another shop, then the bundle's own: as if it had been there from the start."""
    from dataclasses import replace

    assert used.vocabulary is not None
    words = used.vocabulary
    turned = replace(
        words,
        items=words.items[::-1],
        categories=words.categories[::-1],
        levels={name: levels[::-1] for name, levels in words.levels.items()},
    )
    own, other = LiveScorer(used), LiveScorer(replace(used, vocabulary=turned))
    swapped, steady = MemoryState(), MemoryState()
    for number, event in enumerate(events.slice(0, 400).to_pylist()):
        (other if number % 2 else own).click(swapped, event)
        told = own.click(steady, event)
        found = own.found(swapped, told.session_id, told.visitor_id)
        assert found is not None
        np.testing.assert_array_equal(found.row, told.row)


def test_looks_of_a_live_visit_are_those_of_batch(used: Bundle, events: pa.Table) -> None:
    scorer, state = LiveScorer(used), MemoryState(Bounds(visitors=10_000))
    for event in events.to_pylist():
        scorer.click(state, event)
    ids, visits = visits_so_far(used, events)
    compared = 0
    for (visitor, session), told in zip(ids.itertuples(index=False), visits, strict=True):
        standing = scorer.found(state, session, visitor)
        assert standing is not None
        if standing.clicks < 500:
            found = visit_so_far(standing.visit)
            assert found.looked_at == told.looked_at
            assert (found.category, found.leave_out) == (told.category, told.leave_out)
            np.testing.assert_allclose(found.gaps or (), told.gaps or (), rtol=1e-6)
            compared += bool(told.looked_at)
    assert compared > 50
