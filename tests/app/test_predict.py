"""The pages that predict: the shop a visitor clicks through, and the list of visits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from buysignal import scoring
from buysignal.app import charts, suggesting, visit, visit_filters, visit_table
from buysignal.app.bundles import MODELS
from buysignal.app.shop_front import cart_of, fitting
from buysignal.app.visit import Click
from buysignal.explain import Reason
from buysignal.recommender import Wishes
from buysignal.sources import load
from buysignal.visit_facts import visit_facts
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload, with_shop

CHANCE = "Probability of conversion"


def clicks_of(app: AppTest) -> list[Click]:
    """Return the visit that the live page holds."""
    held = app.session_state
    token = held["source"].token if "source" in held else ""
    return list(held[f"clicks_{held['model'].bundle.version}_{token}"])


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


@pytest.mark.parametrize(("shares", "room"), [((0.03, -0.009), charts.FIGURE_ROOM), ((0.03, 0.01), 0)])
def test_a_figure_left_of_its_bar_has_room_before_the_label(shares: tuple[float, float], room: int) -> None:
    figure = charts.reasons([Reason("clicks", share, "3", "5", "") for share in shares], None)
    assert figure.layout.yaxis.ticklabelstandoff == room
    assert figure.layout.margin.r == charts.FIGURE_ROOM
    low, high = figure.layout.xaxis.range
    assert low <= 100 * min(shares) < 100 * max(shares) <= high


@pytest.mark.usefixtures("models")
def test_a_walk_through_the_shop_moves_everything(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    before = metric(app, CHANCE)
    item = next(
        str(b.key).removeprefix("add_to_cart_") for b in app.button if str(b.key).startswith("add_to_cart_")
    )
    steps = (f"add_to_cart_{item}", "view_cart", "begin_checkout")
    chances = [metric(press(app, key), CHANCE) for key in steps]
    assert len({before, *chances}) == 4
    assert [click.event for click in clicks_of(app)][-3:] == ["add_to_cart", "view_cart", "begin_checkout"]
    assert "Cart:** 1 piece" in texts(app)
    press(app, f"remove_{item}")
    assert "Cart:** empty" in texts(app)
    assert app.button(key="add_shipping_info").disabled
    press(app, "clear_clicks")
    assert metric(app, CHANCE) != chances[-1]
    assert "1 click" in texts(app)


@pytest.mark.usefixtures("models")
def test_the_scores_shown_are_the_librarys(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    press(press(app, "screen_add_to_cart"), "begin_checkout")
    steps = app.dataframe[0].value
    setting = visit.Setting(
        *(visit.levels(shop.bundle, name)[0] for name in ("channel", "device", "country")), weekday=6, hour=19
    )
    expected = visit.score_clicks(shop.bundle, clicks_of(app), setting).steps.iloc[::-1]
    assert list(steps["probability"]) == pytest.approx(list(expected["probability"]))
    assert list(steps["segment"]) == list(expected["segment"])


@pytest.mark.usefixtures("models")
def test_suggestions_are_those_of_the_bundle_and_a_click_looks_at_them(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    assert shop.bundle.recommender is not None
    seen = [click.item for click in clicks_of(app) if click.item]
    expected = shop.bundle.recommender.suggest(seen, Wishes(count=suggesting.SHOWN))
    shown = [str(b.key).removeprefix("next_") for b in app.button if str(b.key).startswith("next_")]
    assert shown == [one.item for one in expected]
    assert suggesting.TITLE in texts(app)
    assert "not of being bought" in texts(app)
    assert "Learned from simulated visits" in texts(app)
    press(app, f"next_{shown[0]}")
    assert clicks_of(app)[-1].item == shown[0]
    assert f"next_{shown[0]}" not in {str(b.key) for b in app.button}


@pytest.mark.usefixtures("models")
def test_wishes_narrow_the_suggestions(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    app.multiselect(key="wish_categories").set_value(["books"]).run()
    shown = [str(b.key) for b in app.button if str(b.key).startswith("next_")]
    assert shown
    assert all(key.startswith("next_BOO") for key in shown)


@pytest.mark.usefixtures("models")
def test_searching_and_opening_a_category_are_clicks_and_narrow_the_shelves(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    app.selectbox(key="shop_category").set_value("books").run()
    assert clicks_of(app)[-1] == Click("view_item_list", category="books")
    app.text_input(key="shop_search").set_value("atlas").run()
    assert clicks_of(app)[-1].event == "search"
    looks = [b for b in app.button if str(b.key).startswith("view_item_")]
    assert looks
    assert all(str(b.key).startswith("view_item_BOO") for b in looks)
    app.text_input(key="shop_search").set_value("no such thing").run()
    assert "Nothing on the shelves fits" in texts(app)


@pytest.mark.usefixtures("models")
def test_turning_pages_is_no_click(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "live")
    before = clicks_of(app)
    first = {b.key for b in app.button if str(b.key).startswith("view_item_")}
    press(app, "shelf_More")
    assert {b.key for b in app.button if str(b.key).startswith("view_item_")}.isdisjoint(first)
    assert clicks_of(app) == before


@pytest.mark.usefixtures("models")
def test_without_data_the_shop_opens_and_suggests_all_the_same() -> None:
    app = opened(started(), "live")
    assert any(str(b.key).startswith("next_") for b in app.button)
    assert any(str(b.key).startswith("view_item_") for b in app.button)


def test_a_cart_never_holds_less_than_nothing() -> None:
    taken = [Click("remove_from_cart", "A"), Click("add_to_cart", "A"), Click("add_to_cart", "B")]
    assert cart_of(taken) == {"A": 1, "B": 1}
    assert cart_of([*taken, Click("remove_from_cart", "B")]) == {"A": 1}


def test_shelves_are_searched_by_name_and_number_and_put_in_order() -> None:
    items = pd.DataFrame(
        {"item": ["A-1", "A-2", "B-1"], "name": ["Oak (new) Kettle", "Zinc Pan", "Pan"],
         "price": [3.0, None, 1.0], "category": ["x", "x", "y"], "n": [5, 9, 1]}
    )  # fmt: skip
    assert list(fitting(items, "pan", None, "Name")["item"]) == ["B-1", "A-2"]
    assert list(fitting(items, "(new", None, "Most viewed")["item"]) == ["A-1"]
    assert list(fitting(items, "", "x", "Lowest price")["item"]) == ["A-1", "A-2"]
    assert list(fitting(items, "a-", None, "Most viewed")["item"]) == ["A-2", "A-1"]


@pytest.mark.usefixtures("models")
def test_visits_are_filtered_by_cart_and_by_where_they_came_from(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "visits")
    facts = visit_facts(load(shop.events).table, shop.bundle.session_gap)
    scored = scoring.score_loaded(shop.bundle, load(shop.events)).table
    listed = ~scored["already_bought"] & ~scored["suspected_bot"]
    app.segmented_control(key="cart_filter").set_value(visit_filters.WITH_CART).run()
    with_cart = listed & (facts["cart_items"] > 0)
    assert metric(app, "Visits") == f"{int(with_cart.sum()):,}"
    app.multiselect(key="filter_device").set_value(["mobile"]).run()
    mobile = with_cart & (facts["device"] == "mobile")
    assert metric(app, "Visits") == f"{int(mobile.sum()):,}"
    assert set(app.dataframe[0].value["device"]) == {"mobile"}
    app.selectbox(key="order_by").set_value("cart_value").run()
    assert app.dataframe[0].value["cart_value"].is_monotonic_decreasing


@pytest.mark.usefixtures("models")
def test_no_more_rows_than_a_person_can_use_and_the_page_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit_table, "MOST_ROWS", 50)
    app = opened(with_shop(started(), shop), "visits")
    number = metric(app, "Visits")
    assert len(app.dataframe[0].value) == 50
    assert f"The first 50 of {number} by probability; the download has all." in texts(app)
    assert any(f"Download these {number} (CSV)" in str(b.label) for b in app.get("download_button"))


def test_a_model_of_session_rows_filters_by_the_words_of_its_rows(
    session_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = session_rows / "online_shoppers_intention.csv"
    shutil.copytree(session_rows / "bundle", tmp_path / "models" / "demo")
    monkeypatch.setenv(MODELS, str(tmp_path / "models"))
    app = opened(upload(started(), file.name, file.read_bytes()), "visits")
    assert not app.error
    app.multiselect(key="filter_Month").set_value(["May"]).run()
    assert metric(app, "Visits") == "100"
    live = opened(app, "live")
    before = metric(live, CHANCE)
    next(n for n in live.number_input if "Product" in str(n.label)).set_value(9.0).run()
    assert not live.exception
    assert metric(live, CHANCE) != before
