"""Keras on TensorFlow, imported when a network is trained and never before."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from buysignal.errors import DependencyError, InputError


def tensorflow(threads: int) -> tuple[Any, Any]:
    """Return the modules keras and tensorflow, which uses ``threads`` threads, and a GPU where there is one.

    Raises:
        DependencyError: keras or tensorflow is not installed.
        InputError: Keras was set to run on something else.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow as tf
    except ImportError:
        raise DependencyError("tensorflow", "deep") from None
    # Once an operation has run, the number of threads stands.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    try:
        import keras
    except ImportError:
        raise DependencyError("keras", "deep") from None
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Keras runs on {keras.backend.backend()} here", allowed="tensorflow", todo="unset KERAS_BACKEND"
        )
    return keras, tf
