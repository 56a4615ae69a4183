"""Tracking: a training run into MLflow."""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buysignal import plots
from buysignal.errors import DependencyError, InputError
from buysignal.report import Report, Row, Table
from buysignal.wording import answers_goal

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENTS = {
    "conversion": "buysignal classification",
    "revenue": "buysignal regression",
    "segments": "buysignal clustering",
    "next_item": "buysignal recommendation",
}


def installed() -> bool:
    """Return whether MLflow can be imported."""
    return importlib.util.find_spec("mlflow") is not None


def log_training(report: Report, bundle: Path, *, uri: str | None = None) -> str:
    """Log a training run: per task an experiment, in it one parent run and a child per candidate.

    Parents carry the pictures, the report and the bundle; children parameters and metrics with their
    intervals.

    Args:
        report: of the run.
        bundle: its folder.
        uri: a tracking server; a SQLite file and a folder in the current directory where None.

    Returns:
        One sentence on what was logged and how to look at it.

    Raises:
        DependencyError: MLflow is not installed.
        InputError: the server cannot be reached; the bundle is finished all the same.
    """
    if not installed():
        raise DependencyError("mlflow", "track")
    target = uri or DEFAULT_URI
    # MLflow's own defaults wait for minutes on a server that is not there.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    client = mlflow.MlflowClient(tracking_uri=target)
    try:
        runs = sum(_log_task(client, report, bundle, task) for task in EXPERIMENTS)
    except mlflow.MlflowException as error:
        raise InputError(
            f"the tracking server {target} did not take the run: {_first_line(error)}",
            todo=f"check the address; the bundle and its reports are safe in {bundle}",
        ) from error
    look = f"mlflow ui --backend-store-uri {target}" if uri is None else target
    return f"Logged {runs} runs to MLflow; look at them with: {look}"


def _log_task(client: MlflowClient, report: Report, bundle: Path, task: str) -> int:
    tables = [table for table in report.tables if table.task == task]
    if not tables:
        return 0
    experiment = _experiment(client, EXPERIMENTS[task])
    # What is looked at next is no goal, and so neither conversion nor a proxy.
    goal = answers_goal(tables[0])
    tags = {
        "buysignal.goal": report.goal.name if goal else "next_look",
        "buysignal.proxy": str(goal and report.goal.proxy).lower(),
        "buysignal.dataset": report.dataset.name,
        "buysignal.simulated": str(report.dataset.simulated).lower(),
    }
    parent = client.create_run(experiment, run_name=f"{bundle.name}: {task}", tags=tags).info.run_id
    client.log_batch(parent, params=_params(_facts(report)))
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        for name, picture in _pictures(report, tables):
            file = Path(folder) / f"{name}.png"
            picture.figure.savefig(file, dpi=90)
            client.log_artifact(parent, str(file), "pictures")
    for name in ("report.json", "report.html"):
        client.log_artifact(parent, str(bundle / name))
    client.log_artifacts(parent, str(bundle), "bundle")
    children = 0
    for table in tables:
        for row in table.rows:
            _log_candidate(client, experiment, parent, table, row, tags)
            children += 1
        champion = next((row for row in table.rows if row.champion), None)
        if champion is not None:
            client.log_batch(parent, metrics=_metrics(champion, prefix=f"{_safe(table.name)}/"))
    client.set_terminated(parent)
    return children + 1


def _log_candidate(
    client: MlflowClient, experiment: str, parent: str, table: Table, row: Row, tags: dict[str, str]
) -> None:
    name = row.model if row.imbalance in (None, "none") else f"{row.model} + {row.imbalance}"
    own = {
        **tags,
        "mlflow.parentRunId": parent,
        "buysignal.table": table.name,
        "buysignal.champion": str(row.champion).lower(),
        "buysignal.audit": ", ".join(sorted({f.verdict for f in table.audit if f.verdict != "ok"})) or "ok",
    }
    run = client.create_run(experiment, run_name=f"{table.name}: {name}", tags=own).info.run_id
    facts = {
        "model": row.model,
        "imbalance": row.imbalance or "none",
        "split": table.split,
        "unit": table.unit,
        "n_train": table.n_train,
        "n_test": table.n_test,
        **row.params,
    }
    client.log_batch(run, params=_params(facts), metrics=_metrics(row))
    client.set_terminated(run)


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return client.create_experiment(name) if found is None else found.experiment_id


def _facts(report: Report) -> dict[str, Any]:
    dataset = report.dataset
    return {
        "goal": report.goal.sentence,
        "dataset": dataset.name,
        "profile": dataset.profile,
        "rows_kept": dataset.rows_kept,
        "rows_rejected": dataset.rows_rejected,
        "sessions": dataset.sessions,
        "purchases": dataset.purchases,
        "buysignal_version": report.version,
    }


def _params(facts: dict[str, Any]) -> Sequence[Any]:
    from mlflow.entities import Param

    return [Param(name, str(value)[:500]) for name, value in facts.items() if value is not None]


def _metrics(row: Row, prefix: str = "") -> Sequence[Any]:
    import time

    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    values = dict(row.metrics)
    for name, (low, high) in row.intervals.items():
        values |= {f"{name}_low": low, f"{name}_high": high}
    return [
        Metric(prefix + name, float(value), now, 0) for name, value in values.items() if value is not None
    ]


def _pictures(report: Report, tables: Sequence[Table]) -> Iterator[tuple[str, plots.Picture]]:
    for table in tables:
        for picture in plots.pictures_of(report, table):
            yield f"{_safe(table.name)}-{picture.name}", picture


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name).strip("_")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
