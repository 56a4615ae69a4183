"""The command that folds events of any size into a table of features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from buysignal.cli.options import (
    FreshOption,
    GapOption,
    Json,
    MapOption,
    MemoryOption,
    Paths,
    ProfileOption,
    RateOption,
    mapped,
    resumable,
)
from buysignal.cli.root import app
from buysignal.cli.terminal import console, progress_bar

if TYPE_CHECKING:
    from buysignal.history.features import Features


@app.command()
def features(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="Folder for the parts; one that was begun is gone on with.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Take this bundle's vocabulary; learned on the earlier part if unset.")
    ] = None,
    cut: Annotated[str | None, typer.Option(help="Learn from what ends before this date, UTC.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    session_gap: GapOption = "30m",
    memory: MemoryOption = "2GB",
    fresh: FreshOption = False,
    as_json: Json = False,
) -> None:
    """Fold events into a row of features each, as Parquet, however much larger than memory they are.

    Interrupted, the same command goes on behind the last finished part.
    """
    from buysignal.history.features import write_features
    from buysignal.history.settings import Reading
    from buysignal.sources.rates import parse_rates

    given = None
    if bundle is not None:
        from buysignal import bundle as bundles

        given = bundles.load(bundle)
    reading = Reading(
        tuple(paths), profile or (given.profile if given is not None else None), mapped(mapping),
        parse_rates(rate or []), given.session_gap if given is not None else session_gap, memory,
    )  # fmt: skip
    with resumable(out), progress_bar("Folding", as_json) as step:
        made = write_features(
            reading, out, vocabulary=None if given is None else given.vocabulary,
            version=None if given is None else given.version, cut=cut, fresh=fresh, progress=step,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(_as_json(made), ensure_ascii=False))
    else:
        _print(made)


def _as_json(made: Features) -> dict[str, object]:
    totals = made.totals
    return {
        "out": str(made.path), "parts": made.parts, "rows_in": totals.rows_in, "events": totals.kept,
        "refused_consent": totals.refused, "rejected": totals.rejected, "mended": totals.mended,
        "profile": totals.profile, "currency": totals.currency, "went_on": made.went_on,
    }  # fmt: skip


def _print(made: Features) -> None:
    totals, screen = made.totals, console()
    if made.went_on:
        screen.print("Went on behind what an earlier run had finished.")
    screen.print(
        f"{totals.rows_in:,} rows in: [bold]{totals.kept:,} events[/], {totals.rejected:,} rejected "
        f"(rejects.parquet says why), {totals.refused:,} left out without consent."
    )
    screen.print(f"Features in {made.parts} parts: [bold]{escape(str(made.path / 'features'))}[/].")
