"""Visits made up for tests: drawn at random, and of a shop whose rule is known."""

from __future__ import annotations

import numpy as np

from buysignal.sequences import Catalog, Sequences


def plain_catalog(items: int) -> Catalog:
    return Catalog(tuple(f"I{k}" for k in range(items)))


def sequences(visits: list[list[int]], catalog: Catalog, day: list[float] | None = None) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(v) for v in visits])]).astype(np.int64)
    items = np.array([item for v in visits for item in v], np.int32)
    days = np.arange(len(visits), dtype=float) / 10 if day is None else np.array(day, float)
    return Sequences(items, starts, days, catalog)


def drawn_visits(
    random: np.random.Generator, visits: int, catalog: Catalog, unknown: float = 0.1
) -> Sequences:
    """Visits of 2 to 9 looks, some at items nobody knows, with a liking for low numbers."""
    size = len(catalog.names)
    lists = []
    for _ in range(visits):
        looks = (random.random(random.integers(2, 10)) ** 2 * size).astype(int)
        looks[random.random(len(looks)) < unknown] = -1
        lists.append(looks.tolist())
    return sequences(lists, catalog, np.sort(random.random(visits) * 40).tolist())


def known_shop(items: int = 30) -> tuple[Catalog, np.ndarray]:
    """A catalog, and the chance (m, m) of each next item given the last: near ones in its order."""
    catalog = Catalog(
        tuple(f"I{k}" for k in range(items)),
        {"category": (np.arange(items) // 10).astype(np.int32)},
        {"category": ("a", "b", "c")},
        np.linspace(5, 50, items).astype(np.float32),
    )
    step = (np.arange(items)[None] - np.arange(items)[:, None]) % items
    chance = np.where(step == 1, 0.6, np.where(step == 2, 0.2, np.where(step == 0, 0.0, 0.2 / (items - 3))))
    return catalog, chance


def visits_of(random: np.random.Generator, chance: np.ndarray, visits: int, catalog: Catalog) -> Sequences:
    """Visits that follow ``chance``, 2 to 8 looks long, over 40 days."""
    lists = []
    for _ in range(visits):
        visit = [int(random.integers(len(chance)))]
        for _ in range(random.integers(1, 8)):
            visit.append(int(random.choice(len(chance), p=chance[visit[-1]])))
        lists.append(visit)
    return sequences(lists, catalog, np.sort(random.random(visits) * 40).tolist())
