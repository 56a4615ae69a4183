"""Recommendations for one visit by its nearest neighbours (VMIS-kNN), beside wsknn 1.2.3.

Both sides build an index of the same simulated visits (two looks or more) and are then asked, one call
after another, for the 20 best items of visits in progress. Both look at 2,500 visits and let 500 answer.
They are two methods of one family and not one computation: the peer weighs and samples visits in its own
way, so their lists overlap and are not equal (the overlap is printed); which lists are better is measured
by `next_item`. Each side is a process of its own, on two cores, and answers on one; the index is built
three times and the median counts (the peer's once where it takes longer than 20 seconds). A side is asked
up to 5,000 questions, the peer as many of them as it answers within a minute. *Events* are looks.

The visits are simulated. Run: ``python benchmarks/recommend.py [--large] [--sessions 100000]``; large is a
million sessions.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from _process import Ran, run
from _results import Row, skip, write_results
from buysignal import item_views
from buysignal.sources.demo import simulate

SESSIONS = 100_000
LARGE = 1_000_000
VISITORS_A_SESSION = 1.75
"""Visitors to simulate for each visit with two looks or more, with some to spare."""

PEER = "wsknn"
SIDE = Path(__file__).with_name("_recommend.py")


def main(sizes: list[int]) -> None:
    if importlib.util.find_spec(PEER) is None:
        skip(f"{PEER} is not installed")
    rows = []
    with tempfile.TemporaryDirectory(prefix="buysignal-recommend-") as scratch:
        for size in sizes:
            visits = Path(scratch) / "visits.npz"
            size = write_visits(visits, size)
            took = {side: run([sys.executable, SIDE, side, visits]) for side in ("ours", PEER)}
            rows += figures(size, took)
    write_results("recommend", rows)


def write_visits(path: Path, sessions: int) -> int:
    """Write the last ``sessions`` simulated visits with two looks or more; return how many there are."""
    events = simulate(visitors=int(sessions * VISITORS_A_SESSION), days=28, seed=0).events
    found = item_views.looked_at(events, item_views.catalog_of(events))
    late = np.zeros(found.visits, bool)
    late[np.argsort(found.day, kind="stable")[-sessions:]] = True
    kept = found.only(late)
    np.savez(path, items=kept.items, starts=kept.starts, day=kept.day, size=len(kept.catalog.names))
    print(f"{kept.visits:,} sessions, {len(kept.items):,} looks, {len(kept.catalog.names)} items", flush=True)
    return kept.visits


def figures(sessions: int, took: dict[str, Ran]) -> list[Row]:
    ours, theirs = (json.loads(ran.output) for ran in took.values())
    asked = len(theirs["lists"])
    pairs = list(zip(ours["lists"][:asked], theirs["lists"], strict=True))
    assert all(len(set(mine)) == 20 for mine, _ in pairs)
    shared = float(np.mean([len(set(mine) & set(other)) for mine, other in pairs]))
    print(f"  {shared:.1f} of 20 items are on both lists", flush=True)
    case = {"benchmark": "recommend", "peer": PEER, "case": f"{sessions:,} sessions"}
    rows = [
        Row(metric="events_per_s", value=ours["rate"], peer_value=theirs["rate"], n=ours["looks"], **case)
    ]
    for metric, share, unit in (("p50_us", 50, 1e6), ("p90_ms", 90, 1e3), ("p99_us", 99, 1e6)):
        mine, other = (float(np.percentile(side["seconds"], share)) * unit for side in (ours, theirs))
        rows.append(Row(metric=metric, value=mine, peer_value=other, n=len(ours["seconds"]), **case))
    peaks = [ran.peak_mb for ran in took.values()]
    rows.append(Row(metric="peak_rss_mb", value=peaks[0], peer_value=peaks[1], n=sessions, **case))
    for row in rows:
        print(f"  {row.metric}: {row.value:,.4g}, {PEER} {row.peer_value:,.4g}", flush=True)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million sessions, too")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args()
    main([options.sessions, LARGE] if options.large else [options.sessions])
