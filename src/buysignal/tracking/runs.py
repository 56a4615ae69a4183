"""One training as runs: per task an experiment, in it a parent and a child per candidate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buysignal import plots
from buysignal.report import Report, Row, Table
from buysignal.tracking.curves import curves_of, in_batches, metrics_of, safe
from buysignal.tracking.facts import Facts
from buysignal.wording import answers_goal

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENTS = {
    "conversion": "buysignal classification",
    "revenue": "buysignal regression",
    "segments": "buysignal clustering",
    "next_item": "buysignal recommendation",
}

PRINT, WHOLE = "buysignal.fingerprint", "buysignal.complete"
"""Tags: by the first a training is found again, the second says that nothing of it is missing."""

_PARENT = "mlflow.parentRunId"
_MOST_RUNS = 1_000


@dataclass(frozen=True)
class Logged:
    """What of a training stands on the server.

    Attributes:
        parent: id of the classification experiment's parent run, which carries the model.
        made: how many runs were made now; 0 where all were there before.
    """

    parent: str
    made: int


@dataclass(frozen=True)
class Training:
    """A finished training, and the word by which it is known again."""

    report: Report
    bundle: Path
    facts: Facts
    fingerprint: str

    def tables(self, task: str) -> list[Table]:
        """Return the leaderboards of one task."""
        return [table for table in self.report.tables if table.task == task]


def log_runs(client: MlflowClient, training: Training) -> Logged:
    """Log what is not there yet, exactly once; what an interrupted attempt left is replaced."""
    parents, made = {}, 0
    for task in EXPERIMENTS:
        if training.tables(task):
            parents[task], now = _log_task(client, training, task)
            made += now
    return Logged(parents.get("conversion") or next(iter(parents.values())), made)


def _log_task(client: MlflowClient, training: Training, task: str) -> tuple[str, int]:
    """Return the parent's id, and how many runs were made."""
    experiment = _experiment(client, EXPERIMENTS[task])
    told = f"tags.`{PRINT}` = '{training.fingerprint}'"
    there = client.search_runs([experiment], told, max_results=_MOST_RUNS)
    whole = next((run.info.run_id for run in there if run.data.tags.get(WHOLE) == "true"), None)
    if whole is not None:
        return whole, 0
    for left in there:
        client.delete_run(left.info.run_id)
    tables, tags = training.tables(task), _tags(training, task)
    parent = client.create_run(experiment, run_name=f"{training.bundle.name}: {task}", tags=tags).info.run_id
    _log_data(client, parent, training)
    _log_files(client, parent, training, tables)
    figures = []
    for table in tables:
        for row in table.rows:
            _log_candidate(client, experiment, parent, table, row, tags)
        prefix = f"{safe(table.name)}/"
        figures += [metric for row in table.rows if row.champion for metric in metrics_of(row, prefix)]
        figures += curves_of(table, prefix)
    _log_figures(client, parent, _params(_settings(training)), figures)
    client.set_terminated(parent)
    client.set_tag(parent, WHOLE, "true")
    return parent, 1 + sum(len(table.rows) for table in tables)


def _tags(training: Training, task: str) -> dict[str, str]:
    report, facts = training.report, training.facts
    # What is looked at next is no goal, and so neither conversion nor a proxy.
    goal = answers_goal(training.tables(task)[0])
    found = {
        PRINT: training.fingerprint,
        "buysignal.goal": report.goal.name if goal else "next_look",
        "buysignal.proxy": str(goal and report.goal.proxy).lower(),
        "buysignal.dataset": report.dataset.name,
        "buysignal.simulated": str(report.dataset.simulated).lower(),
        "mlflow.source.name": "buysignal",
    }
    if facts.git_commit is not None:
        found["mlflow.source.git.commit"] = facts.git_commit
        found["buysignal.git_changed"] = str(bool(facts.git_changed)).lower()
    return found


def _settings(training: Training) -> dict[str, Any]:
    report, dataset = training.report, training.report.dataset
    found = {
        "goal": report.goal.sentence,
        "dataset": dataset.name,
        "profile": dataset.profile,
        "rows_kept": dataset.rows_kept,
        "rows_rejected": dataset.rows_rejected,
        "sessions": dataset.sessions,
        "purchases": dataset.purchases,
        "data_hash": training.facts.data_hash,
        "environment_hash": training.facts.environment_hash if training.facts.packages else None,
        "buysignal_version": report.version,
        "trained_at": report.created,
    }
    return found | {f"option_{name}": value for name, value in report.settings.items()}


def _log_data(client: MlflowClient, run: str, training: Training) -> None:
    """Name the data set of the run by its files, its size and the hash of what was read."""
    if training.facts.data_hash is None:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = training.report.dataset
    size = {"num_rows": dataset.rows_kept, "num_sessions": dataset.sessions}
    read = Dataset(
        name=dataset.name, digest=training.facts.data_hash[:36], source_type="local",
        source=json.dumps({"files": dataset.files}), profile=json.dumps(size),
    )  # fmt: skip
    client.log_inputs(run, [DatasetInput(read, [InputTag("mlflow.data.context", "training")])])


def _log_files(client: MlflowClient, run: str, training: Training, tables: Sequence[Table]) -> None:
    """Hand over pictures, report, audit and packages, in one go."""
    with tempfile.TemporaryDirectory(prefix="buysignal-") as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        for title, picture in _pictures(training.report, tables):
            picture.figure.savefig(folder / "pictures" / f"{title}.png", dpi=90)
        for report in ("report.json", "report.html"):
            (folder / report).write_bytes((training.bundle / report).read_bytes())
        audit = {table.name: [line.model_dump() for line in table.audit] for table in tables}
        (folder / "audit.json").write_text(json.dumps(audit, indent=1) + "\n", encoding="utf-8")
        if training.facts.packages:
            packages = "\n".join(training.facts.packages) + "\n"
            (folder / "packages.txt").write_text(packages, encoding="utf-8")
        client.log_artifacts(run, str(folder))


def _log_candidate(
    client: MlflowClient, experiment: str, parent: str, table: Table, row: Row, tags: dict[str, str]
) -> None:
    name = row.model if row.imbalance in (None, "none") else f"{row.model} + {row.imbalance}"
    own = {
        **tags,
        _PARENT: parent,
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
    curves = curves_of(table) if row.champion else []
    _log_figures(client, run, _params(facts), [*metrics_of(row), *curves])
    client.set_terminated(run)


def _log_figures(client: MlflowClient, run: str, params: Sequence[Any], metrics: Sequence[Any]) -> None:
    first, *others = in_batches(metrics) if metrics else [()]
    client.log_batch(run, params=params, metrics=first)
    for batch in others:
        client.log_batch(run, metrics=batch)


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return client.create_experiment(name) if found is None else found.experiment_id


def _params(facts: dict[str, Any]) -> Sequence[Any]:
    from mlflow.entities import Param

    return [Param(name, str(value)[:500]) for name, value in facts.items() if value is not None][:100]


def _pictures(report: Report, tables: Sequence[Table]) -> Iterator[tuple[str, plots.Picture]]:
    for table in tables:
        for picture in plots.pictures_of(report, table):
            yield f"{safe(table.name)}-{picture.name}", picture
