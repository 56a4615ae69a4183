"""Keras, where the extra ``deep`` is installed: imported late, with few threads, and heard while it fits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

from buysignal.errors import DependencyError
from buysignal.models.blocks import cores

Told = Callable[[str], None]

_listener: ContextVar[Told | None] = ContextVar("listener", default=None)


def require_deep() -> None:
    """Refuse to begin without the libraries that networks are trained with.

    Raises:
        DependencyError: Keras or TensorFlow is not installed.
    """
    for package in ("keras", "tensorflow"):
        try:
            found = find_spec(package)
        except ValueError:  # what was switched off has no spec
            found = None
        if found is None:
            raise DependencyError(package, "deep")


def load_keras() -> Any:
    """Return Keras on TensorFlow, with as many threads as this process may use.

    A GPU is used where TensorFlow finds one.

    Raises:
        DependencyError: Keras or TensorFlow is not installed.
    """
    require_deep()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import tensorflow as tf

    # Threads can be set only until the first tensor is made.
    try:
        tf.config.threading.set_intra_op_parallelism_threads(cores())
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass
    return keras


@contextmanager
def heard(listener: Told | None) -> Iterator[None]:
    """Let ``listener`` be told of every epoch that is fitted within; it may end the fit by raising."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_epoch(model: str, epoch: int, epochs: int, loss: float) -> None:
    """Tell whoever listens how far the fit of ``model`` has come; ``epoch`` counts from 1."""
    listener = _listener.get()
    if listener is not None:
        listener(f"fitting {model}: epoch {epoch} of at most {epochs}, loss {loss:.4f}")
