"""The Explore page: what it shows is the library's answer, filters narrow it, and nothing is left empty."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from buysignal import explore
from buysignal.explore import Filters
from buysignal.sources import load
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload


@pytest.fixture
def app(models: object, shop: Shop) -> AppTest:
    """The page with the shop's events."""
    del models
    return opened(upload(started(), "events.parquet", shop.events.read_bytes()), "explore")


def section(app: AppTest, key: str) -> AppTest:
    """Return the page with another section in sight."""
    app.button_group(key="explore_section").set_value([key]).run()
    assert not app.exception
    assert not app.error
    return app


def charts_of(app: AppTest) -> list[str]:
    """Return the keys of the charts in sight."""
    return [str(chart.proto.id).rsplit("explore_", 1)[-1] for chart in app.get("plotly_chart")]


@pytest.mark.usefixtures("no_models")
def test_without_data_the_page_says_what_to_do() -> None:
    app = opened(started(), "explore")
    assert app.title[0].value.endswith("Interactive charts and insights")
    assert "Data" in texts(app)
    assert any(button.label == "Open the demo shop" for button in app.button)


def test_the_facts_are_the_librarys(app: AppTest, shop: Shop) -> None:
    facts = explore.explore(load(shop.events)).facts
    assert metric(app, "Visits") == f"{facts.visits:,}"
    assert metric(app, "Purchases") == f"{facts.orders:,}"
    assert f"{facts.visits_of:,} visits" in texts(app)
    assert "Simulated data" in texts(app)
