"""The command that holds new data against what a model was tested on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buysignal.cli.options import BundlePath, Json, MapOption, Paths, ProfileOption, RateOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar

if TYPE_CHECKING:
    from buysignal.monitor import Watch

ALARM = 3
"""The exit code that tells a scheduler of an alarm; 2 is a mistake in what was brought in."""


@app.command()
def monitor(
    bundle: BundlePath,
    paths: Paths,
    since: Annotated[
        str | None, typer.Option(help="The window begins here, UTC; what lies before is the visitors' past.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The window ends here, UTC.")] = None,
    out: Annotated[Path | None, typer.Option(help="A page of what was found: .html or .md.")] = None,
    prometheus: Annotated[
        Path | None, typer.Option(help="Figures for the node exporter's textfile collector: .prom.")
    ] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    as_json: Json = False,
) -> None:
    """Say whether the shop still looks like the one the model was tested on; exit code 3 is an alarm.

    Features and scores (PSI, KS), visits a day, rejected rows, and, where the data holds the outcomes,
    ranking and calibration. Limits know the sizes: chance alone alarms in one look of a hundred.
    """
    from buysignal import bundle as bundles
    from buysignal.monitor import watch
    from buysignal.monitor.page import card_of, write_prometheus
    from buysignal.report_html.cards import write_card
    from buysignal.sources.rates import parse_rates
    from buysignal.sources.read import load

    used = bundles.load(bundle)
    with progress_bar("Monitoring", as_json) as step:
        loaded = load(
            paths, profile=profile or used.profile, mapping=mapped(mapping), rates=parse_rates(rate or []),
            progress=step,
        )  # fmt: skip
        found = watch(used, loaded, since=since, until=until, progress=step)
    if out is not None:
        write_card(card_of(found, bundle.resolve().name), out)
    if prometheus is not None:
        write_prometheus(found, prometheus)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        _print(found, out)
    if found.alarms:
        raise typer.Exit(ALARM)


def _print(found: Watch, out: Path | None) -> None:
    from rich.table import Table

    table = Table(title=plain(found.sentence), title_justify="left", show_lines=False)
    for title in ("check", "verdict", "what was seen"):
        table.add_column(title)
    colours = {"alarm": "bold red", "ok": "green", "unknown": "dim"}
    for one in found.findings:
        table.add_row(one.check, f"[{colours[one.verdict]}]{one.verdict}[/]", plain(one.sentence))
    console().print(table)
    for note in found.notes:
        console().print(plain(note))
    if found.simulated:
        console().print("The model has learned from a simulated shop.")
    if out is not None:
        console().print(f"Written to [bold]{out}[/].")
