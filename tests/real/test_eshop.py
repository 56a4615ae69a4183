"""UCI e-shop: the classic figures, what they are worth, and the honest ones.

Floors, not targets: they hold what was reached against decay. All are the champion's, chosen on the
validation slice and scored once on the test slice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from buysignal import bundle as bundles
from buysignal.report import Report
from buysignal.training import Options, train
from floors import champion, metric


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
    assert all((t.goal is not None and t.goal.proxy) or t.task == "next_item" for t in report.tables)
    value = report.table("prefix: viewed_value")
    assert metric(champion(value), "rmse_log1p") < metric(value.row("mean"), "rmse_log1p")
    assert bundles.load(path).goal.proxy


def test_kinds_of_visit_on_the_eshop(eshop: tuple[Path, Report]) -> None:
    table = eshop[1].table("segments")
    assert {row.model for row in table.rows} == {"kmeans", "dbscan", "hierarchical"}
    for row in table.rows:
        assert {"silhouette", "davies_bouldin", "inertia", "stability"} <= set(row.metrics)
    assert metric(champion(eshop[1].table("engagement")), "silhouette") >= 0.70
