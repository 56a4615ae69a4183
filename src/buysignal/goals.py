"""Goals: what counts, within which horizon, and whether it may be called conversion."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Goal(BaseModel):
    """Who does what within which horizon, in words a marketer can read.

    ``kind`` says how the answer to the yes/no question is found in what comes *after* a prefix:

    - ``event_later``: an event named ``event`` comes later in the session;
    - ``next_attribute``: the next event of the session has ``attribute`` equal to ``equals``;
    - ``more_events``: at least ``at_least`` further events come in the session;
    - ``column``: a column of a session or click table holds it (``attribute``, true when equal to
      ``equals``; for numbers alone ``equals`` is None).

    ``value`` says what the amount is: ``purchase_revenue`` (price × quantity of later purchases),
    ``viewed_value`` (sum of the prices of later views), or ``column`` (``value_column``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sentence: str
    proxy: bool
    kind: Literal["event_later", "next_attribute", "more_events", "column"] = "event_later"
    event: str | None = None
    attribute: str | None = None
    equals: str | float | bool | None = None
    at_least: int = 1
    horizon: str = Field(default="session", description="'session', or a duration such as '7d'")
    value: Literal["purchase_revenue", "viewed_value", "column"] | None = None
    value_column: str | None = None
    value_sentence: str | None = None
    currency: str | None = None


PURCHASE = Goal(
    name="purchase",
    sentence="the visitor buys later in this session",
    proxy=False,
    kind="event_later",
    event="purchase",
    value="purchase_revenue",
    value_sentence="revenue still to come in this session",
)
