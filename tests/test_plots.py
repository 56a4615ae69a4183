"""Pictures show what the report says: lines, titles, units and captions are read back from the figure."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import seaborn
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from buysignal import curves, plots
from buysignal.plots.style import PALETTE
from buysignal.report import Confusion, Curve, Importance, Point, Report, SliceRow
from report_sample import report


def texts(figure: Figure) -> str:
    """All words of a figure."""
    return " ".join(t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.fixture(scope="module")
def sample() -> Report:
    return Report.model_validate_json(report().model_dump_json())


def test_every_picture_is_drawn_from_the_saved_report(sample: Report) -> None:
    names = [[p.name for p in plots.pictures_of(sample, table)] for table in sample.tables]
    assert names == [
        ["roc", "precision_recall", "calibration", "confusion", "lift", "gain", "per_k", "importance"],
        ["predicted_actual", "residuals"],
        ["segments", "silhouette"],
        ["recommenders", "per_k"],
    ]


def test_every_picture_has_axis_titles_and_says_split_base_rate_and_goal(sample: Report) -> None:
    for table in sample.tables:
        for picture in plots.pictures_of(sample, table):
            words = texts(picture.figure).replace("\n", " ")
            axes = picture.figure.axes[0]
            assert axes.get_xlabel(), picture.name
            assert axes.get_ylabel() or picture.name in ("importance", "recommenders")
            assert ("proxy: dear_click" in words) == (table.task != "next_item")
            assert f"split: {table.split}" in words
            if table.task == "conversion":
                assert "base rate 75 %" in words


def test_simulated_data_is_labelled_and_a_real_goal_is_no_proxy(sample: Report) -> None:
    goal = sample.goal.model_copy(update={"proxy": False})
    simulated = sample.dataset.model_copy(update={"simulated": True})
    table = sample.tables[0].model_copy(update={"goal": goal})
    text = plots.caption_of(sample.model_copy(update={"dataset": simulated}), table).text
    assert text.startswith("simulated data · goal: the next click")
    assert "proxy" not in text


def test_roc_draws_the_curve_and_marks_the_chosen_model() -> None:
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    both = {"tree": curves.roc(y, -p), "xgboost": curves.roc(y, p)}
    axes = plots.roc_curve(both, champion="xgboost").axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["Guessing", "XGBoost (chosen)", "Tree"]
    assert list(lines["XGBoost (chosen)"].get_xdata()) == [0, 0, 0.5, 0.5, 1]
    assert list(lines["XGBoost (chosen)"].get_ydata()) == [0, 0.5, 0.5, 1, 1]
    assert lines["XGBoost (chosen)"].get_linewidth() > lines["Tree"].get_linewidth()


def test_lines_differ_in_dash_as_well_as_colour() -> None:
    many = {f"model {i}": Curve(x=[0, 1], y=[0, i / 8]) for i in range(8)}
    lines = plots.gain_curve(many).axes[0].lines[1:]
    looks = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert len(looks) == len({line.get_color() for line in lines}) == 8
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 4


def test_confusion_matrix_shows_counts_and_shares_of_each_outcome() -> None:
    counts = Confusion(
        threshold=0.25, true_negative=900, false_positive=100, false_negative=5, true_positive=15
    )
    words = texts(plots.confusion_matrix(counts))
    for expected in (
        "900",
        "90 % of these, right",
        "10 % of these, wrong",
        "75 % of these, right",
        "score of 0.25",
    ):
        assert expected in words


def test_precision_recall_and_lift_say_what_guessing_reaches() -> None:
    one = {"tree": Curve(x=[0.1, 1], y=[3, 1])}
    assert "Base rate 3.9 %" in texts(plots.precision_recall_curve(one, base_rate=0.039))
    assert "Guessing" in texts(plots.lift_curve(one))
    assert "Perfect" in texts(plots.calibration_curve(one))


def test_amounts_carry_their_currency_and_large_orders_a_log_scale() -> None:
    small, large = Curve(x=[1, 2, 3], y=[2, 1, 3]), Curve(x=[0, 2, 3], y=[0, 1, 900])
    even = plots.predicted_actual({"ridge": small}, currency="EUR").axes[0]
    assert (even.get_xlabel(), even.get_ylabel()) == ("Predicted (EUR)", "Actual (EUR)")
    assert even.get_xscale() == "linear"
    assert plots.predicted_actual({"ridge": large}).axes[0].get_xscale() == "symlog"
    assert (
        plots.residuals({"ridge": small}, currency="EUR").axes[0].get_ylabel()
        == "Actual less predicted (EUR)"
    )


def test_per_k_leaves_out_what_has_no_figure_and_draws_the_interval() -> None:
    slices = [
        SliceRow(
            slice="k=10", n=9, base_rate=0.1, metrics={"roc_auc": 0.8}, intervals={"roc_auc": (0.7, 0.9)}
        ),
        SliceRow(slice="k=1", n=9, base_rate=0.1, metrics={"roc_auc": 0.6}),
        SliceRow(slice="k=2", n=9, base_rate=0.1, metrics={"roc_auc": None}),
        SliceRow(slice="with_cart", n=9, base_rate=0.1, metrics={"roc_auc": 0.9}),
    ]
    axes = plots.per_k_curve(slices, "roc_auc").axes[0]
    assert list(axes.lines[0].get_xdata()) == [1, 10]
    assert axes.get_ylabel() == "ROC-AUC"


def test_importance_shows_the_largest_on_top_and_names_its_unit() -> None:
    ranked = [Importance(feature=f"f{i}", value=float(i)) for i in range(30)]
    axes = plots.importance(ranked, unit="rise of 1 - ROC-AUC when shuffled").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()][-1] == "f29"
    assert len(axes.patches) == 12
    assert axes.get_xlabel() == "Loss of ROC-AUC when shuffled"


def test_recommenders_stand_by_their_figure_and_the_chosen_one_is_named(sample: Report) -> None:
    table = sample.tables[-1]
    figure = plots.recommenders(table.rows)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Popularity", "Markov chain (chosen)"]
    assert {"MRR@20", "Recall@20"} <= {text.get_text() for text in axes.get_legend().get_texts()}
    assert "goal: which item the visitor looks at next" in plots.caption_of(sample, table).text


def test_segments_differ_in_marker_and_noise_is_grey() -> None:
    points = [Point(x=i, y=i, segment=s) for i, s in enumerate([-1, 0, 0, 1])]
    axes = plots.segment_map(points, names={0: "Bargain hunters"}, axes_titles=("money", "time")).axes[0]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == [
        "Belongs to none",
        "Bargain hunters",
        "Segment 1",
    ]
    clouds = [c for c in axes.collections if isinstance(c, PathCollection)]
    assert len({c.get_paths()[0].vertices.tobytes() for c in clouds}) == 3
    assert axes.get_xlabel() == "money"


def test_silhouette_states_the_mean() -> None:
    words = texts(plots.silhouette({"a": Curve(x=[0, 1], y=[0.2, 0.6]), "b": Curve(x=[0], y=[-0.2])}))
    assert "Mean of these sessions 0.20" in words


def test_the_palette_is_the_one_for_all_eyes() -> None:
    assert set(PALETTE) == set(seaborn.color_palette("colorblind").as_hex()) - {"#ece133"}


def test_pictures_may_be_drawn_by_many_threads_at_once(sample: Report) -> None:
    table = sample.tables[0]
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: plots.pictures_of(sample, table), range(4)))
    assert {tuple(texts(p.figure) for p in pictures) for pictures in drawn} == {
        tuple(texts(p.figure) for p in plots.pictures_of(sample, table))
    }


def test_drawing_changes_no_global_setting_and_needs_no_pyplot() -> None:
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from buysignal import plots\nfrom buysignal.report import Curve\n"
        "plots.roc_curve({'a': Curve(x=[0, 1], y=[0, 1])})\n"
        "assert dict.__eq__(matplotlib.rcParams, before)\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
