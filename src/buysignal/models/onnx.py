"""Fitted models as ONNX, proven equal on real rows: nothing that could run code on loading.

A booster is converted alone: it reads raw float32 columns, so that no scaler can push a value over a
split. Votes, calibration and the two-part product are a few numbers beside the graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import BundleError
from buysignal.models.calibration import Calibrated
from buysignal.models.conversion import SoftVote
from buysignal.models.linear_onnx import graph_of_linear, linear_on_columns
from buysignal.models.odds import parts, probability
from buysignal.models.preprocess import SkewLog
from buysignal.models.revenue import AmountModel, TwoPart
from buysignal.models.runtime import OnnxAmount, OnnxModel
from buysignal.models.sequence import SequenceClassifier
from buysignal.models.sequence_stacked import StackedClassifier
from buysignal.models.trees_onnx import IR_VERSION, ML_OPSET, OPSET, can_convert, graph_of_trees

TOLERANCE = 1e-5

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Exported:
    """A model as files: ``spec`` goes into a manifest (JSON), ``parts`` are ONNX files by name."""

    spec: dict[str, Any]
    parts: dict[str, bytes]
    largest_difference: float


def export_conversion(model: Any, X: Rows) -> Exported:
    """Return a fitted yes/no model as ONNX, checked on the real rows X (n, f), gaps included.

    Raises:
        BundleError: some score differs by more than 1e-5.
    """
    files: dict[str, bytes] = {}
    spec = _classifier_spec(model, X.shape[1], files, "model")
    difference = _largest(OnnxModel(spec, files).predict(X) - probability(model, X))
    assert_equal(difference, "probabilities")
    return Exported(spec, files, difference)


def export_revenue(model: AmountModel | TwoPart, X: Rows) -> Exported:
    """Return a fitted revenue model as ONNX, checked on the real rows X (n, f), gaps included.

    Raises:
        BundleError: some amount differs by more than 1e-5 of the largest amount (at least of 1).
    """
    files: dict[str, bytes] = {}
    spec = _amount_spec(model, X.shape[1], files)
    stored = OnnxAmount(spec, files)
    difference = 0.0
    for ours, theirs in (
        (stored.predict(X), model.predict(X)),
        (stored.predict_log1p(X), model.predict_log1p(X)),
    ):
        difference = max(difference, _largest(ours - theirs) / max(1.0, _largest(theirs)))
    assert_equal(difference, "amounts")
    return Exported(spec, files, difference)


def assert_equal(difference: float, what: str) -> None:
    """Raise unless ``difference`` between stored and trained ``what`` is within 1e-5.

    Raises:
        BundleError: it is not.
    """
    if not difference <= TOLERANCE:
        raise BundleError(
            f"the ONNX copy gives {what} that differ by up to {difference:.2g} from the trained model",
            allowed=f"{TOLERANCE:g}",
            todo="train again with another candidate, and report this",
        )


def _largest(values: npt.NDArray[np.float64]) -> float:
    return float(np.abs(values).max(initial=0.0))


def _classifier_spec(model: Any, width: int, files: dict[str, bytes], name: str) -> dict[str, Any]:
    if isinstance(model, Calibrated):
        spec = _classifier_spec(model.estimator, width, files, name)
        return {"kind": "calibrated", "of": spec, "calibration": model.calibration_.to_dict()}
    if isinstance(model, SoftVote):
        members = [_classifier_spec(member, width, files, title) for title, member in model.members_]
        return {"kind": "vote", "members": members, "weights": [float(w) for w in model.weights_]}
    if len(model.classes_) == 1:
        return {"kind": "constant", "value": float(model.classes_[0])}
    last = parts(model)[1]
    if isinstance(last, SequenceClassifier):
        files[name] = last.network_
        return {"kind": "sequence", "part": name, **_of_steps(last)}
    if isinstance(last, StackedClassifier):
        networks = {f"{name}-network{i}": one.network_ for i, one in enumerate(last.networks_)}
        files |= networks
        inner = _graph_spec(last.booster_, last.booster_.n_features_in_, files, name)
        return {**inner, "kind": "stacked", "networks": [*networks], **_of_steps(last.network)}
    return _graph_spec(model, width, files, name)


def _of_steps(network: SequenceClassifier) -> dict[str, Any]:
    return {"features": network.features, "columns": len(network.layout.columns)}


def _graph_spec(estimator: Any, width: int, files: dict[str, bytes], name: str) -> dict[str, Any]:
    files[name], gives = graph_of(estimator, width)
    return {"kind": "graph", "part": name, "gives": gives}


def _amount_spec(model: AmountModel | TwoPart, width: int, files: dict[str, bytes]) -> dict[str, Any]:
    if isinstance(model, TwoPart):
        buy = _classifier_spec(model.buy_, width, files, "buy") if _learned(model.buy_) else _rate(model.buy_)
        log = _graph_spec(model.log_, width, files, "log_if_bought")
        return {"kind": "two_part", "buy": buy, "log": log, "smear": model.smear_, "range": model.range_}
    spec: dict[str, Any] = {"kind": "amount"}
    for name, estimator in (("amount", model.amount_), ("log", model.log_)):
        if _learned(estimator):
            spec[name] = _graph_spec(estimator, width, files, name)
        else:
            spec[name] = {"kind": "constant", "value": float(estimator.constant_.ravel()[0])}
    return spec


def _learned(estimator: Any) -> bool:
    return not type(estimator).__name__.startswith("Dummy")


def _rate(dummy: Any) -> dict[str, Any]:
    rates = dict(zip(dummy.classes_, dummy.class_prior_, strict=True))
    return {"kind": "constant", "value": float(rates.get(1, 0.0))}


def graph_of(estimator: Any, width: int) -> tuple[bytes, str]:
    """Return one fitted estimator or pipeline as serialised ONNX, and what its output is.

    The resampler is left out. The graph has one input ``X`` (n, width) float32 and one output:
    "log_odds" (n, 1), "shares" of both classes (n, 2), or the "value" (n, 1) of a regressor.
    """
    before, last = parts(estimator)
    gives = "log_odds"
    if type(last).__name__ == "XGBClassifier":
        graph = booster_graph(last, width)
        _without_sigmoid(graph)
    elif type(last).__name__ == "XGBRegressor":
        graph, gives = booster_graph(last, width), "value"
    elif can_convert(last):
        graph = graph_of_trees(last, width)
        gives = "log_odds" if "Hist" in type(last).__name__ else "shares"
    elif hasattr(last, "coefs_"):
        graph = _network_graph(last)
    else:
        gives = "log_odds" if hasattr(last, "classes_") else "value"
        linear = linear_on_columns(before, last)
        if linear is not None:
            return graph_of_linear(linear, width).SerializeToString(), gives
        graph = _linear_graph(last)
    for number, step in enumerate(reversed(before)):
        graph = _chained(_sklearn_graph(step, width), graph, f"part{number}_")
    return graph.SerializeToString(), gives


def _sklearn_graph(step: Any, width: int) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    _register_skew_log()
    return convert_sklearn(
        step,
        initial_types=[("X", FloatTensorType([None, width]))],
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    )


def booster_graph(model: Any, width: int) -> Any:
    """Return an XGBoost model or booster as an ONNX model, with the input X (n, width) float32."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("X", FloatTensorType([None, width]))]
    graph = convert_xgboost(model, initial_types=types, target_opset=OPSET)
    outputs = list(graph.graph.output)
    del graph.graph.output[:]
    graph.graph.output.extend(outputs[-1:])
    return graph


def _without_sigmoid(graph: Any) -> None:
    """Let a booster give log odds."""
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name == "post_transform":
                attribute.s = b"NONE"


def _linear_graph(model: Any) -> Any:
    return _layers_graph([np.asarray(model.coef_).reshape(1, -1).T], [np.ravel(model.intercept_)])


def _network_graph(model: Any) -> Any:
    return _layers_graph(model.coefs_, model.intercepts_)


def _layers_graph(weights: Sequence[Any], biases: Sequence[Any]) -> Any:
    """A rectifier network without its last squashing; one layer is a linear model. Float64 inside."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Cast", ["X"], ["layer0"], to=TensorProto.DOUBLE)]
    stored = []
    for i, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        stored.append(numpy_helper.from_array(np.asarray(matrix, np.float64), f"weights{i}"))
        stored.append(numpy_helper.from_array(np.asarray(bias, np.float64), f"bias{i}"))
        inner = i < len(weights) - 1
        names = [f"layer{i}", f"weights{i}", f"bias{i}"]
        nodes.append(helper.make_node("Gemm", names, [f"sum{i}"]))
        if inner:
            nodes.append(helper.make_node("Relu", [f"sum{i}"], [f"layer{i + 1}"]))
    graph = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(weights[0])])],
        [helper.make_tensor_value_info(f"sum{len(weights) - 1}", TensorProto.DOUBLE, [None, 1])],
        stored,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _chained(first: Any, second: Any, prefix: str) -> Any:
    """Join two graphs, the only output of the first feeding the input of the second."""
    from onnx import compose

    opsets: dict[str, int] = {}
    for opset in (*first.opset_import, *second.opset_import):
        opsets[opset.domain] = max(opset.version, opsets.get(opset.domain, 0))
    for graph in (first, second):
        graph.ir_version = IR_VERSION
        del graph.opset_import[:]
        for domain, version in opsets.items():
            graph.opset_import.add(domain=domain, version=version)
    renamed = compose.add_prefix(first, prefix)
    link = (renamed.graph.output[0].name, second.graph.input[0].name)
    merged = compose.merge_models(renamed, second, io_map=[link])
    _rename_input(merged, "X")
    return merged


def _rename_input(graph: Any, name: str) -> None:
    old = graph.graph.input[0].name
    graph.graph.input[0].name = name
    for node in graph.graph.node:
        for place, used in enumerate(node.input):
            if used == old:
                node.input[place] = name


def _register_skew_log() -> None:
    from skl2onnx import update_registered_converter

    update_registered_converter(
        SkewLog, "BuysignalSkewLog", _skew_log_shape, _convert_skew_log, overwrite=True
    )


def _skew_log_shape(operator: Any) -> None:
    operator.outputs[0].type = operator.inputs[0].type.__class__([None, operator.raw_operator.n_features_in_])


def _convert_skew_log(scope: Any, operator: Any, container: Any) -> None:
    """y = x (1 - mask) + log(1 + max(x, 0)) mask."""
    from skl2onnx.algebra.onnx_ops import OnnxAdd, OnnxLog, OnnxMul, OnnxRelu

    mask = operator.raw_operator.mask_.astype(np.float32)
    version = container.target_opset
    x = operator.inputs[0]
    raised = OnnxAdd(OnnxRelu(x, op_version=version), np.ones(1, np.float32), op_version=version)
    logged = OnnxMul(OnnxLog(raised, op_version=version), mask, op_version=version)
    kept = OnnxMul(x, 1 - mask, op_version=version)
    total = OnnxAdd(kept, logged, op_version=version, output_names=operator.outputs[:1])
    total.add_to(scope, container)


def describe(spec: Mapping[str, Any]) -> str:
    """Return the kinds of a spec in a few words, for logs and manifests.

    >>> describe({"kind": "vote", "members": [{"kind": "graph", "part": "mlp"}], "weights": [1.0]})
    'vote of mlp'
    """
    if spec["kind"] == "calibrated":
        return f"calibrated {describe(spec['of'])}"
    if spec["kind"] == "vote":
        return "vote of " + ", ".join(describe(member) for member in spec["members"])
    return str(spec.get("part", spec["kind"]))
