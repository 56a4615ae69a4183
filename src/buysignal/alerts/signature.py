"""Signing what a webhook is told, and checking it: HMAC-SHA256 over the moment and the body."""

from __future__ import annotations

import hashlib
import hmac
import time

HEADER = "X-Buysignal-Signature"


def sign(secret: bytes, body: bytes, at: int) -> str:
    """Return the header's value: ``t=SECONDS,v1=HEX``, of ``SECONDS.BODY``.

    Args:
        at: seconds since 1970, of this very attempt.
    """
    return f"t={at},v1={_digest(secret, body, at)}"


def verify(secret: bytes, body: bytes, header: str, *, now: float | None = None, within_s: int = 300) -> bool:
    """Return whether a body was signed with the secret, not longer ago than ``within_s`` seconds."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    if not parts.get("t", "").isdecimal():
        return False
    at = int(parts["t"])
    fresh = abs((time.time() if now is None else now) - at) <= within_s
    return fresh and hmac.compare_digest(_digest(secret, body, at).encode(), parts.get("v1", "").encode())


def _digest(secret: bytes, body: bytes, at: int) -> str:
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
