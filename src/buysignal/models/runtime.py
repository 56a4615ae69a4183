"""Running stored models: ONNX Runtime for the graphs, a few numbers around them.

Nothing here imports scikit-learn or XGBoost, so a scorer starts quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from buysignal.errors import BundleError
from buysignal.models.blocks import in_blocks
from buysignal.models.networks.runtime import Network
from buysignal.models.sequence_rows import beside, last_events

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

Part = TypeVar("Part")

_EDGE = 1e-7


class Graph:
    """One ONNX graph: X (n, width) float32 -> (n, 1) or (n, 2) float64.

    It runs on the thread that calls it, and may be called from several at once; ``content`` is the ONNX file.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.content = content
        self._output = [self._session.get_outputs()[0].name]
        self.width = int(self._session.get_inputs()[0].shape[1])

    def __call__(self, X: Rows) -> Floats:
        if len(X) == 0:
            return np.zeros((0, 1))
        return np.asarray(self.raw(X), dtype=np.float64).reshape(len(X), -1)

    def raw(self, X: Rows) -> npt.NDArray[Any]:
        """Return what the graph gives for X, n > 0 rows, as it gives it."""
        found: npt.NDArray[Any] = self._session.run(self._output, {"X": X})[0]
        return found


class _Stored:
    def __init__(
        self, spec: Mapping[str, Any], parts: Mapping[str, bytes], *, threads: int | None = None
    ) -> None:
        self.spec = dict(spec)
        self._threads = threads
        networks = set(_networks(self.spec))
        self._graphs = {name: Graph(content) for name, content in parts.items() if name not in networks}
        self._networks = {name: Network(parts[name], threads=1) for name in networks if name in parts}

    def _blocks(self, work: Callable[[Rows], Floats], X: Rows) -> Floats:
        return in_blocks(work, np.ascontiguousarray(X, dtype=np.float32), threads=self._threads)

    def _run(self, spec: Mapping[str, Any], X: Rows) -> Floats:
        kind = spec["kind"]
        if kind == "graph":
            return _answer(self.graph(spec["part"])(X), spec["gives"])
        if kind == "sequence":
            odds = self._network(spec["part"]).goal(last_events(X, spec["features"], spec["columns"]))
            return _answer(odds.astype(np.float64)[:, None], "log_odds")
        if kind == "stacked":
            return _answer(self.graph(spec["part"])(self._beside(spec, X)), spec["gives"])
        if kind == "constant":
            return np.full(len(X), float(spec["value"]))
        if kind == "vote":
            pairs = zip(spec["weights"], spec["members"], strict=True)
            return np.sum([weight * self._run(member, X) for weight, member in pairs], axis=0)
        if kind == "calibrated":
            return calibrated(self._run(spec["of"], X), spec["calibration"])
        raise BundleError(f"a model of the kind '{kind}' is unknown", todo="update buysignal")

    def graph(self, name: str) -> Graph:
        """Return a part by its name."""
        return _part(self._graphs, name)

    def _beside(self, spec: Mapping[str, Any], X: Rows) -> Rows:
        steps = last_events(X, spec["features"], spec["columns"])
        odds = [self._network(name).goal(steps) for name in spec["networks"]]
        return beside(X, spec["features"], np.mean(odds, axis=0) if odds else np.zeros(len(X)))

    def _network(self, name: str) -> Network:
        return _part(self._networks, name)


def _part(parts: Mapping[str, Part], name: str) -> Part:
    if name not in parts:
        raise BundleError(f"the model part '{name}' is missing", todo="train again")
    return parts[name]


def _networks(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts that read the last events in their order."""
    if spec["kind"] == "sequence":
        yield spec["part"]
    yield from spec.get("networks", ())
    for member in (spec.get("of"), *spec.get("members", ())):
        if member is not None:
            yield from _networks(member)


class OnnxModel(_Stored):
    """A stored yes/no model.

    Args:
        spec, parts: as `models.onnx.Exported` has them.
        threads: for many rows, which are worked on in blocks; all cores where None.
    """

    def predict(self, X: Rows) -> Floats:
        """Return P(yes), shape (n,), for X (n, f) float32 as in `Samples`."""
        return self._blocks(lambda block: self._run(self.spec, block), X)


class OnnxAmount(_Stored):
    """A stored revenue model; amounts are in the goal's currency and never negative."""

    def predict(self, X: Rows) -> Floats:
        """Return expected amounts, shape (n,), for X (n, f) float32 as in `Samples`."""
        return self._blocks(self._amount, X)

    def predict_log1p(self, X: Rows) -> Floats:
        """Return expected log1p amounts, shape (n,)."""
        return self._blocks(self._log1p, X)

    def _amount(self, X: Rows) -> Floats:
        if self.spec["kind"] == "two_part":
            log = self._log_if_bought(X)
            return self._run(self.spec["buy"], X) * self.spec["smear"] * np.expm1(log)
        return np.maximum(self._run(self.spec["amount"], X), 0)

    def _log1p(self, X: Rows) -> Floats:
        if self.spec["kind"] == "two_part":
            return self._run(self.spec["buy"], X) * self._log_if_bought(X)
        return np.maximum(self._run(self.spec["log"], X), 0)

    def _log_if_bought(self, X: Rows) -> Floats:
        return np.clip(self._run(self.spec["log"], X), *self.spec["range"])


def _answer(found: Floats, gives: str) -> Floats:
    """Return probabilities or values (n,). Of two shares the smaller one is the exact one."""
    last = found[:, -1]
    if gives == "log_odds":
        small = np.exp(-np.abs(last))
        return np.where(last >= 0, 1 / (1 + small), small / (1 + small))
    if gives == "shares":
        return np.where(last > 0.5, 1 - found[:, 0], last)
    return last


def calibrated(p: Floats, numbers: Mapping[str, Any]) -> Floats:
    """Return calibrated scores (n,); the same formula as `models.calibration.Calibration`."""
    if numbers["method"] == "none":
        return p
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    z = numbers["a"] * np.log(inside) - numbers["b"] * np.log1p(-inside) + numbers["c"]
    return np.asarray(1 / (1 + np.exp(-z)))
