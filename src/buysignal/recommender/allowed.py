"""Which items of the catalog a page's wishes allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from buysignal.errors import InputError
from buysignal.recommender.wishes import Wishes
from buysignal.sequences import Catalog

CATEGORY = "category"
"""The attribute of the catalog that ``Wishes.categories`` means."""

Mask = npt.NDArray[np.bool_]


def allowed(catalog: Catalog, code_of: Mapping[str, int], wishes: Wishes) -> Mask:
    """Return which items may be suggested whatever the visit looked at, (m,); ``leave_out`` apart.

    Raises:
        InputError: a category that does not exist, or ``only`` names no item that is known.
    """
    mask = np.ones(len(catalog.names), bool)
    if wishes.only is not None:
        mask &= _only(catalog, code_of, wishes.only)
    if wishes.categories:
        mask &= _within(catalog, wishes.categories)
    if wishes.price_low is not None:
        mask &= catalog.price >= np.float32(wishes.price_low)
    if wishes.price_high is not None:
        mask &= catalog.price <= np.float32(wishes.price_high)
    return mask


def category_codes(catalog: Catalog, names: Collection[str]) -> list[int]:
    """Return the codes of categories.

    Raises:
        InputError: one does not exist.
    """
    levels = catalog.levels.get(CATEGORY, ())
    if not levels:
        raise InputError(
            f"a category is asked for ({', '.join(sorted(names))}), and the items have none",
            todo="leave it out",
        )
    for name in names:
        if name not in levels:
            raise InputError(f"there is no category '{name}'", allowed=_near(name, levels))
    return [levels.index(name) for name in names]


def _within(catalog: Catalog, names: Collection[str]) -> Mask:
    codes = category_codes(catalog, names)
    return np.isin(catalog.attributes[CATEGORY], codes)


def _only(catalog: Catalog, code_of: Mapping[str, int], only: frozenset[str]) -> Mask:
    mask = np.zeros(len(catalog.names), bool)
    codes = [code_of[name] for name in only if name in code_of]
    if only and not codes:
        first = min(only)
        raise InputError(
            f"none of the {len(only):,} items to choose from is known, such as '{first}'",
            allowed=_near(first, catalog.names),
            todo="give item ids as the training data has them",
        )
    mask[codes] = True
    return mask


def _near(name: str, known: Collection[str], most: int = 10) -> str:
    """Return what may have been meant, or the first few there are.

    >>> _near("shoe", ["shoes", "hats"])
    'shoes'
    """
    pool = list(known)[:5_000]
    close = get_close_matches(name, pool, n=3)
    rest = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(close) if close else ", ".join(pool[:most]) + rest
