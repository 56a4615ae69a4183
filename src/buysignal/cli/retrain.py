"""Commands for a shop's models over time: retrain, models, promote, rollback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from buysignal.cli.options import Json, Paths, ProfileOption, RateOption
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar
from buysignal.cli.track import FollowOption, NoTrackOption, TrackAsOption, followed

RegistryOption = Annotated[
    Path, typer.Option("--registry", help="Folder of the shop's models; its folder 'champion' is served.")
]


@app.command()
def retrain(
    paths: Paths,
    registry: RegistryOption = Path("models/registry"),
    when: Annotated[
        Literal["better", "not-worse"],
        typer.Option(help="Promote only when better, or also when not worse (and fresher)."),
    ] = "better",
    margin: Annotated[
        float, typer.Option(help="Share of the champion's log loss that counts as not worse.")
    ] = 0.01,
    sealed: Annotated[
        str, typer.Option(help="The latest stretch, which judges both and teaches neither.")
    ] = "7d",
    fast: Annotated[bool, typer.Option(help="Fewer trees and no search.")] = False,
    profile: ProfileOption = None,
    rate: RateOption = None,
    track: FollowOption = None,
    no_track: NoTrackOption = False,
    track_as: TrackAsOption = None,
    as_json: Json = False,
) -> None:
    """Train a challenger on new data, compare it with the champion on what neither knows, promote the better.

    The first model of a registry becomes its champion. The same data with the same settings is not trained
    on twice; a run that was interrupted after its training goes on from there; two at once are refused.
    """
    from buysignal.registry import Registry
    from buysignal.retrain import Rule
    from buysignal.retrain import retrain as run
    from buysignal.sources.rates import parse_rates
    from buysignal.training import Options

    options = Options(
        profile=profile, rates=parse_rates(rate or []), fast=fast, imbalance="none" if fast else "compare"
    )
    with progress_bar("Retraining", as_json) as step:
        done = run(
            Registry(registry), paths, options=options,
            rule=Rule(when=when, margin=margin, sealed=sealed), progress=step,
        )  # fmt: skip
        step(0.97, "logging to MLflow")
        note = followed(registry, track, no_track, track_as, [] if done.again else paths)
    if as_json:
        typer.echo(json.dumps(done.as_json() | {"tracked": note}, indent=2))
        return
    console().print(f"[bold]{done.version}[/]: {plain(done.sentence)}")
    _say(note)


@app.command()
def models(registry: RegistryOption = Path("models/registry"), as_json: Json = False) -> None:
    """List a registry's models, which of them serves, and how that came about."""
    from rich.table import Table

    from buysignal.registry import Registry

    state = Registry(registry).state
    if as_json:
        typer.echo(json.dumps(state.model_dump(), indent=2))
        return
    table = Table(title=f"champion {state.champion or 'none yet'}", title_justify="left")
    for title in ("at", "what", "version", "why"):
        table.add_column(title)
    for change in state.history:
        table.add_row(change.at, change.what, change.version, plain(change.why))
    console().print(table)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="One of those that 'buysignal models' lists.")],
    registry: RegistryOption = Path("models/registry"),
    why: Annotated[str, typer.Option(help="Kept in the history.")] = "by hand",
    track: FollowOption = None,
    no_track: NoTrackOption = False,
    track_as: TrackAsOption = None,
) -> None:
    """Make a version of a registry its champion by hand."""
    from buysignal.registry import Registry

    models = Registry(registry)
    with models.locked():
        models.promote(version, why=why)
    console().print(f"{version} serves from now on.")
    _say(followed(registry, track, no_track, track_as, []))


@app.command()
def rollback(
    registry: RegistryOption = Path("models/registry"),
    why: Annotated[str, typer.Option(help="Kept in the history.")] = "by hand",
    track: FollowOption = None,
    no_track: NoTrackOption = False,
    track_as: TrackAsOption = None,
) -> None:
    """Return to the champion before this one."""
    from buysignal.registry import Registry

    models = Registry(registry)
    with models.locked():
        version = models.roll_back(why=why)
    console().print(f"{version} serves again.")
    _say(followed(registry, track, no_track, track_as, []))


def _say(note: str | None) -> None:
    if note is not None:
        console().print(plain(note))
