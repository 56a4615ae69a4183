"""The command that writes a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from buysignal.cli.options import BundlePath
from buysignal.cli.root import app
from buysignal.cli.terminal import console


@app.command()
def card(
    bundle: BundlePath,
    out: Annotated[Path, typer.Option(help="The page (.html) or text (.md) to write.")],
) -> None:
    """Write the model card of a bundle: what it predicts, how well, and where its limits are."""
    from buysignal.model_card import card_of
    from buysignal.report_html.cards import write_card

    write_card(card_of(bundle), out)
    console().print(f"The model card is in [bold]{out}[/].")
