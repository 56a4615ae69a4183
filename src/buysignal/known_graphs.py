"""ONNX graphs of another origin: what the runtime refuses of them becomes a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buysignal.errors import BundleError


@contextmanager
def only_known(folder: Path) -> Iterator[None]:
    """Open stored models in here: graphs with foreign operations or files of their own are refused.

    Raises:
        BundleError: there is one in ``folder``, or a graph is damaged.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise BundleError(
            f"a model in '{folder}' cannot be run: it is damaged, or asks for what no bundle holds",
            allowed="models that 'buysignal train' wrote",
            todo="take the folder from where it was trained, or train again",
        ) from error
