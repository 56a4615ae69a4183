"""Without purchases nothing is called conversion; a proxy is named; simulated data says so."""

from __future__ import annotations

from pathlib import Path

from buysignal.explore import Exploration, explore
from buysignal.explore.page import render_explore_html
from buysignal.sources import load
from shop import Shop

from .clicks import BUY, VIEW, table, visit


def words_of(found: Exploration) -> str:
    """Return every word that is shown, data included."""
    said = [text for line in found.facts.lines() for text in line]
    for section in found.sections:
        said += [section.title, *section.missing]
        for c in section.charts:
            said += [c.key, c.title, c.sentence, c.x_title, c.y_title, c.value_title, *c.data.columns]
    return " ".join(said).lower()


def test_a_table_without_purchases_never_says_conversion() -> None:
    found = explore(table([*visit("a", VIEW, VIEW), *visit("b", VIEW, day=1)]))
    assert "conversion" not in words_of(found)
    assert found.facts.orders is None
    assert any("This data holds no purchases" in m for m in found.section("time").missing)


def test_the_eshop_file_has_a_named_proxy_and_no_conversion(real_data: Path) -> None:
    found = explore(load(real_data / "uci_eshop" / "train_data.csv.gz"))
    assert "conversion" not in words_of(found)
    page = render_explore_html(found, title="e-shop").lower()
    assert "conversion" not in page[page.index("</style>") :]
    assert found.facts.proxy == "keeps_browsing"
    trend = found.chart("time-outcome")
    assert trend.marks == ("proxy: keeps_browsing",)
    assert "keeps_browsing" in trend.y_title
    assert found.chart("related-correlation").proxy == "keeps_browsing"


def test_with_purchases_the_word_stands_where_they_are_counted() -> None:
    found = explore(table([*visit("a", VIEW, BUY), *visit("b", VIEW, day=1)]))
    assert found.chart("time-outcome").title == "Conversion per day"
    assert found.facts.conversion == 0.5


def test_filters_do_not_change_what_it_is_called() -> None:
    from buysignal.explore import Filters

    events = table([*visit("a", VIEW, BUY, device="x"), *visit("b", VIEW, day=1, device="y")])
    found = explore(events, filters=Filters(devices=("y",)))
    assert found.facts.conversion == 0.0
    assert found.facts.orders == 0


def test_simulated_data_says_so_on_every_chart(shop: Shop) -> None:
    found = explore(load(shop.events))
    assert found.facts.simulated
    assert all(chart.marks[0] == "simulated data" for chart in found.charts)


def test_a_purchase_that_was_cut_away_is_not_recorded() -> None:
    """The dictionary of an Arrow column keeps names of rows that are gone."""
    events = table([*visit("a", VIEW, VIEW), *visit("b", VIEW, BUY)]).slice(0, 2)
    assert BUY in events.column("event_name").combine_chunks().dictionary.to_pylist()
    found = explore(events)
    assert "conversion" not in words_of(found)
    assert found.facts.orders is None
