"""Write docs/benchmarks.md: every result, and above it what the script says that it measures.

The words come from the scripts' own docstrings, so that they change where the measurement changes.
Run: ``python benchmarks/_readme.py``, which writes the README's tables, too.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _markdown import QUALITY, made, pages, quality, speed
from _next_item_page import in_full
from _results import RESULTS
from _table import Result, read

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"

HEAD = "\n\n".join(
    (
        "# Benchmarks",
        "Every table here is made from a file in `benchmarks/results`, every paragraph from the script that "
        "wrote it; `python benchmarks/_readme.py` puts both together. `make bench` runs all scripts and "
        "prints one table, `make bench LARGE=1` goes on to 100 million events. "
        "[How a script is written](../benchmarks/README.md).",
        "- *ratio* is above 1 where buysignal is the better one, whichever direction a figure has. Both "
        "sides ran on the same machine in the same run, on the same input and at most two cores; where they "
        "compute the same thing, that was asserted before their times were compared.\n"
        "- *peak memory* is the most that was resident at once in a process of its own: ours, then the "
        "peer's. It counts shared libraries and what is mapped from files. Of a command that starts others "
        "it is that of the largest.\n"
        "- A commit that ends in `+changes` was measured on a tree that held more than that commit.\n"
        "- Figures of the demo shop are of simulated visitors.",
    )
)

NOTHING = "No figures on file: `python benchmarks/{name}.py` makes them."


def render(folder: Path = RESULTS, scripts: Path = FOLDER) -> str:
    """Return the page: a section for every script, speed first, scores last."""
    rows = read(folder)
    names = sorted(path.stem for path in scripts.glob("[!_]*.py"))
    names.sort(key=lambda name: name in QUALITY)
    parts = [section(name, docstring(scripts / f"{name}.py"), rows) for name in names]
    return "\n\n".join([HEAD, *parts]) + "\n"


def section(name: str, words: str, rows: list[Result]) -> str:
    """Return one benchmark: what it measures, its table, machine and commit."""
    own = [row for row in rows if row["benchmark"] == name]
    told = [f"## {name}", words]
    if not own:
        return "\n\n".join([*told, NOTHING.format(name=name)])
    return "\n\n".join([*told, _figures(name, own), made(own)])


def _figures(name: str, rows: list[Result]) -> str:
    if name == "next_item":
        return in_full(rows)
    if name in QUALITY:
        return quality(rows, name)
    return pages(rows) if name == "pages" else speed(rows, "what")


def docstring(script: Path) -> str:
    """Return what a script says of itself, as Markdown: one line a paragraph, code in single backticks.

    Raises:
        ValueError: it says nothing.
    """
    words = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    if not words:
        raise ValueError(f"{script.name} has no docstring to say what it measures")
    paragraphs = [" ".join(paragraph.split()) for paragraph in words.split("\n\n")]
    return "\n\n".join(paragraphs).replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
