"""Results as Markdown tables, for the README and for docs/benchmarks.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import groupby

from _results import METRICS
from _table import Result, figure, peaks, with_peaks

QUALITY = ("conversion", "revenue", "next_item")
"""Benchmarks of scores; the others are of speed and memory."""

HEADS = {
    "roc_auc": "ROC-AUC", "average_precision": "average precision", "ece": "ECE", "f1": "F1", "r2": "R²",
    "rmse": "RMSE", "rmse_log1p": "RMSE of log1p", "mae": "MAE", "total_error_pct": "error of the total, %",
}  # fmt: skip


def quality(rows: list[Result], name: str) -> str:
    """Return one line per case: its metrics beside the ceiling's, and what the audit says."""
    own = [row for row in rows if row["benchmark"] == name]
    metrics = [metric for metric in METRICS if any(row["metric"] == metric for row in own)]
    lines = []
    for case, group in groupby(own, key=lambda row: row.get("case") or name):
        found = {row["metric"]: row for row in group}
        what, audit = _parts(case)
        cells = [_cell(found.get(metric)) for metric in metrics]
        lines.append([what, *cells, f"{next(iter(found.values()))['n']:,}", audit])
    return table([name, *(HEADS.get(m, m) for m in metrics), "test rows", "the audit says"], lines, metrics)


def speed(rows: list[Result], head: str, *, prefix: bool = False) -> str:
    """Return one line per figure, with its ratio and the peak memory of both sides where it was taken.

    Args:
        prefix: put the benchmark's name before the case; for tables of several benchmarks.
    """
    lines = []
    for row, peak in with_peaks(rows):
        case = _case(row)
        lines.append(
            [
                f"{row['benchmark']}: {case}" if prefix and row.get("case") else case,
                f"{row['n']:,}",
                _told(row, row["value"]),
                row["peer"] or "",
                _told(row, row["peer_value"]),
                _times(row["ratio"]),
                peaks(peak),
            ]
        )
    heads = [head, "n", "buysignal", "peer", "peer's", "ratio", "peak memory, MB"]
    # A column that says nothing in any line is left out.
    shown = [place for place in range(len(heads)) if any(line[place] for line in lines)]
    right = [place in (1, 2, 4, 5, 6) for place in shown]
    return table(
        [heads[place] for place in shown], [[line[place] for place in shown] for line in lines], right[1:]
    )


def pages(rows: list[Result]) -> str:
    """Return one line per page of the app: seconds on each shop, at the first visit and again."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        shop, what = row["case"].split(": ", 1)
        page, _, visit = what.partition(", ")
        place = f"{shop}, {visit}" if visit else shop
        found.setdefault(page, {})[place] = figure(row["value"], row["unit"])
    places = list(dict.fromkeys(place for cells in found.values() for place in cells))
    lines = [[page, *(cells.get(place, "") for place in places)] for page, cells in found.items()]
    return table(["the app's pages, from click to shown", *places], lines, places)


def table(head: list[str], lines: list[list[str]], right: Iterable[object]) -> str:
    """Return a Markdown table.

    Args:
        right: for each column behind the first one whether it stands to the right; those not named do not.

    >>> print(table(["a", "b", "c"], [["x", "1", "y"]], [True]))
    | a | b | c |
    | --- | ---: | --- |
    | x | 1 | y |
    """
    places = [bool(place) for place in right]
    places += [False] * (len(head) - 1 - len(places))
    rule = ["---", *("---:" if place else "---" for place in places)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def made(rows: list[Result]) -> str:
    """Return on which machine, and at which commits, the rows were made."""
    machines = {json.dumps(row["machine"], sort_keys=True): row["machine"] for row in rows}
    told = dict.fromkeys(
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']}, Python {m['python']}"
        for m in machines.values()
    )
    by_commit = {row["benchmark"]: row["commit"] for row in rows}
    if len(by_commit) == 1:
        return f"Measured on {'; '.join(told)}, commit `{next(iter(by_commit.values()))}`."
    commits = ", ".join(f"{name} `{commit}`" for name, commit in by_commit.items())
    return f"Measured on {'; '.join(told)}. Commits: {commits}."


def _parts(case: str) -> tuple[str, str]:
    """Return what was measured, and the audit's verdicts, which stand behind it in brackets."""
    found = re.fullmatch(r"(.*?)(?: \[(.*)\])?", case)
    assert found is not None
    return found[1], found[2] or ""


def _cell(row: Result | None) -> str:
    if row is None:
        return ""
    value = f"{row['value']:.3f}"
    return value if row["peer_value"] is None else f"{value} ({row['peer']} {row['peer_value']:.3f})"


def _case(row: Result) -> str:
    """Return what a figure is of; of a latency also the share of the calls within it."""
    case: str = row.get("case") or row["benchmark"]
    shares = {
        "p50_us": "half within",
        "p90_ms": "90 % within",
        "p99_us": "99 % within",
        "p99_ms": "99 % within",
    }
    share = shares.get(row["metric"])
    return case if share is None or "within" in case else f"{case}, {share}"


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:,.0f} ×" if ratio >= 100 else f"{ratio:.2g} ×"


def _told(row: Result, value: float | None) -> str:
    """Return a figure with its unit; where others of its unit stand beside it, with what it is of."""
    if value is None:
        return ""
    if not row["unit"]:
        return f"{row['metric']} {value:.3f}"
    of = {"cpu_seconds": " of processor time", "written_mb": " written"}
    return figure(value, row["unit"]) + of.get(row["metric"], "")
