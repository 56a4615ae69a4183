"""What the notebooks share: where the data lies, two threads, and how pictures look."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numba
import seaborn as sns
from threadpoolctl import threadpool_limits

from buysignal.errors import SourceError
from buysignal.plots.style import GRID, INK, PALETTE

DATA = "BUYSIGNAL_DATA"
THREADS = 2


class NoDataError(SourceError):
    """The data set is not on this machine; a notebook shows the sentence and no trace."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def eshop() -> tuple[Path, Path]:
    """Return the UCI e-shop's train and test file, plain or gzipped.

    They are looked for in the folder that ``BUYSIGNAL_DATA`` names, here, in the folder above, and in the
    folders ``uci_eshop`` and ``data`` of each.

    Raises:
        NoDataError: they are in none of these.
    """
    named = os.environ.get(DATA)
    roots = [Path(named)] if named else [Path(), Path("..")]
    for folder in [root / inner for root in roots for inner in ("", "uci_eshop", "data")]:
        for ending in ("csv", "csv.gz"):
            files = folder / f"train_data.{ending}", folder / f"test_data.{ending}"
            if all(file.is_file() for file in files):
                return files
    raise NoDataError(
        "train_data.csv and test_data.csv of the UCI e-shop are not here",
        allowed=f"this folder, its parent, or the folder that {DATA} names",
        todo="buysignal data get uci-eshop --to data",
    )


def prepare() -> None:
    """Take two threads, and set the style of all pictures: small, in colours that all can tell apart."""
    threadpool_limits(THREADS)
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))
    warnings.filterwarnings("ignore", category=FutureWarning)
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        palette=list(PALETTE),
        font_scale=0.8,
        rc={
            "figure.figsize": (8, 3.2),
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "axes.labelcolor": INK,
            "axes.edgecolor": GRID,
            "grid.color": GRID,
        },
    )
