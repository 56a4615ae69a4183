"""Random numbers inside compiled code: one small stream per visitor.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) needs one
64-bit word of state, so a stream for each visitor costs nothing and threads share nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0


@njit(cache=True, nogil=True)
def _mixed(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def start_stream(random, seed, number):  # type: ignore[no-untyped-def]
    """Set ``random``, (1,) uint64, to the stream ``number`` of ``seed``."""
    random[0] = _mixed(_mixed(np.uint64(seed) + _GOLDEN) + np.uint64(number))


@njit(cache=True, nogil=True)
def uniform(random):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1)."""
    random[0] += _GOLDEN
    return (_mixed(random[0]) >> np.uint64(11)) * _TO_UNIT


@njit(cache=True, nogil=True)
def normal(random):  # type: ignore[no-untyped-def]
    """Return a standard normal number (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(random)))
    return radius * np.cos(2.0 * np.pi * uniform(random))


@njit(cache=True, nogil=True)
def pick(weights, random):  # type: ignore[no-untyped-def]
    """Return a position drawn with chances in proportion to ``weights``."""
    total = 0.0
    for weight in weights:
        total += weight
    u = uniform(random) * total
    last = 0
    for place in range(len(weights)):
        if weights[place] > 0.0:
            last = place
            if u < weights[place]:
                break
            u -= weights[place]
    return last


@njit(cache=True, nogil=True)
def pick_sorted(cumulative, random):  # type: ignore[no-untyped-def]
    """Return a position drawn from running sums, by bisection."""
    low, high = 0, len(cumulative) - 1
    u = uniform(random) * cumulative[high]
    while low < high:
        middle = (low + high) >> 1
        if cumulative[middle] > u:
            high = middle
        else:
            low = middle + 1
    return low
