"""The scores of one row of features, in plain numbers: what ``row_scores`` gives, without its arrays.

For one row NumPy's calls around the models, and ONNX Runtime's, cost several times what the models do. The
models are the same ONNX graphs, compiled where they are known (`one_graph`); the few formulas around them are
those of ``models.runtime`` and of the bundle, and a test holds both to the same answers. A kind of model that
is not known here is asked the long way.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Bundle
from buysignal.models.runtime import Graph, OnnxAmount, OnnxModel
from buysignal.serve.nearest import NearestSegment
from buysignal.serve.one_graph import compiled

Row = npt.NDArray[np.float32]
Ask = Callable[[Row], float]
Scores = dict[str, Any]

_EDGE = 1e-7


class RowScorer:
    """A bundle asked for one row at a time; may be called from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        self._features = len(bundle.names)
        self._probability = _probability(bundle)
        self._amount = None if bundle.revenue is None else _amount(bundle.revenue)
        self._interval = bundle.interval
        self._percentiles = [float(value) for value in bundle.manifest.percentiles]
        self._segment = None if bundle.segmentation is None else NearestSegment(bundle.segmentation)

    def __call__(self, row: Row) -> Scores:
        """Return what ``score_rows`` gives for the row (bundle.width,): numbers, and the segment's title."""
        p = self._probability(row)
        if len(row) > self._features:
            row = row[: self._features]
        found: Scores = {"probability": p, "percentile": self._percentile(p)}
        if self._amount is not None:
            amount = self._amount(row)
            found["expected_revenue"] = amount
            if self._interval is not None:
                place = bisect_left(self._interval.edges, amount)
                found["revenue_low"] = max(amount + self._interval.low[place], 0.0)
                found["revenue_high"] = max(amount + self._interval.high[place], 0.0)
        if self._segment is not None:
            found["segment"] = self._segment(row)
        return found

    def _percentile(self, p: float) -> float:
        known = len(self._percentiles)
        return min(max(bisect_right(self._percentiles, p), 1), known) - 1.0


def _probability(bundle: Bundle) -> Ask:
    model = bundle.conversion
    found = _asked(model, model.spec) if type(model) is OnnxModel else None
    return found or (lambda row: float(bundle.probability(row.reshape(1, -1))[0]))


def _amount(model: OnnxAmount) -> Ask:
    spec = model.spec
    if spec["kind"] == "two_part":
        buy, log = _asked(model, spec["buy"]), _asked(model, spec["log"])
        if buy is not None and log is not None:
            low, high = spec["range"]
            smear = float(spec["smear"])
            return lambda row: buy(row) * smear * math.expm1(min(max(log(row), low), high))
    elif spec["kind"] == "amount":
        amount = _asked(model, spec["amount"])
        if amount is not None:
            return lambda row: max(amount(row), 0.0)
    return lambda row: float(model.predict(row.reshape(1, -1))[0])


def _asked(model: Any, spec: Mapping[str, Any]) -> Ask | None:
    """Return a function that computes ``spec`` for one row (f,); None where the kind is not known here."""
    kind = spec["kind"]
    if kind == "constant":
        value = float(spec["value"])
        return lambda row: value
    if kind == "graph":
        return _graph(model.graph(spec["part"]), spec["gives"])
    if kind == "calibrated":
        return _calibrated(_asked(model, spec["of"]), spec["calibration"])
    if kind == "vote":
        members = [_asked(model, member) for member in spec["members"]]
        known = [member for member in members if member is not None]
        if len(known) < len(members):
            return None
        pairs = list(zip(map(float, spec["weights"]), known, strict=True))
        return lambda row: sum(weight * member(row) for weight, member in pairs)
    return None


def _graph(graph: Graph, gives: str) -> Ask | None:
    ends = compiled(graph) or _through_runtime(graph)
    if gives == "log_odds":

        def from_log_odds(row: Row) -> float:
            last = ends(row)[1]
            small = math.exp(-abs(last))
            return 1 / (1 + small) if last >= 0 else small / (1 + small)

        return from_log_odds
    if gives == "shares":

        def from_shares(row: Row) -> float:
            first, last = ends(row)
            return 1 - first if last > 0.5 else last

        return from_shares
    return (lambda row: ends(row)[1]) if gives == "value" else None


def _through_runtime(graph: Graph) -> Callable[[Row], tuple[float, float]]:
    raw = graph.raw

    def ends(row: Row) -> tuple[float, float]:
        found = raw(row.reshape(1, -1))
        return float(found.flat[0]), float(found.flat[-1])

    return ends


def _calibrated(inner: Ask | None, numbers: Mapping[str, Any]) -> Ask | None:
    if inner is None or numbers["method"] == "none":
        return inner
    a, b, c = float(numbers["a"]), float(numbers["b"]), float(numbers["c"])

    def calibrated(row: Row) -> float:
        p = min(max(inner(row), _EDGE), 1 - _EDGE)
        return 1 / (1 + math.exp(-(a * math.log(p) - b * math.log1p(-p) + c)))

    return calibrated
