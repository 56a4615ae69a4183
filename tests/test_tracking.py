"""Tracking: a training run stands in MLflow whole, and a server that is away loses nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from buysignal.errors import InputError
from buysignal.tracking import EXPERIMENTS, log_training
from shop import Shop

mlflow = pytest.importorskip("mlflow", reason="the extra 'track' is not installed")


def test_three_experiments_hold_parents_children_and_the_bundle(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    said = log_training(shop.report, shop.folder, uri=uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    logged = 0
    for task, name in EXPERIMENTS.items():
        experiment = client.get_experiment_by_name(name)
        runs = client.search_runs([experiment.experiment_id])
        parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        rows = [row for table in shop.report.tables if table.task == task for row in table.rows]
        assert len(parents) == 1
        assert len(children) == len(rows)
        assert parents[0].data.tags["buysignal.simulated"] == "true"
        files = {file.path for file in client.list_artifacts(parents[0].info.run_id)}
        assert {"report.json", "report.html", "bundle", "pictures"} <= files
        assert client.list_artifacts(parents[0].info.run_id, "pictures")
        logged += len(runs)
    assert f"Logged {logged} runs" in said


def test_metrics_are_those_of_the_report(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    log_training(shop.report, shop.folder, uri=uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENTS["conversion"]).experiment_id
    champions = client.search_runs([experiment], "tags.`buysignal.champion` = 'true'")
    table = shop.report.table("prefix: purchase")
    row = next(row for row in table.rows if row.champion)
    assert champions[0].data.metrics["roc_auc"] == pytest.approx(row.metrics["roc_auc"])
    low, high = row.intervals["roc_auc"]
    assert champions[0].data.metrics["roc_auc_low"] == pytest.approx(low)
    assert champions[0].data.metrics["roc_auc_high"] == pytest.approx(high)


def test_a_server_that_is_away_is_said_in_one_sentence(shop: Shop) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"did not take the run.*safe in"):
        log_training(shop.report, shop.folder, uri=f"http://127.0.0.1:{port}")
