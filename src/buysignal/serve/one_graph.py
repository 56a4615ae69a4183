"""One row through a stored graph, compiled: trees and linear models without ONNX Runtime's call.

For one row that call costs several times what it computes. What such a graph computes is read from it and
tried beside ONNX Runtime on rows of every kind; a graph that is not understood, or whose copy gives anything
else, is asked through ONNX Runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.features.frozen import frozen
from buysignal.models.linear_onnx import NAME, Linear, numbers_of
from buysignal.models.runtime import Graph

Row = npt.NDArray[np.float32]
Answer = tuple[float, float]
Ask = Callable[[Row], Answer]

NODE = np.dtype(
    [("feature", "i4"), ("low", "i4"), ("high", "i4"), ("missing", "i4"), ("a", "f8"), ("b", "f8")]
)
"""A branch: rows below ``a`` in ``feature`` go to ``low``. A leaf: -1, and what it adds to the answers."""

PROBES = 32
_TREES = (["TreeEnsembleClassifier"], ["TreeEnsembleRegressor"])
CLOSE = 1e-9


def compiled(graph: Graph) -> Ask | None:
    """Return a function from a row (graph.width,) to the graph's first and last answer; None if unknown."""
    import onnx

    model = onnx.load_from_string(graph.content).graph
    if model.name == NAME:
        found: Ask | None = _linear(numbers_of(model))
    elif [node.op_type for node in model.node if node.op_type != "Cast"] in _TREES:
        found = _trees(model)
    else:
        return None
    return found if found is not None and _is_equal(found, graph) else None


def _is_equal(ask: Ask, graph: Graph) -> bool:
    """Whether ``ask`` answers as ONNX Runtime does, on rows of small, large and missing numbers."""
    rng = np.random.default_rng(0)
    X = np.exp(rng.normal(0, 3, (PROBES, graph.width))).astype(np.float32)
    X[::2] = np.round(X[::2])
    X[rng.random(X.shape) < 0.1] = np.nan
    X[rng.random(X.shape) < 0.1] = 0
    X[0], X[1] = np.nan, 0
    told = graph(X)
    ours = np.array([ask(row) for row in X])
    return np.allclose(ours[:, 1], told[:, -1], CLOSE, CLOSE) and np.allclose(
        ours[:, 0], told[:, 0], CLOSE, CLOSE
    )


def _linear(numbers: Linear) -> Ask:
    rules = frozen(np.stack([numbers.fill, numbers.logged, numbers.weight], axis=1))
    spans = frozen(np.stack([numbers.sizes, numbers.begins], axis=1))
    numeric, coded, table = frozen(numbers.numeric), frozen(numbers.coded), frozen(numbers.table)
    bias = float(numbers.bias[0])

    def ask(row: Row) -> Answer:
        found = weighed(row, numeric, rules, coded, spans, table, bias)
        return found, found

    return ask


@njit(cache=True, nogil=True, error_model="numpy")
def weighed(
    row: Row,
    numeric: npt.NDArray[np.int64],
    rules: npt.NDArray[np.float64],
    coded: npt.NDArray[np.int64],
    spans: npt.NDArray[np.float64],
    table: npt.NDArray[np.float64],
    bias: float,
) -> float:
    """Return what `linear_onnx.Linear` says of a row (f,); ``rules`` (k, 3), ``spans`` (c, 2)."""
    total = 0.0
    for k in range(len(numeric)):
        value = float(row[numeric[k]])
        if math.isnan(value):
            value = rules[k, 0]
        if rules[k, 1] > 0:
            value = math.log(max(value, 0.0) + 1.0)
        total += value * rules[k, 2]
    for c in range(len(coded)):
        code = float(row[coded[c]])
        if code >= 0 and code < spans[c, 0]:
            total += table[int(code + spans[c, 1])]
    return total + bias


def _trees(model: Any) -> Ask | None:
    from onnx import helper

    told = {one.name: helper.get_attribute_value(one) for one in model.node[-1].attribute}
    exact = "nodes_values_as_tensor" in told
    modes = {mode.decode() for mode in told["nodes_modes"]}
    if not modes <= {"LEAF", "BRANCH_LT", "BRANCH_LEQ"} or told.get("post_transform", b"NONE") != b"NONE":
        return None
    nodes, roots = _nodes(told)
    base = np.zeros(2)
    given = np.ravel(_numbers(told, "base_values"))
    targets = max(_of(told, "ids"), default=0) + 1
    if targets > 2 or len(given) not in (0, 1, targets):
        return None
    base[:] = given if len(given) == 2 else (given[0] if len(given) else 0.0)
    if targets == 1:
        nodes["b"][nodes["feature"] < 0] = nodes["a"][nodes["feature"] < 0]
    walk = fallen if exact else fallen_single
    first, last, still, rooted = float(base[0]), float(base[1]), frozen(nodes), frozen(roots)
    sign = -1.0 if targets == 1 and model.node[-1].op_type == "TreeEnsembleClassifier" else 1.0

    def ask(row: Row) -> Answer:
        a, b = walk(row, still, rooted, first, last)
        return sign * a, b

    return ask


def _nodes(told: dict[str, Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return all nodes in one array, and where each tree begins in it."""
    tree = np.array(told["nodes_treeids"], np.int64)
    number = np.array(told["nodes_nodeids"], np.int64)
    place = {key: at for at, key in enumerate(zip(tree.tolist(), number.tolist(), strict=True))}
    modes = np.array([mode.decode() for mode in told["nodes_modes"]])
    nodes = np.zeros(len(tree), NODE)
    leaf = modes == "LEAF"
    limits = _numbers(told, "nodes_values").astype(np.float64)
    # "At most x" is "below the next number after x".
    nodes["a"] = np.where(modes == "BRANCH_LEQ", np.nextafter(limits, np.inf), limits)
    nodes["feature"] = np.where(leaf, -1, told["nodes_featureids"])
    for name, side in (("low", "nodes_truenodeids"), ("high", "nodes_falsenodeids")):
        nodes[name] = [
            0 if end else place[t, n] for end, t, n in zip(leaf, tree.tolist(), told[side], strict=True)
        ]
    missing = told.get("nodes_missing_value_tracks_true") or [0] * len(tree)
    nodes["missing"] = np.where(np.array(missing, bool), nodes["low"], nodes["high"])
    nodes["a"][leaf] = 0
    leaves = zip(
        _of(told, "treeids"), _of(told, "nodeids"), _of(told, "ids"), _numbers(told, "weights"), strict=True
    )
    for t, n, target, weight in leaves:
        nodes["b" if target else "a"][place[t, n]] = weight
    roots = np.unique(tree, return_index=True)[1].astype(np.int64)
    return nodes, roots


def _of(told: dict[str, Any], name: str) -> list[int]:
    return list(told.get(f"class_{name}") or told.get(f"target_{name}") or ())


def _numbers(told: dict[str, Any], name: str) -> npt.NDArray[Any]:
    from onnx import numpy_helper

    for kind in (name, f"class_{name}", f"target_{name}"):
        if f"{kind}_as_tensor" in told:
            return np.array(numpy_helper.to_array(told[f"{kind}_as_tensor"]))
        if kind in told:
            return np.array(told[kind], np.float32)
    return np.zeros(0, np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def leaf_of(row: Row, nodes: npt.NDArray[Any], root: int) -> int:
    """Return the leaf that a row (f,) falls into; ``nodes`` are (m,) `NODE`."""
    at = root
    while nodes[at].feature >= 0:
        value = row[nodes[at].feature]
        if math.isnan(value):
            at = nodes[at].missing
        elif value < nodes[at].a:
            at = nodes[at].low
        else:
            at = nodes[at].high
    return at


@njit(cache=True, nogil=True, error_model="numpy")
def fallen(
    row: Row, nodes: npt.NDArray[Any], roots: npt.NDArray[np.int64], first: float, last: float
) -> Answer:
    """Return ``first`` and ``last`` and what the leaves add to them that a row (f,) falls into.

    Args:
        nodes: (m,) `NODE`, all trees' behind one another; roots: (t,) where each tree begins.
    """
    a = 0.0
    b = 0.0
    for root in roots:
        at = leaf_of(row, nodes, root)
        a += nodes[at].a
        b += nodes[at].b
    # Whatever it adds up in, the operator answers in float32.
    return float(np.float32(a + first)), float(np.float32(b + last))


@njit(cache=True, nogil=True, error_model="numpy")
def fallen_single(
    row: Row, nodes: npt.NDArray[Any], roots: npt.NDArray[np.int64], first: float, last: float
) -> Answer:
    """Return the same as `fallen`, added up in float32, as boosters do."""
    a = np.float32(0)
    b = np.float32(0)
    for root in roots:
        at = leaf_of(row, nodes, root)
        a += np.float32(nodes[at].a)
        b += np.float32(nodes[at].b)
    return float(a + np.float32(first)), float(b + np.float32(last))
