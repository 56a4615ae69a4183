"""Commands that bring data in: check, demo, data get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from buysignal.cli.terminal import console, progress_bar

if TYPE_CHECKING:
    from buysignal.sources.read import Loaded

data_app = typer.Typer(help="Public data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command()
def check(
    paths: Paths,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write rejected rows, with reasons, here (CSV).")
    ] = None,
    save_profile: Annotated[
        Path | None,
        typer.Option(help="Keep the mapping: a name keeps it for next time, a .toml file is written."),
    ] = None,
    session_gap: GapOption = "30m",
    most_rows: MostRowsOption = 5_000_000,
    as_json: Json = False,
) -> None:
    """Read data and say what is in it, what was rejected and why, and what it can answer."""
    from buysignal.check import check_loaded
    from buysignal.sources.rates import parse_rates
    from buysignal.sources.read import load

    rates = parse_rates(rate or [])
    with progress_bar("Reading", as_json) as step:
        loaded = load(
            paths, profile=profile, mapping=mapped(mapping), rates=rates, most_rows=most_rows, progress=step
        )
        result = check_loaded(loaded, session_gap=session_gap)
    if rejects is not None:
        loaded.rejects.write(rejects)
    if save_profile is not None:
        _keep_profile(loaded, save_profile)
    if as_json:
        typer.echo(json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        from buysignal.console import print_check

        print_check(result, console())


def _keep_profile(loaded: Loaded, place: Path) -> None:
    """Keep the profile the files were read with, recognised by their columns."""
    from buysignal.sources.form import all_examples
    from buysignal.sources.own import keep, named
    from buysignal.sources.profile import save_profile

    columns = all_examples(loaded.forms)
    if place.suffix:
        # A file may have any name; the profile in it has one that can be spelled as an option.
        plain = "".join(c if c.isalnum() else "-" for c in place.stem.lower()).strip("-") or "mine"
        save_profile(named(loaded.profile, f"my-{plain}" if plain in builtin() else plain, columns), place)
    else:
        keep(loaded.profile, str(place), columns)


def builtin() -> set[str]:
    """Return the names that are taken by profiles that ship."""
    from buysignal.sources.profile import builtin_profiles

    return set(builtin_profiles())


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("demo"),
    visitors: Annotated[int, typer.Option(min=1, help="How many visitors.")] = 20_000,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 0,
    truth: Annotated[bool, typer.Option(help="Write the exact probabilities too.")] = False,
    dirty: Annotated[bool, typer.Option(help="Plant duplicates, bots, nulls and the like.")] = True,
    file_format: Annotated[
        Literal["parquet", "csv"], typer.Option("--format", help="parquet or csv.")
    ] = "parquet",
    as_json: Json = False,
) -> None:
    """Simulate the demo shop: events of visitors with hidden intent. Always labelled simulated."""
    from buysignal.sources.demo import write_demo

    with progress_bar("Simulating", as_json) as step:
        files = write_demo(
            out, visitors, days, seed, truth=truth, dirty=dirty, format=file_format,
            progress=lambda done, total: step(done / total, "visitors"),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"out": str(out), "events": files.rows, "simulated": True}))
    else:
        console().print(f"Simulated {files.rows:,} events of {visitors:,} visitors into [bold]{out}[/].")
        console().print(f"Next: buysignal train {files.events} --out models/demo")


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="uci-eshop or uci-shoppers.")],
    to: Annotated[Path | None, typer.Option(help="Folder to write.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="A file or URL instead of the archive.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a public data set, verify its checksum and unpack it."""
    from buysignal.sources.download import get

    target = to or Path("data") / name
    with progress_bar(f"Fetching {name}", as_json) as step:
        files = get(name, to=target, source=source, progress=step)
    if as_json:
        typer.echo(json.dumps({"name": name, "files": [str(f) for f in files]}))
    else:
        for file in files:
            console().print(f"wrote {file}")
