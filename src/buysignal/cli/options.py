"""Options that several commands share, so that each is spelled once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from buysignal.errors import ProfileError

Paths = Annotated[list[Path], typer.Argument(help="Files or folders: CSV, Parquet, JSON lines, gz, zip.")]
BundlePath = Annotated[Path, typer.Argument(help="A folder that train wrote.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for pipes.")]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile name, or a saved TOML file.")]
MapOption = Annotated[list[str] | None, typer.Option("--map", help="canonical=source, e.g. visitor_id=uid.")]
RateOption = Annotated[
    list[str] | None, typer.Option("--rate", help="Exchange rate, e.g. USD=0.92 of the common currency.")
]
MemoryOption = Annotated[str, typer.Option(help="For sorting, such as 4GB; the disk holds the rest.")]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on.")]
MostRowsOption = Annotated[
    int, typer.Option(min=1_000, help="Of larger files whole visitors are drawn until about this many rows.")
]
GapOption = Annotated[str, typer.Option(help="Longest pause within a session, with its unit.")]


def mapped(pairs: list[str] | None) -> dict[str, str]:
    """Return ``--map`` pairs as canonical name to source column.

    Raises:
        ProfileError: a pair has no ``=``, or nothing on one side of it.
    """
    found = {}
    for pair in pairs or []:
        name, separator, source = pair.partition("=")
        if not separator or not name or not source:
            raise ProfileError(
                f"--map {pair} is no mapping", allowed="canonical=source, such as visitor_id=uid"
            )
        found[name.strip()] = source.strip()
    return found


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Say, where a command is interrupted, that what it finished is kept."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. Finished parts are kept in {out}: the same command goes on.", err=True)
        raise typer.Exit(130) from None
