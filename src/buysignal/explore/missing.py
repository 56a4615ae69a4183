"""Missing values: which columns have empty cells, and how many."""

from __future__ import annotations

import pandas as pd

from buysignal.explore import words
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared


def missing_section(data: Prepared) -> Section:
    """Return the share of empty cells of each column that has any."""
    draft = Draft(data, "missing", "Missing values")
    counts = {name: int(empty.sum()) for name, empty in data.empty.items() if name in data.columns}
    table = pd.DataFrame(
        [(name, n, n / data.rows) for name, n in counts.items() if n],
        columns=["column", "empty cells", "share"],
    ).sort_values("share", ascending=False, kind="stable")
    if table.empty:
        draft.lacks(f"No cell is empty in any of the {words.count(len(data.columns), 'column')}.")
        return draft.done()
    top, full = table.iloc[0], len(data.columns) - len(table)
    note = ""
    if data.level == "event":
        note = " An event that is about no item or order has none, which is no fault."
    draft.add(
        "columns",
        title="Empty cells by column",
        sentence=f"{full:,} of {words.count(len(data.columns), 'column')} have no empty cell; "
        f"'{top['column']}' has the most, {words.share(top['share'])} of its cells.{note}",
        kind="barh", data=table, x="share", y="column", labels=("empty cells",),
        x_title="Empty cells (% of the rows)", y_title="Column", x_format="share", y_format="text",
    )  # fmt: skip
    return draft.done()
