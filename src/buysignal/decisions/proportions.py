"""Rates of two groups: intervals of their difference and ratio, and how many visitors tell them apart."""

from __future__ import annotations

import math

from scipy import stats

from buysignal.errors import InputError


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a rate (Wilson 1927).

    >>> tuple(round(v, 4) for v in wilson(0, 10))
    (0.0, 0.2775)
    """
    z = _z(level)
    p, spread = hits / n, z * z / n
    middle = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / n + spread / (4 * n)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(hits: float, n: float, hits_0: float, n_0: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of hits/n − hits_0/n_0 (Newcombe 1998, method 10: from two Wilson intervals).

    >>> tuple(round(v, 4) for v in difference(56, 70, 48, 80))
    (0.0524, 0.3339)
    """
    p, p_0 = hits / n, hits_0 / n_0
    (low, high), (low_0, high_0) = wilson(hits, n, level), wilson(hits_0, n_0, level)
    return (
        p - p_0 - math.hypot(p - low, high_0 - p_0),
        p - p_0 + math.hypot(high - p, p_0 - low_0),
    )


def ratio(hits: float, n: float, hits_0: float, n_0: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of (hits/n) / (hits_0/n_0), from two Wilson intervals (Donner & Zou 2012).

    The upper end is infinite where the second rate may be 0.
    """
    p, p_0 = hits / n, hits_0 / n_0
    (low, high), (low_0, high_0) = wilson(hits, n, level), wilson(hits_0, n_0, level)
    product = p * p_0

    def root(end: float, end_0: float) -> float:
        return math.sqrt(max(product**2 - end * end_0 * (2 * p - end) * (2 * p_0 - end_0), 0.0))

    below, above = high_0 * (2 * p_0 - high_0), low_0 * (2 * p_0 - low_0)
    lower = (product - root(low, high_0)) / below if below > 0 else 0.0
    upper = (product + root(high, low_0)) / above if above > 0 else math.inf
    return max(lower, 0.0), upper


def visitors_needed(
    rate: float, effect: float, *, share: float = 0.5, power: float = 0.8, level: float = 0.95
) -> tuple[int, int]:
    """Return how many visitors (contacted, held out) show a relative effect with that power.

    The usual normal formula for two rates, two-sided (Fleiss, Levin & Paik 2003, chapter 4), for groups of
    unlike size.

    Args:
        rate: of buyers without a contact, above 0 and below 1.
        effect: relative, such as 0.1 for 10 % more buyers; not 0.
        share: of the visitors held out.
        power: chance to find the effect when it is there.
        level: of the interval that must not hold 0.

    Raises:
        InputError: a figure is out of its range.

    >>> visitors_needed(0.05, 0.2)
    (8158, 8158)
    """
    rate_1 = rate * (1 + effect)
    for name, value in (("rate", rate), ("share", share), ("power", power), ("level", level)):
        if not 0 < value < 1:
            raise InputError(f"{name} is {value:g}", allowed="above 0 and below 1")
    if effect == 0 or not 0 < rate_1 < 1:
        raise InputError(
            f"an effect of {effect:+.1%} on a rate of {rate:.1%} cannot be tested",
            allowed="an effect other than 0 that leaves the rate between 0 and 1",
        )
    per_contact = (1 - share) / share
    mean = share * rate + (1 - share) * rate_1
    z, z_power = _z(level), float(stats.norm.ppf(power))
    spread = z * math.sqrt(mean * (1 - mean) * (1 + 1 / per_contact))
    spread += z_power * math.sqrt(rate * (1 - rate) + rate_1 * (1 - rate_1) / per_contact)
    held = (spread / (rate_1 - rate)) ** 2
    return math.ceil(per_contact * held), math.ceil(held)


def _z(level: float) -> float:
    return float(stats.norm.ppf((1 + level) / 2))
