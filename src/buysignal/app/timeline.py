"""One visit of the data in use, click by click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.bundle import Bundle
from buysignal.scoring import Story, fold_events, story_of


@dataclass(frozen=True, eq=False)
class Timeline:
    """A visit's story, with when each click came and what it cost.

    Attributes:
        story: scores after each click, and the reasons for the last.
        steps: the story's steps, with ``time`` and ``price`` where the source has them.
    """

    story: Story
    steps: pd.DataFrame


def timeline(bundle: Bundle, table: pa.Table, row: dict[str, Any]) -> Timeline:
    """Return the timeline of the scored visit ``row``.

    Only the visitor's own events are read again: no feature looks at another visitor's.
    """
    if not bundle.reads_events:
        position = int(row["row"])
        story = story_of(bundle, table.slice(position, 1), "0")
        return Timeline(story, story.steps)
    own = table.filter(pc.equal(table.column("visitor_id"), row["visitor_id"]))
    session = str(row["session_id"])
    story = story_of(bundle, own, session)
    events, _ = fold_events(bundle, own)
    events = events.filter(pc.equal(events.column("session_id"), session))
    extra = {"time": events.column("event_time").to_pandas(), "price": events.column("price").to_pandas()}
    return Timeline(story, story.steps.assign(**{k: v for k, v in extra.items() if v.notna().any()}))
