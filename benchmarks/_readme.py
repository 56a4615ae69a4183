"""Write the README's table of figures from ``benchmarks/results``, between two comments that mark its place.

Run: ``python benchmarks/_readme.py`` after ``make bench``. A test compares the README with what this renders.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from _results import METRICS, RESULTS
from _table import figure, read

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- figures: written by benchmarks/_readme.py -->"
END = "<!-- end of figures -->"
NOTHING = "No figures yet: `make bench`, then `python benchmarks/_readme.py`, fill this place."

QUALITY = ("conversion", "revenue", "recommend", "next_item")
"""Benchmarks of scores; the others are of speed and memory."""

HEADS = {
    "roc_auc": "ROC-AUC", "average_precision": "average precision", "ece": "ECE", "f1": "F1", "r2": "R²",
    "rmse": "RMSE", "rmse_log1p": "RMSE of log1p", "mae": "MAE", "total_error_pct": "error of the total, %",
}  # fmt: skip

Result = dict[str, Any]


def render(folder: Path = RESULTS) -> str:
    """Return the tables of all results, or the sentence that there are none."""
    rows = read(folder)
    if not rows:
        return NOTHING
    parts = [_quality(rows, name) for name in QUALITY if any(row["benchmark"] == name for row in rows)]
    fast = [row for row in rows if row["benchmark"] not in (*QUALITY, "pages")]
    pages = [row for row in rows if row["benchmark"] == "pages"]
    parts += ([_speed(fast)] if fast else []) + ([_pages(pages)] if pages else [])
    return "\n\n".join([*parts, _made(rows)])


def put_into(text: str, tables: str) -> str:
    """Return the README's ``text`` with ``tables`` between the marks.

    >>> put_into(f"a {BEGIN} old {END} b", "new").split()[-4:]
    ['of', 'figures', '-->', 'b']

    Raises:
        ValueError: the marks are missing.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md needs {BEGIN} and {END} once each")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END)[1]}"


def _quality(rows: list[Result], name: str) -> str:
    own = [row for row in rows if row["benchmark"] == name]
    metrics = [metric for metric in METRICS if any(row["metric"] == metric for row in own)]
    lines = []
    for case, group in groupby(own, key=lambda row: row.get("case") or name):
        found = {row["metric"]: row for row in group}
        what, audit = _parts(case)
        cells = [_cell(found.get(metric)) for metric in metrics]
        lines.append([what, *cells, f"{next(iter(found.values()))['n']:,}", audit])
    return _table([name, *(HEADS.get(m, m) for m in metrics), "test rows", "the audit says"], lines, metrics)


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


def _speed(rows: list[Result]) -> str:
    lines = [
        [
            f"{row['benchmark']}: {row['case']}" if row.get("case") else row["benchmark"],
            figure(row["value"], row["unit"]) if row["unit"] else f"{row['metric']} {row['value']:.3f}",
            row["peer"] or "",
            figure(row["peer_value"], row["unit"]),
            "" if row["ratio"] is None else f"{row['ratio']:.1f} ×",
            f"{row['n']:,}",
        ]
        for row in rows
    ]
    return _table(["speed and memory", "buysignal", "peer", "peer's", "ratio", "n"], lines, range(5))


def _pages(rows: list[Result]) -> str:
    """Return one line per page of the app: seconds on each shop, at the first visit and again."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        shop, what = row["case"].split(": ", 1)
        page, _, visit = what.partition(", ")
        place = f"{shop}, {visit}" if visit else shop
        found.setdefault(page, {})[place] = figure(row["value"], row["unit"])
    places = list(dict.fromkeys(place for cells in found.values() for place in cells))
    lines = [[page, *(cells.get(place, "") for place in places)] for page, cells in found.items()]
    return _table(["the app's pages, from click to shown", *places], lines, places)


def _table(head: list[str], lines: list[list[str]], right: Iterable[object]) -> str:
    """Return a Markdown table; as many columns behind the first as ``right`` has stand to the right."""
    aligned = len(list(right))
    rule = ["---"] + ["---:" if place < aligned else "---" for place in range(len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def _made(rows: list[Result]) -> str:
    machines = {json.dumps(row["machine"], sort_keys=True): row["machine"] for row in rows}
    told = [
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']}, Python {m['python']}"
        for m in machines.values()
    ]
    by_commit = {row["benchmark"]: row["commit"] for row in rows}
    commits = ", ".join(f"{name} `{commit}`" for name, commit in by_commit.items())
    return f"Measured on {'; '.join(told)}. Commits: {commits}."


if __name__ == "__main__":
    README.write_text(put_into(README.read_text(encoding="utf-8"), render()), encoding="utf-8")
