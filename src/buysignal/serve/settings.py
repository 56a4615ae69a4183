"""What may be set of a server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from buysignal.errors import InputError
from buysignal.serve.state import Bounds

MEMORY = "memory"

_BYTES = {"KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SECONDS = {"s": 1, "m": 60, "h": 3_600}


@dataclass(frozen=True)
class Settings:
    """How a server behaves.

    Attributes:
        api_keys: one of them must come with every request but those for health; none: all are answered.
        cors: origins whose pages may ask from a browser; none may.
        rate_limit: of one client's address, such as ``"100/s"``; None is no limit.
        max_body: largest body, such as ``"1MB"``.
        body_timeout_s: seconds that a body may take to arrive.
        state: how much is remembered of visitors.
        store: where: ``"memory"`` of this process, or the address of a Redis.
        log_requests: a line for every request, not for problems alone.
        watch: look every two seconds whether the bundle was replaced.
    """

    api_keys: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    rate_limit: str | None = None
    max_body: str = "1MB"
    body_timeout_s: float = 10.0
    state: Bounds = field(default_factory=Bounds)
    store: str = MEMORY
    log_requests: bool = False
    watch: bool = True

    def __post_init__(self) -> None:
        bytes_of(self.max_body, "max_body")
        if self.rate_limit is not None:
            rate_of(self.rate_limit)
        if self.store != MEMORY and not self.store.startswith(("redis://", "rediss://", "unix://")):
            # It may hold a password, so it is not repeated.
            raise InputError(
                "this is no place for the state",
                allowed="memory, redis://host:6379/0, or rediss://:password@host:6380/0 for TLS",
            )
        if any(not key.strip() for key in self.api_keys):
            raise InputError("an API key is empty", todo="set the environment variable to a long random text")


def bytes_of(text: str, name: str) -> int:
    """Return a size with its unit in bytes.

    Raises:
        InputError: there is no unit, or no number.

    >>> bytes_of("1.5MB", "max_body")
    1500000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(KB|MB|GB)", text.strip())
    if match is None:
        raise InputError(f"{name} '{text}' is no size", allowed="a number with KB, MB or GB, such as 1MB")
    return round(float(match[1]) * _BYTES[match[2]])


def rate_of(text: str) -> tuple[float, float]:
    """Return a rate as requests, and the seconds in which they may come.

    Raises:
        InputError: it is none.

    >>> rate_of("120/m")
    (120.0, 60.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*([smh])", text.strip())
    if match is None or float(match[1]) <= 0:
        raise InputError(
            f"rate limit '{text}' is no rate", allowed="requests and a unit, such as 100/s or 60/m"
        )
    return float(match[1]), float(_SECONDS[match[2]])
