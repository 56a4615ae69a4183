"""Figures and names as the sentences under charts write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

EVENTS = {
    "page_view": "page opened",
    "view_item_list": "list browsed",
    "search": "search",
    "select_item": "item picked",
    "view_item": "item viewed",
    "add_to_wishlist": "put on the wishlist",
    "add_to_cart": "put into the cart",
    "remove_from_cart": "taken out of the cart",
    "view_cart": "cart viewed",
    "begin_checkout": "checkout begun",
    "add_shipping_info": "address given",
    "add_payment_info": "payment given",
    "purchase": "purchase",
    "refund": "refund",
}


UNITS = {"usd": "USD", "eur": "EUR", "gbp": "GBP", "s": "seconds", "ms": "milliseconds", "pct": "%"}
"""Endings of column names that are units."""


def event(name: str) -> str:
    """Return an event's name in words.

    >>> event("view_item"), event("play_video")
    ('item viewed', 'play video')
    """
    return EVENTS.get(name, name.replace("_", " "))


def column(name: str) -> str:
    """Return a column's name in words.

    >>> column("attr_price_2"), column("PageValues"), column("mean_price_usd"), column("time_on_site_s")
    ('price 2', 'page values', 'mean price (USD)', 'time on site (seconds)')
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("attr_"))
    plain = spaced.replace("_", " ").strip().lower() or name
    for ending, unit in UNITS.items():
        plain = re.sub(rf" {ending}$", f" ({unit})", plain)
    return plain


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> count(1, "visit"), count(2400, "visit")
    ('1 visit', '2,400 visits')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(value: float) -> str:
    """Return a share of 1 as percent.

    >>> share(0.0391), share(0.5), share(0.0001), share(0.0), share(0.9996)
    ('3.9 %', '50 %', 'less than 0.1 %', '0 %', '99.9 %')
    """
    percent = 100 * value
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.1:
        return "less than 0.1 %"
    if percent > 99:
        return f"{min(percent, 99.9):.1f} %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def number(value: float) -> str:
    """Return a number with as many digits as matter.

    >>> number(1234.5), number(3.14159), number(4.0), number(0.01234)
    ('1,234', '3.14', '4', '0.0123')
    """
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.3g}"


def money(value: float, currency: str | None) -> str:
    """Return an amount with its currency.

    >>> money(1234.5, "EUR"), money(3.456, None)
    ('1,234 EUR', '3.46')
    """
    text = f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{text} {currency}" if currency else text


def duration(seconds: float) -> str:
    """Return a duration in its largest two units.

    >>> duration(42), duration(125), duration(7260), duration(0.4)
    ('42 s', '2 min 5 s', '2 h 1 min', 'less than a second')
    """
    if 0 < seconds < 1:
        return "less than a second"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    return f"{left} s"


def times(ratio: float) -> str:
    """Return a ratio.

    >>> times(2.04), times(14.2)
    ('2.0 times', '14 times')
    """
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:,.0f} times"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """Return the text with its first letter large."""
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """Return the text as part of a file's name.

    >>> slug("page 1 (main)"), slug("Überblick"), slug("=1+1/../x")
    ('page-1-main', 'berblick', '1-1-x')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "column"


def half_is(half: float, low: float, said: str) -> str:
    """Return the end of "Half of the values are ...": not "or less" where nothing is less.

    >>> half_is(4, 1, "4"), half_is(0, 0, "0")
    ('4 or less', '0')
    """
    return said if half <= low else f"{said} or less"
