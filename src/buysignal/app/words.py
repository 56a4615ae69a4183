"""Words and figures as the pages write them."""

from __future__ import annotations

import re

from buysignal.features.catalogue import NAMES, feature
from buysignal.goals import Goal
from buysignal.report import GoalNote

EVENTS: dict[str, str] = {
    "page_view": "Opens a page",
    "view_item_list": "Browses a list",
    "search": "Searches",
    "select_item": "Picks an item from a list",
    "view_item": "Looks at an item",
    "add_to_wishlist": "Adds to the wishlist",
    "add_to_cart": "Adds to the cart",
    "remove_from_cart": "Takes out of the cart",
    "view_cart": "Looks at the cart",
    "begin_checkout": "Begins the checkout",
    "add_shipping_info": "Gives the address",
    "add_payment_info": "Gives the payment",
    "purchase": "Buys",
    "refund": "Returns goods",
}

COLUMNS: dict[str, str] = {
    "item_cart_rate": "how often the latest item is put into the cart",
    "item_buy_rate": "how often the latest item is bought",
    "item_buy_rate_max": "buying rate of the best-selling item seen",
    "item_buy_rate_mean": "mean buying rate of the items seen",
    "category_buy_rate": "buying rate of the latest category",
    "item_popularity": "popularity of the latest item",
    "gap_log_mean": "usual pause (logarithm)",
    "events_per_minute": "events per minute",
    "top_item_views": "views of the favourite item",
    "weekday": "day of the week",
    "hour": "hour of the day (UTC)",
    "last_event": "latest event",
    "entry_event": "first event",
}
"""Shorter words than the catalogue's, which stand alone beside a bar."""

CANONICAL: dict[str, str] = {
    "visitor_id": "Who: visitor or customer",
    "event_name": "What: the kind of event",
    "event_time": "When",
    "session_id": "Visit or session",
    "item_id": "Item or product",
    "category": "Category of the item",
    "price": "Price of one piece",
}

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

HELP: dict[str, str] = {
    "probability": "How likely it is that the goal is reached from here on, seen from what the visitor has "
    "done so far.",
    "percentile": "Where this score stands among those of visits kept aside in training: 90 means higher "
    "than 90 of 100.",
    "expected_revenue": "The mean amount over many visits like this one: chance to buy × usual order.",
    "if_all_go_on": "Each visit is scored at its last click as if it went on; that it was the last is known "
    "only afterwards. Finished visits bring less than this sum. What visits really bring, and will bring, "
    "is on the Revenue page.",
    "interval": "Nine of ten visits like this one end between these two amounts. Most of them bring nothing "
    "and a few bring much: the few lift the mean, so nine of ten can end below it. That is no mistake.",
    "segment": "The kind of visit this one is most like. Segments are found without looking at purchases.",
    "silhouette": "How clearly the segments are set apart, from −1 to 1. Above 0.5 is clear; 0.2 to 0.5 is "
    "usual for behaviour, whose kinds shade into each other.",
    "stability": "How alike the segments are when they are found again on other samples of the visits. "
    "1 is the same every time.",
    "davies_bouldin": "How much segments overlap. Lower is better.",
    "rejects": "Rows that cannot be used, each with its line and the reason. Rows in = kept + rejected, "
    "always.",
    "bots": "Sessions that click faster than a person can. They are left out of training.",
    "proxy": "A stand-in for buying that this data does hold. It is never a purchase.",
    "base_rate": "How often the goal is reached over all test rows. Guessing scores that well.",
}


def plain(text: str) -> str:
    """Return text of the user's so that Markdown shows it as it is.

    >>> plain("a_b*c")
    'a\\\\_b\\\\*c'
    """
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:])", r"\\\1", text)


def prose(text: str) -> str:
    """Return a sentence of the library's as Markdown: `names` stay code, all else is as it is.

    >>> prose("`a_b` is 1*1")
    '`a_b` is 1\\\\*1'
    """
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else plain(part) for part in parts)


def percent(share: float | None) -> str:
    """Return a share as people write it.

    >>> percent(0.0391), percent(0.5), percent(0.00012), percent(None)
    ('3.9 %', '50 %', '<0.1 %', '–')
    """
    if share is None or share != share:
        return "–"
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def points(share: float) -> str:
    """Return a difference of two shares.

    >>> points(0.031), points(-0.0044)
    ('+3.1 points', '-0.4 points')
    """
    return f"{100 * share:+.1f} points"


def money(value: float | None, currency: str | None) -> str:
    """Return an amount with its currency, cents only where they matter.

    >>> money(1234.5, "EUR"), money(3.456, None), money(None, "EUR")
    ('1,234 EUR', '3.46', '–')
    """
    if value is None or value != value:
        return "–"
    text = f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{text} {currency}" if currency else text


def money_format(currency: str | None) -> str:
    """Return the number format of an amount's table column."""
    return {"EUR": "euro", "USD": "dollar", "JPY": "yen"}.get(currency or "", "localized")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> count(1, "visit"), count(2400, "visit")
    ('1 visit', '2,400 visits')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def event(name: str) -> str:
    """Return what a visitor does, in words.

    >>> event("view_item"), event("play_video")
    ('Looks at an item', 'Play video')
    """
    return EVENTS.get(name, name.replace("_", " ").capitalize())


def proxy_label(goal: Goal | GoalNote) -> str:
    """Return the label a proxy carries wherever its scores are shown; empty for a real goal."""
    return f"proxy: {goal.name} — not conversion" if goal.proxy else ""


def chance(goal: Goal | GoalNote) -> str:
    """Return what the probability is called: conversion only where the goal is a purchase."""
    return f"Probability (proxy: {goal.name})" if goal.proxy else "Probability of conversion"


def short_chance(goal: Goal | GoalNote) -> str:
    """Return a label for narrow places; the proxy's name stands on the same page."""
    return "Probability (proxy)" if goal.proxy else "Probability of conversion"


def short_amount(goal: Goal | GoalNote) -> str:
    """Return a label for narrow places; the proxy's name stands on the same page."""
    return "Expected amount (proxy)" if goal.proxy else "Expected revenue"


def amount_if_all_go_on(goal: Goal | GoalNote) -> str:
    """Return what the sum of the amounts expected at last clicks is called: no forecast."""
    return f"{short_amount(goal)}, were they all to go on"


def question(goal: Goal | GoalNote) -> str:
    """Return the goal as the question the probability answers."""
    return f"How likely is it that {goal.sentence}?"


def column(name: str) -> str:
    """Return what a column of a model says.

    >>> column("n_view_item"), column("PageValues"), column("visit_number")
    ('Item pages viewed', 'Page values', 'Visit number')
    """
    if name in NAMES:
        sentence = COLUMNS.get(name, feature(name).sentence)
        return sentence[:1].upper() + sentence[1:]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("attr_")).replace("_", " ").strip()
    return words[:1].upper() + words[1:].lower()


def value(name: str, text: str, currency: str | None = None) -> str:
    """Return a reason's value with its unit.

    >>> value("item_buy_rate", "0.05"), value("price_last", "9.99", "EUR"), value("channel", "paid_search")
    ('5.0\\xa0%', '9.99\\xa0EUR', 'paid search')
    """
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return EVENTS.get(text, text.replace("_", " "))
    kind = feature(name).unit if name in NAMES else ""
    if name == "weekday" and number in range(7):
        return WEEKDAYS[int(number)]
    if kind == "share":
        return percent(number).replace(" ", "\u00a0")
    if kind == "currency":
        return money(number, currency).replace(" ", "\u00a0")
    return f"{text}\u00a0s" if kind == "seconds" else text


def wrapped(text: str, width: int = 30) -> str:
    """Return ``text`` broken into lines for a chart's labels."""
    import textwrap

    return "<br>".join(textwrap.wrap(text, width)) or text
