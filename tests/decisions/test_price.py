"""The price what-if: it recovers the simulator's effect, and refuses where nothing varied."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from buysignal.decisions.looks import Looks, first_looks
from buysignal.decisions.price import PriceStudy, study
from buysignal.errors import SamplesError
from buysignal.sources.demo import simulate
from buysignal.sources.demo.shop import PRICE_EFFECT, shop_items

SEEDS = 20
VISITORS = 15_000


def demo_events(visitors: int = VISITORS, seed: int = 0) -> pa.Table:
    return simulate(visitors, 28, seed, threads=1).events


@cache
def demo_study() -> PriceStudy:
    return study(first_looks(demo_events(), currency="EUR"))


def at_list_price(events: pa.Table) -> pa.Table:
    """Return the events with every item at its list price: no price ever changes."""
    listed = shop_items().set_index("item_id")["list_price"]
    price = events.column("item_id").cast(pa.string()).to_pandas().map(listed).to_numpy(float)
    column = pa.array(price, mask=np.isnan(price))
    return events.set_column(events.column_names.index("price"), events.schema.field("price"), column)


def test_the_interval_recovers_the_simulators_effect() -> None:
    """The rule of the shop: the odds of *add to cart* next move by PRICE_EFFECT per log price."""
    covered = []
    for seed in range(SEEDS):
        fit = study(first_looks(demo_events(seed=seed))).fit
        assert fit is not None
        low, high = fit.pooled.interval(0.95)
        covered.append(low <= PRICE_EFFECT <= high)
    assert sum(covered) >= 18


def test_items_and_categories_cover_it_too() -> None:
    found = demo_study()
    for table in found.effects:
        low, high = table["slope"] - 1.96 * table["se"], table["slope"] + 1.96 * table["se"]
        assert ((low <= PRICE_EFFECT) & (high >= PRICE_EFFECT)).mean() >= 0.85


def test_an_answer_moves_conversion_and_value_as_its_effect_says() -> None:
    found = demo_study()
    name = str(found.items[found.items["allowed"]]["looks"].idxmax())
    low, high = found.items.at[name, "low"], found.items.at[name, "high"]
    cheap, dear = found.what_if("item", name, low), found.what_if("item", name, high)
    assert cheap.effect.slope < 0
    assert cheap.rate.value > dear.rate.value
    log_odds = [np.log(w.rate.value / (1 - w.rate.value)) for w in (cheap, dear)]
    slope = (log_odds[0] - log_odds[1]) / np.log(low / high)
    # Within one item the looks differ in chance, so the mean's slope is a little flatter.
    assert slope == pytest.approx(cheap.effect.slope, rel=0.25)
    assert cheap.value.value / cheap.rate.value == pytest.approx(
        dear.value.value / dear.rate.value * low / high
    )
    for answer in (cheap, dear):
        assert answer.rate.low < answer.rate.value < answer.rate.high
        assert answer.value_change.low <= answer.value_change.value <= answer.value_change.high
        assert answer.curve["price"].min() == pytest.approx(low)
        assert answer.curve["price"].max() == pytest.approx(high)
    assert "instead of" in dear.sentence or "At the usual price" in dear.sentence


def test_the_rates_at_the_prices_seen_are_those_of_the_looks() -> None:
    found = demo_study()
    name = str(found.items[found.items["allowed"]]["looks"].idxmax())
    seen = found.what_if("item", name, float(found.items.at[name, "usual"])).seen
    item = found.looks.items.index(name)
    mine = found.looks.table[found.looks.table["item"] == item]
    assert seen["looks"].sum() == len(mine)
    assert (seen["rate"] * seen["looks"]).sum() == pytest.approx(mine["carted"].sum())


def test_the_usual_price_is_no_change() -> None:
    answer = demo_study().what_if("category", "books", 1.0)
    assert answer.rate_change.value == answer.rate_change.low == answer.rate_change.high == 0
    assert answer.sentence.startswith("At the usual price")


def test_a_price_outside_those_seen_is_refused() -> None:
    found = demo_study()
    name = str(found.items[found.items["allowed"]]["looks"].idxmax())
    with pytest.raises(SamplesError, match="outside the prices seen"):
        found.what_if("item", name, 2 * found.items.at[name, "high"])


def test_an_item_whose_price_never_changed_is_refused() -> None:
    found = demo_study()
    name = str(found.items[found.items["prices"] == 1].index[0])
    with pytest.raises(SamplesError, match=f"The price of item {name} never changed in this data"):
        found.what_if("item", name, float(found.items.at[name, "usual"]))


def test_constant_prices_are_refused_altogether() -> None:
    found = study(first_looks(at_list_price(demo_events(3_000))))
    assert found.fit is None
    assert found.refusal.startswith("No price changed in this data")
    assert not found.items["allowed"].any()
    assert not found.categories["allowed"].any()
    with pytest.raises(SamplesError, match="never changed"):
        found.what_if("item", "KIT-011", 20.0)
    with pytest.raises(SamplesError, match="No price in the category books ever changed"):
        found.what_if("category", "books", 0.9)


def test_prices_that_all_move_at_once_are_refused() -> None:
    """A sale of everything in the last two weeks cannot be told from these weeks."""
    events = at_list_price(demo_events(6_000))
    late = events.column("event_time").to_pandas() >= "2025-03-17"
    price = events.column("price").to_pandas().to_numpy(float) * np.where(late, 0.8, 1.0)
    column = pa.array(price, mask=np.isnan(price))
    sale = events.set_column(events.column_names.index("price"), events.schema.field("price"), column)
    found = study(first_looks(sale))
    assert "moved at the same moments" in found.refusal


def test_data_without_carts_and_purchases_is_refused() -> None:
    events = demo_events(3_000)
    names = events.column("event_name").cast(pa.string()).to_pandas()
    found = study(first_looks(events.filter(pa.array(~names.isin(["add_to_cart", "purchase"]).to_numpy()))))
    assert found.refusal.startswith("This data holds neither carts nor purchases")


def test_without_carts_buying_is_the_outcome() -> None:
    events = demo_events(6_000)
    names = events.column("event_name").cast(pa.string()).to_pandas()
    found = study(first_looks(events.filter(pa.array((names != "add_to_cart").to_numpy()))))
    assert found.outcome == "bought"
    assert not found.refusal


def test_looks_are_first_looks_and_lead_to_the_next_step() -> None:
    looks = first_looks(small_visit())
    assert list(looks.table["price"]) == [10.0, 30.0]
    assert list(looks.table["carted"]) == [True, False]
    assert list(looks.table["bought"]) == [True, False]


def small_visit() -> pa.Table:
    """One visit: looks at A twice (the page view between is no step), carts and buys A; looks at B."""
    from buysignal.events import conform

    names = ["view_item", "page_view", "add_to_cart", "view_item", "view_item", "view_cart", "purchase"]
    items = ["A", None, "A", "B", "A", None, "A"]
    prices = [10.0, None, 10.0, 30.0, 12.0, None, 10.0]
    time = np.datetime64("2025-03-03T10:00", "us") + np.arange(len(names)) * np.timedelta64(20, "s")
    return conform(
        pa.table(
            {
                "visitor_id": ["v"] * len(names),
                "session_id": ["s"] * len(names),
                "event_time": pa.array(time).cast(pa.timestamp("us", tz="UTC")),
                "event_seq": list(range(len(names))),
                "event_name": names,
                "item_id": items,
                "price": prices,
            }
        )
    )


def test_no_days_no_answer() -> None:
    events = demo_events(300)
    for name in ("event_time", "event_date"):
        field = events.schema.field(name)
        events = events.set_column(
            events.column_names.index(name), field, pa.nulls(events.num_rows, field.type)
        )
    with pytest.raises(SamplesError, match="on which day"):
        first_looks(events)


def test_intervals_widen_where_a_category_says_little() -> None:
    found = demo_study()
    assert found.fit is not None
    categories, items = found.effects
    assert (categories["se"] > found.fit.pooled.se).all()
    assert items["se"].median() > categories["se"].median()
    assert isinstance(found.looks, Looks)
