"""What goes together: rank correlation of the features of visits."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal import sessions
from buysignal.events import EVENT_CODES
from buysignal.explore import words
from buysignal.explore.columns import Coded, distinct
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared

MOST_VISITS = 20_000
"""Visits that correlations are computed on; with so many, chance moves one by less than 0.02."""

MOST_FEATURES = 16
LEAST_PAIRS = 30


def related_section(data: Prepared) -> Section:
    """Return the heatmap of Spearman's rank correlations between features of visits."""
    draft = Draft(data, "related", "What goes together")
    features = visit_features(data)
    varying = _without_twins({n: v for n, v in features.items() if _varies(v)})
    if len(varying) < 2 or len(data.visits) < LEAST_PAIRS:
        draft.lacks("Too few visits or columns that vary, so nothing can be set against each other.")
        return draft.done()
    sample = {n: v[_every(len(data.visits))] for n, v in list(varying.items())[:MOST_FEATURES]}
    matrix = spearman(sample)
    names = list(sample)
    table = pd.DataFrame(
        {
            "feature": np.repeat(names, len(names)),
            "other feature": np.tile(names, len(names)),
            "correlation": matrix.ravel(),
        }
    )
    draft.add(
        "correlation",
        outcome=data.outcome.proxy is not None and _called(data) in sample,
        title="Rank correlation of what visits do",
        sentence=_sentence(names, matrix, len(data.visits)),
        kind="heatmap", data=table, x="other feature", y="feature", value="correlation", diverging=True,
        value_title="Spearman's rank correlation (-1 to 1)", x_format="text", y_format="text",
        value_format="number",
    )  # fmt: skip
    return draft.done()


def _varies(values: npt.NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    return len(known) >= LEAST_PAIRS and bool(known.min() < known.max())


def _without_twins(features: dict[str, npt.NDArray[np.float64]]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the features without those that equal an earlier one visit by visit."""
    kept: dict[str, npt.NDArray[np.float64]] = {}
    for name, values in features.items():
        if not any(np.array_equal(values, other, equal_nan=True) for other in kept.values()):
            kept[name] = values
    return kept


def _every(visits: int) -> slice:
    return slice(None, None, max(1, -(-visits // MOST_VISITS)))


def _sentence(names: list[str], matrix: npt.NDArray[np.float64], visits: int) -> str:
    pairs = [(abs(matrix[i, j]), i, j) for i, j in combinations(range(len(names)), 2)]
    known = [p for p in pairs if np.isfinite(p[0])]
    strongest = ""
    if known:
        _, i, j = max(known)
        strongest = f"'{names[i]}' and '{names[j]}' go together most ({matrix[i, j]:+.2f}). "
    used = len(range(*_every(visits).indices(visits)))
    sampled = f"{used:,} of " if used < visits else ""
    return (
        f"{strongest}Spearman's rank correlation over {sampled}{words.count(visits, 'visit')}: 1 rises "
        "together, -1 one rises as the other falls, 0 no order. It says what goes together, not why."
    )


def _called(data: Prepared) -> str:
    return "purchase" if data.outcome.real else f"proxy: {data.outcome.proxy}"


def visit_features(data: Prepared) -> dict[str, npt.NDArray[np.float64]]:
    """Return the features of visits that are set against each other, each of shape (v,)."""
    visits = data.visits
    found = _of_table(data) if data.level == "session" else _of_events(data)
    if (visits["start"] != sessions.NO_TIME).all():
        found["hour (UTC)"] = (visits["start"].to_numpy() // 3_600_000_000 % 24).astype(np.float64)
    if data.outcome.goal is not None:
        found[_called(data)] = visits["reached"].to_numpy().astype(np.float64)
    return found


def _of_table(data: Prepared) -> dict[str, npt.NDArray[np.float64]]:
    """Numbers, and text columns that are yes or no."""
    goal = data.outcome.goal
    taken = {goal.attribute, goal.value_column} if goal is not None else set()
    found = {words.column(n): v for n, v in data.numbers.items() if n not in taken}
    for name, column in data.coded.items():
        if name not in taken and set(column.names) <= {"yes", "no"}:
            found[words.column(name)] = np.where(column.codes < 0, np.nan, column.codes == column.code("yes"))
    return found


def _of_events(data: Prepared) -> dict[str, npt.NDArray[np.float64]]:
    visits, found = data.visits, {}
    found["events"] = visits["events"].to_numpy().astype(np.float64)
    found["seconds"] = visits["seconds"].to_numpy()
    found["visit number"] = visits["visit_number"].to_numpy().astype(np.float64)
    for name, called in (
        ("view_item", "item views"), ("search", "searches"), ("add_to_cart", "put into the cart"),
        ("begin_checkout", "checkouts"),
    ):  # fmt: skip
        rows = data.session[data.kind == EVENT_CODES[name]]
        found[called] = np.bincount(rows, minlength=len(visits)).astype(np.float64)
    for name, called in (("item_id", "different items"), ("category", "different categories")):
        if name in data.coded:
            found[called] = _different(data, data.coded[name])
    if "price" in data.numbers:
        found["mean price viewed"] = _mean_price(data)
    return found


def _different(data: Prepared, column: Coded) -> npt.NDArray[np.float64]:
    """Return how many different values each visit has."""
    known = column.codes >= 0
    pairs = distinct(data.session[known] * len(column.names) + column.codes[known])
    return np.bincount(pairs // len(column.names), minlength=len(data.visits)).astype(np.float64)


def _mean_price(data: Prepared) -> npt.NDArray[np.float64]:
    price = data.numbers["price"]
    rows = (data.kind == EVENT_CODES["view_item"]) & np.isfinite(price)
    count = np.bincount(data.session[rows], minlength=len(data.visits))
    total = np.bincount(data.session[rows], weights=price[rows], minlength=len(data.visits))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def spearman(features: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Return Spearman's rank correlation of each pair over the rows that know both; NaN below 30 rows."""
    columns = list(features.values())
    matrix = np.eye(len(columns))
    known = [np.isfinite(column) for column in columns]
    ranks = [_ranks(column) if full.all() else None for column, full in zip(columns, known, strict=True)]
    for i, j in combinations(range(len(columns)), 2):
        a, b = ranks[i], ranks[j]
        if a is None or b is None:
            both = known[i] & known[j]
            a, b = _ranks(columns[i][both]), _ranks(columns[j][both])
        matrix[i, j] = matrix[j, i] = _pearson(a, b)
    return matrix


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _pearson(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if len(a) < LEAST_PAIRS:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    # Plain sums: the threads of a matrix product cost more here than the product.
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else float("nan")
