"""Guesses for a source no profile fits: which column is what, and which of its words means which event.

A guess is only ever offered. Nothing is read by it before a person has agreed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from buysignal.sources.form import FileForm, all_examples, all_words
from buysignal.sources.profile import ColumnMap, Profile, folded, load_profile

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d{10}|\d{13}|\d{16}|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*"
_NUMBER = r"[-+]?[\d.,]+"

NAMES: dict[str, tuple[str, ...]] = {
    "event_time": (
        "event_time", "timestamp", "time", "ts", "when", "datetime", "date_time", "created_at", "occurred_at",
        "event_timestamp", "date", "zeit", "zeitpunkt", "datum",
    ),
    "event_name": (
        "event_name", "event_type", "event", "action", "type", "activity", "behavior", "behaviour", "what",
        "ereignis", "aktion",
    ),
    "visitor_id": (
        "visitor_id", "user_id", "uid", "userid", "user", "customer_id", "client_id", "customer", "visitor",
        "cookie", "cookie_id", "anonymous_id", "device_id", "who", "kunde", "kundennummer", "besucher",
    ),
    "session_id": ("session_id", "session", "sid", "visit_id", "visit", "user_session", "sitzung"),
    "item_id": (
        "item_id", "product_id", "sku", "item", "product", "article", "article_id", "asin", "artikel",
        "artikelnummer", "produkt",
    ),
    "category": ("category", "category_code", "category_id", "product_category", "department", "kategorie"),
    "price": ("price", "unit_price", "amount", "value", "item_price", "preis", "betrag"),
    "quantity": ("quantity", "qty", "count", "pieces", "menge", "anzahl"),
    "currency": ("currency", "cur", "currency_code", "waehrung", "währung"),
    "transaction_id": ("transaction_id", "order_id", "transaction", "order_number", "bestellnummer"),
    "country": ("country", "country_code", "geo_country", "land"),
    "device": ("device", "device_type", "device_category", "platform", "geraet", "gerät"),
    "channel": (
        "channel", "utm_medium", "utm_source", "traffic_source", "medium", "source", "referrer", "kanal",
    ),
    "page": ("page", "url", "page_url", "path", "page_path", "seite"),
    "consent": ("consent", "cookie_consent", "einwilligung"),
}  # fmt: skip
"""Canonical column -> what sources call it, the surest first."""

_CELLS = {"event_time": _TIME, "price": _NUMBER, "quantity": r"\d+"}
"""A column whose cells look otherwise is not taken for these."""

WORDS: dict[str, tuple[str, ...]] = {
    "page_view": ("page_view", "pageview", "page", "visit", "pv", "seitenaufruf"),
    "view_item_list": ("view_item_list", "list", "category_view", "browse", "impression"),
    "search": ("search", "searched", "suche"),
    "select_item": ("select_item", "click", "select"),
    "view_item": (
        "view_item", "view", "product_view", "detail", "item_view", "viewed", "product_viewed", "look",
        "ansicht",
    ),
    "add_to_wishlist": ("add_to_wishlist", "wishlist", "fav", "favorite", "favourite", "like", "merkzettel"),
    "add_to_cart": (
        "add_to_cart", "cart", "addtocart", "basket", "add_to_basket", "add", "cart_add", "product_added",
        "warenkorb",
    ),
    "remove_from_cart": ("remove_from_cart", "remove", "cart_remove", "removefromcart", "product_removed"),
    "view_cart": ("view_cart", "cart_view", "cart_viewed"),
    "begin_checkout": ("begin_checkout", "checkout", "checkout_started", "start_checkout", "kasse"),
    "add_shipping_info": ("add_shipping_info", "shipping"),
    "add_payment_info": ("add_payment_info", "payment"),
    "purchase": (
        "purchase", "order", "buy", "transaction", "bought", "order_completed", "purchased", "sale",
        "conversion", "kauf", "bestellung",
    ),
    "refund": ("refund", "return", "order_refunded", "retoure"),
}  # fmt: skip
"""GA4's event name -> what sources call it."""


def guess(forms: Sequence[FileForm]) -> Profile:
    """Return a profile for events that maps what the columns of ``forms`` seem to hold.

    It may lack columns that every events table needs; a person has to look at it before it is used.
    """
    examples = all_examples(forms)
    taken: dict[str, ColumnMap] = {}
    used: set[str] = set()
    for canonical, names in NAMES.items():
        found = _column(canonical, names, examples, used)
        if found is not None:
            taken[canonical] = ColumnMap(source=(found,))
            used.add(found)
    words = all_words(forms, taken["event_name"].source[0]) if "event_name" in taken else ()
    generic = load_profile("generic")
    return generic.model_copy(update={"columns": taken, "event_names": guess_words(words)})


def _column(
    canonical: str, names: Sequence[str], examples: dict[str, tuple[str, ...]], used: set[str]
) -> str | None:
    pattern = re.compile(_CELLS.get(canonical, ".*"), re.DOTALL)
    free = {folded(c): c for c in examples if c not in used and all(map(pattern.fullmatch, examples[c]))}
    return next((free[folded(name)] for name in names if folded(name) in free), None)


def guess_words(words: Iterable[str]) -> dict[str, str]:
    """Return GA4's name for the words that plainly mean one.

    >>> guess_words(["view", "order", "play_video", "purchase"])
    {'view': 'view_item', 'order': 'purchase'}
    """
    meanings = {folded(word): name for name, known in WORDS.items() for word in known}
    found = {word: meanings[folded(word)] for word in words if folded(word) in meanings}
    return {word: name for word, name in found.items() if word != name}
