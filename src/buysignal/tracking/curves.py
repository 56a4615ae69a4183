"""Figures of a report as MLflow metrics: values with their intervals, and lines by the clicks seen."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buysignal.report import Row, SliceRow, Table

_CLICKS = re.compile(r"k=(\d+)")


def metrics_of(row: Row, prefix: str = "") -> list[Any]:
    """Return a model's figures on the test rows; ``validation/`` holds those it was chosen by."""
    found = dict(_with_intervals(row.metrics, row.intervals, prefix))
    found |= _named(row.validation, f"{prefix}validation/")
    if row.seconds is not None:
        found[f"{prefix}seconds"] = row.seconds
    return [_metric(name, value) for name, value in found.items()]


def curves_of(table: Table, prefix: str = "") -> list[Any]:
    """Return the champion's figures by the number of clicks seen, which is the metric's step.

    What parts the test rows otherwise (with a cart, no cart yet) has a name of its own and no step.
    """
    found = []
    for part in (*table.per_k, *table.per_cart):
        clicks = _CLICKS.fullmatch(part.slice)
        name = f"{prefix}by_click/" if clicks else f"{prefix}{safe(part.slice)}/"
        found += _of_slice(part, name, step=int(clicks[1]) if clicks else 0)
    return found


def safe(name: str) -> str:
    """Return a name that every MLflow server takes as part of a metric's or a file's.

    >>> safe("prefix: purchase")
    'prefix__purchase'
    """
    return "".join(c if c.isalnum() else "_" for c in name).strip("_")


def _of_slice(part: SliceRow, prefix: str, step: int) -> list[Any]:
    found = [_metric(name, v, step) for name, v in _with_intervals(part.metrics, part.intervals, prefix)]
    return [*found, _metric(f"{prefix}n", part.n, step)]


def _with_intervals(
    metrics: Mapping[str, float | None],
    intervals: Mapping[str, tuple[float | None, float | None]],
    prefix: str,
) -> Iterator[tuple[str, float]]:
    yield from _named(metrics, prefix).items()
    for name, (low, high) in intervals.items():
        yield from _named({f"{name}_low": low, f"{name}_high": high}, prefix).items()


def _named(metrics: Mapping[str, float | None], prefix: str) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in metrics.items() if value is not None}


def _metric(name: str, value: float, step: int = 0) -> Any:
    from mlflow.entities import Metric

    return Metric(name, float(value), int(time.time() * 1000), step)


def in_batches(metrics: Sequence[Any], most: int = 900) -> Iterator[Sequence[Any]]:
    """Give so many at once as a server takes in one request."""
    for start in range(0, len(metrics), most):
        yield metrics[start : start + most]
