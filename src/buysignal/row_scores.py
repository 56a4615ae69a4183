"""Feature rows to scores: every number that a bundle gives for a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.bundle import Bundle
from buysignal.step_windows import live_steps

if TYPE_CHECKING:
    from buysignal.features.live import Visit

Columns = dict[str, npt.NDArray[Any]]


def score_rows(bundle: Bundle, X: npt.NDArray[np.float32]) -> pd.DataFrame:
    """Return the scores of rows X (n, bundle.width), one row each."""
    return as_frame(bundle, score_columns(bundle, X))


def score_columns(bundle: Bundle, X: npt.NDArray[np.float32]) -> Columns:
    """Return the scores of rows X (n, bundle.width) as arrays (n,); ``segment`` is a number.

    A row's scores are the same whatever other rows are beside it (of a network, but for the last digits).
    """
    p = bundle.probability(X)
    columns: Columns = {"probability": p, "percentile": bundle.percentile(p)}
    if bundle.has_revenue:
        revenue = bundle.expected_revenue(X)
        columns["expected_revenue"] = revenue
        interval = bundle.revenue_interval(revenue)
        if interval is not None:
            columns["revenue_low"], columns["revenue_high"] = interval
    if bundle.segmentation is not None:
        columns["segment"] = bundle.segmentation.assign(bundle.features_of(X))
    return columns


def live_row(bundle: Bundle, features: npt.NDArray[np.float32], visit: Visit) -> npt.NDArray[np.float32]:
    """Return the row (bundle.width,) of a live visit, whose last event gave ``features`` (f,)."""
    if bundle.step_codes is None:
        return features
    return np.concatenate([features, live_steps(visit, bundle.step_codes)])


def as_frame(bundle: Bundle, columns: Columns) -> pd.DataFrame:
    """Return ``score_columns`` as a table, segments by their titles."""
    found: dict[str, Any] = dict(columns)
    if bundle.segmentation is not None:
        labels, place = np.unique(columns["segment"], return_inverse=True)
        titles = pd.Index([bundle.segmentation.title(label) for label in labels], dtype="str")
        found["segment"] = titles.take(place).array
    return pd.DataFrame(found)
