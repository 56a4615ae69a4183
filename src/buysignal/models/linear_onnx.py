"""A linear model behind the usual preprocessing as one short ONNX graph over the raw columns.

Converted step by step, imputing, logs, scaling and one-hot columns are some thirty nodes, and for one row a
node costs more than its sum. Scaling is multiplied into the weights here, and a level's weight is looked up
instead of being multiplied by its one-hot column. Everything is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.models.trees_onnx import IR_VERSION, OPSET

NAME = "linear on raw columns"
"""What such a graph is called, for those who read its numbers without ONNX Runtime."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Linear:
    """y = bias + sum over numeric columns of weight x' + sum over columns of codes of the level's weight.

    x' is x, or ``fill`` where it is missing; of that log(1 + max(x, 0)) where ``logged``.

    Attributes:
        numeric: (k,) positions of numeric columns; fill, logged (0 or 1), weight: (k,) of each.
        coded: (c,) positions of columns of codes; sizes: (c,) how many levels each has; begins: (c,) where
            the first of them stands in ``table``.
        table: (1 + sum of sizes,) weights of levels; the first one, 0, is that of any other code.
        bias: (1,).
    """

    numeric: Ints
    fill: Floats
    logged: Floats
    weight: Floats
    coded: Ints
    sizes: Floats
    begins: Floats
    table: Floats
    bias: Floats


def linear_on_columns(before: list[Any], model: Any) -> Linear | None:
    """Return a fitted linear model with its preprocessing; None behind other steps than `make_preprocess`.

    Args:
        before: fitted transformers.
        model: fitted, with ``coef_`` and ``intercept_``.
    """
    if len(before) != 1 or type(before[0]).__name__ != "ColumnTransformer":
        return None
    found = {name: (part, columns) for name, part, columns in before[0].transformers_ if name != "remainder"}
    if not {*found} <= {"numeric", "categorical"}:
        return None
    steps = {name: [kind for kind, _ in getattr(part, "steps", ())] for name, (part, _) in found.items()}
    if steps.get("numeric", _NUMERIC) != _NUMERIC or steps.get("categorical", _CODED) != _CODED:
        return None
    weights = np.ravel(model.coef_).astype(np.float64)
    numeric, fill, logged, weight, shift = (
        _numeric(*found["numeric"], weights) if "numeric" in found else _NO_NUMBERS
    )
    coded, sizes, begins, table = (
        _coded(*found["categorical"], weights[len(numeric) :]) if "categorical" in found else _NO_CODES
    )
    bias = np.ravel(model.intercept_).astype(np.float64) - shift
    return Linear(numeric, fill, logged, weight, coded, sizes, begins, table, bias)


_NUMERIC = ["impute", "log", "scale"]
_CODED = ["impute", "one_hot"]
_NONE = np.zeros(0)
_NO_NUMBERS = (np.zeros(0, np.int64), _NONE, _NONE, _NONE, 0.0)
_NO_CODES = (np.zeros(0, np.int64), _NONE, _NONE, np.zeros(1))


def _numeric(part: Any, columns: Any, weights: Floats) -> tuple[Ints, Floats, Floats, Floats, float]:
    impute, log, scale = (step for _, step in part.steps)
    weight = weights[: len(columns)] / scale.scale_
    shift = float(weight @ scale.mean_)
    fill = np.nan_to_num(impute.statistics_.astype(np.float64))
    return np.array(columns, np.int64), fill, log.mask_.astype(np.float64), weight, shift


def _coded(part: Any, columns: Any, weights: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    sizes = np.array([len(levels) for levels in part.named_steps["one_hot"].categories_], np.float64)
    begins = 1 + np.cumsum(sizes) - sizes
    return np.array(columns, np.int64), sizes, begins, np.concatenate([[0.0], weights])


def graph_of_linear(linear: Linear, width: int) -> Any:
    """Return the ONNX model: X (n, width) float32 -> (n, 1) float64."""
    from onnx import TensorProto, helper, numpy_helper

    stored = {name: np.asarray(value) for name, value in vars(linear).items()}
    stored["weight"] = linear.weight[:, None]
    stored |= {"one": np.ones(1), "zero": np.zeros(1), "axis": np.ones(1, np.int64)}
    nodes = [helper.make_node("Cast", ["X"], ["exact"], to=TensorProto.DOUBLE)]
    sums = ["bias"]
    if len(linear.numeric):
        nodes += [helper.make_node(kind, used, [made], **more) for kind, used, made, more in _SUM]
        sums.append("numbers")
    if len(linear.coded):
        nodes += [helper.make_node(kind, used, [made], **more) for kind, used, made, more in _LOOK_UP]
        nodes.append(helper.make_node("Cast", ["place"], ["row"], to=TensorProto.INT64))
        nodes.append(helper.make_node("Gather", ["table", "row"], ["levels"]))
        nodes.append(helper.make_node("ReduceSum", ["levels", "axis"], ["codes"], keepdims=1))
        sums.append("codes")
    nodes.append(helper.make_node("Sum", sums, ["answer"]))
    graph = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("answer", TensorProto.DOUBLE, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


_SUM: list[tuple[str, list[str], str, dict[str, Any]]] = [
    ("Gather", ["exact", "numeric"], "x", {"axis": 1}),
    ("IsNaN", ["x"], "missing", {}),
    ("Where", ["missing", "fill", "x"], "known", {}),
    ("Max", ["known", "zero"], "positive", {}),
    ("Add", ["positive", "one"], "raised", {}),
    ("Log", ["raised"], "log", {}),
    ("Greater", ["logged", "zero"], "skewed", {}),
    ("Where", ["skewed", "log", "known"], "shaped", {}),
    ("MatMul", ["shaped", "weight"], "numbers", {}),
]
_LOOK_UP: list[tuple[str, list[str], str, dict[str, Any]]] = [
    ("Gather", ["exact", "coded"], "code", {"axis": 1}),
    ("GreaterOrEqual", ["code", "zero"], "not_below", {}),
    ("Less", ["code", "sizes"], "not_above", {}),
    ("And", ["not_below", "not_above"], "inside", {}),
    ("Add", ["code", "begins"], "at", {}),
    ("Where", ["inside", "at", "zero"], "place", {}),
]


def numbers_of(graph: Any) -> Linear:
    """Return what a graph of `graph_of_linear` computes; ``graph`` is the ``graph`` of an ONNX model."""
    from onnx import numpy_helper

    stored = {one.name: np.array(numpy_helper.to_array(one)) for one in graph.initializer}
    stored["weight"] = np.ravel(stored["weight"])
    return Linear(**{name: stored[name] for name in Linear.__dataclass_fields__})
