"""The command that all others hang on.

Help and mistakes in arguments are plain text: drawn with panels they took longer to import than
everything else the command line needs to answer.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from buysignal import __version__

WIDEST = 100
"""Columns of a help text at most; less where the terminal is narrower."""


class Commands(TyperGroup):
    """Commands that are listed with their whole sentence, wrapped instead of cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _sentence(command)) for name, command in found if command is not None])


def _sentence(command: Any) -> str:
    return str(command.get_short_help_str(limit=1_000))


app = typer.Typer(
    name="buysignal",
    help="Will this visitor buy? Clickstream in; conversion, revenue and segments out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"buysignal {__version__}")
        raise typer.Exit()
