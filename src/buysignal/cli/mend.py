"""The commands around what was read: mend rejected rows, list profiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from buysignal.cli.options import Json, MapOption, Paths, ProfileOption, RateOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, progress_bar


@app.command()
def mend(
    paths: Paths,
    rejects: Annotated[Path, typer.Option(help="The rejects that check wrote, mended in the column raw.")],
    out: Annotated[Path, typer.Option(help="Write the mended rows here, in the source's own columns.")],
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    as_json: Json = False,
) -> None:
    """Read mended rows again, say how many are good now, and write them to be read beside the source."""
    from buysignal.sources import mend as mending
    from buysignal.sources.rates import parse_rates
    from buysignal.sources.read import load

    rates = parse_rates(rate or [])
    with progress_bar("Reading", as_json) as step:
        loaded = load(paths, profile=profile, mapping=mapped(mapping), rates=rates, progress=step)
        rows = mending.mended_file(rejects, loaded)
        done = mending.mend(loaded, rows)
    good = mending.good_rows(done, rows)
    mending.write_rows(good, loaded, out)
    facts = {"fed": done.fed, "good": done.good, "rows_in": done.loaded.rows_in,
             "rows_kept": done.loaded.rows_kept, "rows_rejected": done.loaded.rows_rejected}  # fmt: skip
    if as_json:
        typer.echo(json.dumps({**facts, "out": str(out)}))
        return
    shown = console()
    shown.print(f"{done.fed:,} mended rows read again: {done.good:,} are good now.")
    shown.print(
        f"rows  {done.loaded.rows_in:,} in = {done.loaded.rows_kept:,} kept "
        f"+ {done.loaded.rows_rejected:,} rejected"
    )
    shown.print(f"Written to [bold]{out}[/]: name it beside the source from now on.")


@app.command()
def profiles(as_json: Json = False) -> None:
    """List the profiles: those that ship, and those you kept."""
    from buysignal.sources.own import folder, own_profiles
    from buysignal.sources.profile import builtin_profiles

    own, shipped = own_profiles(), builtin_profiles()
    if as_json:
        found = [
            (name, p.title, kept)
            for kept, part in ((True, own), (False, shipped))
            for name, p in part.items()
        ]
        typer.echo(json.dumps([{"name": n, "title": t, "kept": kept} for n, t, kept in found]))
        return
    from rich.table import Table

    table = Table("profile", "title", "where from")
    for name, profile in own.items():
        table.add_row(name, profile.title, "kept by you")
    for name, profile in shipped.items():
        table.add_row(name, profile.title, "ships with buysignal")
    console().print(table)
    console().print(f"Kept profiles lie in {folder()}")
