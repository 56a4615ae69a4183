from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from buysignal.errors import SamplesError
from buysignal.evaluation import evaluate_conversion, evaluate_revenue
from buysignal.goals import PURCHASE
from buysignal.metrics import CONVERSION, REVENUE, conversion_metrics
from buysignal.models.fitting import Plan
from buysignal.models.odds import probability
from buysignal.report import Dataset, GoalNote, Report
from buysignal.segment_table import evaluate_engagement, evaluate_segments
from buysignal.splits import kfold, time_split
from made import made_samples

QUICK = Plan(fast=True, search=False)


@pytest.fixture(scope="module")
def evaluated():  # type: ignore[no-untyped-def]
    samples = made_samples(4000, per_session=4)
    plan = replace(
        QUICK,
        search=True,
        imbalances=("none", "class_weight", "smote", "undersample"),
        compare=("decision_tree",),
    )
    told: list[str] = []
    return (
        samples,
        evaluate_conversion(samples, time_split(samples), name="t", plan=plan, progress=told.append),
        told,
    )


def test_every_candidate_has_its_row_and_the_vote_too(evaluated) -> None:  # type: ignore[no-untyped-def]
    _, done, told = evaluated
    keys = [(row.model, row.imbalance) for row in done.table.rows]
    assert len(keys) == len(set(keys)) == 5 + 3 + 1
    assert ("soft_vote", "none") in keys
    assert any("decision_tree (smote)" in text for text in told)
    for row in done.table.rows:
        assert set(row.metrics) == set(CONVERSION)
        low, high = row.intervals["roc_auc"]
        assert low <= row.metrics["roc_auc"] <= high
        assert 0 < row.threshold < 1


def test_the_champion_is_chosen_on_validation(evaluated) -> None:  # type: ignore[no-untyped-def]
    _, done, _ = evaluated
    losses = [row.validation["log_loss"] for row in done.table.rows]
    assert [row.champion for row in done.table.rows].index(True) == int(np.argmin(losses))


def test_figures_are_those_of_the_returned_champion(evaluated) -> None:  # type: ignore[no-untyped-def]
    samples, done, _ = evaluated
    test = time_split(samples).test
    again = conversion_metrics(
        samples.y[test], probability(done.champion, samples.X[test]), threshold=done.threshold
    )
    row = next(row for row in done.table.rows if row.champion)
    assert row.metrics["roc_auc"] == pytest.approx(again["roc_auc"], abs=1e-5)
    assert row.metrics["f1"] == pytest.approx(again["f1"], abs=1e-5)
    assert again["roc_auc"] > 0.7
    assert again["ece"] < 0.08


def test_prefix_tables_have_rows_per_k_and_per_cart(evaluated) -> None:  # type: ignore[no-untyped-def]
    _, done, _ = evaluated
    assert [row.slice for row in done.table.per_k] == ["k=1", "k=2", "k=3"]
    assert {row.slice for row in done.table.per_cart} == {"with_cart", "no_cart_yet"}
    assert sum(row.n for row in done.table.per_cart) == done.table.n_test


def test_pictures_tell_what_matters(evaluated) -> None:  # type: ignore[no-untyped-def]
    _, done, _ = evaluated
    pictures = done.table.pictures
    assert pictures.importance[0].feature in {"clicks", "channel"}
    assert {"soft_vote", "xgboost"} <= set(pictures.roc)
    c = pictures.confusion
    assert c.true_negative + c.false_positive + c.false_negative + c.true_positive == done.table.n_test


def test_the_test_slice_changes_nothing_but_figures() -> None:
    samples = made_samples(1500)
    split = time_split(samples)
    y = samples.y.copy()
    y[split.test] = 1 - y[split.test]
    plan = replace(QUICK, models=("logistic_regression", "decision_tree"), search=True)
    one = evaluate_conversion(samples, split, name="t", plan=plan, pictures=False)
    other = evaluate_conversion(replace(samples, y=y), split, name="t", plan=plan, pictures=False)
    assert one.table.champion == other.table.champion
    assert one.threshold == other.threshold
    assert np.array_equal(one.tested.p, other.tested.p)


def test_cross_validation_reports_means_over_folds() -> None:
    samples = made_samples(1500)
    folds = kfold(samples, group="none", folds=3)
    plan = replace(QUICK, models=("logistic_regression",), refit=True)
    done = evaluate_conversion(samples, folds, name="t", plan=plan)
    assert done.table.n_test == 1500
    per_fold = [
        conversion_metrics(samples.y[fold.test], done.tested.p[done.tested.fold == i])["roc_auc"]
        for i, fold in enumerate(folds)
    ]
    assert done.table.rows[0].metrics["roc_auc"] == pytest.approx(np.mean(per_fold), abs=1e-5)
    assert probability(done.champion, samples.X[:5]).shape == (5,)


def test_one_class_in_the_test_slice_gives_null_with_a_reason() -> None:
    samples = made_samples(900)
    split = time_split(samples)
    y = samples.y.copy()
    y[split.test] = 0
    plan = replace(QUICK, models=("logistic_regression",), vote=False)
    done = evaluate_conversion(replace(samples, y=y), split, name="t", plan=plan)
    assert done.table.rows[0].metrics["roc_auc"] is None
    assert "0 of" in done.table.rows[0].undefined


def test_few_positives_are_said() -> None:
    samples = made_samples(700, base=-7.0, seed=3)
    assert 5 < samples.y.sum() < 50
    plan = replace(QUICK, models=("logistic_regression", "xgboost"))
    done = evaluate_conversion(samples, kfold(samples, folds=3), name="t", plan=plan)
    assert any(note.startswith("Small sample") for note in done.table.notes)


def test_revenue_table_with_total_and_intervals() -> None:
    samples = made_samples(3000)
    done = evaluate_revenue(samples, time_split(samples), name="r", plan=QUICK)
    table = done.table
    assert {row.model for row in table.rows} == {
        "mean", "linear", "ridge", "lasso", "gradient_boosting", "two_part"
    }  # fmt: skip
    assert all(set(row.metrics) == set(REVENUE) for row in table.rows)
    best = next(row for row in table.rows if row.champion)
    assert best.metrics["rmse_log1p"] < table.row("mean").metrics["rmse_log1p"]
    assert table.total.low < table.total.forecast < table.total.high
    assert table.total.actual == pytest.approx(samples.revenue[time_split(samples).test].sum(), rel=1e-5)
    assert done.interval is not None


def test_prefix_revenue_counts_each_session_once() -> None:
    samples = made_samples(2000, per_session=4)
    split = time_split(samples)
    plan = replace(QUICK, models=())
    done = evaluate_revenue(samples, split, name="r", plan=plan, models=("mean", "ridge"))
    first = samples.k[split.test] == 1
    assert done.table.total.actual == pytest.approx(samples.revenue[split.test][first].sum(), rel=1e-5)
    assert [row.slice for row in done.table.per_k] == ["k=1", "k=2", "k=3"]


def test_samples_without_the_answer_are_refused() -> None:
    samples = made_samples(400)
    split = time_split(samples)
    with pytest.raises(SamplesError, match="no yes/no answer"):
        evaluate_conversion(replace(samples, y=None), split, name="t")
    with pytest.raises(SamplesError, match="no amount"):
        evaluate_revenue(replace(samples, revenue=None), split, name="t")


@pytest.mark.parametrize("seed", range(6))
def test_the_segment_map_rises_with_the_column_each_axis_is_named_by(seed: int) -> None:
    samples = made_samples(700, gaps=0.0, seed=seed)
    picture = evaluate_segments(samples, name="segments", methods=("kmeans",)).table.pictures
    for axis, places in zip(
        picture.map_axes,
        ([p.x for p in picture.segment_map], [p.y for p in picture.segment_map]),
        strict=True,
    ):
        named = samples.X[:, samples.names.index(axis.removeprefix("mostly "))]
        assert stats.spearmanr(named, places).statistic > 0.3


def test_segment_tables_describe_in_natural_units_and_a_report_comes_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    samples = made_samples(900, gaps=0.0)
    done = evaluate_segments(samples, name="segments")
    assert {row.model for row in done.table.rows} == {"kmeans", "dbscan", "hierarchical"}
    assert sum(one.n for one in done.table.segments) == 900
    weighted = sum(one.n * one.means["clicks"] for one in done.table.segments) / 900
    assert weighted == pytest.approx(samples.X[:, 0].mean(), rel=1e-4)
    engaged = evaluate_engagement(samples, name="engagement", columns=["clicks"])
    low, high = engaged.table.segments
    assert low.means["clicks"] < high.means["clicks"]
    with pytest.raises(SamplesError, match="no column counts clicks"):
        evaluate_engagement(samples.drop(["clicks"]), name="engagement")
    report = Report(
        dataset=Dataset(name="made"), goal=GoalNote.of(PURCHASE), tables=[done.table, engaged.table]
    )
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report
    assert report.table("engagement").champion == "kmeans"
