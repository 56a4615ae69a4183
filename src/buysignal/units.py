"""Durations with their unit: ``30m``, ``1h``, ``7d``. Bare numbers are refused."""

from __future__ import annotations

import re

from buysignal.errors import UnitError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPOKEN = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def duration_us(value: object, name: str) -> int:
    """Return the microseconds of a duration such as ``'30m'``.

    Args:
        value: a number followed by s, m, h or d.
        name: what the value is for, said in the error.

    Raises:
        UnitError: the unit is missing or unknown.

    >>> duration_us("30m", "session_gap")
    1800000000
    >>> duration_us(1800, "session_gap")
    Traceback (most recent call last):
    ...
    buysignal.errors.UnitError: session_gap 1800 has no unit. Allowed: a number with s, m, h or d. \
What to do: use '1800s'.
    """
    text = str(value).strip()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text):
        return round(float(match[1]) * _SECONDS[match[2]] * 1_000_000)
    problem = "has no unit" if re.fullmatch(r"\d+(?:\.\d+)?", text) else "is no duration"
    hint = f"{text}s" if problem == "has no unit" else "30m"
    raise UnitError(f"{name} {text} {problem}", allowed="a number with s, m, h or d", todo=f"use '{hint}'")


def spoken(duration: str) -> str:
    """Return a duration as a sentence says it; what is none, such as ``session``, as it is.

    >>> spoken("7d"), spoken("1h"), spoken("1.5h"), spoken("session")
    ('7 days', '1 hour', '1.5 hours', 'session')
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", duration.strip())
    if match is None:
        return duration
    number = float(match[1])
    return f"{number:,g} {_SPOKEN[match[2]]}{'' if number == 1 else 's'}"
