"""The command that folds events of any size into a table of features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buysignal.cli.cluster import (
    ConfOption,
    EngineOption,
    MasterOption,
    Places,
    only_on_spark,
    print_outcome,
    spark_options,
)
from buysignal.cli.options import (
    FreshOption,
    GapOption,
    Json,
    MapOption,
    MemoryOption,
    ProfileOption,
    RateOption,
    mapped,
    resumable,
)
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar

if TYPE_CHECKING:
    from buysignal.history.features import Features
    from buysignal.sources.profile import Profile


@app.command()
def features(
    paths: Places,
    out: Annotated[str, typer.Option(help="Folder for the parts; one that was begun is gone on with.")],
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
    engine: EngineOption = "local",
    master: MasterOption = None,
    conf: ConfOption = None,
    as_json: Json = False,
) -> None:
    """Fold events into a row of features each, as Parquet, however much larger than memory they are.

    Interrupted, the same command goes on behind the last finished part.
    """
    from buysignal.history.features import write_features
    from buysignal.history.settings import Reading
    from buysignal.sources.rates import parse_rates

    only_on_spark(engine, master, conf)
    given = None
    if bundle is not None:
        from buysignal import bundle as bundles

        given = bundles.load(bundle)
    known: str | Profile | None = profile or (given.profile if given is not None else None)
    gap = given.session_gap if given is not None else session_gap
    words = None if given is None else given.vocabulary
    if engine == "spark":
        from buysignal import spark

        options = spark_options(known, mapping, rate, master, conf)
        with progress_bar("Folding", as_json) as step:
            outcome = spark.features(
                paths, out, vocabulary=words, cut=cut, session_gap=gap, options=options, progress=step
            )
        print_outcome(outcome, "events", as_json)
        return
    reading = Reading(
        tuple(Path(path) for path in paths), known, mapped(mapping), parse_rates(rate or []), gap, memory
    )
    with resumable(Path(out)), progress_bar("Folding", as_json) as step:
        made = write_features(
            reading, Path(out), vocabulary=words, version=None if given is None else given.version,
            cut=cut, fresh=fresh, progress=step,
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
    screen.print(f"Features in {made.parts} parts: [bold]{plain(str(made.path / 'features'))}[/].")
