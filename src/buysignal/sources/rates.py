"""Exchange rates as people type them."""

from __future__ import annotations

from collections.abc import Iterable

from buysignal.errors import ProfileError


def parse_rates(pairs: Iterable[str]) -> dict[str, float]:
    """Return rates such as ``USD=0.92``: so many units of the common currency for one of the other.

    Raises:
        ProfileError: a pair is no rate.

    >>> parse_rates(["usd=0.92"])
    {'USD': 0.92}
    """
    found = {}
    for pair in pairs:
        code, separator, number = (part.strip() for part in pair.partition("="))
        found[_code(code, pair)] = _rate(number if separator else "", pair)
    return found


def _code(code: str, pair: str) -> str:
    if len(code) == 3 and code.isalpha() and code.isascii():
        return code.upper()
    raise _no_rate(pair)


def _rate(number: str, pair: str) -> float:
    try:
        rate = float(number)
    except ValueError as error:
        raise _no_rate(pair) from error
    if not 0 < rate < 1e9:
        raise _no_rate(pair)
    return rate


def _no_rate(pair: str) -> ProfileError:
    return ProfileError(
        f"'{pair}' is no exchange rate",
        allowed="CODE=RATE, such as USD=0.92 where one USD is 0.92 of the common currency",
        todo="write it so",
    )
