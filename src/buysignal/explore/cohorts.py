"""Cohorts: of the visitors first seen in a week, how many come back in the weeks after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from buysignal.explore import words
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared

WEEK = np.timedelta64(7, "D")
MOST_WEEKS = 26
LEAST_VISITORS = 10
"""Visitors a week must bring to be a row."""


def cohorts_section(data: Prepared) -> Section:
    """Return the share of each week's new visitors who come back, by weeks after."""
    draft = Draft(data, "cohorts", "Returning visitors")
    if not data.returning_known:
        draft.lacks("Every visit stands for itself in this data, so nobody is seen to come back.")
        return draft.done()
    if data.visits["day"].isna().all():
        draft.lacks("This file has no dates, so there are no weeks to compare.")
        return draft.done()
    table = cohorts(data)
    if table.empty:
        draft.lacks("The data covers less than two full weeks, too little to see who comes back later.")
        return draft.done()
    shown = table[(table["visitors"] >= LEAST_VISITORS) & (table["weeks after"] > 0)]
    if shown.empty:
        draft.lacks(f"No week brings {LEAST_VISITORS} new visitors, too few to see who comes back.")
        return draft.done()
    next_week = shown[shown["weeks after"] == 1]
    share = next_week["came back"].sum() / max(int(next_week["visitors"].sum()), 1)
    draft.add(
        "weeks",
        title="Who comes back, by week of the first visit",
        sentence=f"{words.share(share)} of the visitors come back in the week after the week of their first "
        "visit in this data. Weeks begin on Monday (UTC); weeks that the data does not wholly cover are "
        "left out. Who was there before the data begins cannot be told.",
        kind="heatmap", data=shown.assign(**{"weeks after": shown["weeks after"].astype(str)}),
        x="weeks after", y="first week", value="share", labels=("came back", "visitors"),
        x_title="Weeks after the first one", y_title="Week of the first visit",
        value_title="Share who came back (%)", x_format="text", y_format="text", value_format="share",
    )  # fmt: skip
    return draft.done()


def cohorts(data: Prepared) -> pd.DataFrame:
    """Return one row per week of first visit and week after it that the data wholly covers.

    Columns ``first week`` (its Monday), ``weeks after`` (0 is the first week itself, in which all
    come), ``visitors`` (first seen in that week), ``came back`` and ``share``.
    """
    visits = data.visits.dropna(subset=["day"])
    day = visits["day"].to_numpy().astype("datetime64[D]")
    monday = day - ((day.astype(np.int64) + 3) % 7).astype("timedelta64[D]")
    last_full = day.max() + np.timedelta64(1, "D") - WEEK
    first = pd.Series(monday).groupby(visits["visitor"].to_numpy()).transform("min").to_numpy()
    came = pd.DataFrame({"visitor": visits["visitor"].to_numpy(), "first": first, "week": monday})
    came = came.drop_duplicates()
    came["after"] = (came["week"] - came["first"]).dt.days // 7
    size = came[came["after"] == 0].groupby("first").size()
    back = came.groupby(["first", "after"]).size()
    rows = []
    for start in size.index[-MOST_WEEKS:]:
        weeks = int((last_full - start.to_datetime64()) / WEEK)
        for after in range(min(weeks, MOST_WEEKS) + 1):
            n = int(back.get((start, after), 0))
            rows.append((f"{start:%d %b %Y}", after, int(size[start]), n, n / int(size[start])))
    columns = ["first week", "weeks after", "visitors", "came back", "share"]
    table = pd.DataFrame(rows, columns=columns)
    return table if (table["weeks after"] > 0).any() else table.iloc[:0]
