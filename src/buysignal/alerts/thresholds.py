"""Amounts and shares of rules in whole numbers, so that a comparison never hangs on a last binary digit."""

from __future__ import annotations

import re
from decimal import Decimal

from buysignal.errors import UnitError

_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,2})?)\s*([A-Za-z]{3})?")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s*%")


def cents(amount: float) -> int:
    """Return an amount in hundredths of its currency.

    >>> cents(19.99), cents(0.1 + 0.2)
    (1999, 30)
    """
    return round(amount * 100)


def millionths(share: float) -> int:
    """Return a share from 0 to 1 in millionths.

    >>> millionths(0.2), millionths(0.1 + 0.1)
    (200000, 200000)
    """
    return round(share * 1_000_000)


def cents_of(text: str, currency: str | None) -> int:
    """Return an amount such as ``"50 EUR"`` in cents.

    Args:
        currency: of the scores; None where their source names none, and then none may be given.

    Raises:
        UnitError: it is no amount, has no currency, or another one.

    >>> cents_of("49.90 EUR", "EUR")
    4990
    >>> cents_of("50", "EUR")
    Traceback (most recent call last):
    ...
    buysignal.errors.UnitError: the amount 50 has no currency. Allowed: an amount in EUR. \
What to do: use '50 EUR'.
    """
    match = _AMOUNT.fullmatch(text.strip())
    example = f"50 {currency}" if currency else "50"
    if match is None:
        raise UnitError(f"'{text}' is no amount", allowed=f"such as '{example}', with at most two decimals")
    number, given = match[1], match[2].upper() if match[2] else None
    if given != currency:
        came = f"the amount {text} has no currency" if given is None else f"the amount {text} is in {given}"
        allowed = (
            f"an amount in {currency}" if currency else "an amount without a currency, as the scores have"
        )
        raise UnitError(came, allowed=allowed, todo=f"use '{number} {currency}'" if currency else None)
    return int(Decimal(number) * 100)


def millionths_of(text: str) -> int:
    """Return a share such as ``"20%"`` in millionths.

    Raises:
        UnitError: it is no share between 0 and 100 %.

    >>> millionths_of("12.5%")
    125000
    """
    match = _SHARE.fullmatch(text.strip())
    found = None if match is None else int(Decimal(match[1]) * 10_000)
    if found is None or not 0 <= found <= 1_000_000:
        raise UnitError(f"'{text}' is no share", allowed="0% to 100%, such as 20%", todo="write the % sign")
    return found
