"""Session tables: the share of visits that reach the goal, column by column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.explore import words
from buysignal.explore.columns import Coded
from buysignal.explore.distributions import late_note
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.places import fold_rare
from buysignal.explore.prepared import Prepared

MOST_VALUES = 12
MOST_COLUMNS = 24
BANDS = 5
LEAST_VISITS = 30
"""Visits a value must have to be named in the sentence."""


def rates_section(data: Prepared) -> Section:
    """Return, for each column, the outcome's share by its values or by bands of its numbers."""
    title = "Conversion by column" if data.outcome.real else "The goal by column"
    draft = Draft(data, "rates", title)
    goal = data.outcome.goal
    if goal is None:
        draft.lacks(f"{data.outcome.why_not}, so there is no share to compare.")
        return draft.done()
    reached = data.visits["reached"].to_numpy()
    taken = {goal.attribute, goal.value_column}
    columns = {n: c for n, c in data.coded.items() if n not in taken}
    columns |= {n: banded(v) for n, v in data.numbers.items() if n not in taken}
    for name, column in list(columns.items())[:MOST_COLUMNS]:
        _rate(draft, name, column, reached, name in data.numbers)
    return draft.done()


def banded(values: npt.NDArray[np.float64]) -> Coded:
    """Return numbers as bands: each value where they are few, else of about equally many visits."""
    known = values[np.isfinite(values)]
    different = np.unique(known)
    if len(different) <= MOST_VALUES:
        codes = np.searchsorted(different, values).astype(np.int32)
        names = tuple(words.number(float(v)) for v in different)
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:], method="inverted_cdf"))
        codes = np.searchsorted(edges, values, side="left").astype(np.int32)
        lows = [float(known.min()), *(float(known[known > e].min()) for e in edges[:-1])]
        names = tuple(_band(low, float(high)) for low, high in zip(lows, edges, strict=True))
    codes[~np.isfinite(values)] = -1
    return Coded(codes, names)


def _band(low: float, high: float) -> str:
    if low == high:
        return words.number(low)
    return f"{words.number(low)} to {words.number(high)}"


def _with_unknown(column: Coded) -> Coded:
    """Return bands in their order, and after them the visits whose number is not known."""
    if not column.missing:
        return column
    codes = np.where(column.codes < 0, np.int32(len(column.names)), column.codes)
    return Coded(codes.astype(np.int32), (*column.names, "not known"))


def _rate(draft: Draft, name: str, column: Coded, reached: npt.NDArray[np.bool_], number: bool) -> None:
    called, outcome = words.column(name), draft.data.outcome
    folded = _with_unknown(column) if number else fold_rare(column, MOST_VALUES)
    visits = folded.counts()
    if (visits > 0).sum() < 2 or len(column.names) > max(50, len(reached) // 4):
        return
    won = folded.where(reached).counts()
    data = pd.DataFrame(
        {called: folded.names, "share": won / np.maximum(visits, 1), "visits": visits, "reached": won}
    )
    data = data[data["visits"] > 0]
    sure = data[data["visits"] >= LEAST_VISITS].sort_values("share", kind="stable")
    sentence = f"Over all {words.count(len(reached), 'visit')} it is {words.share(float(reached.mean()))}."
    if len(sure) > 1:
        best, least = sure.iloc[-1], sure.iloc[0]
        sentence = (
            f"Highest where {called} is {best[called]}, {words.share(best['share'])} of the visits; "
            f"lowest where it is {least[called]}, {words.share(least['share'])}; "
            f"over all {words.share(float(reached.mean()))}."
        )
    if len(sure) < len(data):
        sentence += f" Values with fewer than {LEAST_VISITS} visits are drawn and not named."
    of = "Conversion" if outcome.real else "The goal"
    draft.add(
        words.slug(name), outcome=True,
        title=f"{of} by {called}",
        sentence=sentence + late_note(draft.data, name),
        kind="barh", data=data, x="share", y=called, labels=("visits", "reached"),
        x_title=outcome.axis, y_title=words.capital(called), x_format="share", y_format="text",
    )  # fmt: skip
