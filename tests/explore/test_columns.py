"""Histograms, text columns, correlation and missing values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import spearmanr

from buysignal.explore import explore
from buysignal.explore.bins import histogram
from buysignal.explore.columns import Coded
from buysignal.explore.places import fold_rare
from buysignal.explore.rates import banded
from buysignal.explore.related import spearman

from .clicks import VIEW, click, table, visit

values = hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(0, 1e6, width=32))


@settings(max_examples=80, deadline=None)
@given(values, st.booleans())
def test_every_value_lies_in_one_bar(found: np.ndarray, whole: bool) -> None:
    if whole:
        found = np.round(found)
    shape = histogram(found, "n")
    assert shape.bars["n"].sum() + shape.clipped == len(found)
    assert (shape.bars["from"] < shape.bars["to"]).all()
    assert not shape.clipped or (shape.log and (found <= 0).sum() == shape.clipped)


def test_long_tails_are_drawn_on_a_logarithmic_axis() -> None:
    rng = np.random.default_rng(0)
    assert histogram(rng.lognormal(0, 2, 2000), "n").log
    assert not histogram(rng.normal(100, 5, 2000), "n").log


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-1, 30), min_size=1, max_size=200), st.integers(2, 12))
def test_rare_values_stand_together_and_none_is_lost(codes: list[int], most: int) -> None:
    names = tuple("other" if i == 0 else f"n{i}" for i in range(31))
    folded = fold_rare(Coded(np.array(codes, dtype=np.int32), names), most)
    assert folded.counts().sum() == len(codes)
    assert len(folded.names) <= most + 1
    assert len(set(folded.names)) == len(folded.names)


@settings(max_examples=50, deadline=None)
@given(values)
def test_bands_hold_what_their_names_say(found: np.ndarray) -> None:
    bands = banded(found)
    assert (bands.codes >= 0).all()
    assert (np.diff(bands.codes[np.argsort(found, kind="stable")]) >= 0).all()


def test_correlation_is_spearmans_over_the_rows_that_know_both() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=300)
    b = np.exp(a) + rng.normal(size=300)
    c = np.where(rng.random(300) < 0.3, np.nan, np.round(-a))
    matrix = spearman({"a": a, "b": b, "c": c})
    known = ~np.isnan(c)
    assert matrix[0, 1] == pytest.approx(spearmanr(a, b).statistic)
    assert matrix[1, 2] == pytest.approx(spearmanr(b[known], c[known]).statistic)
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()


def test_missing_values_are_counted_by_column() -> None:
    clicks = [click("a", VIEW, i, item_id="x", price=None if i < 3 else 5.0) for i in range(12)]
    chart = explore(table(clicks)).chart("missing-columns")
    assert chart.data.set_index("column")["empty cells"].to_dict() == {"price": 3}
    assert chart.data["share"].tolist() == [0.25]


def test_a_full_table_says_that_nothing_is_missing() -> None:
    section = explore(table(visit("a", VIEW, VIEW))).section("missing")
    assert not section.charts
    assert section.missing[0].startswith("No cell is empty")


def test_every_chart_can_be_drawn_from_its_columns() -> None:
    clicks = [
        click(f"v{i}", VIEW, k, item_id=f"i{k}", price=3.0 + i % 7 + k, device="d", attr_size=i % 5)
        for i in range(50) for k in range(1 + i % 3)
    ]  # fmt: skip
    charts = list(explore(table(clicks)).charts)
    assert len({chart.key for chart in charts}) == len(charts)
    for chart in charts:
        used = {chart.x, chart.y, chart.series, chart.value, chart.x_end, *chart.labels} - {None}
        assert used <= set(chart.data.columns), chart.key
        assert len(chart.data), chart.key
        assert chart.sentence.endswith("."), chart.key
        assert chart.x_title or chart.kind in ("sankey", "heatmap", "funnel"), chart.key
