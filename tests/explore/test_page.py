"""The page: complete in itself, safe with what visitors typed, and what its charts are drawn from inside."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from buysignal.explore import Exploration, explore
from buysignal.explore.draw import png
from buysignal.explore.export import chart_csv
from buysignal.explore.page import render_explore_html, write_explore_html
from buysignal.sources import load
from shop import Shop

from .clicks import CART, VIEW, click, table, visit

EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


def hostile() -> Exploration:
    """Events whose pages, categories and names are meant to do harm."""
    names = [EVIL, FORMULA, "$x_{$", "a\x00b\nc", "</style>", "x" * 300, "EXIT", "ünïcode"]
    clicks = [
        click(
            f"v{i}", VIEW, k, page=names[(i + k) % 8], category=names[(i + 3 * k) % 8], item_id=names[i % 8],
            price=float(i), device=names[i % 2], channel=names[i % 3], country=names[k % 8],
            attr_evil=names[i % 7],
        )
        for i in range(48) for k in range(3)
    ]  # fmt: skip
    clicks += [click("v1", EVIL, 9), click("v2", CART, 9)]
    return explore(table(clicks), segments={f"v{i}-0": names[i % 2] for i in range(48)})


@pytest.fixture(scope="module")
def found() -> Exploration:
    return hostile()


@pytest.fixture(scope="module")
def page(found: Exploration) -> str:
    return render_explore_html(found, title=EVIL, files=[EVIL])


def test_what_visitors_typed_is_text(page: str) -> None:
    assert "<script" not in page
    assert "alert(&#34;x&#34;)" in page or "alert(" in page
    assert page.count("</style>") == page.count("<style")


def test_the_page_needs_nothing_else(page: str) -> None:
    addresses = re.findall(r'(?:src|href|xlink:href)\s*=\s*"([^"]*)"', page)
    assert addresses
    assert all(a.startswith(("#", "data:text/csv;base64,", "data:image/png;base64,")) for a in addresses)
    assert not re.search(r"@import|<link|<iframe|<object|<script", page)
    assert set(re.findall(r"url\(([^)]{2})", page)) <= {"#p", "#v", "#f", "#t", "#i", "#c", "#d", "#r", "#m"}


def test_every_id_is_there_once(page: str) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert {a.removeprefix("#") for a in re.findall(r'href="(#[^"]*)"', page)} <= set(ids)


def test_each_chart_has_its_sentence_and_its_data(found: Exploration, page: str) -> None:
    links = dict(re.findall(r'download="([^"]+)\.csv" href="data:text/csv;base64,([^"]+)"', page))
    charts = {chart.key: chart for chart in found.charts}
    assert set(links) == set(charts)
    for key, chart in charts.items():
        assert base64.b64decode(links[key]) == chart_csv(chart)


def test_formulas_in_the_data_are_no_formulas_in_the_csv(found: Exploration) -> None:
    cells = pd.read_csv(io.BytesIO(chart_csv(found.chart("visits-entries"))))["page"].astype(str)
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


def test_every_chart_is_a_picture(found: Exploration) -> None:
    one_of_each = {chart.kind: chart for chart in found.charts}
    assert {"bar", "barh", "heatmap", "sankey", "funnel", "histogram"} <= set(one_of_each)
    for chart in one_of_each.values():
        assert png(chart).startswith(b"\x89PNG\r\n")


def test_the_csv_of_simulated_data_says_so(shop: Shop) -> None:
    chart = explore(load(shop.events)).chart("time-visits")
    data = pd.read_csv(io.BytesIO(chart_csv(chart)))
    assert set(data["note"]) == {"simulated data"}
    assert data["visits"].sum() == chart.data["visits"].sum()
    assert data["day"].str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()


def test_the_page_of_the_demo_shop_says_simulated(shop: Shop, tmp_path: Path) -> None:
    found = explore(load(shop.events)).only("visits", "time")
    write_explore_html(found, tmp_path / "deep" / "explore.html", title="Demo")
    text = (tmp_path / "deep" / "explore.html").read_text(encoding="utf-8")
    assert text.count('class="chip simulated"') == 1 + sum(1 for _ in found.charts)
    assert "no chart, and why" not in text


def test_sections_without_charts_say_why() -> None:
    text = render_explore_html(explore(table(visit("a", VIEW))), title="one visit")
    assert "no chart, and why" in text
    assert "A funnel needs at least two steps" in text
