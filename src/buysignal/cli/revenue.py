"""Commands that speak of amounts: forecast and price."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from buysignal.cli.options import (
    BundlePath,
    GapOption,
    Json,
    MapOption,
    Paths,
    ProfileOption,
    mapped,
)
from buysignal.cli.root import app
from buysignal.cli.terminal import console, progress_bar

if TYPE_CHECKING:
    from buysignal.decisions.forecast import Amount, Forecast
    from buysignal.decisions.price import PriceStudy, WhatIf
    from buysignal.goals import Goal


@app.command()
def forecast(
    bundle: BundlePath,
    paths: Paths,
    days: Annotated[int, typer.Option(help="How many days ahead, 1 to 28.")] = 7,
    now: Annotated[
        str | None, typer.Option(help="Moment of asking, UTC, e.g. 2025-03-24; the end of the data if unset.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the coming days here (CSV or Parquet).")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Forecast the revenue of the coming days, with its interval and how far off such forecasts were."""
    from buysignal import bundle as bundles
    from buysignal import outlook, scoring
    from buysignal.sources.read import load

    used = bundles.load(bundle)
    with progress_bar("Forecasting", as_json) as step:
        loaded = load(paths, profile=profile or used.profile, mapping=mapped(mapping), progress=step)
        ahead = outlook.look_ahead(used, loaded, now=now, progress=step)
        found = ahead.forecast(days)
    if out is not None:
        scoring.write_scores(
            found.daily.assign(goal=ahead.goal.name, proxy=ahead.goal.proxy, simulated=ahead.simulated), out
        )
    if as_json:
        typer.echo(json.dumps(_forecast_json(found, ahead.goal, ahead.simulated)))
    else:
        _print_forecast(found, ahead.goal, ahead.simulated)


@app.command()
def price(
    paths: Paths,
    item: Annotated[str | None, typer.Option(help="The item whose price to change.")] = None,
    category: Annotated[str | None, typer.Option(help="The category whose prices to change.")] = None,
    to: Annotated[
        float | None,
        typer.Option(help="The item's new price, or the category's as a multiple of the usual (0.9)."),
    ] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    session_gap: GapOption = "30m",
    as_json: Json = False,
) -> None:
    """Say what goes along with another price, within the prices seen: association, not cause.

    Without an item or a category it lists what can be asked about, and why the others cannot.
    """
    from buysignal.decisions.looks import first_looks
    from buysignal.decisions.price import study
    from buysignal.errors import InputError
    from buysignal.sources.read import load

    if item is not None and category is not None:
        raise InputError("both an item and a category were given", allowed="one of them")
    if (item is not None or category is not None) and to is None:
        raise InputError("no new price was given", todo="add --to with the price to ask about")
    with progress_bar("Reading", as_json) as step:
        loaded = load(paths, profile=profile, mapping=mapped(mapping), progress=step)
        if loaded.profile.level != "event":
            raise InputError("this data holds whole visits, not looks at items", allowed="events with prices")
        found = study(first_looks(loaded.table, session_gap=session_gap, currency=loaded.currency))
    kind: Literal["item", "category"] = "category" if category is not None else "item"
    name = item if item is not None else category
    if name is None or to is None:
        _print_ranges(found, as_json)
    else:
        _print_answer(found, found.what_if(kind, name, to), as_json)


def _forecast_json(found: Forecast, goal: Goal, simulated: bool) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "now": str(found.now),
        "days": found.days,
        "level": found.level,
        "total": asdict(found.total),
        "under_way": {**asdict(found.under_way), "visits": found.open_visits},
        "to_come": asdict(found.to_come),
        "method": found.method,
        "daily": json.loads(found.daily.to_json(orient="records", date_format="iso")),
        "backtest": json.loads(found.backtest.to_json(orient="records")),
        "goal": goal.name,
        "proxy": goal.proxy,
        "currency": goal.currency,
        "simulated": simulated,
    }


def _print_forecast(found: Forecast, goal: Goal, simulated: bool) -> None:
    from rich.table import Table

    out = console()
    if simulated:
        out.print("[bold magenta]Simulated data[/]")
    what = f"amount (proxy: {goal.name}, not revenue)" if goal.proxy else "revenue"
    out.print(f"Expected {what} of the {found.days} days after {str(found.now)[:16]} UTC")
    table = Table("", "expected", f"{100 * found.level:.0f} % interval")
    for label, amount in (
        (f"visits under way ({found.open_visits:,})", found.under_way),
        ("visits to come", found.to_come),
        ("in all", found.total),
    ):
        table.add_row(label, f"{amount.expected:,.2f}", _range(amount))
    out.print(table)
    tested = Table("way to continue the history", "mean error", "used")
    for row in found.backtest.itertuples():
        tested.add_row(str(row.title), f"{float(str(row.error_share)):.1%}", "yes" if row.chosen else "")
    first = found.backtest.iloc[0]
    out.print(f"Tested on forecasts of {first['days']} days from {first['origins']} past days:")
    out.print(tested)


def _range(amount: Amount) -> str:
    if amount.low is None or amount.high is None:
        return "too few such visits before"
    return f"{amount.low:,.2f} to {amount.high:,.2f}"


def _print_ranges(found: PriceStudy, as_json: bool) -> None:
    items = found.items.reset_index()
    if as_json:
        categories = found.categories.reset_index()
        typer.echo(
            json.dumps(
                {
                    "refusal": found.refusal,
                    "items": json.loads(items.to_json(orient="records")),
                    "categories": json.loads(categories.to_json(orient="records")),
                }
            )
        )
        return
    from rich.markup import escape
    from rich.table import Table

    out = console()
    if found.refusal:
        out.print(escape(found.refusal))
    can = items[items["allowed"]].sort_values("looks", ascending=False)
    if can.empty or found.refusal:
        return
    out.print(f"{len(can):,} of {len(items):,} items can be asked about; with --item NAME --to PRICE:")
    table = Table("item", "looks", "usual price", "from", "to")
    for row in can.head(20).to_dict(orient="records"):
        prices = (f"{row[column]:,.2f}" for column in ("usual", "low", "high"))
        table.add_row(escape(str(row["item"])), f"{row['looks']:,}", *prices)
    out.print(table)


def _print_answer(study: PriceStudy, found: WhatIf, as_json: bool) -> None:
    from dataclasses import asdict

    from buysignal.decisions.price import NOT_CAUSE

    if as_json:
        answer = {k: v for k, v in asdict(found).items() if k not in ("curve", "seen")}
        answer["curve"] = json.loads(found.curve.to_json(orient="records"))
        typer.echo(json.dumps({**answer, "outcome": study.outcome, "caveat": NOT_CAUSE}))
        return
    from rich.markup import escape

    console().print(escape(found.sentence))
    console().print(NOT_CAUSE)
