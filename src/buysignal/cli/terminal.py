"""Where a command writes: results to the output, progress and errors to the error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return the terminal for results."""
    from rich.console import Console

    return Console()


def error_console() -> Console:
    """Return the terminal for errors and progress."""
    from rich.console import Console

    return Console(stderr=True)


def plain(text: str) -> str:
    """Return ``text`` so that no bracket in it, of a file's name say, is read as markup."""
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress_bar(title: str, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Show progress on the error stream, so that what is piped stays clean."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}"),
    )
    with Progress(*columns, console=error_console(), disable=quiet, transient=True) as bar:
        task = bar.add_task(title, total=1.0, at="")
        yield lambda share, text: bar.update(task, completed=share, at=text)
