"""Tracking into a file: what a training's runs hold, and what the registry's aliases stand for."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from buysignal import tracking
from buysignal.cli import app
from buysignal.cli.track import followed
from buysignal.errors import BundleError, DependencyError, InputError
from buysignal.registry import Registry
from buysignal.tracking import EXPERIMENTS, pending, registered
from buysignal.tracking.fetched import aliases, pull
from buysignal.tracking.runs import PRINT
from conftest import Made
from shop import Shop

mlflow = pytest.importorskip("mlflow", reason="the extra 'track' is not installed")

NAME = "buysignal-conversion"
TASKS = tuple(EXPERIMENTS)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all tests of this file: to make one takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
        for name in EXPERIMENTS.values():
            client.create_experiment(name, artifact_location=str(folder / "files" / name.replace(" ", "-")))
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture
def client(uri: str) -> Any:
    return mlflow.MlflowClient(tracking_uri=uri)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def stands_for(client: Any, name: str) -> dict[str, str]:
    return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}


def runs_of(client: Any, task: str, training: Path) -> list[Any]:
    fingerprint = tracking.training_of(training, tracking.Facts()).fingerprint
    experiment = client.get_experiment_by_name(EXPERIMENTS[task]).experiment_id
    return list(client.search_runs([experiment], f"tags.`{PRINT}` = '{fingerprint}'"))


def test_experiments_hold_parents_children_figures_and_the_model(
    training_of_shop: Made, shop: Shop, uri: str, client: Any
) -> None:
    training = training_of_shop("whole", rows=2, tasks=TASKS)
    said = tracking.log_training(training, uri=uri, facts=tracking.facts_of([shop.events]))
    report = tracking.training_of(training, tracking.Facts()).report
    assert not Path(pending.FOLDER).exists()
    logged = 0
    for task in TASKS:
        runs = runs_of(client, task, training)
        (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        children = [run for run in runs if run is not parent]
        rows = [row for table in report.tables if table.task == task for row in table.rows]
        assert len(children) == len(rows) > 0
        assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
        assert parent.data.tags["buysignal.simulated"] == "true"
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert len(parent.data.params["data_hash"]) == 32
        assert parent.inputs.dataset_inputs[0].dataset.digest == parent.data.params["data_hash"]
        files = {file.path for file in client.list_artifacts(parent.info.run_id)}
        assert {"report.json", "report.html", "audit.json", "packages.txt", "pictures"} <= files
        assert ("model" in files) == (task == "conversion")
        logged += len(runs)
    assert f"Logged {logged} runs" in said
    assert f"version 1 of '{NAME}', and its champion" in said


def test_figures_are_those_of_the_report(training_of_shop: Made, uri: str, client: Any) -> None:
    training = training_of_shop("figures", rows=2)
    tracking.log_training(training, uri=uri, name="figures")
    table = tracking.training_of(training, tracking.Facts()).report.tables[0]
    row = next(row for row in table.rows if row.champion)
    (run,) = [
        run for run in runs_of(client, "conversion", training)
        if run.data.tags.get("buysignal.champion") == "true"
    ]  # fmt: skip
    low, high = row.intervals["roc_auc"]
    found = run.data.metrics
    assert (found["roc_auc"], found["roc_auc_low"], found["roc_auc_high"]) == (
        row.metrics["roc_auc"],
        low,
        high,
    )
    assert found["validation/log_loss"] == row.validation["log_loss"]
    curve = {
        point.step: point.value for point in client.get_metric_history(run.info.run_id, "by_click/roc_auc")
    }
    told = {int(part.slice.removeprefix("k=")): part.metrics.get("roc_auc") for part in table.per_k}
    assert curve == {k: value for k, value in told.items() if value is not None}
    assert len(curve) > 2


def test_what_an_interrupted_attempt_left_is_replaced(training_of_shop: Made, uri: str, client: Any) -> None:
    training = training_of_shop("interrupted")
    fingerprint = tracking.training_of(training, tracking.Facts()).fingerprint
    experiment = client.get_experiment_by_name(EXPERIMENTS["conversion"]).experiment_id
    half = client.create_run(experiment, tags={PRINT: fingerprint}).info.run_id
    tracking.log_training(training, uri=uri, name="interrupted")
    runs = runs_of(client, "conversion", training)
    assert len(runs) == 2
    assert half not in {run.info.run_id for run in runs}
    assert "Logged 0 runs" in tracking.log_training(training, uri=uri, name="interrupted")
    assert len(runs_of(client, "conversion", training)) == 2
    assert len(client.search_model_versions("name = 'interrupted'")) == 1


def test_later_trainings_challenge_and_other_questions_do_not(
    training_of_shop: Made, proxied: Path, uri: str, client: Any
) -> None:
    name = "buysignal-shop"
    tracking.log_training(training_of_shop("first"), uri=uri, name=name)
    assert "and its challenger" in tracking.log_training(training_of_shop("second"), uri=uri, name=name)
    other = training_of_shop("other", of=proxied / "bundle")
    said = tracking.log_training(other, uri=uri, name=name)
    assert "no challenger: it differs from the champion (version 1) in goal, proxy" in said
    assert stands_for(client, name) == {"champion": "1", "challenger": "2"}
    with pytest.raises(InputError, match=r"calls the proxy .* conversion"):
        tracking.log_training(other, uri=uri, name="shop-conversion")
    assert not pending.waiting()


def test_a_proxy_is_not_called_conversion(shop: Shop) -> None:
    assert registered.model_name(shop.bundle.goal) == NAME
    proxy = shop.bundle.goal.model_copy(update={"proxy": True, "name": "conversion_like"})
    assert registered.model_name(proxy) == "buysignal-proxy-like"


def test_aliases_follow_a_folder_of_models(
    training_of_shop: Made, shop: Shop, uri: str, client: Any, tmp_path: Path
) -> None:
    name, models = "buysignal-follows", Registry(tmp_path / "models")
    training = training_of_shop("one", version="one")
    models.promote(models.add(training), why="the first")
    # As retrain does, which knows the data.
    said = followed(models.folder, uri, no_track=False, name=name, paths=[shop.events])
    assert "champion of 'buysignal-follows' is version 1 (one)" in str(said)
    runs = runs_of(client, "conversion", training)
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.data.params["data_hash"] == tracking.facts_of([shop.events]).data_hash
    second = models.add(training_of_shop("two", version="two"))
    tracking.follow(models, uri=uri, name=name)
    assert stands_for(client, name) == {"champion": "1", "challenger": "2"}
    for command, told in (["promote", second], {"champion": "2"}), (["rollback"], {"champion": "1"}):
        args = [*command, "--registry", str(models.folder), "--track", uri, "--track-as", name]
        done = CliRunner().invoke(app, args)
        assert done.exit_code == 0, done.output
        assert stands_for(client, name) == told
    assert pull(name, tmp_path / "served", uri=uri) == "one"

    (models.folder / "registry.json").write_text("{}}")
    with pytest.raises(BundleError, match="champion's folder is untouched"):
        tracking.follow(models, uri=uri, name=name)
    assert stands_for(client, name) == {"champion": "1"}
    assert not pending.waiting()


def test_a_damaged_entry_is_said_and_what_serves_stays(
    training_of_shop: Made, uri: str, client: Any, tmp_path: Path
) -> None:
    name, models = "buysignal-damaged", Registry(tmp_path / "models")
    models.promote(models.add(training_of_shop("kept", version="kept")), why="the first")
    tracking.follow(models, uri=uri, name=name)
    served = tmp_path / "served"
    pull(name, served, uri=uri)
    before = (served / "manifest.json").read_bytes()
    (version,) = client.search_model_versions(f"name = '{name}'")

    client.delete_run(version.run_id)
    with pytest.raises(InputError, match=r"its run was deleted; .* is as it was"):
        pull(name, served, uri=uri)
    assert aliases(uri)[name]["champion"].damage == "its run was deleted"
    said = tracking.log_training(training_of_shop("later"), uri=uri, name=name)
    assert "its challenger; the alias 'champion' names version 1, but its run was deleted" in said
    with pytest.raises(InputError, match="has no alias 'other'"):
        pull(name, served, uri=uri, alias="other")
    assert (served / "manifest.json").read_bytes() == before

    # The folder is the source of truth: what the server lost is logged again.
    tracking.follow(models, uri=uri, name=name)
    assert aliases(uri)[name]["champion"].damage is None
    assert pull(name, served, uri=uri) == "kept"

    client.delete_model_version(name, client.get_registered_model(name).aliases["champion"])
    with pytest.raises(InputError, match="champion"):
        pull(name, served, uri=uri)
    assert (served / "manifest.json").read_bytes() == before


def test_a_changed_file_of_a_logged_bundle_is_refused(
    training_of_shop: Made, uri: str, client: Any, tmp_path: Path
) -> None:
    name = "buysignal-changed"
    tracking.log_training(training_of_shop("changed"), uri=uri, name=name)
    (version,) = client.search_model_versions(f"name = '{name}'")
    place = Path(client.get_run(version.run_id).info.artifact_uri.removeprefix("file://"))
    graph = next(place.rglob("conversion-*.onnx"))
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="SHA-256"):
        pull(name, tmp_path / "served", uri=uri)
    assert not (tmp_path / "served").exists()


def test_training_finishes_where_the_server_is_away_and_sync_logs_it_once(
    session_rows: Path, uri: str, client: Any, tmp_path: Path
) -> None:
    rows = session_rows / "online_shoppers_intention.csv"
    away = f"http://shop:secret-word@127.0.0.1:{closed_port()}"
    args = ["train", str(rows), "--out", "models/rows", "--fast", "--imbalance", "none", "--track", away]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "Not tracked" in told
    assert "buysignal track sync" in told
    assert "secret-word" not in done.output
    # Whatever becomes of the folder, what waits is whole.
    (tmp_path / "models" / "rows" / "manifest.json").unlink()
    written = "".join(file.read_text() for file in Path(pending.FOLDER).rglob(pending.NOTE))
    assert "secret-word" not in written

    refused = CliRunner().invoke(app, ["track", "sync", "--track", away])
    assert isinstance(refused.exception, InputError)
    assert len(pending.waiting()) == 1
    synced = CliRunner().invoke(app, ["track", "sync", "--track", uri, "--json"])
    assert synced.exit_code == 0, synced.output
    (sentence,) = json.loads(synced.stdout)
    assert "Logged" in sentence
    assert not Path(pending.FOLDER).exists()
    again = CliRunner().invoke(app, ["track", "sync", "--track", uri])
    assert again.stdout == "Nothing waits.\n"


def test_a_database_that_is_none_is_said(training_of_shop: Made, tmp_path: Path) -> None:
    # Named in full: MLflow keeps what it opened under "sqlite:///mlflow.db", wherever the process is by now.
    none = tmp_path / "none.db"
    none.write_bytes(b"no database at all, but long enough for one" * 100)
    with pytest.raises(InputError, match=r"none.db.*not a database.*track sync"):
        tracking.log_training(training_of_shop("no-database"), uri=f"sqlite:///{none}")
    assert len(pending.waiting()) == 1


def test_a_note_is_taken_by_one_process_only(training_of_shop: Made, uri: str, client: Any) -> None:
    training = training_of_shop("at-once")
    place = pending.note_training(training, tracking.Facts())
    with pending.taken(place) as ours:
        assert ours
        (said,) = tracking.sync(uri=uri)
    assert "by another process" in said
    assert runs_of(client, "conversion", training) == []
    (place / pending.NOTE).write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        tracking.sync(uri=uri)


def test_without_the_extra_it_is_said_and_a_named_server_gets_it_later(
    training_of_shop: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = training_of_shop("without")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(DependencyError, match=r"buysignal\[track\]"):
        tracking.log_training(training)
    assert not pending.waiting()
    with pytest.raises(InputError, match=r"buysignal\[track\].*track sync"):
        tracking.log_training(training, uri="http://127.0.0.1:5000")
    assert len(pending.waiting()) == 1
