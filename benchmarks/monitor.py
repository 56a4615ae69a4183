"""Monitoring: how often it alarms on quiet weeks, and whether it notices what was changed on purpose.

A demo shop (simulated) runs for 108 weeks by the same rules. A model is trained quickly on the first eight;
each of the 100 weeks that follow is held against it, with the four weeks before it as the visitors' past.
None of them differs but by chance, so every alarm is false: five are the most that may be. Then ten of the
weeks are changed, one change at a time: *prices* up by a fifth, *traffic* (a quarter of the visitors come by
e-mail instead), *intent* (a third of the visitors leave after three events). ``recall`` is the share noticed.

Run: ``python benchmarks/monitor.py [--weeks 100] [--visitors 1500]`` (visitors a week).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.progress import track

from _results import Row, write_results
from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.monitor import Watch, watch
from buysignal.sources.demo import simulate
from buysignal.sources.read import load
from buysignal.training import Options, train

LEARNED, PAST, CHANGED = 8, 4, 10
MOST_FALSE = 5
Change = Callable[[pa.Table], pa.Table]


class Weeks:
    """The shop's events, cut by weeks."""

    def __init__(self, visitors: int, weeks: int, folder: Path) -> None:
        self.events = simulate(visitors * (weeks + LEARNED), 7 * (weeks + LEARNED), seed=5).events
        self.time = self.events.column("event_time")
        self.begin: datetime = pc.min(self.time).as_py().replace(hour=0, minute=0, second=0, microsecond=0)
        self.folder = folder

    def cut(self, first: int, last: int) -> pa.Table:
        """Return the events of the weeks from ``first`` up to ``last``, it not included."""
        low, high = (pa.scalar(self.begin + timedelta(weeks=week), self.time.type) for week in (first, last))
        return self.events.filter(pc.and_(pc.greater_equal(self.time, low), pc.less(self.time, high)))

    def watched(self, bundle: Bundle, week: int, change: Change | None = None) -> Watch:
        """Return what monitoring says of a week, in which ``change`` was made."""
        this = self.cut(week, week + 1)
        file = self.folder / "week.parquet"
        pq.write_table(
            pa.concat_tables([self.cut(week - PAST, week), this if change is None else change(this)]), file
        )
        since = (self.begin + timedelta(weeks=week)).replace(tzinfo=None)
        return watch(bundle, load(file), since=since.isoformat())


def main(weeks: int, visitors: int) -> None:
    with tempfile.TemporaryDirectory(prefix="buysignal-monitor-") as name:
        folder = Path(name)
        shop = Weeks(visitors, weeks, folder)
        pq.write_table(shop.cut(0, LEARNED), folder / "learned.parquet")
        options = Options(fast=True, imbalance="none")
        used = bundles.load(train(folder / "learned.parquet", out=folder / "bundle", options=options).path)
        rows = [quiet(shop, used, weeks)]
        rows += [noticed(shop, used, name, change, weeks) for name, change in CHANGES.items()]
    write_results("monitor", rows)
    if rows[0].value > MOST_FALSE * weeks / 100:
        raise SystemExit(f"{rows[0].value:.0f} false alarms in {weeks} quiet weeks")


def quiet(shop: Weeks, bundle: Bundle, weeks: int) -> Row:
    """Return the alarms on weeks in which nothing was changed."""
    alarms = 0
    for week in track(range(LEARNED, LEARNED + weeks), "quiet weeks", transient=True):
        found = shop.watched(bundle, week)
        alarms += bool(found.alarms)
        for one in found.alarms:
            print(f"  week {week}: {one.check}: {one.sentence}", flush=True)
    print(f"{alarms} false alarms in {weeks} quiet weeks", flush=True)
    return Row(benchmark="monitor", metric="false_alarms", value=alarms, n=weeks, case="quiet weeks")


def noticed(shop: Weeks, bundle: Bundle, name: str, change: Change, weeks: int) -> Row:
    """Return the share of changed weeks that alarm."""
    chosen = np.linspace(LEARNED, LEARNED + weeks - 1, min(CHANGED, weeks)).astype(int).tolist()
    alarms = sum(
        bool(shop.watched(bundle, week, change).alarms) for week in track(chosen, name, transient=True)
    )
    print(f"{name}: {alarms} of {len(chosen)} noticed", flush=True)
    share = alarms / len(chosen)
    return Row(benchmark="monitor", metric="recall", value=share, n=len(chosen), case=f"changed: {name}")


def prices(table: pa.Table) -> pa.Table:
    return replaced(table, "price", pc.multiply(table.column("price"), 1.2))


def traffic(table: pa.Table) -> pa.Table:
    moved = pa.array(number(table) % 4 == 0)
    return replaced(table, "channel", pc.if_else(moved, "email", table.column("channel").cast(pa.string())))


def intent(table: pa.Table) -> pa.Table:
    later = pc.greater(table.column("event_seq"), 3).to_numpy()
    return table.filter(pa.array(~((number(table) % 3 == 0) & later)))


def number(table: pa.Table) -> np.ndarray:
    """Return a number for each row's visitor that has nothing to do with when it came."""
    ids = np.array([int(v.lstrip("v") or 0) for v in table.column("visitor_id").to_pylist()], np.uint64)
    return (ids * np.uint64(2_654_435_761)) >> np.uint64(13)


def replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, values.cast(field.type))


CHANGES: dict[str, Change] = {"prices": prices, "traffic": traffic, "intent": intent}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weeks", type=int, default=100)
    parser.add_argument("--visitors", type=int, default=1_500)
    asked = parser.parse_args()
    main(asked.weeks, asked.visitors)
