"""The figures that are promised on the real data sets, by the commands that give them.

Floors, not targets: they hold what was reached against decay. All are the champion's, chosen on the
validation slice and scored once on the test slice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from buysignal import bundle as bundles
from buysignal import scoring
from buysignal.report import Report, Row, Table
from buysignal.training import Options, train


def champion(table: Table) -> Row:
    return next(row for row in table.rows if row.champion)


def metric(row: Row, name: str) -> float:
    value = row.metrics[name]
    assert value is not None
    return value


@pytest.fixture(scope="module")
def eshop(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = real_data / "uci_eshop"
    trained = train(
        folder / "train_data.csv.gz",
        test=folder / "test_data.csv.gz",
        out=tmp_path_factory.mktemp("eshop") / "bundle",
        options=Options(fast=True),
    )
    return trained.path, trained.report


def test_the_well_known_figures_are_reproduced_and_called_what_they_are(eshop: tuple[Path, Report]) -> None:
    table = eshop[1].table("click: price_2, all columns")
    for model in ("logistic_regression", "decision_tree", "random_forest", "xgboost", "mlp"):
        assert metric(table.row(model), "roc_auc") >= 0.99
        assert metric(table.row(model), "f1") >= 0.99
    assert {row.imbalance for row in table.rows} == {"none", "class_weight", "smote", "undersample"}
    said = " ".join(line.detail for line in table.audit if line.verdict == "tautology")
    assert "`item_id` alone fixes `price_2`" in said
    assert "`price_2` is 1 exactly when `price` ≥ 43 in blouses" in said
    leaks = " ".join(line.detail for line in table.audit if line.verdict == "leak")
    assert "12,918 sessions stand in both train and test: 96 %" in leaks

    amounts = eshop[1].table("click: price, all columns")
    for model in ("linear", "ridge", "lasso", "gradient_boosting"):
        assert metric(amounts.row(model), "r2") >= 0.99
    assert any(line.verdict == "tautology" for line in amounts.audit)


def test_without_what_names_the_item_little_is_left(eshop: tuple[Path, Report]) -> None:
    hidden = eshop[1].table("click: price_2, item and price hidden")
    assert metric(champion(hidden), "roc_auc") < 0.75
    assert not any(line.verdict == "tautology" for line in hidden.audit)


def test_the_next_click_is_hard_to_tell_and_said_to_be_no_conversion(eshop: tuple[Path, Report]) -> None:
    path, report = eshop
    table = report.table("prefix: next_above_average")
    assert 0.59 <= metric(champion(table), "roc_auc") <= 0.66
    assert {"k=1", "k=2", "k=3", "k=5", "k=10"} == {row.slice for row in table.per_k}
    assert report.goal.proxy
    assert all(t.goal is not None and t.goal.proxy for t in report.tables)
    value = report.table("prefix: viewed_value")
    assert metric(champion(value), "rmse_log1p") < metric(value.row("mean"), "rmse_log1p")
    assert bundles.load(path).goal.proxy


def test_kinds_of_visit_on_the_eshop(eshop: tuple[Path, Report]) -> None:
    table = eshop[1].table("segments")
    assert {row.model for row in table.rows} == {"kmeans", "dbscan", "hierarchical"}
    for row in table.rows:
        assert {"silhouette", "davies_bouldin", "inertia", "stability"} <= set(row.metrics)
    assert metric(champion(eshop[1].table("engagement")), "silhouette") >= 0.70


def test_the_store_is_told_from_what_is_known_at_the_start(real_data: Path, tmp_path: Path) -> None:
    options = Options(cut="2017-06-24", imbalance="none")
    trained = train(real_data / "gstore", out=tmp_path / "bundle", options=options)
    table = next(t for t in trained.report.tables if t.task == "conversion")
    best = champion(table)
    assert table.base_rate == pytest.approx(0.035, abs=0.001)
    assert metric(best, "roc_auc") >= 0.84
    assert metric(best, "average_precision") >= 0.14
    assert set(bundles.load(trained.path).names) == {"visit_number", "channel_grouping", "hour", "weekday"}
    assert any("Left out because they are known too late: page_views" in note for note in table.notes)
    revenue = trained.report.table("session: revenue")
    assert metric(champion(revenue), "rmse_log1p") <= 0.845
    assert metric(revenue.row("mean"), "rmse_log1p") == pytest.approx(0.879, abs=0.001)
    total = revenue.total
    assert total is not None
    assert total.low < total.actual < total.high


def test_whole_visit_columns_are_flagged_when_asked_for(real_data: Path, tmp_path: Path) -> None:
    options = Options(cut="2017-06-24", imbalance="none", fast=True, include_late=True)
    report = train(real_data / "gstore", out=tmp_path / "bundle", options=options).report
    late = next(t for t in report.tables if t.task == "conversion" and " with " in t.name)
    leaks = {line.column for line in late.audit if line.verdict == "leak"}
    assert any(column is not None and "units" in column for column in leaks)


def test_shoppers_with_and_without_page_values_stand_side_by_side(real_data: Path, tmp_path: Path) -> None:
    options = Options(imbalance="none")
    report = train(real_data / "uci_shoppers", out=tmp_path / "bundle", options=options).report
    with_late = report.table("session: purchase with PageValues")
    without = report.table("session: purchase without PageValues")
    assert metric(champion(with_late), "roc_auc") >= 0.935
    assert metric(champion(with_late), "average_precision") >= 0.758
    assert metric(champion(without), "roc_auc") >= 0.787
    assert metric(champion(without), "average_precision") >= 0.380
    assert any(line.verdict == "leak" and "PageValues" in line.detail for line in with_late.audit)
    assert not any(line.verdict == "leak" for line in without.audit)
    assert "PageValues" not in bundles.load(tmp_path / "bundle").names


def test_three_hours_of_a_large_shop_give_scores_and_a_warning(real_data: Path, tmp_path: Path) -> None:
    events = real_data / "rees46"
    trained = train(events, out=tmp_path / "bundle", options=Options(fast=True, imbalance="none"))
    table = trained.report.table("prefix: purchase")
    assert any(note.startswith("Small sample") for note in table.notes)
    low, high = champion(table).intervals["roc_auc"]
    assert low is not None
    assert high is not None
    assert high - low > 0.05
    scored = scoring.score_paths(bundles.load(trained.path), events)
    assert len(scored.table) == scored.table["session_id"].nunique()
    assert scored.rejects == 7
