"""The demo shop's shelves: items, categories, list prices, and the prices of each week.

The shop is the same for every seed (visitors differ, the shop does not), so that what is learned
about its prices in one run can be checked in another.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

SHOP_SEED = 20_250_303
ITEMS_PER_CATEGORY = 38
CURRENCY = "EUR"

PRICE_EFFECT = -0.8
"""Change of the log-weight of *add to cart* per unit of log price, when an item is first looked at.

Ten per cent off multiplies the odds of adding the item (against any other next step) by
``0.9 ** PRICE_EFFECT``, about 1.09. It holds between items and over time for one item alike.
"""

REFERENCE_PRICE = 40.0
"""EUR; an item of this price and of an average category has no price effect."""

PROMOTED_SHARE = 0.5
"""Share of items that ever go on offer; the others keep their list price."""

OFFER_CHANCE = 0.3
"""Chance that a promoted item is on offer in one week."""

DISCOUNTS = (0.1, 0.2, 0.3)
PROMOTION_WEEKS = 8
"""The offers repeat after this many weeks."""

_SHELVES: dict[str, tuple[float, float, float, tuple[str, ...], tuple[str, ...]]] = {
    # name: share of interest, median price in EUR, appeal, adjectives, nouns
    "books": (
        0.13, 14.0, 0.15,
        ("Illustrated", "Pocket", "Collected"),
        ("Atlas", "Cookbook", "Crime Novel", "Travel Guide", "Short Stories", "Field Guide", "Biography",
         "Poems", "Puzzle Book", "History", "Garden Almanac", "Fairy Tales", "Science Primer"),
    ),
    "beauty": (
        0.12, 22.0, 0.20,
        ("Rose", "Cedar", "Oat"),
        ("Hand Cream", "Shampoo", "Face Oil", "Soap Set", "Lip Balm", "Body Lotion", "Perfume",
         "Bath Salts", "Face Mask", "Shaving Cream", "Hair Brush", "Sun Lotion", "Candle"),
    ),
    "toys": (
        0.11, 25.0, 0.10,
        ("Wooden", "Colourful", "Giant"),
        ("Train", "Puzzle", "Building Blocks", "Kite", "Doll House", "Marble Run", "Board Game",
         "Spinning Top", "Crane", "Drum", "Farm Set", "Memory Game", "Rocking Horse"),
    ),
    "kitchen": (
        0.15, 35.0, 0.05,
        ("Oak", "Steel", "Stoneware"),
        ("Cutting Board", "Kettle", "Pan", "Pepper Mill", "Bread Bin", "Mixing Bowl", "Carafe",
         "Knife Block", "Baking Tin", "Mug Set", "Serving Plate", "Spice Rack", "Colander"),
    ),
    "garden": (
        0.10, 45.0, -0.05,
        ("Zinc", "Teak", "Foldable"),
        ("Watering Can", "Planter", "Bench", "Bird House", "Lantern", "Rake", "Hammock",
         "Herb Bed", "Fire Bowl", "Hose Reel", "Trellis", "Side Table", "Parasol"),
    ),
    "fashion": (
        0.17, 55.0, 0.0,
        ("Linen", "Merino", "Denim"),
        ("Shirt", "Scarf", "Jacket", "Dress", "Trousers", "Cap", "Cardigan",
         "Skirt", "Socks", "Tote Bag", "Belt", "Pullover", "Blouse"),
    ),
    "sports": (
        0.10, 60.0, -0.15,
        ("Light", "All-Weather", "Team"),
        ("Backpack", "Running Shoes", "Yoga Mat", "Tent", "Football", "Bicycle Helmet", "Water Bottle",
         "Dumbbells", "Rain Jacket", "Climbing Rope", "Tennis Racket", "Sleeping Bag", "Gloves"),
    ),
    "electronics": (
        0.12, 120.0, -0.25,
        ("Compact", "Wireless", "Pro"),
        ("Headphones", "Speaker", "Keyboard", "Camera", "Alarm Clock", "Desk Lamp", "Power Bank",
         "Tablet Stand", "Radio", "Microphone", "Monitor", "Projector", "Turntable"),
    ),
}  # fmt: skip

CATEGORIES: tuple[str, ...] = tuple(_SHELVES)
CATEGORY_SHARES = np.array([shelf[0] for shelf in _SHELVES.values()])
N_ITEMS = ITEMS_PER_CATEGORY * len(CATEGORIES)
ITEM_CATEGORY = np.repeat(np.arange(len(CATEGORIES)), ITEMS_PER_CATEGORY)


@cache
def shop_items() -> pd.DataFrame:
    """Return the catalogue: item_id, name, category, list_price (EUR); one row per item."""
    rng = np.random.default_rng(SHOP_SEED)
    rows = []
    for category, (_, median, _, adjectives, nouns) in _SHELVES.items():
        names = [f"{adjective} {noun}" for noun in nouns for adjective in adjectives][:ITEMS_PER_CATEGORY]
        prices = np.clip(np.floor(median * np.exp(rng.normal(0.0, 0.6, len(names)))), 5, 400) - 0.01
        for number, (name, price) in enumerate(zip(names, prices, strict=True), start=1):
            rows.append((f"{category[:3].upper()}-{number:03d}", name, category, max(round(price, 2), 5.0)))
    return pd.DataFrame(rows, columns=["item_id", "name", "category", "list_price"])


@cache
def popularity() -> npt.NDArray[np.float64]:
    """Return how often each item of a category is looked at, before taste, shape (items,)."""
    rng = np.random.default_rng(SHOP_SEED + 1)
    ranks = np.concatenate([rng.permutation(ITEMS_PER_CATEGORY) for _ in CATEGORIES])
    return 1.0 / (ranks + 4.0) ** 0.7


@cache
def weekly_prices() -> npt.NDArray[np.float64]:
    """Return prices in EUR, shape (PROMOTION_WEEKS, items): the list price, or less while on offer."""
    rng = np.random.default_rng(SHOP_SEED + 2)
    promoted = rng.random(N_ITEMS) < PROMOTED_SHARE
    on_offer = promoted & (rng.random((PROMOTION_WEEKS, N_ITEMS)) < OFFER_CHANCE)
    discount = np.where(on_offer, rng.choice(DISCOUNTS, (PROMOTION_WEEKS, N_ITEMS)), 0.0)
    list_price = shop_items()["list_price"].to_numpy()
    return np.round(list_price * (1.0 - discount), 2)


def appeal(prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the log-weight that price and category lend to *add to cart*, shape as ``prices``."""
    by_category = np.array([shelf[2] for shelf in _SHELVES.values()])[ITEM_CATEGORY]
    return by_category + PRICE_EFFECT * np.log(prices / REFERENCE_PRICE)
