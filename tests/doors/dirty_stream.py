"""100,000 dirty demo events in the order in which they arrive, and what batch says of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from buysignal import scoring
from buysignal.bundle import Bundle
from buysignal.sessions import SESSION_CAP
from buysignal.sources.demo import write_demo
from buysignal.sources.read import load
from buysignal.stream.message import json_writer

EVENTS = 100_000
VISITORS = 20_000

NUMBERS = ("probability", "percentile", "expected_revenue", "revenue_low", "revenue_high")
LABELS = ("visitor_id", "segment", "goal", "proxy", "simulated", "bundle_version", "already_bought", "clicks")
EQUAL = 1e-6
MOST_APART = 0.03


@dataclass(frozen=True)
class Stream:
    """Raw rows, duplicates and all.

    Attributes:
        file: Parquet, in order of arrival.
        bundle: of another shop.
    """

    file: Path
    bundle: Bundle

    @cached_property
    def rows(self) -> pa.Table:
        return pq.read_table(self.file)

    @cached_property
    def messages(self) -> list[tuple[str, bytes]]:
        """Visitor and event as JSON, as a shop sends them to a topic."""
        dumps = json_writer()
        return [(row["visitor_id"], dumps(row)) for row in self.rows.to_pylist()]

    @cached_property
    def requests(self) -> list[tuple[str, bytes]]:
        """The same as a shop sends them over HTTP: priced in the model's currency, with an id.

        A row that stands twice has the same id twice, as a request that was sent again.
        """
        known = {"currency", "transaction_id", "event_date", "attr_simulated"}
        dumps, rates = json_writer(), self.bundle.profile.rates
        found = []
        for (visitor, message), row in zip(self.messages, self.rows.to_pylist(), strict=True):
            event = {name: cell for name, cell in row.items() if name not in known and cell is not None}
            if "price" in event and row["currency"] in rates:
                event["price"] *= rates[row["currency"]]
            event["event_id"] = blake2b(message, digest_size=8).hexdigest()
            found.append((visitor, dumps({"event": event})))
        return found

    @cached_property
    def _moments(self) -> pd.DataFrame:
        """Whose each row is, and when it happened, in order of arrival."""
        found = self.rows.select(["visitor_id", "session_id", "event_time", "event_seq"]).to_pandas()
        return found.assign(arrival=np.arange(len(found))).drop_duplicates(found.columns)

    @cached_property
    def late_visitors(self) -> set[str]:
        """Those of whom an event came after one that happened later."""
        table = self._moments
        newest = table.groupby("visitor_id")["event_time"].cummax()
        return set(table["visitor_id"][table["event_time"] < newest])

    @cached_property
    def overtaken(self) -> set[str]:
        """Visits of whose visitor an earlier event, of another visit, came after their own last one."""
        table = self._moments
        found = set()
        late = self.late_visitors - self.refused
        for _, rows in table[table["visitor_id"].isin(late)].groupby("visitor_id"):
            visits = rows.groupby("session_id").agg(began=("event_time", "min"), last=("arrival", "max"))
            for visit in visits.itertuples():
                news = (rows["arrival"] > visit.last) & (rows["event_time"] < visit.began)
                found |= {visit.Index} if news.any() else set()
        return found

    @cached_property
    def turned(self) -> set[str]:
        """Visits with two events of the very same moment that came against their ``event_seq``."""
        table = self._moments
        highest = table.groupby(["session_id", "event_time"])["event_seq"].cummax()
        return set(table["session_id"][table["event_seq"] < highest])

    @cached_property
    def scored(self) -> pd.DataFrame:
        """What batch says after every event, by session and click."""
        loaded = load(self.file, profile=self.bundle.profile)
        found = scoring.score(self.bundle, loaded.table, every_event=True).table
        return found.set_index(["session_id", found["clicks"].rename("click")])

    @cached_property
    def refused(self) -> set[str]:
        """Visitors who refused consent."""
        table = self.rows.select(["visitor_id", "consent"]).to_pandas()
        return set(table["visitor_id"][~table["consent"].astype(bool)])


def write_stream(folder: Path) -> Path:
    """Write the events of a shop that no bundle was trained on."""
    table = pq.read_table(write_demo(folder / "demo", VISITORS, 28, seed=14).events)
    # Bots stand at the end.
    table = table.slice(table.num_rows - EVENTS)
    path = folder / "arrived.parquet"
    pq.write_table(table.take(pa.array(_arrival(table))), path)
    return path


def _arrival(table: pa.Table) -> np.ndarray[Any, Any]:
    """Positions by arrival: a row that stands late in the file comes right after the one it stands behind."""
    frame = pd.DataFrame(
        {
            "visitor": table.column("visitor_id").cast(pa.string()).to_pandas(),
            "time": table.column("event_time").cast(pa.int64()).to_numpy(),
        }
    )
    return np.argsort(frame.groupby("visitor")["time"].cummax().to_numpy(), kind="stable")


def assert_visits_equal(found: pd.DataFrame, stream: Stream, *, live: bool) -> None:
    """The same visits, and of each the same answer after its last event.

    Args:
        found: answers in the order in which a visit's were given.
        live: the answers were given as events came.
    """
    batch = stream.scored.groupby(level="session_id", sort=False).tail(1).droplevel("click")
    last = found.groupby("session_id", sort=False).tail(1).set_index("session_id")
    assert set(last.index) == set(batch.index)
    if live:
        apart = stream.overtaken | stream.turned
        assert 0 < len(apart) < MOST_APART * len(batch)
        batch = batch[~batch.index.isin(apart)]
    assert_equal(last.loc[batch.index], batch)


def assert_events_equal(found: pd.DataFrame, stream: Stream) -> None:
    """Every event of visitors of whom none came late has one answer, and it is batch's."""
    gone = stream.late_visitors
    batch = stream.scored[~stream.scored["visitor_id"].isin(gone)]
    batch = batch[(batch["clicks"] <= SESSION_CAP) & ~batch.index.get_level_values(0).isin(stream.turned)]
    on_time = found[~found["visitor_id"].isin(gone) & ~found["session_id"].isin(stream.turned)]
    on_time = on_time.drop_duplicates(["session_id", "clicks"])
    ours = on_time.set_index(["session_id", on_time["clicks"].rename("click")])
    assert set(ours.index) == set(batch.index)
    assert len(batch) > EVENTS / 2
    assert_equal(ours.loc[batch.index], batch)


def assert_equal(ours: pd.DataFrame, batch: pd.DataFrame) -> None:
    """Numbers within ``EQUAL``, labels alike. Of a visit no more than ``SESSION_CAP`` events are read."""
    batch = batch.assign(clicks=batch["clicks"].clip(upper=SESSION_CAP))
    ours = ours.assign(clicks=ours["clicks"].clip(upper=SESSION_CAP))
    assert {"probability", "expected_revenue", "segment"} <= set(batch.columns)
    for name in NUMBERS:
        apart = np.abs(ours[name].to_numpy(float) - batch[name].to_numpy(float))
        assert apart.max() <= EQUAL, f"{name}: {(apart > EQUAL).sum()} of {len(apart)}"
    for name in LABELS:
        same = ours[name].to_numpy(object) == batch[name].to_numpy(object)
        assert same.all(), f"{name}: {(~same).sum()} of {len(same)}"
