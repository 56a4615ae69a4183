"""The command that shows what visits do: explore."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from buysignal.errors import SamplesError

if TYPE_CHECKING:
    from buysignal.explore import Exploration

Several = list[str] | None


@app.command()
def explore(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("explore.html"),
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First day a visit begins on, UTC, as 2024-05-01.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day a visit begins on, UTC.")] = None,
    device: Annotated[Several, typer.Option(help="Only visits on this device; may be repeated.")] = None,
    channel: Annotated[Several, typer.Option(help="Only visits through this channel.")] = None,
    country: Annotated[Several, typer.Option(help="Only visits from this country.")] = None,
    category: Annotated[Several, typer.Option(help="Only visits that touch this category.")] = None,
    event: Annotated[Several, typer.Option(help="Only visits with an event of this name.")] = None,
    visitors: Annotated[
        Literal["all", "new", "returning"], typer.Option(help="A visitor's first visit, or later ones.")
    ] = "all",
    where: Annotated[
        Several, typer.Option(help="Session tables: column=value, e.g. Month=May; may be repeated.")
    ] = None,
    session_gap: GapOption = "30m",
    most_rows: MostRowsOption = 5_000_000,
    as_json: Json = False,
) -> None:
    """Look at what visits do, and write it as one self-contained page of charts."""
    from buysignal import explore as exploring
    from buysignal.explore.page import write_explore_html
    from buysignal.sources.rates import parse_rates
    from buysignal.sources.read import load

    rates = parse_rates(rate or [])
    filters = exploring.Filters(
        start=_day(start, "--from"),
        end=_day(end, "--to"),
        devices=tuple(device or ()),
        channels=tuple(channel or ()),
        countries=tuple(country or ()),
        categories=tuple(category or ()),
        visitors=visitors,
        events=tuple(event or ()),
        columns=_columns(where),
    )
    with progress_bar("Exploring", as_json) as step:
        loaded = load(
            paths,
            profile=profile,
            mapping=mapped(mapping),
            rates=rates,
            most_rows=most_rows,
            progress=lambda done, text: step(0.4 * done, text),
        )
        found = exploring.explore(
            loaded, filters=filters, session_gap=session_gap,
            progress=lambda done, text: step(0.4 + 0.2 * done, text),
        )  # fmt: skip
        write_explore_html(
            found, out, title=loaded.profile.title, files=[path.name for path in loaded.paths],
            progress=lambda done, text: step(0.6 + 0.4 * done, text),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(_as_json(found, out), ensure_ascii=False, indent=2))
    else:
        _print(found, out)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SamplesError(
            f"{option} {text} is no day", allowed="year-month-day, such as 2024-05-01"
        ) from error


def _columns(pairs: Several) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return ``--where`` pairs as column and allowed values."""
    found: dict[str, list[str]] = {}
    for pair in pairs or []:
        for name, value in mapped([pair]).items():
            found.setdefault(name, []).append(value)
    return tuple((name, tuple(values)) for name, values in found.items())


def _as_json(found: Exploration, out: Path) -> dict[str, Any]:
    return {
        "out": str(out),
        "facts": dict(found.facts.lines()),
        "simulated": found.facts.simulated,
        "proxy": found.facts.proxy,
        "left_out": list(found.facts.left_out),
        "sections": [
            {
                "title": section.title,
                "missing": list(section.missing),
                "charts": {chart.key: chart.sentence for chart in section.charts},
            }
            for section in found.sections
        ],
    }


def _print(found: Exploration, out: Path) -> None:
    from rich.markup import escape

    screen = console()
    if found.facts.simulated:
        screen.print("[bold yellow]Simulated:[/] the data says of itself that it is no real shop's.")
    for name, value in found.facts.lines():
        screen.print(f"{escape(name)}: [bold]{escape(value)}[/]")
    if found.facts.left_out:
        screen.print(f"Left out: {escape('; '.join(found.facts.left_out))}.", soft_wrap=True)
    for section in found.sections:
        screen.print(f"\n[bold]{escape(section.title)}[/]")
        for chart in section.charts:
            screen.print(f"  {escape(chart.sentence)}", soft_wrap=True)
        for sentence in section.missing:
            screen.print(f"  [dim]{escape(sentence)}[/]", soft_wrap=True)
    screen.print(f"\nThe charts are in [bold]{escape(str(out))}[/].")
