"""Words for segments: what sets each apart, said as a person would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

WORDS: dict[str, tuple[str, str]] = {
    "n_events": ("long visits", "short visits"),
    "clicks": ("long visits", "short visits"),
    "n_view_item": ("many items viewed", "few items viewed"),
    "n_page_view": ("many pages", "few pages"),
    "n_view_item_list": ("many lists browsed", "few lists browsed"),
    "n_search": ("searchers", "no searching"),
    "n_select_item": ("many picks from lists", "few picks from lists"),
    "n_add_to_wishlist": ("fill the wishlist", "leave the wishlist alone"),
    "n_view_cart": ("look at the cart", "leave the cart alone"),
    "n_add_to_cart": ("fill the cart", "leave the cart alone"),
    "n_remove_from_cart": ("take things out again", "keep what they add"),
    "n_checkout_steps": ("reach the checkout", "stay away from the checkout"),
    "view_share": ("mostly looking at items", "little looking at items"),
    "distinct_items": ("many different items", "few different items"),
    "distinct_categories": ("many categories", "one category"),
    "category_switches": ("jump between categories", "stay in one category"),
    "category_run": ("stay in one category", "change category often"),
    "revisits": ("come back to items", "see each item once"),
    "revisit_share": ("come back to items", "see each item once"),
    "top_item_views": ("one favourite item", "no favourite item"),
    "item_views": ("return to the same item", "new items at each step"),
    "back_and_forth": ("compare back and forth", "no comparing"),
    "page_max": ("browse deep", "first pages only"),
    "page_last": ("end deep in the shop", "end on the first pages"),
    "price_mean": ("dear items", "cheap items"),
    "price_max": ("look at the dearest", "nothing dear"),
    "price_min": ("only dear items", "look at the cheapest"),
    "price_last": ("end on a dear item", "end on a cheap item"),
    "price_first": ("start on a dear item", "start on a cheap item"),
    "price_std": ("wide price range", "narrow price range"),
    "price_sum": ("much value viewed", "little value viewed"),
    "price_vs_category": ("above the category's price", "below the category's price"),
    "price_vs_category_mean": ("above the category's price", "below the category's price"),
    "cart_items": ("full carts", "empty carts"),
    "cart_value": ("valuable carts", "empty carts"),
    "cart_value_max": ("valuable carts", "empty carts"),
    "seconds_since_start": ("stay long", "gone quickly"),
    "gap_mean": ("slow and careful", "fast clicking"),
    "gap_log_mean": ("slow and careful", "fast clicking"),
    "gap_max": ("long pauses", "no pauses"),
    "events_per_minute": ("fast clicking", "slow and careful"),
    "hour": ("late in the day", "early in the day"),
    "weekday": ("end of the week", "start of the week"),
    "past_sessions": ("regulars", "newcomers"),
    "past_events": ("well-known visitors", "newcomers"),
    "past_purchases": ("past buyers", "never bought"),
    "past_spend": ("spent before", "never bought"),
    "days_since_session": ("back after long", "back soon"),
    "item_popularity": ("popular items", "niche items"),
    "Administrative": ("many account pages", "few account pages"),
    "Administrative_Duration": ("long on account pages", "short on account pages"),
    "Informational": ("read information pages", "skip information pages"),
    "Informational_Duration": ("long on information pages", "skip information pages"),
    "ProductRelated": ("many product pages", "few product pages"),
    "ProductRelated_Duration": ("long on product pages", "short on product pages"),
    "BounceRates": ("enter by pages many leave at once", "enter by pages that hold visitors"),
    "ExitRates": ("on pages where visits end", "on pages where visits go on"),
    "PageValues": ("on pages that lead to orders", "on pages that lead to no orders"),
    "SpecialDay": ("near a special day", "far from special days"),
    "Weekend": ("at the weekend", "on working days"),
    "visit_number": ("regulars", "newcomers"),
}
"""Words for much and for little of a feature."""

_LEAST_DIFFERENCE = 0.35


def words(name: str, much: bool) -> str:
    """Return words for much or little of a feature.

    >>> words("distinct_categories", True), words("dwell_time", False)
    ('many categories', 'low dwell time')
    """
    if name in WORDS:
        return WORDS[name][0 if much else 1]
    plain = name.removeprefix("attr_").replace("_", " ").strip().lower()
    return f"{'high' if much else 'low'} {plain}"


def titles(
    differences: Mapping[int, npt.NDArray[np.float64]], names: Sequence[str], at_most: int = 2
) -> dict[int, str]:
    """Return a title for each segment, all different.

    ``differences`` hold each segment's mean of every column less the overall mean, in standard
    deviations. A title takes the largest ones; more are added where two segments would share one.
    """
    ranked = {label: _phrases(values, names) for label, values in differences.items()}
    made: dict[int, str] = {}
    for label, phrases in ranked.items():
        for count in range(min(at_most, len(phrases)), len(phrases) + 1):
            title = ", ".join(phrases[:count])
            if title and title not in made.values():
                break
        else:
            title = f"segment {label + 1}"
        made[label] = title
    return made


def _phrases(values: npt.NDArray[np.float64], names: Sequence[str]) -> list[str]:
    order = np.argsort(-np.abs(values), kind="stable")
    strong = [i for i in order if abs(values[i]) >= _LEAST_DIFFERENCE]
    said = [words(names[i], bool(values[i] > 0)) for i in strong]
    phrases = list(dict.fromkeys(said))
    return phrases or ["average visits"]
