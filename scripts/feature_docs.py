"""Write docs/features.md from the feature catalogue, so that the page cannot drift.

Run: ``python scripts/feature_docs.py``. A test compares the page with what this renders.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from buysignal.features.catalogue import CATALOGUE, CATALOGUE_VERSION, Group  # noqa: E402  (after the path)

PAGE = ROOT / "docs" / "features.md"
GROUPS = {
    "activity": "What has been done in this session so far",
    "money": "Prices met",
    "cart": "The cart as it stands",
    "time": "Pace and time of day",
    "breadth": "Breadth, return and depth",
    "context": "What is known at the door",
    "history": "The visitor's past, as it stood when this session began",
    "prior": "What other visitors did, learned on the training period alone",
}


def render() -> str:
    """Return the page."""
    head = [
        "# Features",
        "",
        "Written by `scripts/feature_docs.py` from the catalogue in `src/buysignal/features/catalogue.py`.",
        "",
        f"{len(CATALOGUE)} features, catalogue version {CATALOGUE_VERSION}. Each is known after a given "
        "event of a session and depends on nothing later (see *The fold* in [architecture.md]"
        "(architecture.md)). An unknown value is missing, never zero; features of time are missing where "
        "the source has no clock. The unit *code* marks a categorical feature: a position in the list of "
        "levels named beside it. *Currency* is the goal's.",
        "",
    ]
    return "\n".join([*head, *(_section(group) for group in get_args(Group))])


def _section(group: str) -> str:
    rows = [
        f"| `{f.name}` | {f.unit}{f' ({f.levels})' if f.levels else ''} | {f.sentence} |"
        for f in CATALOGUE
        if f.group == group
    ]
    return "\n".join(
        [f"## {group}: {GROUPS[group]}", "", "| name | unit | |", "| --- | --- | --- |", *rows, ""]
    )


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
