"""The command that suggests items: for looks given by hand, for one visit, for all visits of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from buysignal.cli.options import BundlePath, MapOption, ProfileOption, RateOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, error_console, plain, progress_bar
from buysignal.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

    from buysignal.bundle import Bundle

Form = Literal["table", "json", "csv"]


@app.command()
def recommend(
    bundle: BundlePath,
    paths: Annotated[list[Path] | None, typer.Argument(help="Visits; with --session or --out.")] = None,
    items: Annotated[
        str | None, typer.Option(help="Item ids the visit looked at, oldest first, with commas between.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="The session of the files to suggest for.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV or Parquet with the lists of all visits.")] = None,
    count: Annotated[int, typer.Option(help="Suggestions a visit.")] = 10,
    leave_out: Annotated[str | None, typer.Option(help="Ids never to suggest, with commas between.")] = None,
    only: Annotated[
        Path | None, typer.Option(help="A file of the ids that may be suggested, one a line: the stock.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Keep to this category; may be repeated.")
    ] = None,
    price_from: Annotated[float | None, typer.Option(help="Lowest price.")] = None,
    price_to: Annotated[float | None, typer.Option(help="Highest price.")] = None,
    diversity: Annotated[
        float, typer.Option(help="0: the likeliest first; up to 1: the more unlike each other.")
    ] = 0.0,
    never_again: Annotated[
        bool, typer.Option("--never-again", help="Leave out what the visit has looked at already.")
    ] = False,
    form: Annotated[Form, typer.Option("--format", help="Of what is printed.")] = "table",
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
) -> None:
    """Suggest items that a visit is likely to look at next, each with its reason.

    For looks given with --items (an empty text is a visit that has looked at nothing), for one visit of a
    file with --session, or for all its visits with --out. A suggestion is no forecast of a purchase. The
    item on screen is never suggested.
    """
    from buysignal import bundle as bundles
    from buysignal import recommend as recommending
    from buysignal.recommender import Wishes

    _one_question(items, session, out, paths)
    wishes = Wishes(
        count, frozenset(_ids(leave_out)), None if only is None else _stock(only), tuple(category or ()),
        price_from, price_to, diversity, not never_again,
    )  # fmt: skip
    loaded = bundles.load(bundle)
    recommending.recommender_of(loaded)
    if items is not None:
        _show(recommending.recommend_items(loaded, _ids(items), wishes), form, loaded)
        return
    from buysignal.sources.rates import parse_rates
    from buysignal.sources.read import load

    with progress_bar("Suggesting", form != "table") as step:
        events = load(
            paths or [], profile=profile or loaded.profile, mapping=mapped(mapping),
            rates=parse_rates(rate or []), progress=step,
        ).table  # fmt: skip
        if out is not None:
            rows = recommending.write_visits(loaded, events, out, wishes, progress=step)
        else:
            found = recommending.recommend_session(loaded, events, session or "", wishes)
    if out is None:
        _show(found, form, loaded)
    else:
        _say_what(loaded)
        error_console().print(f"[bold]{rows:,} suggestions[/] in {plain(str(out))}.")


def _one_question(items: str | None, session: str | None, out: Path | None, paths: list[Path] | None) -> None:
    ways = "--items IDS; FILES with --session ID; or FILES with --out"
    if sum(way is not None for way in (items, session, out)) != 1:
        raise SourceError("what to suggest for is not clear", allowed=f"one of: {ways}")
    if (items is None) != bool(paths):
        came = "--items and files" if paths else "no files to find visits in"
        raise SourceError(came, allowed=f"one of: {ways}")


def _ids(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _stock(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"'{file}' cannot be read", allowed="a text file, one item id a line") from error
    return frozenset(line.strip() for line in lines if line.strip())


def _show(found: pd.DataFrame, form: Form, bundle: Bundle) -> None:
    if form == "json":
        typer.echo(found.to_json(orient="records"))
    elif form == "csv":
        typer.echo(found.to_csv(index=False), nl=False)
    else:
        _say_what(bundle)
        _table(found)


def _say_what(bundle: Bundle) -> None:
    from buysignal.console import SIMULATED

    if bundle.manifest.dataset.simulated:
        error_console().print(SIMULATED)
    error_console().print("Likely to be looked at next; no forecast of a purchase.")


def _table(found: pd.DataFrame) -> None:
    from rich.table import Table

    if not len(found):
        error_console().print("No item is left that these wishes allow.")
        return
    shown = Table()
    for title in ("rank", "item", "score", "category", "price", "why"):
        shown.add_column(title, justify="right" if title in ("rank", "score", "price") else "left")
    for row in json.loads(found.to_json(orient="records")):
        price = "" if row["price"] is None else f"{row['price']:,.2f}"
        shown.add_row(
            str(row["rank"]), plain(row["item"]), f"{100 * row['score']:.1f}%", plain(row["category"] or ""),
            price, plain(row["reason"]),
        )  # fmt: skip
    console().print(shown)
