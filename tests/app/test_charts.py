"""Charts: counts add up, axes say what they show, and no chart is empty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from buysignal import scoring
from buysignal.app import charts, exports, report_charts, segment_charts
from buysignal.report import Table
from buysignal.scoring import write_scores
from buysignal.sources import load
from shop import Shop


def has_titles(figure: go.Figure) -> bool:
    """Whether the axis of the amounts has a title; bars with names beside them need only one."""
    x, y = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    horizontal = any(
        (trace.type == "bar" and trace.orientation == "h") or isinstance(trace.y[0], str)
        for trace in figure.data
        if trace.y is not None and len(trace.y)
    )
    return bool(x) and (bool(y) or horizontal)


def is_empty(figure: go.Figure) -> bool:
    return not figure.data or all(trace.x is None or len(trace.x) == 0 for trace in figure.data)


@pytest.mark.parametrize("top", [0.05, 1.0])
def test_every_visit_falls_into_one_band(top: float) -> None:
    probability = pd.Series(np.append(np.random.default_rng(0).uniform(0, top, 999), 1.0))
    figure = charts.visits_by_band(probability, "Probability")
    assert sum(figure.data[0].y) == 1000
    assert len(figure.data[0].x) == len(figure.data[0].y)


def test_bands_hold_what_their_names_say() -> None:
    bands = charts.RARE_BANDS
    position = charts.band_of(pd.Series([0.0, 0.0049, 0.005, 0.5, 1.0]), bands)
    assert [charts.band_names(bands)[i] for i in position] == ["<0.5", "<0.5", "0.5–1", "50–100", "50–100"]


def test_bands_of_revenue_add_up(shop: Shop) -> None:
    table = scoring.score_loaded(shop.bundle, load(shop.events)).table
    figure = charts.revenue_by_band(table, "Probability", "Expected revenue", "EUR")
    assert sum(figure.data[0].y) == pytest.approx(table["expected_revenue"].sum())
    assert "EUR" in figure.layout.yaxis.title.text


def test_every_chart_of_a_report_has_data_and_titles(shop: Shop) -> None:
    drawn = [chart for table in shop.report.tables for chart in report_charts.charts_of(table, "EUR")]
    keys = {chart.key for chart in drawn}
    assert keys >= {"roc", "pr", "calibration", "confusion", "gain", "lift", "clicks", "importance",
                    "predicted", "residuals", "silhouette", "recommenders"}  # fmt: skip
    for chart in drawn:
        assert not is_empty(chart.figure), chart.key
        assert has_titles(chart.figure), chart.key
        assert chart.sentence.endswith("."), chart.key


def test_what_a_model_relies_on_has_a_short_title_and_its_unit_in_the_sentence(shop: Shop) -> None:
    drawn = {
        table.task: chart
        for table in shop.report.tables
        for chart in report_charts.charts_of(table, "EUR")
        if chart.key == "importance"
    }
    assert "(rise of 1 − ROC-AUC)" in drawn["conversion"].sentence
    assert "(rise of RMSE of log1p)" in drawn["revenue"].sentence
    for chart in drawn.values():
        lines = chart.figure.layout.xaxis.title.text.split("<br>")
        assert max(map(len, lines)) <= 20


def segments_of(shop: Shop) -> Table:
    return next(table for table in shop.report.tables if table.task == "segments")


def test_the_map_shows_every_point_under_its_segments_name(shop: Shop) -> None:
    table = segments_of(shop)
    figure = segment_charts.scatter(table)
    assert sum(len(trace.x) for trace in figure.data) == len(table.pictures.segment_map)
    assert {trace.name for trace in figure.data} <= {s.name for s in table.segments}
    assert len({(trace.marker.color, trace.marker.symbol) for trace in figure.data}) == len(figure.data)
    assert has_titles(figure)


def test_a_segment_is_compared_with_all_visits(shop: Shop) -> None:
    profiles = segments_of(shop).segments
    one = profiles[0].model_copy(update={"means": {"n_events": 6.0}, "n": 100})
    other = profiles[0].model_copy(update={"means": {"n_events": 2.0}, "n": 300})
    figure = segment_charts.against_average(one, [one, other])
    assert figure.data[0].text == ("2×",)
    assert figure.data[0].x[0] == pytest.approx(1.0)


def test_a_download_is_the_file_the_library_writes(shop: Shop, tmp_path: Path) -> None:
    table = scoring.score_loaded(shop.bundle, load(shop.events)).table
    path = tmp_path / "scores.csv"
    write_scores(table, path)
    assert exports.scores_csv(table) == path.read_bytes()


def test_every_chart_can_be_saved_and_the_button_has_a_row_of_its_own() -> None:
    bare = charts.visits_by_band(pd.Series([0.1, 0.2]), "Probability")
    roomy = charts.with_tool_room(bare)
    assert roomy.layout.height == bare.layout.height + charts.TOOL_ROW
    assert roomy.layout.margin.t >= charts.TOOL_ROW
    legend_top = (1 - roomy.layout.legend.y) * roomy.layout.height
    assert charts.TOOL_ROW <= legend_top <= 2 * charts.TOOL_ROW
    assert bare.layout.legend.yref is None


def test_a_saved_picture_has_a_name_safe_for_files() -> None:
    assert charts.tools("report_prefix: purchase/roc")["toImageButtonOptions"]["filename"] == (
        "report-prefix-purchase-roc"
    )
    assert charts.tools("://")["toImageButtonOptions"]["filename"] == "chart"
