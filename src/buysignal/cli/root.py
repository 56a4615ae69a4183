"""The command that all others hang on."""

from __future__ import annotations

from typing import Annotated

import typer

from buysignal import __version__

app = typer.Typer(
    name="buysignal",
    help="Will this visitor buy? Clickstream in; conversion, revenue and segments out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"buysignal {__version__}")
        raise typer.Exit()
