"""Arrays as compiled code takes them: one type for each, so that everything is compiled once.

To Numba an array that may be written to and one that may not are two types, and what Arrow hands out is
now the one, now the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def frozen(array: Any) -> npt.NDArray[Any]:
    """Return a view of ``array``, in one piece, that cannot be written to.

    >>> frozen(np.zeros(3)).flags.writeable
    False
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
