"""The revenue and price pages, without a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from buysignal import outlook
from buysignal.decisions.hindsight import compare
from buysignal.decisions.looks import first_looks
from buysignal.decisions.price import NOT_CAUSE, study
from buysignal.sources import load
from buysignal.sources.demo.shop import shop_items
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload, with_shop

PAGES = ("revenue", "price")


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize("page", PAGES)
def test_without_data_and_model_the_page_says_what_to_do_next(page: str) -> None:
    app = opened(started(), page)
    assert not app.error
    assert any("demo shop" in str(b.label) or "Choose data" in str(b.label) for b in app.button)


@pytest.mark.usefixtures("models")
def test_the_forecast_is_the_librarys(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "revenue")
    assert not app.error
    assert app.title[0].value == "Revenue estimation"
    ahead = outlook.look_ahead(shop.bundle, load(shop.events))
    found = ahead.forecast(7)
    assert metric(app, "Expected revenue").startswith(f"{found.total.expected:,.0f}")
    assert metric(app, "Visits to come").startswith(f"{found.to_come.expected:,.0f}")
    assert "7 days" in texts(app)
    app.slider(key="days_ahead_slider").set_value(14).run()
    assert not app.exception
    assert metric(app, "Expected revenue").startswith(f"{ahead.forecast(14).total.expected:,.0f}")


@pytest.mark.usefixtures("models")
def test_asked_a_week_earlier_the_page_shows_what_came(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "revenue")
    app.segmented_control(key="asked_at").set_value(7).run()
    assert not app.exception
    assert not app.error
    loaded = load(shop.events)
    latest = outlook.look_ahead(shop.bundle, loaded)
    earlier = outlook.look_ahead(shop.bundle, loaded, now=str(latest.now - np.timedelta64(7, "D")))
    came = outlook.came_true(earlier, latest, 7)
    assert came is not None
    assert metric(app, "What came").startswith(f"{came:,.0f}")


@pytest.mark.usefixtures("models")
def test_predicted_against_actual_says_who_was_learned_from(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "revenue")
    assert (
        "Kept aside: the model has not learned from these visits" in app.selectbox(key="back_learned").options
    )
    rows = outlook.look_back(shop.bundle, load(shop.events))
    aside = compare(rows[(rows["moment"] == "3") & (rows["learned"] == "no")]).iloc[0]
    assert metric(app, "Predicted").startswith(f"{aside['predicted']:,.0f}")
    assert metric(app, "Actual").startswith(f"{aside['actual']:,.0f}")
    app.selectbox(key="back_learned").set_value("yes").run()
    assert not app.exception
    assert any("The model learned from these visits" in str(w.value) for w in app.warning)
    app.segmented_control(key="back_by").set_value("day").run()
    assert not app.exception


@pytest.mark.usefixtures("models")
def test_too_short_a_history_is_one_sentence(shop: Shop, tmp_path: Path) -> None:
    events = pq.read_table(shop.events)
    early = events.column("event_time").to_pandas() < "2025-03-08"
    pq.write_table(events.filter(pa.array(early.to_numpy())), tmp_path / "events.parquet")
    app = upload(started(), "week.parquet", (tmp_path / "events.parquet").read_bytes())
    opened(app, "revenue")
    assert any("at least 14 days" in str(error.value) for error in app.error)


@pytest.mark.usefixtures("no_models")
def test_the_price_moves_the_answer_within_the_range_seen() -> None:
    app = opened(started(), "price")
    app.button(key="open_demo_here").click().run()
    assert not app.exception
    assert not app.error
    assert "Simulated data" in texts(app)
    assert NOT_CAUSE in texts(app)
    found = study(first_looks(app.session_state["source"].loaded.table))
    item = str(app.selectbox(key="price_item").value)
    slider, before = app.slider(key=f"price_slider_{item}"), said(app)
    low, high = found.items.at[item, "low"], found.items.at[item, "high"]
    assert (slider.min, slider.max) == pytest.approx((low, high), abs=0.01)
    slider.set_value(round((low + high) / 2, 2)).run()
    assert not app.exception
    assert said(app) != before
    app.segmented_control(key="price_kind").set_value("category").run()
    assert not app.exception
    assert "in the category" in said(app)


def said(app: AppTest) -> str:
    return next(str(m.value) for m in app.markdown if " of looks " in str(m.value))


@pytest.mark.usefixtures("no_models")
def test_an_item_that_cannot_be_answered_says_why(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "price")
    found = study(first_looks(load(shop.events).table))
    constant = str(found.items.index[found.items["prices"] == 1][0])
    app.selectbox(key="price_item").set_value(constant).run()
    assert not app.exception
    assert any("never changed in this data" in str(w.value) for w in app.warning)


@pytest.mark.usefixtures("no_models")
def test_constant_prices_are_refused_in_words(shop: Shop, tmp_path: Path) -> None:
    app = upload(started(), "constant.parquet", constant_prices(shop, tmp_path).read_bytes())
    opened(app, "price")
    assert not app.exception
    assert any("No price changed in this data" in str(w.value) for w in app.warning)


def constant_prices(shop: Shop, folder: Path) -> Path:
    """Write the shop's events with every item at its list price, all in one currency."""
    events = pq.read_table(shop.events)
    listed = shop_items().set_index("item_id")["list_price"]
    price = events.column("item_id").cast(pa.string()).to_pandas().map(listed).to_numpy(float)
    column = pa.array(price, mask=np.isnan(price))
    events = events.set_column(events.column_names.index("price"), "price", column)
    currency = pa.array(np.full(events.num_rows, "EUR"))
    events = events.set_column(events.column_names.index("currency"), "currency", currency)
    pq.write_table(events, folder / "constant.parquet")
    return folder / "constant.parquet"
