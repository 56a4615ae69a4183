"""The command that opens the web app."""

from __future__ import annotations

from typing import Annotated

import typer

from buysignal.cli.root import app


@app.command("app")
def open_app(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the web app."""
    from buysignal.app.launch import launch

    raise typer.Exit(launch(port=port, browser=browser))
