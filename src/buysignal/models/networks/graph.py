"""Writing an ONNX graph node by node: names are made up here, so that nobody has to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 17
IR_VERSION = 8


class Graph:
    """A graph that grows; every operation returns the name of what it gives."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dtype: type[np.generic], shape: Sequence[int | str]) -> None:
        """Add an input; a name in ``shape`` is a size that varies."""
        from onnx import helper

        self._inputs.append(helper.make_tensor_value_info(name, _onnx_type(dtype), shape))

    def output(self, name: str, shape: Sequence[int | str]) -> None:
        """Make a float32 result an output."""
        from onnx import helper

        self._outputs.append(helper.make_tensor_value_info(name, _onnx_type(np.float32), shape))

    def constant(self, value: npt.NDArray[Any] | np.generic) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name)
        )
        return name

    def op(
        self,
        kind: str,
        *inputs: str,
        to: str | None = None,
        to_type: type[np.generic] | None = None,
        **attributes: Any,
    ) -> str:
        """Add an operation.

        Args:
            to: name of the result, where it is an output.
            to_type: of a Cast.
        """
        from onnx import helper

        name = to or f"t{len(self._nodes)}"
        if to_type is not None:
            attributes["to"] = _onnx_type(to_type)
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def serialised(self, notes: Mapping[str, str]) -> bytes:
        """Return the checked graph as bytes, ``notes`` in its metadata."""
        from onnx import checker, helper

        graph = helper.make_graph(self._nodes, "network", self._inputs, self._outputs, self._constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        helper.set_model_props(model, dict(notes))
        checker.check_model(model)
        return model.SerializeToString()


def _onnx_type(dtype: type[np.generic]) -> int:
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
