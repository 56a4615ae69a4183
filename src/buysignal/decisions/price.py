"""Price what-if: what goes along with another price, within the prices seen. Association, not cause.

Estimand: among visits of like behaviour so far, the change in the log-odds that the look at an item
leads on (`looks`), per unit of log price, item and week held fixed. What is answered for an item is
its own association drawn towards its category's and that towards the common one (`elasticity`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.decisions.elasticity import Effect, WithinFit, fit_within, shrunk
from buysignal.decisions.looks import Looks
from buysignal.decisions.price_range import category_ranges, item_ranges, price_levels
from buysignal.errors import SamplesError

Floats = npt.NDArray[np.float64]
Kind = Literal["item", "category"]
Outcome = Literal["carted", "bought"]

NOT_CAUSE = (
    "This is association, not cause: nobody drew lots for prices. Offers come with advertising, seasons and "
    "stock, and another price brings other people to the item; only an experiment can tell these apart."
)
PER_LOOKS = 100
_PRIOR_CARTS = 20
"""Carts' worth of the overall rate in a category's share of carts that are bought."""


@dataclass(frozen=True)
class Around:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The answer to one question.

    Attributes:
        kind, name: what was asked about.
        usual, price: the usual price and the one asked about; of a category, multiples of the usual
            prices of its items.
        rate_usual, rate: share of looks that lead on, at both prices.
        rate_change: rate over ``rate_usual`` less 1; the interval is the association's alone.
        value_usual, value: price × pieces × conversion of 100 looks, at both prices, in currency.
        value_change: ``value`` over ``value_usual`` less 1.
        effect: change of the log-odds per unit of log price.
        curve: over the whole range: ``price``, ``rate``, ``rate_low``, ``rate_high``, ``value``,
            ``value_low``, ``value_high``; the band holds what is not known of the level too.
        seen: the prices seen: ``price``, ``looks``, ``rate``.
        sentence: the answer in words.
    """

    kind: Kind
    name: str
    usual: float
    price: float
    rate_usual: float
    rate: Around
    rate_change: Around
    value_usual: float
    value: Around
    value_change: Around
    effect: Effect
    curve: pd.DataFrame
    seen: pd.DataFrame
    sentence: str


@dataclass(frozen=True, eq=False)
class PriceStudy:
    """What the looks say about prices.

    Attributes:
        outcome: what conversion means here: ``carted`` (put into the cart next), or ``bought`` (later in
            the visit) where the data holds no carts.
        levels: the prices each item was seen at (`price_range.price_levels`).
        items, categories: what may be asked about, and why not (`price_range`).
        fit: the model; None where ``refusal`` says why there is none.
        level: of all intervals.
    """

    looks: Looks
    outcome: Outcome
    levels: pd.DataFrame
    items: pd.DataFrame
    categories: pd.DataFrame
    fit: WithinFit | None
    fitted: npt.NDArray[np.int64]
    refusal: str
    level: float

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The looks that were fitted: item id, category, log price, outcome, log-odds."""
        assert self.fit is not None
        table = self.looks.table.iloc[self.fitted]
        names = np.asarray(self.looks.items, dtype=object)[table["item"]]
        return pd.DataFrame(
            {
                "item": names,
                "category": table["category"].to_numpy(),
                "log_price": np.log(table["price"].to_numpy()),
                "reached": table[self.outcome].to_numpy(float),
                "score": self.fit.score,
                "weight": self.fit.weight,
            }
        )

    @cached_property
    def effects(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The association of each category and each item, ``slope`` and ``se``, both shrunk."""
        assert self.fit is not None
        own = self.fit.item_slopes.copy()
        own.index = pd.Index(_fitted_items(self)[own.index.to_numpy()], name="item")
        own["category"] = self.items["category"].reindex(own.index)
        weight = 1.0 / own["variance"]
        sums = pd.DataFrame({"w": weight, "wb": weight * own["slope"], "category": own["category"]})
        summed = sums.groupby("category").sum()
        by_category = shrunk(
            pd.DataFrame({"slope": summed["wb"] / summed["w"], "variance": 1.0 / summed["w"]}),
            self.fit.pooled,
        )
        parts = []
        for category, members in own.groupby("category", dropna=False):
            known = category in by_category.index
            towards = Effect(*by_category.loc[category, ["slope", "se"]]) if known else self.fit.pooled
            parts.append(shrunk(members, towards))
        return by_category, pd.concat(parts)

    def refuse(self, kind: Kind, name: str) -> str:
        """Return why nothing can be said about it; empty where something can."""
        table = self.items if kind == "item" else self.categories
        if name not in table.index:
            return f"There is no {kind} '{name}' among the looks of this data."
        return str(table.at[name, "why"]) or self.refusal

    def effect(self, kind: Kind, name: str) -> Effect:
        """Return the association of an item or a category."""
        assert self.fit is not None
        table = self.effects[1 if kind == "item" else 0]
        if name not in table.index:
            return self.fit.pooled
        return Effect(number(table, name, "slope"), number(table, name, "se"))

    def what_if(self, kind: Kind, name: str, price: float) -> WhatIf:
        """Return what goes along with another price.

        Args:
            kind, name: an item's id, or a category.
            price: of an item, in currency; of a category, as a multiple of the usual prices.

        Raises:
            SamplesError: nothing can be said, or the price lies outside those seen.
        """
        from buysignal.decisions.price_answer import answer

        why = self.refuse(kind, name)
        if why:
            raise SamplesError(why)
        table = self.items if kind == "item" else self.categories
        low, high = number(table, name, "low"), number(table, name, "high")
        if not low * (1 - 1e-6) <= price <= high * (1 + 1e-6):
            raise SamplesError(
                f"a price of {self._said(kind, price)} for {kind} {name} lies outside the prices seen",
                allowed=f"{self._said(kind, low)} to {self._said(kind, high)}",
                todo="choose a price within that range",
            )
        return answer(self, kind, name, price)

    def _said(self, kind: Kind, price: float) -> str:
        return said_money(price, self.looks.currency) if kind == "item" else f"{price:.0%} of the usual"

    def sold_share(self, category: str | None) -> float:
        """Return the pieces bought per look that led on: 1 where the data holds no purchases."""
        table = self.looks.table
        if not self.looks.has_purchases:
            return 1.0
        reached = table[table[self.outcome]]
        overall = float(reached["pieces"].mean())
        mine = reached.loc[reached["category"] == category, "pieces"]
        return float((mine.sum() + _PRIOR_CARTS * overall) / (len(mine) + _PRIOR_CARTS))


def study(looks: Looks, *, level: float = 0.95) -> PriceStudy:
    """Return what the looks say about prices; where that is nothing, ``refusal`` says why."""
    outcome: Outcome = "carted" if looks.has_carts else "bought"
    levels = price_levels(looks, outcome)
    items = item_ranges(levels)
    categories = category_ranges(items)
    refusal, fit, fitted = _refusal(looks, items), None, np.zeros(0, np.int64)
    if not refusal:
        fitted = _fittable(looks.table, outcome)
        try:
            fit = _fit(looks, outcome, fitted)
        except SamplesError as error:
            refusal = str(error)[:1].upper() + str(error)[1:]
    return PriceStudy(looks, outcome, levels, items, categories, fit, fitted, refusal, level)


def _refusal(looks: Looks, items: pd.DataFrame) -> str:
    if (items["prices"] < 2).all():
        return (
            f"No price changed in this data: each of its {len(items):,} items was always seen at one price, "
            "so nothing can be said about another price."
        )
    if not (looks.has_carts or looks.has_purchases):
        return "This data holds neither carts nor purchases, so there is no answer to a price to learn from."
    if not items["allowed"].any():
        return (
            "No item of this data was seen often enough at two prices or more, so nothing can be said about "
            "another price."
        )
    return ""


def _fittable(table: pd.DataFrame, outcome: str) -> npt.NDArray[np.int64]:
    """Return the rows of items with both outcomes: the others say nothing about price."""
    share = table.groupby("item")[outcome].transform("mean").to_numpy()
    return np.flatnonzero((share > 0) & (share < 1))


def _fit(looks: Looks, outcome: str, rows: npt.NDArray[np.int64]) -> WithinFit:
    table = looks.table.iloc[rows]
    weeks = table["week"].to_numpy()
    by_week = [(weeks == week).astype(float) for week in np.unique(weeks)[1:]]
    return fit_within(
        np.log(table["price"].to_numpy()),
        table[outcome].to_numpy(float),
        pd.factorize(table["item"])[0],
        np.column_stack([*by_week, looks.controls[rows]]),
        table["visitor"].to_numpy(),
    )


def _fitted_items(found: PriceStudy) -> npt.NDArray[np.object_]:
    """Return the item id behind each code of the fit."""
    codes = found.looks.table["item"].iloc[found.fitted].unique()
    return np.asarray(found.looks.items, dtype=object)[np.asarray(codes, np.int64)]


def number(table: pd.DataFrame, name: str, column: str) -> float:
    """Return one number of a table."""
    return float(table[column].loc[name])


def said_money(value: float, currency: str | None) -> str:
    """Return an amount with its currency.

    >>> said_money(1234.5, "EUR")
    '1,234.50 EUR'
    """
    return f"{value:,.2f} {currency}" if currency else f"{value:,.2f}"
