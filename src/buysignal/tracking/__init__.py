"""Tracking: trainings into MLflow, models into its registry, exactly once, now or later.

Whatever is logged is put down in a folder first and sent from there. A server that is away loses nothing, and
what is sent twice is found by its fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from buysignal import bundle as bundles
from buysignal.errors import BuysignalError, DependencyError, InputError
from buysignal.registry import Registry
from buysignal.report import Report
from buysignal.tracking import pending, registered
from buysignal.tracking.facts import Facts, facts_of
from buysignal.tracking.runs import EXPERIMENTS, Training, log_runs
from buysignal.tracking.servers import DEFAULT_URI, Server, asked, configured, installed, server_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "DEFAULT_URI",
    "EXPERIMENTS",
    "Facts",
    "configured",
    "facts_of",
    "follow",
    "installed",
    "log_training",
    "server_of",
    "sync",
]

Progress = Callable[[float, str], None]


def log_training(
    bundle: Path,
    *,
    uri: str | None = None,
    facts: Facts | None = None,
    name: str | None = None,
    enters: bool = True,
) -> str:
    """Log a finished training: per task an experiment, in it a parent run and a child per candidate.

    Children carry parameters and metrics with their intervals, the champion's also by the clicks seen;
    parents the pictures, the report and the audit; the first of them the bundle as an MLflow model, which
    becomes a version in the model registry: the first of its name the champion, later ones challengers.

    Args:
        bundle: folder that a training wrote, with ``report.json`` and ``report.html``.
        uri: a tracking server; see ``server_of`` for None.
        facts: what only the training knows, such as the data's hash.
        name: in the model registry; by the goal where None.
        enters: give the version an alias; false where ``follow`` does.

    Returns:
        One sentence on what was logged and how to look at it.

    Raises:
        DependencyError: MLflow is not installed, and no server was named.
        InputError: the server did not take it. The training waits, and ``sync`` logs it.
    """
    if not installed() and not configured(uri):
        raise DependencyError("mlflow", "track")
    registered.model_name(bundles.load(bundle).goal, name)
    place = pending.note_training(Path(bundle), facts or Facts(), name=name, enters=enters)
    return _now_or_later(place, uri)


def follow(registry: Registry, *, uri: str | None = None, name: str | None = None) -> str:
    """Let MLflow's aliases be what a folder of models says; the folder stays the source of truth.

    Versions that the server does not know, or whose files it has lost, are logged.

    Raises:
        InputError: the server did not take it; ``sync`` makes up for it. The folder is not touched.
        BundleError: the folder's state cannot be read.
    """
    registry.state  # noqa: B018  what cannot be read shall not wait
    return _now_or_later(pending.note_registry(registry.folder, name=name), uri)


def sync(*, uri: str | None = None, progress: Progress | None = None) -> list[str]:
    """Log all that waits, the oldest first; returns a sentence for each.

    Raises:
        InputError: the server does not take it; what was not logged goes on waiting.
        DependencyError: MLflow is not installed.
    """
    tell = progress or (lambda _share, _text: None)
    places, said = pending.waiting(), []
    server = server_of(uri)
    for at, place in enumerate(places):
        tell(at / len(places), f"logging {place.name}")
        said.append(_send(place, server))
    return said


def _now_or_later(place: Path, uri: str | None) -> str:
    try:
        return _send(place, server_of(uri))
    except BuysignalError as error:
        raise InputError(
            error.came,
            todo=f"{error.todo or 'see above'}; nothing is lost: it waits in '{place.parent}', and "
            "'buysignal track sync' logs it",
        ) from error


def _send(place: Path, server: Server) -> str:
    with pending.taken(place) as ours:
        if not ours:
            return f"{place.name} is being logged by another process"
        note = pending.read(place)
        with asked(server) as client:
            said = _follow(client, note) if note.follows else _log(client, place, note)
        pending.done(place)
    return f"{said}; look at it with: {server.look}"


def _log(client: MlflowClient, place: Path, note: pending.Note) -> str:
    training = training_of(place / str(note.bundle), note.facts)
    runs, name, version = _logged(client, training, note.name)
    entered = registered.enter(client, name, version) if note.enters else f"version {version} of '{name}'"
    return f"Logged {runs} runs to MLflow; {entered}"


def _follow(client: MlflowClient, note: pending.Note) -> str:
    registry = Registry(str(note.follows))
    state, said = registry.state, []
    for alias, kept in ((registered.CHAMPION, state.champion), (registered.CHALLENGER, state.challenger)):
        if kept is not None:
            _, name, version = _logged(client, training_of(registry.path(kept), Facts()), note.name)
            registered.move(client, name, alias, version)
            said.append(f"{alias} of '{name}' is version {version} ({kept})")
        elif state.champion is not None:
            goal = bundles.load(registry.path(state.champion)).goal
            registered.move(client, registered.model_name(goal, note.name), alias, None)
    return f"MLflow follows '{registry.folder.name}': {', '.join(said) or 'no models yet'}"


def _logged(client: MlflowClient, training: Training, wish: str | None) -> tuple[int, str, str]:
    """Return how many runs were made, the name in the registry and the version there."""
    bundle = bundles.load(training.bundle)
    name = registered.model_name(bundle.goal, wish)
    logged = log_runs(client, training)
    return logged.made, name, registered.register(client, training, bundle, logged.parent, name)


def training_of(bundle: Path, facts: Facts) -> Training:
    """Return a training as it lies in a folder; its fingerprint covers the report and what scores.

    Raises:
        BundleError: it is no bundle, or was changed.
        SourceError: it has no report.
    """
    report = Report.load(bundle / "report.json")
    known = hashlib.blake2b((bundle / "report.json").read_bytes(), digest_size=16)
    known.update(bundles.load(bundle).version.encode())
    return Training(report, bundle, facts, known.hexdigest())
