"""Rows of features into columns, as files of columns want them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.errors import InputError
from buysignal.features.frozen import frozen
from buysignal.features.threads import Chunks, share_out

CHUNKS = 32
"""Pieces the rows are dealt out in: enough for the threads to finish together."""


def feature_columns(
    X: npt.NDArray[np.float32], *, out: npt.NDArray[np.float32] | None = None, parallel: bool = True
) -> list[npt.NDArray[np.float32]]:
    """Return the columns of ``X``, each (n,) float32 in one piece.

    No lock is held meanwhile: several threads may call this at once.

    Args:
        X: (n, f) float32, C-contiguous, as ``features.fold`` returns it.
        out: (f, n) float32 to write into, each of its rows in one piece; the columns returned are its rows.
            A part ``memory[:, :n]`` of something larger will do.
        parallel: whether all cores share the work; without, the calling thread does it alone.

    Raises:
        InputError: ``out`` does not fit.

    >>> [column.tolist() for column in feature_columns(np.array([[1, 2], [3, 4]], np.float32))]
    [[1.0, 3.0], [2.0, 4.0]]
    """
    # Numba is loaded by the first use, not by the first import.
    from buysignal.features.turn import turn

    rows = frozen(X)
    turned = _memory(out, (X.shape[1], X.shape[0]))

    def work(chunks: Chunks) -> None:
        for first, last in chunks:
            turn(rows, first, last, turned)

    share_out(work, np.unique(np.linspace(0, len(X), CHUNKS + 1).astype(np.int64)), parallel=parallel)
    return list(turned)


def _memory(out: npt.NDArray[np.float32] | None, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    if out is None:
        return np.empty(shape, dtype=np.float32)
    in_one_piece = out.ndim == 2 and (out.strides[1] == out.itemsize or shape[1] <= 1)
    if out.shape != shape or out.dtype != np.float32 or not in_one_piece or not out.flags.writeable:
        raise InputError(
            f"out is {out.shape} {out.dtype} with strides {out.strides}",
            allowed=f"{shape} float32, writeable, each row in one piece",
            todo="pass np.empty(...) of that shape, or leave it away",
        )
    return out
