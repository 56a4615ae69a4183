"""Figures of next items as tables: who ranked how well, and the champion beside its peers."""

from __future__ import annotations

from itertools import groupby

from _markdown import table
from _table import Result, figure

HEADS = {
    "accuracy": "first guess right", "recall_at_5": "Recall@5", "recall_at_10": "Recall@10",
    "recall_at_20": "Recall@20", "mrr_at_20": "MRR@20", "ndcg_at_20": "NDCG@20", "coverage": "coverage",
    "popularity_bias": "popularity bias", "seconds": "learned in",
}  # fmt: skip
SPREAD = ("accuracy", "recall_at_20", "mrr_at_20")
"""Metrics shown with their interval."""

Lines = list[list[str]]


def in_full(rows: list[Result]) -> str:
    """Return, for every question asked of every shop, a table of all and one of the champion's peers."""
    parts = []
    for what, group in groupby(rows, key=question):
        own = list(group)
        parts += [f"### {what}", table(*listed([row for row in own if row["peer"] is None]), [True] * 9)]
        if any(row["peer"] for row in own):
            parts.append(table(*beside([row for row in own if row["peer"]]), [True] * 6))
    return "\n\n".join(parts)


def in_brief(rows: list[Result]) -> str:
    """Return the champions beside their peers, for the README."""
    head, lines = beside([row for row in rows if row["peer"]], named=True)
    return table(head, lines, [True] * 6)


def question(row: Result) -> str:
    """Return what was asked, and of which shop.

    >>> question({"case": "UCI e-shop, next item: Markov"})
    'UCI e-shop, next item'
    """
    return str(row["case"]).split(": ")[0]


def listed(rows: list[Result]) -> tuple[list[str], Lines]:
    """Return heads, and one line per recommender with its figures."""
    metrics = [metric for metric in HEADS if any(row["metric"] == metric for row in rows)]
    lines = []
    for case, group in groupby(rows, key=lambda row: row["case"]):
        found = {row["metric"]: row for row in group}
        n = next(iter(found.values()))["n"]
        lines.append([case.split(": ", 1)[1], *(_cell(found.get(metric)) for metric in metrics), f"{n:,}"])
    return ["recommender", *(HEADS[metric] for metric in metrics), "questions"], lines


def beside(rows: list[Result], *, named: bool = False) -> tuple[list[str], Lines]:
    """Return heads, and one line per peer: the champion's figure, the peer's, and the difference's interval.

    Args:
        named: begin each line with the shop and the question.
    """
    metrics = [metric for metric in HEADS if any(row["metric"] == metric for row in rows)]
    lines = []
    for (case, peer), group in groupby(rows, key=lambda row: (row["case"], row["peer"])):
        found = {row["metric"]: row for row in group}
        who = f"{case}, against {peer}" if named else f"{case.split(': ', 1)[1]}, against {peer}"
        cells = [cell for metric in metrics for cell in _pair(found.get(metric))]
        lines.append([who, *cells, f"{next(iter(found.values()))['n']:,}"])
    heads = [head for metric in metrics for head in (HEADS[metric], "difference")]
    return ["the champion", *heads, "questions"], lines


def _cell(row: Result | None) -> str:
    if row is None:
        return ""
    if row["unit"]:
        return figure(row["value"], row["unit"])
    spread = f" ({row['low']:.3f} to {row['high']:.3f})" if row["metric"] in SPREAD and "low" in row else ""
    return f"{row['value']:.3f}{spread}"


def _pair(row: Result | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    spread = f" ({row['low']:+.3f} to {row['high']:+.3f})" if "low" in row else ""
    return (
        f"{row['value']:.3f} against {row['peer_value']:.3f}",
        f"{row['value'] - row['peer_value']:+.3f}{spread}",
    )
