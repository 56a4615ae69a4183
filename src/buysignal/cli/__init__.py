"""The command line: thin commands, one library call each, one file a topic.

Modules are imported inside the commands, so that ``buysignal --help`` answers at once.
"""

from __future__ import annotations

import sys

from buysignal.cli.root import app
from buysignal.cli.terminal import error_console, plain
from buysignal.errors import BuysignalError

# Each module adds its commands; the help lists them in this order, which is that of the work.
# isort: off
from buysignal.cli import data  # noqa: F401
from buysignal.cli import mend  # noqa: F401
from buysignal.cli import explore  # noqa: F401
from buysignal.cli import features  # noqa: F401
from buysignal.cli import train  # noqa: F401
from buysignal.cli import track  # noqa: F401
from buysignal.cli import scores  # noqa: F401
from buysignal.cli import recommend  # noqa: F401
from buysignal.cli import revenue  # noqa: F401
from buysignal.cli import act  # noqa: F401
from buysignal.cli import card  # noqa: F401
from buysignal.cli import monitor  # noqa: F401
from buysignal.cli import retrain  # noqa: F401
from buysignal.cli import serve  # noqa: F401
from buysignal.cli import web  # noqa: F401
from buysignal.cli import stream  # noqa: F401
from buysignal.cli import spark_stream  # noqa: F401
from buysignal.cli import alerts  # noqa: F401
from buysignal.cli import privacy  # noqa: F401
# isort: on

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; mistakes in what was brought in end with one sentence and exit code 2."""
    try:
        app()
    except BuysignalError as error:
        error_console().print(f"[bold red]Error:[/] {plain(str(error))}", soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        error_console().print("Interrupted; nothing half-written is left behind.")
        sys.exit(130)
