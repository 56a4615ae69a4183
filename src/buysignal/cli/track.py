"""Commands for what is tracked: sync, status, pull; and the options of all commands that track."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from buysignal.cli.options import Json
from buysignal.cli.root import Commands, app
from buysignal.cli.terminal import console, plain, progress_bar
from buysignal.errors import BuysignalError

TrackOption = Annotated[
    str | None,
    typer.Option("--track", help="MLflow server; else MLFLOW_TRACKING_URI, DAGSHUB_REPO, or mlflow.db here."),
]
FollowOption = Annotated[
    str | None,
    typer.Option("--track", help="MLflow server that follows; else MLFLOW_TRACKING_URI or DAGSHUB_REPO."),
]
NoTrackOption = Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")]
TrackAsOption = Annotated[
    str | None,
    typer.Option(
        "--track-as", envvar="BUYSIGNAL_TRACK_AS", help="Name in MLflow's registry; by the goal if unset."
    ),
]

track = typer.Typer(
    help="What is tracked in MLflow: log what waits, look, bring a model back.",
    no_args_is_help=True, rich_markup_mode=None, cls=Commands,
)  # fmt: skip
app.add_typer(track, name="track")


@track.command()
def sync(uri: TrackOption = None, as_json: Json = False) -> None:
    """Log to MLflow what waits because a server was away; each training exactly once."""
    from buysignal import tracking

    with progress_bar("Logging", as_json) as step:
        said = tracking.sync(uri=uri, progress=step)
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    for sentence in said or ["Nothing waits."]:
        console().print(plain(sentence))


@track.command()
def status(uri: TrackOption = None, as_json: Json = False) -> None:
    """Say which models the registry's aliases stand for, what is wrong with them, and what waits."""
    from buysignal.tracking import pending, server_of
    from buysignal.tracking.fetched import aliases

    found = {
        name: {
            alias: {"version": e.version, "bundle": e.bundle_version, "damage": e.damage}
            for alias, e in of.items()
        }
        for name, of in aliases(uri).items()
    }
    waiting = len(pending.waiting())
    if as_json:
        typer.echo(json.dumps({"models": found, "waiting": waiting}, indent=2))
        return
    console().print(
        plain(f"{server_of(uri).shown}: {len(found)} models; {waiting} trainings or changes wait")
    )
    for name, of in found.items():
        for alias, entry in of.items():
            state = entry["damage"] or f"bundle {entry['bundle']}"
            console().print(plain(f"{name}@{alias}: version {entry['version']}, {state}"))


@track.command()
def pull(
    name: Annotated[str, typer.Argument(help="In the registry, such as buysignal-conversion.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle; replaced only by a whole one.")],
    alias: Annotated[str, typer.Option(help="Which of its versions.")] = "champion",
    uri: TrackOption = None,
) -> None:
    """Bring a model of MLflow's registry into a folder, verified; doors that watch it exchange it."""
    from buysignal.tracking.fetched import pull as bring

    version = bring(name, out, alias=alias, uri=uri)
    console().print(plain(f"{out} holds {version}, the {alias} of {name}."))


def followed(
    registry: Path, uri: str | None, no_track: bool, name: str | None, paths: list[Path]
) -> str | None:
    """Let MLflow follow a folder of models, where a server is named; returns a sentence.

    What was decided is decided: a tracking server that is away must not look like a failed command.

    Args:
        paths: what its challenger was trained on just now; empty where nothing was trained.
    """
    from buysignal import tracking

    if no_track or not tracking.configured(uri):
        return None
    from buysignal.registry import Registry

    models = Registry(registry)

    def tell() -> str:
        version = models.state.history[-1].version if models.state.history else None
        if paths and version is not None:
            facts = tracking.facts_of(paths)
            tracking.log_training(models.path(version), uri=uri, facts=facts, name=name, enters=False)
        return tracking.follow(models, uri=uri, name=name)

    return later_if_away(tell)


def later_if_away(log: Callable[[], str]) -> str:
    """Return what logging says, or why it was not done yet."""
    try:
        return log()
    except BuysignalError as error:
        return f"Not tracked: {error}"
