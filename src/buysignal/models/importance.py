"""Which columns a model leans on: how much worse it gets when one is shuffled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Score = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
Loss = Callable[[npt.NDArray[np.float64]], float]

MOST_ROWS = 1_500
_AT_ONCE = 60_000


def permutation_importance(
    score: Score,
    loss: Loss,
    X: npt.NDArray[np.float32],
    *,
    alone: int | None = None,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Return the rise of ``loss(score(X))`` when each column is shuffled alone, shape (f,).

    Breiman (2001), section 10. Shuffled copies are scored in a few large calls, because a call costs
    more than its rows.

    Args:
        alone: so many first columns are shuffled alone, and all behind them together, as one more.
    """
    rng = np.random.default_rng(seed)
    n, width = X.shape
    groups = [slice(column, column + 1) for column in range(width if alone is None else alone)]
    if alone is not None and alone < width:
        groups.append(slice(alone, width))
    base = loss(score(X))
    rises: list[float] = []
    step = max(1, _AT_ONCE // max(n, 1))
    for start in range(0, len(groups), step):
        shuffled = groups[start : start + step]
        copies = np.repeat(X[None], len(shuffled), axis=0)
        for copy, columns in zip(copies, shuffled, strict=True):
            copy[:, columns] = X[rng.permutation(n), columns]
        scores = score(copies.reshape(-1, width)).reshape(len(shuffled), n)
        rises += [loss(row) - base for row in scores]
    return np.array(rises)
