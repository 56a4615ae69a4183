"""The command that trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from buysignal.cli.options import (
    GapOption,
    Json,
    MapOption,
    MostRowsOption,
    Paths,
    ProfileOption,
    RateOption,
    mapped,
)
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar
from buysignal.cli.track import NoTrackOption, TrackAsOption, TrackOption, later_if_away


@app.command()
def train(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="Folder for the bundle and reports.")],
    test: Annotated[list[Path] | None, typer.Option(help="Test files, where they come apart.")] = None,
    goal: Annotated[str | None, typer.Option(help="Goal or proxy to learn; the first possible one.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    fast: Annotated[bool, typer.Option(help="Fewer trees, no search: for a first look.")] = False,
    impute: Annotated[
        Literal["mean", "median", "mode"], typer.Option(help="Missing values: mean, median or mode.")
    ] = "median",
    imbalance: Annotated[
        Literal["none", "class_weight", "smote", "undersample", "compare"],
        typer.Option(help="How a rare class is treated; compare tries all."),
    ] = "compare",
    cut: Annotated[str | None, typer.Option(help="Test on what starts at this date, UTC.")] = None,
    include_late: Annotated[bool, typer.Option(help="Use columns known too late; they are flagged.")] = False,
    session_gap: GapOption = "30m",
    champion: Annotated[
        str | None, typer.Option(help="Keep this candidate instead of the one chosen on validation.")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Let neural networks compete too; needs the extra 'deep'.")
    ] = False,
    most_rows: MostRowsOption = 5_000_000,
    track: TrackOption = None,
    no_track: NoTrackOption = False,
    track_as: TrackAsOption = None,
    seed: Annotated[int, typer.Option(help="Of everything that draws lots.")] = 0,
    as_json: Json = False,
) -> None:
    """Train every candidate, judge it honestly, and write the champion as a bundle."""
    from buysignal import training
    from buysignal.sources.rates import parse_rates
    from buysignal.training import Options

    options = Options(
        goal=goal,
        profile=profile,
        mapping=mapped(mapping),
        rates=parse_rates(rate or []),
        fast=fast,
        impute=impute,
        imbalance=imbalance,
        cut=cut,
        include_late=include_late,
        session_gap=session_gap,
        seed=seed,
        champion=champion,
        deep=deep,
        most_rows=most_rows,
    )
    with progress_bar("Training", as_json) as step:
        result = training.train(paths, test=test, out=out, options=options, progress=step)
        note = None if no_track else _track(result.path, [*paths, *(test or [])], track, track_as, step)
    if as_json:
        typer.echo(result.report.model_dump_json(exclude_none=True))
    else:
        from buysignal.console import print_report

        print_report(result.report, console())
        console().print(f"\nBundle, report.json and report.html are in [bold]{out}[/].")
        if note:
            console().print(plain(note))


def _track(
    bundle: Path, paths: list[Path], uri: str | None, name: str | None, step: Callable[[float, str], None]
) -> str:
    """Return what was logged; a tracking server that is away must not look like a failed training."""
    from buysignal import tracking

    if not tracking.installed() and not tracking.configured(uri):
        return "Not tracked: MLflow is not installed (pip install 'buysignal[track]')."
    step(0.97, "logging to MLflow")
    return later_if_away(
        lambda: tracking.log_training(bundle, uri=uri, facts=tracking.facts_of(paths), name=name)
    )
