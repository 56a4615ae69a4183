"""What is worth an alert: rules about one open visit, compared in whole cents and millionths."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.alerts.thresholds import cents, cents_of, millionths, millionths_of
from buysignal.alerts.visits import Labels, OpenVisit
from buysignal.errors import InputError
from buysignal.units import duration_us, spoken


@dataclass(frozen=True)
class CartAtRisk:
    """A cart that may be left: worth enough, unlikely enough to be bought, and nobody clicks.

    Attributes:
        least: cents, at least that much lies in the cart.
        below: millionths, the probability is smaller.
        idle: so long without a click, such as ``"10m"``.
        currency: of the amount, None where the scores name none.
    """

    least: int
    below: int
    idle: str
    currency: str | None

    name = "cart_at_risk"

    @property
    def wait(self) -> int:
        """Microseconds after the latest click."""
        return duration_us(self.idle, "idle")

    def fits(self, visit: OpenVisit) -> bool:
        return (
            not visit.bought
            and visit.cart_items > 0
            and cents(visit.cart_value) >= self.least
            and millionths(visit.probability) < self.below
        )

    def sentence(self, visit: OpenVisit, labels: Labels) -> str:
        return (
            f"A cart of {_money(visit.cart_value, self.currency)} lies untouched for {spoken(self.idle)}; "
            f"{_chance(visit, labels)}."
        )


@dataclass(frozen=True)
class HotVisit:
    """A visit that is likely to reach the goal.

    Attributes:
        least: millionths, the probability is at least that.
    """

    least: int

    name = "hot_visit"
    wait = 0

    def fits(self, visit: OpenVisit) -> bool:
        return not visit.bought and millionths(visit.probability) >= self.least

    def sentence(self, visit: OpenVisit, labels: Labels) -> str:
        chance = _chance(visit, labels)
        clicks = "1 click" if visit.clicks == 1 else f"{visit.clicks} clicks"
        return f"{chance[:1].upper()}{chance[1:]} after {clicks}."


Rule = CartAtRisk | HotVisit


def rules_of(
    currency: str | None,
    *,
    cart: str | None = None,
    below: str = "20%",
    idle: str = "10m",
    hot: str | None = None,
) -> tuple[Rule, ...]:
    """Return the rules that people write as text.

    Args:
        currency: of the scores.
        cart: least value of a cart at risk, such as ``"50 EUR"``; None: no such rule.
        below: its probability is smaller.
        idle: its visitor has not clicked for so long.
        hot: least probability of a hot visit, such as ``"60%"``; None: no such rule.

    Raises:
        InputError: there is no rule, or one cannot be read.
    """
    found: list[Rule] = []
    if cart is not None:
        wait = CartAtRisk(cents_of(cart, currency), millionths_of(below), idle, currency)
        if wait.wait > duration_us("7d", "idle"):
            raise InputError(f"a cart that lies for {spoken(idle)} is no live visit", allowed="up to 7d")
        found.append(wait)
    if hot is not None:
        found.append(HotVisit(millionths_of(hot)))
    if not found:
        raise InputError(
            "there is no rule, so nothing would be told",
            allowed="a least value of carts at risk, a least probability of hot visits, or both",
        )
    return tuple(found)


def _chance(visit: OpenVisit, labels: Labels) -> str:
    what = (
        f"probability (proxy: {labels.goal}, not conversion)" if labels.proxy else "probability of conversion"
    )
    return f"the {what} is {100 * visit.probability:.1f}%"


def _money(amount: float, currency: str | None) -> str:
    return f"{amount:,.2f} {currency}" if currency else f"{amount:,.2f}"
