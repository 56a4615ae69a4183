"""Amounts, counts and results of decisions in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buysignal.units import spoken

if TYPE_CHECKING:
    from buysignal.decisions.carts import Carts
    from buysignal.decisions.targeting import TargetingPlan
    from buysignal.decisions.uplift import Uplift


def money(amount: float, currency: str | None) -> str:
    """Return an amount with thousands separators and its currency.

    >>> money(-1234.5, "EUR"), money(12.0, None)
    ('−1,234.50 EUR', '12.00')
    """
    # What rounds to nothing has no sign.
    sign = "−" if round(amount, 2) < 0 else ""
    return f"{sign}{abs(amount):,.2f} {currency or ''}".strip()


def count(n: int, word: str) -> str:
    """Return a count with its word.

    >>> count(1, "visit"), count(2_000, "visit")
    ('1 visit', '2,000 visits')
    """
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share in whole percent.

    >>> percent(0.95)
    '95 %'
    """
    return f"{100 * share:.0f} %"


WHY_OUT = {
    "already_bought": "already bought in this visit",
    "suspected_bot": "suspected bots",
    "refused_consent": "visitors who refused consent",
}
BASIS = {
    "outcomes": "judged by what these visits really did",
    "corrected": "scores corrected by how such scores did on earlier visits",
    "probabilities": "the scores taken at their word",
}


def targeting_sentence(plan: TargetingPlan) -> str:
    """Say whom to contact, what it brings, and on which assumption."""
    if not plan.visits:
        why = "the budget is too small" if plan.worthwhile else "no visit is worth a contact at these figures"
        return f"Contact nobody: {why}. {plan.economics.sentence}"
    range_ = f"{money(plan.low, plan.currency)} to {money(plan.high, plan.currency)}"
    if plan.profit <= 0:
        return (
            f"Contact nobody: the {count(plan.visits, 'visit')} the scores pick would bring "
            f"{money(plan.profit, plan.currency)} ({percent(plan.level)} interval {range_}), "
            f"{BASIS[plan.basis]}. {plan.economics.sentence}"
        )
    binds = " The budget ends the list." if plan.budget_binds else ""
    return (
        f"Contact {plan.visits:,} of {count(plan.considered, 'visit')}: expected profit "
        f"{money(plan.profit, plan.currency)} ({percent(plan.level)} interval {range_}), "
        f"{BASIS[plan.basis]}.{binds} {plan.economics.sentence}"
    )


def carts_sentence(found: Carts) -> str:
    """Say how much lies in open carts, and how many left ones come back."""
    if not found.left:
        return "No visit left anything in its cart."
    wait = spoken(found.horizon)
    rate = (
        f"Of {count(found.judged, 'cart')} left at least {wait} ago, {percent(found.recovery_rate)} were "
        f"bought within {wait}."
        if found.recovery_rate is not None
        else f"No cart was left as long as {wait} ago, so how many come back is not known yet."
    )
    return (
        f"{count(len(found.open), 'open cart')} worth {money(found.value, found.currency)}, whenever they "
        f"were left; {money(found.at_risk, found.currency)} of it at risk (chance of not being bought, as of "
        f"the visit's last click, times value). {rate}"
    )


def uplift_sentence(found: Uplift) -> str:
    """Say what the contact brought per 1,000 visitors, whether that is more than luck, what it would take."""
    low, high = _per_thousand(found.absolute.low), _per_thousand(found.absolute.high)
    range_ = (
        f"The contact brought between {low} and {high} more purchases per 1,000 visitors within "
        f"{spoken(found.horizon)}"
    )
    if found.absolute.tells:
        kind = "more" if found.absolute.value > 0 else "fewer: it put visitors off"
        return f"{range_} ({percent(found.level)} interval): told apart from nothing, there were {kind}."
    if found.needed is None:
        return (
            f"{range_}; not yet told apart from nothing. Nobody bought, so nothing says how many are needed."
        )
    contacted, held = found.needed
    return (
        f"{range_}; not yet told apart from nothing. To find {percent(found.wanted)} more buyers, about "
        f"{_rounded(contacted):,} contacted and {_rounded(held):,} held-out visitors are needed."
    )


def _per_thousand(rate: float) -> str:
    value = 1000 * rate
    text = f"{abs(value):,.0f}" if abs(value) >= 10 else f"{abs(value):,.1f}"
    # What rounds to nothing has no sign.
    return text if not text.strip("0.,") else f"{'−' if value < 0 else '+'}{text}"


def _rounded(n: int) -> int:
    """Return the count with two digits that count: it is an estimate."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return -(-n // step) * step
