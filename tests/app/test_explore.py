"""The Explore page: what it shows is the library's answer, filters narrow it, and nothing is left empty."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from buysignal import explore
from buysignal.app import explore_charts, explore_filters, explore_words, words
from buysignal.explore import Chart, Exploration, Filters
from buysignal.sources import load
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload

MOST_BYTES = 150_000
"""Of one figure on its way to the browser."""


@pytest.fixture(scope="module")
def found(shop: Shop) -> Exploration:
    """What the library finds in the shop's events."""
    return explore.explore(load(shop.events))


@pytest.fixture
def app(models: Path, shop: Shop) -> AppTest:
    """The page with the shop's events."""
    assert models.is_dir()
    return opened(upload(started(), "events.parquet", shop.events.read_bytes()), "explore")


def section(app: AppTest, key: str) -> AppTest:
    """Return the page with another section in sight."""
    app.button_group(key="explore_section").set_value(key).run()
    assert not app.exception
    assert not app.error
    return app


def drawn(app: AppTest) -> list[dict[str, Any]]:
    """Return the figures in sight, as the browser gets them."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def numbers(sent: Any) -> list[float]:
    """Return an array as it was sent: a list, or the bytes of one."""
    if isinstance(sent, dict):
        return np.frombuffer(base64.b64decode(sent["bdata"]), dtype=sent["dtype"]).astype(float).tolist()
    return [float(value) for value in sent]


@pytest.mark.usefixtures("no_models")
def test_without_data_the_page_says_what_to_do_and_the_demo_shop_is_one_click_away() -> None:
    app = opened(started(), "explore")
    assert app.title[0].value.endswith("Interactive charts and insights")
    assert "no data yet" in texts(app)
    assert any(button.label == "Open the demo shop" for button in app.button)


def test_the_facts_are_the_librarys(app: AppTest, found: Exploration) -> None:
    assert metric(app, "Visits") == f"{found.facts.visits:,}"
    assert metric(app, "Purchases") == f"{found.facts.orders:,}"
    assert f"{found.facts.visits_of:,} visits" in texts(app)
    assert "Simulated data" in texts(app)


def test_every_section_shows_its_charts_with_their_sentences_and_downloads(
    app: AppTest, found: Exploration
) -> None:
    for part in found.sections:
        section(app, part.key)
        assert [title.value for title in app.subheader] == [chart.title for chart in part.charts]
        assert len(drawn(app)) == len(part.charts)
        captions = [caption.value for caption in app.caption]
        buttons = [str(button.proto.id) for button in app.get("download_button")]
        for chart in part.charts:
            assert words.prose(f"Simulated data. {chart.sentence}") in captions
            assert any(button.endswith(f"csv_{chart.key}") for button in buttons)
            assert any(button.endswith(f"png_{chart.key}") for button in buttons)
        assert len(app.info) == len(part.missing)


def test_a_filter_applies_to_the_facts_and_the_charts_and_can_be_reset(app: AppTest, shop: Shop) -> None:
    everything = metric(app, "Visits")
    app.multiselect(key="filter_devices").set_value(["mobile"]).run()
    expected = explore.explore(load(shop.events), filters=Filters(devices=("mobile",)))
    facts = expected.facts
    counted = f"{facts.visits:,} of {facts.visits_of:,}"
    assert metric(app, "Visits (of all)") == counted
    assert f"**{counted} visits**" in texts(app)
    assert words.plain("Device: mobile") in texts(app)
    section(app, "visits")
    assert sum(numbers(drawn(app)[0]["data"][0]["y"])) == facts.visits
    section(app, "glance")
    app.button(key="reset_filters").click().run()
    assert metric(app, "Visits") == everything


def test_days_and_hidden_filters_reach_the_library(app: AppTest, shop: Shop) -> None:
    loaded = load(shop.events)
    offered = explore.choices(loaded)
    assert offered.start is not None
    assert offered.end is not None
    start, end = offered.start + timedelta(days=3), offered.end - timedelta(days=2)
    app.date_input(key="filter_days").set_value((start, end)).run()
    app.multiselect(key="filter_categories").set_value([offered.categories[0]]).run()
    app.button_group(key="filter_visitors").set_value("returning").run()
    asked = Filters(start=start, end=end, categories=offered.categories[:1], visitors="returning")
    facts = explore.explore(loaded, filters=asked).facts
    assert metric(app, "Visits (of all)") == f"{facts.visits:,} of {facts.visits_of:,}"


def test_filters_outlive_a_look_at_another_page_but_not_other_data(app: AppTest, shop: Shop) -> None:
    app.multiselect(key="filter_devices").set_value(["tablet"]).run()
    opened(opened(app, "segments"), "explore")
    assert words.plain("Device: tablet") in texts(app)
    upload(app, "again.parquet", shop.events.read_bytes())
    assert "no filter in use" in texts(opened(app, "explore"))


def test_filters_that_no_visit_passes_say_so_and_can_be_reset(app: AppTest) -> None:
    rare = {
        "devices": ["tablet"],
        "events": ["remove_from_cart"],
        "channels": ["referral"],
        "countries": ["US"],
    }
    for name, values in rare.items():
        app.multiselect(key=f"filter_{name}").set_value(values).run()
    app.multiselect(key="filter_categories").set_value(["garden"]).run()
    assert not app.error
    assert any("no visit passes" in str(warning.value).lower() for warning in app.warning)
    app.button(key="reset_filters").click().run()
    assert "no filter in use" in texts(app)


def test_segments_are_found_on_request_and_filter(app: AppTest) -> None:
    assert "filter_segments" not in {widget.key for widget in app.multiselect}
    app.button(key="find_segments").click().run()
    scores = app.session_state["scores"][1].table
    name = str(scores["segment"].mode()[0])
    app.multiselect(key="filter_segments").set_value([name]).run()
    shown = int(metric(app, "Visits (of all)").split(" of ")[0].replace(",", ""))
    assert 0 < shown <= int((scores["segment"] == name).sum())


@pytest.mark.usefixtures("no_models")
def test_data_without_clock_and_purchases_says_what_it_cannot_show_and_labels_the_proxy() -> None:
    lines = ["visitor_id,session_id,event_name,item_id"]
    lines += [f"v{i},s{i},view_item,i{i % 5}\nv{i},s{i},add_to_cart,i{i % 5}" for i in range(60)]
    app = upload(started(), "plain.csv", "\n".join(lines).encode())
    opened(app, "explore")
    section(app, "time")
    assert any("no dates" in str(info.value) for info in app.info)
    assert any(button.label == "What this data can answer" for button in app.button)
    assert "conversion" not in texts(app).replace("not conversion", "").lower()


def test_every_chart_of_the_shop_is_drawn_whole_small_and_with_titles(found: Exploration) -> None:
    for chart in found.charts:
        figure = explore_charts.figure_of(chart)
        assert marks(figure) == len(chart.data), chart.key
        assert len(figure.to_json()) < MOST_BYTES, chart.key
        amount = "yaxis" if chart.kind in ("bar", "stacked", "histogram", "line") else "xaxis"
        if chart.kind not in ("sankey", "funnel", "heatmap"):
            assert figure.layout[amount].title.text, chart.key


def marks(figure: go.Figure) -> int:
    """Return how many bars, points, cells or flows a figure has."""
    total = 0
    for trace in figure.data:
        if trace.type == "sankey":
            total += len(trace.link.value)
        elif trace.type == "heatmap":
            total += int(np.isfinite(np.asarray(trace.z, dtype=float)).sum())
        else:
            total += len(trace.x)
    return total


def bars(**changes: object) -> Chart:
    """A small chart of bars."""
    data = pd.DataFrame(
        {"page": ["<b>home</b>", "a" * 60, "1"], "visits": [3, 2, 1], "share": [0.5, 0.3, 0.2]}
    )
    settings = {"key": "visits-entries", "section": "visits", "title": "Entries", "sentence": "Three.",
                "kind": "barh", "data": data, "x": "visits", "y": "page", "x_title": "Visits",
                "x_format": "count", "y_format": "text", "labels": ("share",)}  # fmt: skip
    return Chart(**{**settings, **changes})  # type: ignore[arg-type]


def test_names_of_the_data_are_never_markup_and_long_ones_are_cut() -> None:
    figure = explore_charts.figure_of(bars())
    ticks = figure.layout.yaxis.ticktext
    assert ticks[0] == "&lt;b&gt;home&lt;/b&gt;"
    assert "…" in ticks[1]
    assert "<br>" in ticks[1]
    assert figure.data[0].y[1] == "a" * 60
    assert figure.data[0].text[0] == "3 (50 %)"


def test_a_logarithmic_histogram_keeps_every_bar_and_names_round_numbers() -> None:
    edges = np.geomspace(1, 10_000, 9)
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "visits": range(8)})
    chart = bars(kind="histogram", data=data, x="from", x_end="to", y="visits", x_log=True, labels=())
    figure = explore_charts.figure_of(chart)
    assert sum(figure.data[0].y) == 28
    assert (
        list(figure.layout.xaxis.ticktext)
        == ["1", "3", "10", "30", "100", "300", "1,000", "3,000", "10,000"][
            :: 1 if len(figure.layout.xaxis.ticktext) == 9 else 2
        ]
    )


def test_cells_that_are_not_there_stay_empty() -> None:
    data = pd.DataFrame({"week": ["a", "a", "b"], "after": ["1", "2", "1"], "share": [0.1, 0.2, 0.3]})
    chart = bars(
        kind="heatmap", data=data, x="after", y="week", value="share", value_format="share", labels=()
    )
    grid = np.asarray(explore_charts.figure_of(chart).data[0].z, dtype=float)
    assert np.isnan(grid[1, 1])
    assert grid[0].tolist() == [0.1, 0.2]


def test_filters_are_told_in_words() -> None:
    said = explore_filters.in_words(
        Filters(channels=("email",), columns=(("VisitorType", ("New", "Other")),))
    )
    assert said == "Channel: email; Visitor type: New or Other"


def test_figures_are_written_with_units() -> None:
    assert explore_words.written(1234.4, "seconds") == "1,234"
    assert explore_words.written(0.5, "money", "USD") == "0.50 USD"
    assert explore_words.written(float("nan"), "count") == ""
