"""The funnel from looking to buying: visits in which the steps happened in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.events import EVENT_CODES
from buysignal.explore import words
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared

MOST_GROUPS = 10
LEAST_VISITS = 10
"""Visits a group must have to stand in a comparison."""

CHECKOUT = ("begin_checkout", "add_shipping_info", "add_payment_info")


@dataclass(frozen=True)
class Step:
    """One step: its name in words, and the events that count as it."""

    name: str
    events: tuple[str, ...]


STEPS = (
    Step("item viewed", ("view_item",)),
    Step("put into the cart", ("add_to_cart",)),
    Step("checkout begun", CHECKOUT),
    Step("purchase", ("purchase",)),
)
"""The steps that every shop has; those that a file does not record are left out."""


def funnel_section(data: Prepared, segments: pd.Series | None = None) -> Section:
    """Return the funnel, and by segment, channel, device and country the share that reaches each step."""
    draft = Draft(data, "funnel", "From view to purchase" if data.outcome.real else "From view to cart")
    steps = present_steps(data)
    if len(steps) < 2:
        found = f"only the step '{steps[0].name}'" if steps else "none of its steps"
        draft.lacks(
            "A funnel needs at least two steps, such as item viewed and put into the cart; "
            f"this file records {found}."
        )
        return draft.done()
    missing = [step.name for step in STEPS if step not in steps]
    if missing:
        draft.lacks(f"This file does not record: {words.listed(missing)}. The funnel leaves it out.")
    reached = depth(data, steps)
    _whole(draft, steps, reached)
    groups = [("segment", segments)] if segments is not None else []
    groups += [(name, data.visits[name]) for name in ("channel", "device", "country") if name in data.visits]
    for name, values in groups:
        _by_group(draft, steps, reached, name, values)
    return draft.done()


def present_steps(data: Prepared) -> list[Step]:
    """Return the steps of which the data (before filters) holds an event."""
    names = set(data.coded["event_name"].names)
    return [step for step in STEPS if names & set(step.events)]


def depth(data: Prepared, steps: list[Step]) -> npt.NDArray[np.int64]:
    """Return how many steps of the funnel each visit takes in their order, shape (visits,).

    A step counts where one of its events comes after the event that counted for the step before. A
    visit that puts something into the cart without a recorded view takes no step.
    """
    far = data.rows
    after = np.full(len(data.visits), -1, dtype=np.int64)
    taken = np.zeros(len(data.visits), dtype=np.int64)
    for number, step in enumerate(steps, start=1):
        codes = [EVENT_CODES[name] for name in step.events]
        rows = np.flatnonzero(np.isin(data.kind, codes))
        rows = rows[rows > after[data.session[rows]]]
        first = np.full(len(data.visits), far, dtype=np.int64)
        np.minimum.at(first, data.session[rows], rows)
        taken[first < far] = number
        after = first
    return taken


def _whole(draft: Draft, steps: list[Step], reached: npt.NDArray[np.int64]) -> None:
    visits = len(reached)
    counts = np.array([visits, *[int((reached >= i).sum()) for i in range(1, len(steps) + 1)]])
    before = np.append(counts[:1], counts[:-1])
    data = pd.DataFrame(
        {
            "step": ["visit", *[step.name for step in steps]],
            "visits": counts,
            "share of visits": counts / max(visits, 1),
            "share of the step before": counts / np.maximum(before, 1),
            "lost before this step": before - counts,
        }
    )
    past = int((draft.data.visits["reached"].to_numpy() & (reached < len(steps))).sum())
    around = ""
    if past and draft.data.outcome.real:
        around = f" {words.count(past, 'more visit')} with a purchase did not go through all steps in order."
    lost = data["lost before this step"].to_numpy()[1:] / np.maximum(before[1:], 1)
    worst = int(np.argmax(lost)) + 1
    draft.add(
        "steps",
        title="The funnel",
        sentence=f"Of {words.count(visits, 'visit')} {words.share(counts[-1] / max(visits, 1))} reach "
        f"'{steps[-1].name}' through all steps in order. The largest drop is before '{data['step'][worst]}': "
        f"{words.share(float(lost[worst - 1]))} of those at '{data['step'][worst - 1]}' do not get "
        f"there.{around}",
        kind="funnel", data=data, x="visits", y="step", x_title="Visits in which it happened in this order",
        x_format="count", y_format="text",
        labels=("share of visits", "share of the step before", "lost before this step"),
    )  # fmt: skip


def _by_group(
    draft: Draft, steps: list[Step], reached: npt.NDArray[np.int64], name: str, values: pd.Series
) -> None:
    """A row per group, a column per step: the share of the group's visits that reach the step."""
    counts = values.value_counts()
    groups = [g for g in counts.index[:MOST_GROUPS] if counts[g] >= LEAST_VISITS]
    if len(groups) < 2:
        return
    rows = []
    for group in groups:
        of_group = reached[(values == group).to_numpy()]
        for number, step in enumerate(steps, start=1):
            n = int((of_group >= number).sum())
            rows.append((str(group), step.name, n, n / len(of_group), len(of_group)))
    data = pd.DataFrame(rows, columns=[name, "step", "visits", "share of visits", "visits of all"])
    last = data[data["step"] == steps[-1].name].sort_values("share of visits")
    best, least = last.iloc[-1], last.iloc[0]
    draft.add(
        f"by-{name}",
        title=f"The funnel by {name}",
        sentence=f"'{steps[-1].name}' is reached most with {name} '{best[name]}', in "
        f"{words.share(best['share of visits'])} of the visits, and least with '{least[name]}', in "
        f"{words.share(least['share of visits'])}.",
        kind="heatmap", data=data, x="step", y=name, value="share of visits",
        x_title="Step", y_title=words.capital(name), value_title="Share of the visits (%)",
        x_format="text", y_format="text", value_format="share", labels=("visits", "visits of all"),
    )  # fmt: skip
