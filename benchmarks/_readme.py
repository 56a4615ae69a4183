"""Write the README's figures from ``benchmarks/results``, between two comments that mark their place.

All figures stand in docs/benchmarks.md; here are those of scores, and of speed those held against a peer.
Run: ``python benchmarks/_readme.py`` after ``make bench``. A test compares the README with what this renders.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import _page
from _markdown import QUALITY, made, quality, speed
from _next_item_page import in_brief
from _results import RESULTS
from _table import Result, read

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- figures: written by benchmarks/_readme.py -->"
END = "<!-- end of figures -->"
NOTHING = "No figures yet: `make bench`, then `python benchmarks/_readme.py`, fill this place."
MORE = "All figures, and what each is of: [docs/benchmarks.md](docs/benchmarks.md)."

TELLING = (
    "events_per_s", "rows_per_s", "requests_per_s", "seconds", "p50_us", "p90_ms", "p99_us", "p99_ms",
    "cost_growth",
)  # fmt: skip
ALONE = ("fold", "startup", "score", "click", "rest", "kafka", "recommend")
"""Benchmarks of speed that are told without a peer, too."""


def render(folder: Path = RESULTS) -> str:
    """Return the tables of the most telling results, or the sentence that there are none."""
    rows = read(folder)
    if not rows:
        return NOTHING
    parts = [_scores(rows, name) for name in QUALITY if any(row["benchmark"] == name for row in rows)]
    fast = _first_of_each([row for row in rows if _is_telling(row)])
    peaks = [row for row in rows if row["metric"] == "peak_rss_mb" and _beside(row, fast)]
    shown = [row for row in rows if row in fast or row in peaks]
    parts += [speed(shown, "speed", prefix=True)] if shown else []
    return "\n\n".join(
        [*parts, made([row for row in rows if row["benchmark"] in QUALITY or row in shown]), MORE]
    )


def _scores(rows: list[Result], name: str) -> str:
    """Return one benchmark of scores; of next items only the champions beside their peers."""
    if name == "next_item":
        return in_brief([row for row in rows if row["benchmark"] == name])
    return quality(rows, name)


def _is_telling(row: Result) -> bool:
    part = ": all scores: " in f": {row.get('case')}"
    told_of = row["peer"] is not None or (row["benchmark"] in ALONE and not part)
    return row["benchmark"] not in QUALITY and row["metric"] in TELLING and told_of


def _first_of_each(rows: list[Result]) -> list[Result]:
    """Return one figure per case, size and peer: the speed, where seconds stand beside it."""
    first = {(row["benchmark"], row.get("case"), row["n"], row["peer"]): row for row in reversed(rows)}
    return [row for row in rows if row in first.values()]


def _beside(peak: Result, rows: list[Result]) -> bool:
    """Whether a peak of memory is that of one of the rows."""
    keys = ("benchmark", "case", "peer")
    return any(all(peak.get(key) == row.get(key) for key in keys) for row in rows)


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


if __name__ == "__main__":
    README.write_text(put_into(README.read_text(encoding="utf-8"), render()), encoding="utf-8")
    _page.PAGE.write_text(_page.render(), encoding="utf-8")
