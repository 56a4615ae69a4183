"""Distributions: how often each value occurs, column by column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.events import EVENT_CODES
from buysignal.explore import words
from buysignal.explore.bins import histogram, quantiles
from buysignal.explore.columns import Coded
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.places import events, fold_rare
from buysignal.explore.prepared import Prepared

MOST_BARS = 12
MOST_COLUMNS = 24
"""Columns that are drawn; a wider table would be a page nobody reads to its end."""

FEW_VALUES = 12
"""Different numbers that are drawn as a bar each."""

OWN_SECTION = frozenset({"item_id", "event_name", "price", "quantity"})


def distributions_section(data: Prepared) -> Section:
    """Return a histogram of each number and bars of each text column."""
    draft = Draft(data, "distributions", "Distributions")
    if data.level == "event":
        _text(draft, "event_name", events(data), "event", unit="events")
        _viewed_prices(draft)
        _orders(draft)
        for name in ("device", "channel", "country"):
            if name in data.visits:
                _text(draft, name, _of_visits(data, name), name, unit="visits")
    unit = "visits" if data.level == "session" else "events"
    own = OWN_SECTION if data.level == "event" else frozenset()
    for name, values in data.numbers.items():
        if name not in own and len(draft.charts) < MOST_COLUMNS:
            _number(draft, name, values, unit)
    for name, column in data.coded.items():
        if name not in own and len(draft.charts) < MOST_COLUMNS:
            _text(draft, name, column, words.column(name), unit=unit)
    if len(draft.charts) >= MOST_COLUMNS:
        draft.lacks(f"The first {MOST_COLUMNS} columns are drawn; the data has more.")
    return draft.done()


def _of_visits(data: Prepared, name: str) -> Coded:
    values = data.visits[name].cat
    return Coded(values.codes.to_numpy().astype(np.int32), tuple(str(c) for c in values.categories))


def _viewed_prices(draft: Draft) -> None:
    data = draft.data
    price = data.numbers.get("price")
    if price is None:
        draft.lacks("This file has no prices.")
        return
    seen = price[(data.kind == EVENT_CODES["view_item"]) & np.isfinite(price)]
    if len(seen):
        _amount(
            draft, "price", "Prices of viewed items", seen, "views", "Price", "of the views are of items at"
        )


def _orders(draft: Draft) -> None:
    data = draft.data
    if not data.outcome.real:
        return
    spent = data.visits.loc[data.visits["revenue"] > 0, "revenue"].to_numpy()
    if len(spent):
        _amount(
            draft, "spent", "What buyers spend", spent, "visits", "Spent in the visit",
            "of the visits with a purchase spend",
        )  # fmt: skip


def _amount(
    draft: Draft, key: str, title: str, values: npt.NDArray[np.float64], unit: str, axis: str, verb: str
) -> None:
    currency = draft.data.currency
    shape = histogram(values, unit, whole=False)
    half, far = quantiles(values, 0.5, 0.95)
    draft.add(
        key,
        title=title,
        sentence=f"Half {verb} {words.money(half, currency)} or less, 1 in 20 more than "
        f"{words.money(far, currency)}.{_log_note(shape.log, shape.clipped)}",
        kind="histogram", data=shape.bars, x="from", x_end="to", y=unit, x_log=shape.log,
        x_title=f"{axis} ({currency})" if currency else axis, y_title=words.capital(unit), x_format="money",
    )  # fmt: skip


def _number(draft: Draft, name: str, values: npt.NDArray[np.float64], unit: str) -> None:
    known = values[np.isfinite(values)]
    if not len(known):
        return
    called = words.column(name)
    different = np.unique(known)
    if len(different) <= FEW_VALUES:
        _few(draft, name, known, different, unit)
        return
    shape = histogram(known, unit)
    half, far = quantiles(known, 0.5, 0.99)
    zero = float((known == 0).mean())
    zeros = f" {words.capital(words.share(zero))} are 0." if zero >= 0.2 else ""
    said = (
        f"Half of the values of {called} are {words.half_is(half, known.min(), words.number(half))}, "
        f"1 in 100 is more than {words.number(far)}.{zeros}"
    )
    draft.add(
        f"number-{words.slug(name)}",
        title=words.capital(called),
        sentence=said + _log_note(shape.log, shape.clipped) + late_note(draft.data, name),
        kind="histogram", data=shape.bars, x="from", x_end="to", y=unit, x_log=shape.log,
        x_title=words.capital(called), y_title=words.capital(unit), x_format="number",
    )  # fmt: skip


def _few(
    draft: Draft, name: str, known: npt.NDArray[np.float64], different: npt.NDArray[np.float64], unit: str
) -> None:
    """A bar for each of a few different numbers."""
    called = words.column(name)
    counts = np.bincount(np.searchsorted(different, known), minlength=len(different))
    values = [words.number(float(value)) for value in different]
    data = pd.DataFrame({called: values, unit: counts, "share": counts / counts.sum()})
    top = int(np.argmax(counts))
    draft.add(
        f"number-{words.slug(name)}",
        title=words.capital(called),
        sentence=f"{words.capital(called)} is {values[top]} in {words.share(counts[top] / counts.sum())} of "
        f"the {unit}.{late_note(draft.data, name)}",
        kind="bar", data=data, x=called, y=unit, labels=("share",),
        x_title=words.capital(called), y_title=words.capital(unit),
    )  # fmt: skip


def _log_note(log: bool, clipped: int) -> str:
    if not log:
        return ""
    left = f"; {words.count(clipped, 'value')} of 0 cannot stand on it" if clipped else ""
    return f" The axis is logarithmic, because few values are very large{left}."


def late_note(data: Prepared, name: str) -> str:
    """Return the warning that a column of a session table is known only later, or nothing."""
    known = (data.late or {}).get(name)
    if known == "end":
        return " It is known only when the visit is over."
    return " It grows while the visit goes on." if known == "during" else ""


def _text(draft: Draft, name: str, column: Coded, called: str, *, unit: str) -> None:
    different = int((column.counts() > 0).sum())
    known = len(column.codes) - column.missing
    if not known:
        return
    if different > 50 and different > 0.5 * known:
        draft.lacks(f"Nearly every row has its own value of '{called}', so it is not drawn.")
        return
    if different == 1 and known == len(column.codes):
        only = column.names[int(np.argmax(column.counts()))]
        draft.lacks(f"'{only}' is the only {called} of all {unit}, so it is not drawn.")
        return
    folded = fold_rare(column, MOST_BARS)
    counts = folded.counts()
    data = pd.DataFrame({called: folded.names, unit: counts, "share": counts / counts.sum()})
    top = data.iloc[0]
    several = f", out of {different:,} different ones" if different > 1 else ", the only value"
    draft.add(
        f"text-{words.slug(name)}",
        title=words.capital(called),
        sentence=f"'{top[called]}' is the most frequent {called}: {words.share(top['share'])} of the {unit}"
        f"{several}.{late_note(draft.data, name)}",
        kind="barh", data=data, x=unit, y=called, labels=("share",),
        x_title=words.capital(unit), y_title=words.capital(called), y_format="text",
    )  # fmt: skip
