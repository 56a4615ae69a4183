"""Scores as the doors give them, by hand."""

from __future__ import annotations

from typing import Any

MINUTE = 60_000_000


def answer(visitor: str = "v1", clicks: int = 1, **others: Any) -> dict[str, Any]:
    """Return a score of the visit ``VISITOR-1``."""
    return {
        "visitor_id": visitor,
        "session_id": f"{visitor}-1",
        "clicks": clicks,
        "already_bought": False,
        "cart_items": 0,
        "cart_value": 0.0,
        "spent": 0.0,
        "probability": 0.05,
        "percentile": 40.0,
        "expected_revenue": 2.5,
        "segment": "lookers",
        "goal": "purchase",
        "proxy": False,
        "simulated": True,
        "bundle_version": "b1",
        **others,
    }


def filled(
    visitor: str = "v1", value: float = 60.0, probability: float = 0.1, **others: Any
) -> dict[str, Any]:
    """Return a score of a visit with something in its cart."""
    return answer(visitor, cart_items=1, cart_value=value, probability=probability, **others)
