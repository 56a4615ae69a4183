"""scikit-learn's trees as ONNX, with missing values going where the trees send them.

skl2onnx drops the direction of missing values in decision trees and forests and cannot convert the
histogram booster, so these few lines write the ensemble themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 15
ML_OPSET = 3
IR_VERSION = 8

Ints = npt.NDArray[np.int64]


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """One binary tree as arrays over its m nodes; ``left`` is -1 at leaves.

    A row goes left where its value is at most the threshold, or is missing and ``missing_left``.
    ``value`` is (m, targets).
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: npt.NDArray[np.bool_]
    value: Floats


def can_convert(model: Any) -> bool:
    """Say whether ``model`` is one of the tree classifiers written here."""
    return type(model).__name__ in _READERS


def graph_of_trees(model: Any, width: int) -> Any:
    """Return a fitted tree classifier as an ONNX model with the input ``X`` (n, width) float32.

    Forests give the shares of both classes (n, 2): the smaller one is exact, and so is one less it.
    The histogram booster gives log odds (n, 1). Sums are made in float64, as scikit-learn makes them.
    """
    trees, base = _READERS[type(model).__name__](model)
    return _graph(trees, base, width)


def _forest(model: Any) -> tuple[list[Tree], list[float]]:
    members = getattr(model, "estimators_", [model])
    order = [list(model.classes_).index(label) for label in (0, 1)]
    return [_tree(member.tree_, order, len(members)) for member in members], [0.0, 0.0]


def _tree(tree: Any, order: list[int], members: int) -> Tree:
    counts = tree.value[:, 0, :]
    return Tree(
        np.asarray(tree.feature, np.int64),
        tree.threshold,
        np.asarray(tree.children_left, np.int64),
        np.asarray(tree.children_right, np.int64),
        np.asarray(tree.missing_go_to_left, bool),
        (counts / counts.sum(1, keepdims=True) / members)[:, order],
    )


def _histogram(model: Any) -> tuple[list[Tree], list[float]]:
    trees = [_histogram_tree(predictor.nodes) for (predictor,) in model._predictors]
    return trees, [float(np.ravel(model._baseline_prediction)[0])]


def _histogram_tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"].astype(np.float64)[:, None],
    )


_READERS: dict[str, Callable[[Any], tuple[list[Tree], list[float]]]] = {
    "DecisionTreeClassifier": _forest,
    "RandomForestClassifier": _forest,
    "ExtraTreesClassifier": _forest,
    "HistGradientBoostingClassifier": _histogram,
}


def _graph(trees: list[Tree], base: list[float], width: int) -> Any:
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["X"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node(
            "TreeEnsembleRegressor", ["exact"], ["answer"], domain="ai.onnx.ml", **_attributes(trees, base)
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "trees",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, len(base)])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _attributes(trees: list[Tree], base: list[float]) -> dict[str, Any]:
    sizes = [len(tree.left) for tree in trees]
    targets = len(base)
    number = np.repeat(np.arange(len(trees)), sizes)
    node = np.concatenate([np.arange(size) for size in sizes])
    left, right, feature, threshold, missing, value = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("left", "right", "feature", "threshold", "missing_left", "value")
    )
    leaf = left < 0
    return {
        "n_targets": targets,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": _doubles("base", base),
        "nodes_treeids": number.tolist(),
        "nodes_nodeids": node.tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_values_as_tensor": _doubles("values", np.where(leaf, 0, threshold)),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, missing).astype(int).tolist(),
        "target_treeids": np.repeat(number[leaf], targets).tolist(),
        "target_nodeids": np.repeat(node[leaf], targets).tolist(),
        "target_ids": np.tile(np.arange(targets), int(leaf.sum())).tolist(),
        "target_weights_as_tensor": _doubles("weights", value[leaf].ravel()),
    }


def _doubles(name: str, values: npt.ArrayLike) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values, np.float64), name)
