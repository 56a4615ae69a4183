"""What a page may wish of suggestions, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.errors import InputError

MOST = 1_000
"""Suggestions in one answer, at most."""


@dataclass(frozen=True)
class Wishes:
    """Which items may be suggested, how many, and how unlike each other.

    Attributes:
        count: suggestions wanted; fewer come where fewer items may be suggested.
        leave_out: item ids never to suggest, such as those already bought; unknown ones do no harm.
        only: item ids that may be suggested, such as those in stock; None allows all.
        categories: names of categories to keep to; empty allows all.
        price_low, price_high: bounds of the usual price, both included, in the shop's currency; an item
            without a price fits no bounds.
        diversity: 0 orders by how likely each is looked at next, 1 by how unlike those above it.
        again: items that the visit looked at earlier may be suggested, because visitors do go back. The
            item on screen, the last one looked at, never is.
    """

    count: int = 10
    leave_out: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    categories: tuple[str, ...] = ()
    price_low: float | None = None
    price_high: float | None = None
    diversity: float = 0.0
    again: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise InputError(f"{self.count} suggestions are asked for", allowed=f"1 to {MOST:,}")
        if not 0 <= self.diversity <= 1:
            raise InputError(f"a diversity of {self.diversity}", allowed="0 to 1")
        low, high = self.price_low, self.price_high
        if any(bound is not None and not bound >= 0 for bound in (low, high)):
            raise InputError(f"prices from {low} to {high}", allowed="numbers from 0")
        if low is not None and high is not None and low > high:
            raise InputError(f"prices from {low:g} to {high:g}", allowed="a low end below the high one")


@dataclass(frozen=True)
class Suggestion:
    """One item, likely to be looked at next; no forecast of a purchase.

    Attributes:
        rank: from 1.
        item: its id.
        score: the chance, among all items, that it is the one looked at next; 0 to 1.
        category: its usual category, where it has one.
        price: its usual price in the shop's currency, where it has one.
        because: the item of the visit that speaks most for it; None where only its frequency does.
        reason: the same as a sentence.
    """

    rank: int
    item: str
    score: float
    category: str | None
    price: float | None
    because: str | None
    reason: str
