"""How many sessions touched what, compiled: one pass over the events."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.events import EVENT_CODES

ADD_TO_CART = EVENT_CODES["add_to_cart"]
PURCHASE = EVENT_CODES["purchase"]


@njit(cache=True, nogil=True, error_model="numpy")
def tally(
    session_starts: npt.NDArray[np.int64],
    training: npt.NDArray[np.bool_],
    fold_of_session: npt.NDArray[np.int64],
    code: npt.NDArray[np.int8],
    price: npt.NDArray[np.float64],
    key: npt.NDArray[np.int32],
    unit: float,
    counted: npt.NDArray[np.int64],
    prices: npt.NDArray[np.float64],
) -> None:
    """Add the training sessions to ``counted`` and ``prices``.

    Args:
        session_starts: (sessions + 1,) as in ``Layout``.
        training: (sessions,) which of them count.
        fold_of_session: (sessions,) the fold of each one's visitor.
        code: (n,) event codes.
        price: (n,) NaN where unknown.
        key: (n,) item or category of each row, -1 where there is none.
        unit: what prices are rounded to whole multiples of.
        counted: (keys, folds, 3), sessions that saw, carted and bought each key.
        prices: (keys, 2), sum of the prices in units, and how many there are.
    """
    # For each key, the last session that saw, carted and bought it.
    last = np.full((counted.shape[0], 3), -1, np.int64)
    for session in range(len(session_starts) - 1):
        if not training[session]:
            continue
        fold = fold_of_session[session]
        for row in range(session_starts[session], session_starts[session + 1]):
            which = key[row]
            if which < 0:
                continue
            if last[which, 0] != session:
                last[which, 0] = session
                counted[which, fold, 0] += 1
            if code[row] == ADD_TO_CART and last[which, 1] != session:
                last[which, 1] = session
                counted[which, fold, 1] += 1
            if code[row] == PURCHASE and last[which, 2] != session:
                last[which, 2] = session
                counted[which, fold, 2] += 1
            if not math.isnan(price[row]):
                prices[which, 0] += np.rint(price[row] / unit)
                prices[which, 1] += 1.0
