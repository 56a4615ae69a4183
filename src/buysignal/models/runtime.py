"""Running stored models: ONNX Runtime for the graphs, a few numbers around them.

Nothing here imports scikit-learn or XGBoost, so a scorer starts quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import BundleError

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

FEW_ROWS = 64
"""Up to this many rows one thread is faster than waking others."""

_EDGE = 1e-7


class Graph:
    """One ONNX graph: X (n, width) float32 -> (n, 1) or (n, 2) float64."""

    def __init__(self, content: bytes, threads: int) -> None:
        import onnxruntime

        self._runtime = onnxruntime
        self._content = content
        self._threads = threads
        self._single = self._session(1)
        self._many = self._single if threads == 1 else None
        self._output = [self._single.get_outputs()[0].name]
        self.width = int(self._single.get_inputs()[0].shape[1])

    def __call__(self, X: Rows) -> Floats:
        if len(X) == 0:
            return np.zeros((0, 1))
        session = self._single
        if len(X) > FEW_ROWS:
            if self._many is None:
                self._many = self._session(self._threads)
            session = self._many
        found = session.run(self._output, {"X": X})[0]
        return np.asarray(found, dtype=np.float64).reshape(len(X), -1)

    def _session(self, threads: int) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return self._runtime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])


class _Stored:
    def __init__(self, spec: Mapping[str, Any], parts: Mapping[str, bytes], *, threads: int = 2) -> None:
        self.spec = dict(spec)
        self._graphs = {name: Graph(content, threads) for name, content in parts.items()}

    def _run(self, spec: Mapping[str, Any], X: Rows) -> Floats:
        kind = spec["kind"]
        if kind == "graph":
            return _answer(self._graph(spec["part"])(X), spec["gives"])
        if kind == "constant":
            return np.full(len(X), float(spec["value"]))
        if kind == "vote":
            pairs = zip(spec["weights"], spec["members"], strict=True)
            return np.sum([weight * self._run(member, X) for weight, member in pairs], axis=0)
        if kind == "calibrated":
            return calibrated(self._run(spec["of"], X), spec["calibration"])
        raise BundleError(f"a model of the kind '{kind}' is unknown", todo="update buysignal")

    def _graph(self, name: str) -> Graph:
        if name not in self._graphs:
            raise BundleError(f"the model part '{name}' is missing", todo="train again")
        return self._graphs[name]


class OnnxModel(_Stored):
    """A stored yes/no model.

    Args:
        spec, parts: as `models.onnx.Exported` has them.
        threads: for more than 64 rows; fewer run on one.
    """

    def predict(self, X: Rows) -> Floats:
        """Return P(yes), shape (n,), for X (n, f) float32 as in `Samples`."""
        return self._run(self.spec, _ready(X))


class OnnxAmount(_Stored):
    """A stored revenue model; amounts are in the goal's currency and never negative."""

    def predict(self, X: Rows) -> Floats:
        """Return expected amounts, shape (n,), for X (n, f) float32 as in `Samples`."""
        if self.spec["kind"] == "two_part":
            log = self._log_if_bought(X)
            return self._run(self.spec["buy"], _ready(X)) * self.spec["smear"] * np.expm1(log)
        return np.maximum(self._run(self.spec["amount"], _ready(X)), 0)

    def predict_log1p(self, X: Rows) -> Floats:
        """Return expected log1p amounts, shape (n,)."""
        if self.spec["kind"] == "two_part":
            return self._run(self.spec["buy"], _ready(X)) * self._log_if_bought(X)
        return np.maximum(self._run(self.spec["log"], _ready(X)), 0)

    def _log_if_bought(self, X: Rows) -> Floats:
        return np.clip(self._run(self.spec["log"], _ready(X)), *self.spec["range"])


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


def _ready(X: Rows) -> Rows:
    return np.ascontiguousarray(X, dtype=np.float32)
