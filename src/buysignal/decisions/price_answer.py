"""One answer of the price what-if: rates and value along the prices seen, and the sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from buysignal.decisions.elasticity import Effect
from buysignal.decisions.price import PER_LOOKS, Around, Kind, PriceStudy, WhatIf, number, said_money

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]
_POINTS = 41


def answer(study: PriceStudy, kind: Kind, name: str, price: float) -> WhatIf:
    """Return the answer to a question that `PriceStudy.what_if` has admitted."""
    table = study.items if kind == "item" else study.categories
    low, high, usual = (number(table, name, column) for column in ("low", "high", "usual"))
    price, usual = float(price), min(max(usual, low), high)
    effect = study.effect(kind, name)
    along = _Along(study, kind, name, effect)
    ends = effect.interval(study.level)
    rate, value = along.rate(price), along.value(price)
    rate_change = _change(along.rate, price, usual, effect.slope, ends)
    value_change = _change(along.value, price, usual, effect.slope, ends)
    curve = along.curve(np.linspace(low, high, _POINTS))
    here = along.curve(np.array([price])).iloc[0]
    found = WhatIf(
        kind=kind,
        name=name,
        usual=usual,
        price=price,
        rate_usual=along.rate(usual),
        rate=Around(rate, float(here["rate_low"]), float(here["rate_high"])),
        rate_change=rate_change,
        value_usual=along.value(usual),
        value=Around(value, float(here["value_low"]), float(here["value_high"])),
        value_change=value_change,
        effect=effect,
        curve=curve,
        seen=_seen(study, kind, name),
        sentence="",
    )
    return _with_sentence(study, found)


class _Along:
    """Rate and value at any price, over the looks at the item or category."""

    def __init__(self, study: PriceStudy, kind: Kind, name: str, effect: Effect) -> None:
        rows = study.rows[study.rows[kind] == name]
        usual = np.log(study.items["usual"].reindex(rows["item"]).to_numpy())
        self.relative = rows["log_price"].to_numpy() - usual
        """Log of price over usual price, (n,)."""
        self.usual = np.exp(usual)
        self.reached = float(rows["reached"].sum())
        assert study.fit is not None
        self.level = rows["score"].to_numpy() - study.fit.pooled.slope * self.relative
        weight = rows["weight"].to_numpy()
        self.centre = float((weight * self.relative).sum() / weight.sum())
        self.level_se = float(1.0 / np.sqrt(weight.sum()))
        self.base = 1.0 if kind == "category" else number(study.items, name, "usual")
        category = name if kind == "category" else study.items["category"].loc[name]
        self.sold = study.sold_share(str(category))
        self.effect, self.coverage = effect, study.level

    def rate(self, price: float, slope: float | None = None, shift: float = 0.0) -> float:
        """Return the share of looks that would lead on at ``price``."""
        return float(self._chances(price, slope, shift).mean())

    def value(self, price: float, slope: float | None = None, shift: float = 0.0) -> float:
        """Return price × pieces × conversion of `PER_LOOKS` looks at ``price``."""
        asked = price / self.base * self.usual
        return float(PER_LOOKS * self.sold * (asked * self._chances(price, slope, shift)).mean())

    def _chances(self, price: float, slope: float | None, shift: float) -> Floats:
        used = self.effect.slope if slope is None else slope
        anchor = self._anchor(used)
        return _logistic(self.level + anchor + shift + used * np.log(price / self.base))

    def _anchor(self, slope: float) -> float:
        """Return the shift of the level at which the looks as they were give the outcomes as they were."""
        score = self.level + slope * self.relative
        shift = 0.0
        for _ in range(25):
            p = _logistic(score + shift)
            step = (self.reached - p.sum()) / max(float((p * (1 - p)).sum()), 1e-12)
            shift += float(np.clip(step, -2.0, 2.0))
            if abs(step) < 1e-9:
                break
        return shift

    def curve(self, prices: Floats) -> pd.DataFrame:
        """Return rate and value at each price with their bands."""
        z = float(stats.norm.ppf((1 + self.coverage) / 2))
        rows = []
        for price in prices:
            away = np.log(price / self.base) - self.centre
            half = z * float(np.hypot(self.level_se, away * self.effect.se))
            rows.append(
                {
                    "price": price,
                    "rate": self.rate(price),
                    "rate_low": self.rate(price, shift=-half),
                    "rate_high": self.rate(price, shift=half),
                    "value": self.value(price),
                    "value_low": self.value(price, shift=-half),
                    "value_high": self.value(price, shift=half),
                }
            )
        return pd.DataFrame(rows)


def _change(
    along: Callable[..., float], price: float, usual: float, slope: float, ends: tuple[float, float]
) -> Around:
    """Return the relative change with its interval; it moves one way with the slope."""
    changes = [along(price, s) / along(usual, s) - 1.0 for s in (slope, *ends)]
    return Around(changes[0], min(changes), max(changes))


def _logistic(score: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-score)))


def _seen(study: PriceStudy, kind: Kind, name: str) -> pd.DataFrame:
    """Return the prices seen: of a category, by multiples of the usual price rounded to 5 %."""
    levels = study.levels[study.levels[kind] == name]
    if kind == "item":
        return levels[["price", "looks", "rate", "seen"]].reset_index(drop=True)
    usual = study.items["usual"].reindex(levels["item"]).to_numpy()
    near = np.round(levels["price"].to_numpy() / usual / 0.05) * 0.05
    grouped = levels.assign(price=near).groupby("price")[["looks", "reached"]].sum().reset_index()
    grouped["rate"] = grouped["reached"] / grouped["looks"]
    grouped["seen"] = True
    return grouped.drop(columns="reached")


def _with_sentence(study: PriceStudy, found: WhatIf) -> WhatIf:
    return replace(found, sentence=sentence(study, found))


def sentence(study: PriceStudy, found: WhatIf) -> str:
    """Return the answer in words."""
    currency = study.looks.currency
    if found.kind == "item":
        at = said_money(found.price, currency)
        usually = said_money(found.usual, currency)
        front = f"At {at} instead of {usually} ({_percent(found.price / found.usual - 1)})"
        what = f"item {found.name}"
    else:
        front = f"With prices {_percent(found.price - 1)} in the category {found.name}"
        what = "the item"
    leads = f"put {what} into the cart" if study.outcome == "carted" else f"end in buying {what}"
    if abs(found.price / found.usual - 1) < 0.0005:
        return (
            f"At the usual price {_share(found.rate.value)} of looks {leads}; "
            f"{PER_LOOKS} looks bring {said_money(found.value.value, currency)}{_of_what(study)}."
        )
    change, money = found.rate_change, found.value_change
    now, before = (said_money(value, currency) for value in (found.value.value, found.value_usual))
    sure = f"with {100 * study.level:.0f}\u00a0% confidence between"
    return (
        f"{front}, {_share(found.rate.value)} of looks {leads} instead of {_share(found.rate_usual)}: "
        f"{_percent(change.value)}, {sure} {_percent(change.low)} and {_percent(change.high)}. "
        f"{PER_LOOKS} looks bring {now} instead of {before}{_of_what(study)}: {_percent(money.value)}, "
        f"between {_percent(money.low)} and {_percent(money.high)}."
    )


def _of_what(study: PriceStudy) -> str:
    return " of revenue" if study.looks.has_purchases else " put into carts (no revenue: nothing was bought)"


def _percent(change: float) -> str:
    digits = 1 if abs(change) < 0.1 else 0
    return f"{100 * change:+.{digits}f}\u00a0%".replace("-", "−")


def _share(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"
