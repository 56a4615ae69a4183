"""Browsing paths: what follows what, and the first steps of visits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.explore import words
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.places import EXIT, START, Place, path_places
from buysignal.explore.prepared import Prepared

MOST_STATES = 10
FIRST_STEPS = 4
STATES_OF_FLOW = 6
"""States that a step of the flow chart tells apart; more would be a tangle."""


def paths_section(data: Prepared) -> Section:
    """Return, by event and by page or category, what follows what and how visits begin."""
    draft = Draft(data, "paths", "Browsing paths")
    found = path_places(data)
    if not found:
        draft.lacks("All events are of one kind and no page or category is known, so there are no paths.")
    for place in found:
        _transitions(draft, place.folded(MOST_STATES))
        _flow(draft, place)
    return draft.done()


def _transitions(draft: Draft, place: Place) -> None:
    counts = transitions(draft.data, place)
    names = place.column.names
    total = counts.sum(axis=1)
    share = counts / np.maximum(total, 1)[:, None]
    rows = (*(START,), *names)
    columns = (*names, EXIT)
    data = pd.DataFrame(
        {
            "from": np.repeat(rows, len(columns)),
            "to": np.tile(columns, len(rows)),
            "moves": counts.ravel(),
            "share of moves": share.ravel(),
        }
    )
    named = [i for i in range(1, len(rows)) if i <= place.named] or [1]
    common = max(named, key=lambda i: total[i])
    follows = int(np.argmax(counts[common, :-1]))
    if follows == common - 1:
        then = f"the next is most often '{names[follows]}' again ({words.share(share[common, follows])})"
    else:
        then = f"the next is most often '{names[follows]}' ({words.share(share[common, follows])})"
    draft.add(
        f"{place.noun}-transitions",
        title=f"What follows what, by {place.noun}",
        sentence=f"After '{names[common - 1]}' {then}; {words.share(share[common, -1])} of the times the "
        f"visit ends there. {START} is the beginning of a visit, {EXIT} its end.",
        kind="heatmap", data=data, x="to", y="from", value="share of moves",
        x_title="Next", y_title=words.capital(place.noun), value_title="Share of the row's moves (%)",
        x_format="text", y_format="text", value_format="share", labels=("moves",),
    )  # fmt: skip


def transitions(data: Prepared, place: Place) -> npt.NDArray[np.int64]:
    """Return how often each state follows each, shape (states + 1, states + 1).

    Row 0 is the start of a visit and the last column its end; the other rows and columns are the
    states in their order. Each visit enters once and leaves once, so row 0 and the last column both
    add up to the visits.
    """
    state, visit = place.column.codes[data.actions], data.session[data.actions]
    states = len(place.column.names)
    first = np.diff(visit, prepend=-1) != 0
    last = np.diff(visit, append=-1) != 0
    before = np.where(first, 0, np.roll(state, 1) + 1)
    moves = np.bincount(before * (states + 1) + state, minlength=(states + 1) ** 2)
    leaves = np.bincount((state[last] + 1) * (states + 1) + states, minlength=(states + 1) ** 2)
    return (moves + leaves).reshape(states + 1, states + 1).astype(np.int64)


def _flow(draft: Draft, place: Place) -> None:
    data = first_steps(draft.data, place)
    if data.empty:
        return
    visits = len(draft.data.visits)
    told = _named_nodes(place.folded(STATES_OF_FLOW))
    whole = data[data["from"].isin(told) & data["to"].isin(told)]
    top = (data if whole.empty else whole).sort_values("visits", ascending=False).iloc[0]
    left = int(data.loc[(data["step"] == 1) & data["to"].str.endswith(EXIT), "visits"].sum())
    draft.add(
        f"{place.noun}-flow",
        title=f"The first {FIRST_STEPS} steps of visits, by {place.noun}",
        sentence=f"The broadest stream goes from '{top['from']}' to '{top['to']}', in "
        f"{words.count(int(top['visits']), 'visit')}; {words.share(left / visits)} of the visits end "
        "after the first step.",
        kind="sankey", data=data, x="from", y="to", value="visits", value_title="Visits",
        x_format="text", y_format="text", value_format="count",
    )  # fmt: skip


def _named_nodes(place: Place) -> set[str]:
    names = [*place.column.names[: place.named], EXIT]
    return {_node(step, name) for step in range(1, FIRST_STEPS + 1) for name in names}


def _node(step: int, name: str) -> str:
    return f"{step}. {name}"


def first_steps(data: Prepared, place: Place) -> pd.DataFrame:
    """Return the flows between the first steps of visits: ``step``, ``from``, ``to``, ``visits``.

    Of every visit that reaches a step one unit flows on: to its next state, or to the exit.
    """
    folded = place.folded(STATES_OF_FLOW).column
    state, visit = folded.codes[data.actions], data.session[data.actions]
    starts = np.flatnonzero(np.diff(visit, prepend=-1) != 0)
    sizes = np.diff(np.append(starts, len(visit)))
    names = [*folded.names, EXIT]
    gone = len(folded.names)
    parts = []
    for step in range(1, FIRST_STEPS):
        there = sizes >= step
        here = state[starts[there] + step - 1]
        on = sizes[there] > step
        after = np.full(len(here), gone)
        after[on] = state[starts[there][on] + step]
        counts = np.bincount(here * (gone + 1) + after, minlength=gone * (gone + 1))
        used = np.flatnonzero(counts)
        parts.append(
            pd.DataFrame(
                {
                    "step": step,
                    "from": [_node(step, names[i]) for i in used // (gone + 1)],
                    "to": [_node(step + 1, names[i]) for i in used % (gone + 1)],
                    "visits": counts[used],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
