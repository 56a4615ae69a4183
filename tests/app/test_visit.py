"""Manual input says what the library says of the same events."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal import scoring
from buysignal.app import visit
from buysignal.app.timeline import timeline
from buysignal.app.visit import Click, Setting
from buysignal.sources import load
from shop import Shop

CLICKS = [
    Click("page_view"),
    Click("search", pause_s=5),
    Click("view_item", "BOO-001", "books", 9.99, 12),
    Click("add_to_cart", "BOO-001", "books", 9.99, 30),
    Click("begin_checkout", pause_s=8),
]
SETTING = Setting("email", "desktop", "DE", weekday=2, hour=20)


def table_of(clicks: list[Click], setting: Setting) -> pa.Table:
    moment = visit._start(setting)
    rows = []
    for number, click in enumerate(clicks):
        moment += timedelta(seconds=click.pause_s if number else 0)
        rows.append(
            {
                "visitor_id": "v",
                "session_id": "now",
                "event_time": moment,
                "event_seq": number,
                "event_name": click.event,
                "item_id": click.item,
                "category": click.category,
                "price": click.price,
                "channel": setting.channel,
                "device": setting.device,
                "country": setting.country,
            }
        )
    return pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False)


def test_a_typed_visit_gets_the_scores_of_the_same_events_in_a_file(shop: Shop) -> None:
    typed = visit.score_clicks(shop.bundle, CLICKS, SETTING).steps
    filed = scoring.score(shop.bundle, table_of(CLICKS, SETTING), every_event=True).table
    for column in ("probability", "expected_revenue", "revenue_low", "revenue_high"):
        np.testing.assert_allclose(typed[column], filed[column], rtol=1e-6, atol=1e-9)
    assert list(typed["segment"]) == list(filed["segment"])


def test_later_clicks_do_not_change_earlier_scores(shop: Shop) -> None:
    whole = visit.score_clicks(shop.bundle, CLICKS, SETTING).steps
    for n in range(1, len(CLICKS)):
        part = visit.score_clicks(shop.bundle, CLICKS[:n], SETTING).steps
        for column in ("probability", "expected_revenue"):
            np.testing.assert_allclose(part[column], whole[column][:n], rtol=1e-5)


def test_a_full_cart_at_the_checkout_is_likelier_than_a_glance(shop: Shop) -> None:
    steps = visit.score_clicks(shop.bundle, CLICKS, SETTING).steps
    assert steps["probability"].iloc[-1] > 5 * steps["probability"].iloc[0]


@pytest.mark.parametrize("past", ["looked", "left_cart", "bought"])
def test_an_earlier_visit_counts(shop: Shop, past: str) -> None:
    new = visit._rows(shop.bundle, CLICKS[:1], SETTING)
    known = visit._rows(shop.bundle, CLICKS[:1], Setting("email", "desktop", "DE", 2, 20, past))
    at = shop.bundle.names.index
    assert new[0, at("past_sessions")] == 0
    assert known[0, at("past_sessions")] == 1
    assert known[0, at("past_purchases")] == (past == "bought")


def test_the_reasons_add_up_to_no_more_than_they_explain(shop: Shop) -> None:
    scores = visit.score_clicks(shop.bundle, CLICKS, SETTING)
    assert len(scores.reasons) == 6
    sizes = [abs(reason.contribution) for reason in scores.reasons]
    assert sizes == sorted(sizes, reverse=True)


def test_composed_visits_have_the_counts_asked_for(shop: Shop) -> None:
    loaded = load(shop.events)
    items = visit.items_offered(shop.bundle, loaded)
    offered = visit.events_offered(shop.bundle, loaded)
    clicks = visit.composed(
        offered, items, pages=2, searches=1, lists=3, views=4, in_cart=2, checkout=True, price=25.0,
        category="toys", pause_s=10,
    )  # fmt: skip
    names = [click.event for click in clicks]
    kinds = ("page_view", "search", "view_item_list", "view_item", "add_to_cart")
    assert [names.count(kind) for kind in kinds] == [2, 1, 3, 4, 2]
    assert names[-1] == "begin_checkout"
    assert {click.category for click in clicks if click.item} == {"toys"}


def test_nothing_asked_for_is_still_a_visit() -> None:
    nothing = pd.DataFrame({"item": [], "title": [], "category": [], "price": []})
    clicks = visit.composed(
        ["view_item"], nothing, pages=1, searches=0, lists=0, views=0, in_cart=0, checkout=False, price=None,
        category=None, pause_s=1,
    )  # fmt: skip
    assert [click.event for click in clicks] == ["view_item"]


def test_items_come_from_the_data_else_from_the_shelves(shop: Shop) -> None:
    loaded = load(shop.events)
    seen = visit.items_offered(shop.bundle, loaded)
    assert seen["price"].gt(0).all()
    assert seen["n"].is_monotonic_decreasing
    assert "(" in seen["title"].iloc[0]
    shelves = visit.items_offered(shop.bundle, None)
    assert set(shop.bundle.vocabulary.items) <= set(shelves["item"])  # type: ignore[union-attr]


def test_no_purchase_is_offered(shop: Shop) -> None:
    for loaded in (None, load(shop.events)):
        offered = visit.events_offered(shop.bundle, loaded)
        assert "view_item" in offered
        assert not {"purchase", "refund"} & set(offered)


def test_a_timeline_is_the_librarys_story_of_the_whole_file(shop: Shop) -> None:
    loaded = load(shop.events)
    scored = scoring.score_loaded(shop.bundle, loaded).table
    row = scored.sort_values("clicks").iloc[-20].to_dict()
    seen = timeline(shop.bundle, loaded.table, row)
    whole = scoring.story_of(shop.bundle, loaded.table, row["session_id"])
    pd.testing.assert_frame_equal(seen.story.steps, whole.steps)
    assert seen.story.reasons == whole.reasons
    assert seen.steps["time"].is_monotonic_increasing
    assert seen.steps["probability"].iloc[-1] == pytest.approx(row["probability"], abs=1e-6)
