"""Items, categories and price bands, counted by hand."""

from __future__ import annotations

import pytest

from buysignal.explore import explore

from .clicks import BUY, CART, VIEW, click, table


def shop() -> list[dict[str, object]]:
    """Two items in two categories: of four visits that view A two buy it, one of them after a cart."""
    a = {"item_id": "A", "category": "books", "price": 10.0}
    b = {"item_id": "B", "category": "toys", "price": 40.0}
    return [
        click("1", VIEW, 0, **a), click("1", VIEW, 1, **a), click("1", CART, 2, **a),
        click("1", BUY, 3, **a, quantity=3, transaction_id="t1"),
        click("2", VIEW, 0, **a), click("2", BUY, 1, **a, transaction_id="t2"),
        click("3", VIEW, 0, **a), click("3", VIEW, 1, **b),
        click("4", VIEW, 0, **a), click("4", VIEW, 1, **b), click("4", CART, 2, **b),
        click("5", BUY, 0, **b, transaction_id="t3"),  # bought, but never viewed in this visit
    ]  # fmt: skip


def test_views_carts_and_conversion_by_item() -> None:
    data = explore(table(shop())).chart("items-most-viewed").data.set_index("item")
    assert data["views"].to_dict() == {"A": 5, "B": 2}
    assert data["visits that viewed it"].to_dict() == {"A": 4, "B": 2}
    assert data["put into the cart"].to_dict() == {"A": 1, "B": 1}
    assert data["share put into the cart"].to_dict() == {"A": 0.25, "B": 0.5}
    assert data["conversion"].to_dict() == {"A": 0.5, "B": 0.0}
    assert data["pieces bought"].to_dict() == {"A": 4, "B": 1}


def test_revenue_by_item_adds_up_to_all_revenue() -> None:
    found = explore(table(shop()))
    revenue = found.chart("items-best-selling").data.set_index("item")["revenue"]
    assert revenue.to_dict() == {"A": 40.0, "B": 40.0}
    assert revenue.sum() == found.facts.revenue


def test_price_bands_hold_every_view_once() -> None:
    clicks = [click(f"v{i}", VIEW, 0, item_id=f"i{i % 37}", price=float(5 + i % 37)) for i in range(200)] + [
        click(f"v{i}", CART, 1, item_id=f"i{i % 37}", price=float(5 + i % 37)) for i in range(0, 200, 10)
    ]
    chart = explore(table(clicks)).chart("items-price-bands")
    assert chart.data["views"].sum() == 200
    assert chart.data["times"].sum() == 20
    assert "association" in chart.sentence


def test_prices_that_do_not_differ_have_no_bands() -> None:
    clicks = [click(f"v{i}", VIEW, 0, item_id="A", price=5.0) for i in range(50)]
    section = explore(table(clicks)).section("items")
    assert "items-price-bands" not in [c.key for c in section.charts]
    assert any("no prices that differ" in m for m in section.missing)


def test_a_file_without_views_of_items_says_so() -> None:
    section = explore(table([click("a", "page_view")])).section("items")
    assert section.missing == ("This file records no views of items, so items cannot be compared.",)


def test_the_categories_of_views() -> None:
    data = explore(table(shop())).chart("items-categories").data.set_index("category")
    assert data["views"].to_dict() == {"books": 5, "toys": 2}
    rates = explore(table(shop())).chart("items-category-rates").data.set_index(["category", "step"])["share"]
    assert rates.to_dict() == pytest.approx(
        {("books", "put into the cart"): 0.25, ("toys", "put into the cart"): 0.5,
         ("books", "bought"): 0.5, ("toys", "bought"): 0.0}
    )  # fmt: skip
