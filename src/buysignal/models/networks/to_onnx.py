"""A trained network as an ONNX graph, written from its weights and proven equal on real rows.

Inputs ``X`` (n, L, c) float32, all padding behind, and ``at`` (q, 2) int64, the row and the place of each
step that is asked. Outputs ``items`` (q, m) scores, ``goal`` (q, 1) log odds and ``state`` (q, s).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import BundleError
from buysignal.models.networks.design import Design
from buysignal.models.networks.graph import Graph
from buysignal.models.networks.network import KerasNetwork
from buysignal.models.networks.runtime import Network
from buysignal.models.networks.steps import FIRST, Inputs, Rows, from_the_left, known_codes, lengths
from buysignal.models.networks.training import Trained

TOLERANCE = 1e-4

CHECKED = 256
"""Rows on which both are compared."""

Weights = dict[str, npt.NDArray[np.float32]]


def export(trained: Trained, X: Rows) -> bytes:
    """Return the network as ONNX, compared with Keras on up to 256 rows of X (n, L, c).

    Raises:
        BundleError: some score, log odds or state differs by more than 1e-4.
    """
    network = trained.network
    content = graph_of(network.weights(), network.design, network.inputs)
    _assert_equal(network, content, X[:: max(1, len(X) // CHECKED)][:CHECKED])
    return content


def graph_of(weights: Weights, design: Design, inputs: Inputs) -> bytes:
    """Return the serialised graph of these weights."""
    graph = Graph()
    graph.input("X", np.float32, ["n", "L", len(inputs.columns)])
    graph.input("at", np.int64, ["q", 2])
    steps = _embedding(graph, weights, inputs)
    body = _gru if design.body == "gru" else _transformer
    states = body(graph, steps, weights, design)
    state = graph.op("GatherND", states, "at", to="state")
    graph.output("state", ["q", design.state_width])
    if "items/vectors" in weights:
        step = graph.op("GatherND", steps, "at")
        wanted = graph.op(
            "Add",
            _dense(graph, state, weights, "items"),
            graph.op("MatMul", step, graph.constant(weights["items/around"])),
        )
        scores = graph.op("MatMul", wanted, graph.constant(weights["items/vectors"].T))
        if "items/move/kernel" in weights:
            scores = graph.op("Add", scores, _along(graph, state, weights, inputs.items))
        graph.op("Add", scores, graph.constant(weights["items/base"]), to="items")
        graph.output("items", ["q", inputs.items])
    if "goal/kernel" in weights:
        graph.op("Identity", _dense(graph, state, weights, "goal"), to="goal")
        graph.output("goal", ["q", 1])
    columns = json.dumps([asdict(column) for column in inputs.columns])
    return graph.serialised(
        {"columns": columns, "length": str(design.length if design.body == "transformer" else 0)}
    )


def _dense(graph: Graph, x: str, weights: Weights, name: str) -> str:
    product = graph.op("MatMul", x, graph.constant(weights[f"{name}/kernel"]))
    return graph.op("Add", product, graph.constant(weights[f"{name}/bias"]))


def _along(graph: Graph, state: str, weights: Weights, items: int) -> str:
    """Return (q, m): what the state says of each item's distance along the catalog."""
    move = _dense(graph, state, weights, "items/move")
    reach = weights["items/move/bias"].size // 2
    code = graph.op("Gather", "X", graph.constant(np.int64(0)), axis=2)
    code = graph.op("Cast", graph.op("GatherND", code, "at"), to_type=np.int64)
    last = graph.op("Sub", code, graph.constant(np.int64(FIRST)))
    last = graph.op("Unsqueeze", last, graph.constant(np.array([1], np.int64)))
    way = graph.op("Sub", graph.constant(np.arange(items, dtype=np.int64)), last)
    way = graph.op("Clip", way, graph.constant(np.int64(-reach)), graph.constant(np.int64(reach)))
    way = graph.op("Add", way, graph.constant(np.int64(reach)))
    found = graph.op("GatherElements", move, way, axis=1)
    known = graph.op("GreaterOrEqual", last, graph.constant(np.int64(0)))
    return graph.op("Where", known, found, graph.constant(np.float32(0)))


def _embedding(graph: Graph, weights: Weights, inputs: Inputs) -> str:
    parts = []
    for place, column in enumerate(inputs.columns):
        if column.levels:
            code = graph.op("Gather", "X", graph.constant(np.int64(place)), axis=2)
            code = graph.op("Cast", code, to_type=np.int64)
            parts.append(
                graph.op("Gather", graph.constant(weights[f"embedding/{column.name}"]), code, axis=0)
            )
    numbers = [place for place, column in enumerate(inputs.columns) if not column.levels]
    if numbers:
        found = graph.op("Gather", "X", graph.constant(np.array(numbers, np.int64)), axis=2)
        parts.append(graph.op("MatMul", found, graph.constant(weights["numbers"])))
    return parts[0] if len(parts) == 1 else graph.op("Sum", *parts)


def _gru(graph: Graph, x: str, weights: Weights, design: Design) -> str:
    """ONNX and Keras have the gates in the same order: update (z), reset (r), candidate (h)."""
    x = graph.op("Transpose", x, perm=[1, 0, 2])
    for i in range(design.blocks):
        kernel, recurrent, bias = (
            graph.constant(w[None])
            for w in (
                weights[f"gru{i}/kernel"].T,
                weights[f"gru{i}/recurrent_kernel"].T,
                weights[f"gru{i}/bias"].reshape(-1),
            )
        )
        x = graph.op("GRU", x, kernel, recurrent, bias, hidden_size=design.state, linear_before_reset=1)
        x = graph.op("Squeeze", x, graph.constant(np.array([1], np.int64)))
    return graph.op("Transpose", x, perm=[1, 0, 2])


def _transformer(graph: Graph, x: str, weights: Weights, design: Design) -> str:
    length = graph.op("Shape", "X", start=1, end=2)
    x = graph.op("Add", x, _first(graph, weights["position"], length, [0]))
    for i in range(design.blocks):
        name = f"block{i}"
        inner = _normal(graph, x, weights, f"{name}/norm_attention")
        found = _attention(graph, inner, weights, name, design, length)
        x = graph.op("Add", x, _dense(graph, found, weights, f"{name}/out"))
        inner = _normal(graph, x, weights, f"{name}/norm_dense")
        inner = graph.op("Relu", _dense(graph, inner, weights, f"{name}/up"))
        x = graph.op("Add", x, _dense(graph, inner, weights, f"{name}/down"))
    return _normal(graph, x, weights, "norm")


def _attention(graph: Graph, x: str, weights: Weights, name: str, design: Design, length: str) -> str:
    heads, size = design.heads, design.width // design.heads
    parts = _dense(graph, x, weights, f"{name}/query_key_value")
    parts = graph.op("Reshape", parts, graph.constant(np.array([0, 0, 3, heads, size], np.int64)))
    parts = graph.op("Transpose", parts, perm=[2, 0, 3, 1, 4])
    query, key, value = (graph.op("Gather", parts, graph.constant(np.int64(k)), axis=0) for k in range(3))
    weight = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
    weight = graph.op("Mul", weight, graph.constant(np.float32(1 / np.sqrt(size))))
    weight = graph.op("Add", weight, _first(graph, weights[f"{name}/bias"], length, [1, 2]))
    found = graph.op("MatMul", graph.op("Softmax", weight, axis=-1), value)
    found = graph.op("Transpose", found, perm=[0, 2, 1, 3])
    return graph.op("Reshape", found, graph.constant(np.array([0, 0, design.width], np.int64)))


def _first(graph: Graph, table: npt.NDArray[np.float32], length: str, axes: list[int]) -> str:
    """Return the first ``length`` places of a table along ``axes``."""
    found = graph.constant(table)
    zero = graph.constant(np.zeros(1, np.int64))
    for axis in axes:
        found = graph.op("Slice", found, zero, length, graph.constant(np.array([axis], np.int64)))
    return found


def _normal(graph: Graph, x: str, weights: Weights, name: str) -> str:
    scale, shift = (graph.constant(weights[f"{name}/{part}"]) for part in ("kernel", "bias"))
    return graph.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)


def _assert_equal(network: KerasNetwork, content: bytes, X: Rows) -> None:
    stored = Network(content)
    X = known_codes(from_the_left(X), network.inputs.columns)
    X = X[lengths(X) > 0]
    at = np.argwhere(X[:, :, 0] > 0)
    states, steps = network.states(X, training=False)
    state, step = (np.asarray(found)[at[:, 0], at[:, 1]] for found in (states, steps))
    pairs: list[tuple[Any, Any]] = [(state, stored.states(X, at))]
    if network.items is not None:
        codes = X[at[:, 0], at[:, 1], 0]
        pairs.append((network.items(state, step, codes), stored.items(X, at)))
    if network.goal is not None:
        pairs.append((network.goal(state), stored.goal(X, at)))
    difference = max(float(np.abs(np.asarray(a) - b).max(initial=0)) for a, b in pairs)
    if not difference <= TOLERANCE:
        raise BundleError(
            f"the ONNX copy of a network differs by up to {difference:.2g} from the trained one",
            allowed=f"{TOLERANCE:g}",
            todo="train again with another seed, and report this",
        )
