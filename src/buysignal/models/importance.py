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
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Return the rise of ``loss(score(X))`` when each column is shuffled alone, shape (f,).

    Breiman (2001), section 10. Shuffled copies are scored in a few large calls, because a call costs
    more than its rows.
    """
    rng = np.random.default_rng(seed)
    n, width = X.shape
    base = loss(score(X))
    rises = np.zeros(width)
    step = max(1, _AT_ONCE // max(n, 1))
    for start in range(0, width, step):
        columns = range(start, min(start + step, width))
        copies = np.repeat(X[None], len(columns), axis=0)
        for place, column in enumerate(columns):
            copies[place, :, column] = X[rng.permutation(n), column]
        scores = score(copies.reshape(-1, width)).reshape(len(columns), n)
        rises[columns.start : columns.stop] = [loss(row) - base for row in scores]
    return rises
