"""Downloads: the same bytes the library writes to files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from buysignal.scoring import write_scores
from buysignal.sources.rejects import Rejects


def scores_csv(table: pd.DataFrame) -> bytes:
    """Return scores as the CSV that ``scoring.write_scores`` writes."""
    with TemporaryDirectory(prefix="buysignal-") as folder:
        path = Path(folder) / "scores.csv"
        write_scores(table, path)
        return path.read_bytes()


def rejects_csv(rejects: Rejects) -> bytes:
    """Return rejected rows as the CSV that ``Rejects.write`` writes."""
    with TemporaryDirectory(prefix="buysignal-") as folder:
        path = Path(folder) / "rejects.csv"
        rejects.write(path)
        return path.read_bytes()
