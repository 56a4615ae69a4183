"""Visits: how long they are, how many bounce, who comes back, where they begin and end."""

from __future__ import annotations

import numpy as np
import pandas as pd

from buysignal.explore import words
from buysignal.explore.bins import histogram, quantiles
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.places import places
from buysignal.explore.prepared import Prepared

MOST_BARS = 12

MOST_EVENTS = 25
"""Visits with as many events or more share a bar."""


def visits_section(data: Prepared) -> Section:
    """Return lengths, durations, bounces, returning visitors, entries and exits."""
    draft = Draft(data, "visits", "Visits")
    _length(draft)
    _duration(draft)
    _bounces(draft)
    _returning(draft)
    _new_and_returning(draft)
    _ends(draft)
    return draft.done()


def _length(draft: Draft) -> None:
    events = draft.data.visits["events"].to_numpy().astype(np.float64)
    half, far = quantiles(events, 0.5, 0.99)
    counts = np.bincount(np.minimum(events, MOST_EVENTS).astype(np.int64), minlength=MOST_EVENTS + 1)[1:]
    names = [*(str(i) for i in range(1, MOST_EVENTS)), f"{MOST_EVENTS}+"]
    data = pd.DataFrame({"events in the visit": names, "visits": counts})
    last = int(np.flatnonzero(counts)[-1]) + 1
    draft.add(
        "length",
        title="How long visits are",
        sentence=f"Half of the visits have {words.count(int(half), 'event')} or fewer; "
        f"1 in 100 has more than {far:,.0f}.",
        kind="bar", data=data.head(last), x="events in the visit", y="visits",
        x_title="Events in the visit", y_title="Visits",
    )  # fmt: skip


def _duration(draft: Draft) -> None:
    seconds = draft.data.visits["seconds"].to_numpy()
    known = seconds[np.isfinite(seconds)]
    timed = known[draft.data.visits["events"].to_numpy()[np.isfinite(seconds)] > 1]
    if not len(known):
        draft.lacks("This file has no clock, so it is not known how long visits last.")
        return
    if len(timed) < 2:
        draft.lacks("No visit has two events with a time, so it is not known how long visits last.")
        return
    shape = histogram(timed, "visits", whole=False)
    half, far = quantiles(timed, 0.5, 0.9)
    log = " The axis is logarithmic." if shape.log else ""
    draft.add(
        "duration",
        title="How long visits last",
        sentence=f"Of the {len(timed):,} visits with more than one event half last {words.duration(half)} or "
        f"less from the first event to the last, and 1 in 10 more than {words.duration(far)}.{log}",
        kind="histogram", data=shape.bars, x="from", x_end="to", y="visits", x_log=shape.log,
        x_title="Seconds from first to last event", y_title="Visits", x_format="seconds",
    )  # fmt: skip


def _bounces(draft: Draft) -> None:
    """Bounces by channel, device or country, whichever is known."""
    visits = draft.data.visits
    bounced = (visits["events"] == 1).to_numpy()
    by = next((name for name in ("channel", "device", "country") if name in visits), None)
    overall = f"{words.share(bounced.mean())} of the visits have a single event and so bounce"
    if by is None:
        data = pd.DataFrame(
            {"visits": ["single event (bounce)", "more than one event"],
             "count": [int(bounced.sum()), int((~bounced).sum())]}
        )  # fmt: skip
        data["share"] = data["count"] / len(visits)
        draft.add(
            "bounces", title="Bounces", sentence=f"{overall}.", kind="barh", data=data, x="share", y="visits",
            x_title="Share of visits (%)", x_format="share", y_format="text", labels=("count",),
        )  # fmt: skip
        return
    grouped = pd.Series(bounced).groupby(visits[by], observed=True).agg(["mean", "size"])
    grouped = (
        grouped.sort_values("size", ascending=False).head(MOST_BARS).sort_values("mean", ascending=False)
    )
    data = pd.DataFrame(
        {
            by: grouped.index.astype(str),
            "bounce rate": grouped["mean"].to_numpy(),
            "visits": grouped["size"].to_numpy(),
        }
    )
    most = data.iloc[0]
    draft.add(
        "bounces",
        title=f"Bounces by {by}",
        sentence=f"{overall}; most often with {by} '{most[by]}' ({words.share(most['bounce rate'])}).",
        kind="barh", data=data, x="bounce rate", y=by, labels=("visits",),
        x_title="Visits with a single event (%)", y_title=words.capital(by),
        x_format="share", y_format="text",
    )  # fmt: skip


def _returning(draft: Draft) -> None:
    visits = draft.data.visits
    if not draft.data.returning_known:
        draft.lacks("Every visit stands for itself in this data, so it is not known who comes back.")
        return
    each = visits.groupby("visitor", sort=False).size().to_numpy()
    number = np.minimum(each, 10)
    counts = np.bincount(number, minlength=11)[1:]
    names = [str(i) for i in range(1, 10)] + ["10 or more"]
    data = pd.DataFrame({"visits of the visitor": names, "visitors": counts})
    last = int(np.flatnonzero(counts)[-1]) + 1
    again = float((each > 1).mean())
    draft.add(
        "revisits",
        title="How often visitors come",
        sentence=f"{words.share(again)} of the {len(each):,} visitors come more than once in this data; "
        f"{words.share(float(visits['returning'].mean()))} of the visits are by someone who was here before.",
        kind="bar", data=data.head(last), x="visits of the visitor", y="visitors",
        x_title="Visits of one visitor", y_title="Visitors",
    )  # fmt: skip


def _new_and_returning(draft: Draft) -> None:
    """By channel or device: how many visits are a visitor's first one."""
    visits = draft.data.visits
    by = next((name for name in ("channel", "device") if name in visits), None)
    if by is None or not draft.data.returning_known:
        return
    kind = np.where(visits["returning"], "returning", "new")
    counts = visits.groupby([by, kind], observed=True).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["new", "returning"], fill_value=0)
    order = counts.sum(axis=1).sort_values(ascending=False).index[:MOST_BARS]
    data = pd.DataFrame(
        [(str(name), kind, int(counts.loc[name, kind])) for name in order for kind in ("new", "returning")],
        columns=[by, "visitor", "visits"],
    )
    share = (counts["returning"] / counts.sum(axis=1)).loc[order].sort_values()
    draft.add(
        "new-and-returning",
        title=f"New and returning visitors by {by}",
        sentence=f"Most who were here before come with {by} '{share.index[-1]}', "
        f"{words.share(float(share.iloc[-1]))} of its visits; least with '{share.index[0]}', "
        f"{words.share(float(share.iloc[0]))}. New means not seen earlier in this data.",
        kind="stacked", data=data, x=by, y="visits", series="visitor",
        x_title=words.capital(by), y_title="Visits",
    )  # fmt: skip


def _ends(draft: Draft) -> None:
    """Where visits begin and end."""
    place = places(draft.data)
    starts = draft.data.starts
    ends = np.append(starts[1:], draft.data.rows) - 1
    seen = place.column.counts()
    for key, rows, verb in (("entries", starts, "begin"), ("exits", ends, "end")):
        at = place.column.where(rows)
        counts = at.counts()
        order = [i for i in np.argsort(-counts, kind="stable")[:MOST_BARS] if counts[i]]
        if not order:
            draft.lacks(f"No visit {verb}s at a {place.noun} that this data names.")
            continue
        data = pd.DataFrame(
            {
                place.noun: [place.column.names[i] for i in order],
                "visits": counts[order],
                "share of visits": counts[order] / len(rows),
            }
        )
        more = ""
        if key == "exits":
            data["exit rate"] = counts[order] / np.maximum(seen[order], 1)
            sure = max(range(len(order)), key=lambda i: data["exit rate"][i] if seen[order[i]] >= 30 else -1)
            more = (
                f" Of all events at '{data[place.noun][sure]}' {words.share(data['exit rate'][sure])} "
                "are the last of their visit."
            )
        top = data.iloc[0]
        draft.add(
            key,
            title=f"Where visits {verb}",
            sentence=f"{words.share(top['share of visits'])} of the visits {verb} at the {place.noun} "
            f"'{top[place.noun]}'.{more}",
            kind="barh", data=data, x="visits", y=place.noun, labels=tuple(data.columns[2:]),
            x_title="Visits", y_title=words.capital(place.noun), x_format="count", y_format="text",
        )  # fmt: skip
