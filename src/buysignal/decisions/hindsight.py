"""Predicted against actual: what was expected of visits at a moment, and what they went on to bring."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Floats = npt.NDArray[np.float64]

LEARNED = {
    "no": "kept aside: the model has not learned from these visits",
    "yes": "the model learned from these visits",
    "maybe": "the model may have learned from these visits",
}
LEVEL = 0.9
_DRAWS = 500
_NORMAL_FROM = 2_000
_OTHER = "all others"


def compare(rows: pd.DataFrame, by: str | None = None, *, most: int = 12, seed: int = 0) -> pd.DataFrame:
    """Return predicted and actual totals, by group where asked for.

    The interval is around the predicted total: where nine of ten actual totals lie if the forecasts are
    right on average. It resamples whole visitors' errors, less their mean (a predictive bootstrap, as
    `models.intervals.total_forecast`).

    Args:
        rows: one per visit: ``expected``, ``actual``, ``visitor`` and the column ``by``.
        by: a column to group by; all visits are one group where None.
        most: groups at most, the largest; the rest are one.

    Returns:
        ``group``, ``visits``, ``predicted``, ``low``, ``high``, ``actual``, ``inside`` (the actual total
        lies within the interval), days in order, else the largest predicted total first.
    """
    group = _groups(rows, by, most)
    found = [
        {"group": name, **_total(members, seed)}
        for name, members in rows.groupby(group, sort=True, observed=True)
    ]
    columns = ["group", "visits", "predicted", "low", "high", "actual", "inside"]
    table = pd.DataFrame(found, columns=columns)
    if by == "day" or table.empty:
        return table
    last = table["group"] == _OTHER
    return pd.concat([table[~last].sort_values("predicted", ascending=False), table[last]], ignore_index=True)


def _groups(rows: pd.DataFrame, by: str | None, most: int) -> pd.Series:
    if by is None:
        return pd.Series("all visits", index=rows.index)
    group = rows[by].astype(object).where(rows[by].notna(), "unknown")
    if by == "day":
        return group.astype(str)
    kept = group.value_counts().index[:most]
    return group.where(group.isin(kept), _OTHER).astype(str)


def _total(members: pd.DataFrame, seed: int) -> dict[str, object]:
    predicted, actual = float(members["expected"].sum()), float(members["actual"].sum())
    error = (members["actual"] - members["expected"]).groupby(members["visitor"]).sum().to_numpy()
    low, high = _interval(predicted, error, seed)
    return {
        "visits": len(members),
        "predicted": predicted,
        "low": low,
        "high": high,
        "actual": actual,
        "inside": low <= actual <= high,
    }


def _interval(predicted: float, error: Floats, seed: int) -> tuple[float, float]:
    """Resample visitors' errors around 0; Poisson weights stand for drawing with replacement.

    Of many visitors the sum is normal, and drawing would only take time.
    """
    centred = error - error.mean()
    if len(centred) > _NORMAL_FROM:
        half = float(stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt((centred**2).sum()))
        return max(predicted - half, 0.0), predicted + half
    values, counts = np.unique(centred, return_counts=True)
    drawn = np.random.default_rng(seed).poisson(counts, size=(_DRAWS, len(values))) @ values
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return max(predicted + float(low), 0.0), predicted + float(high)
