"""Recommendations for one visit by its nearest neighbours (VMIS-kNN), beside wsknn 1.2.3.

Both sides build an index of the same simulated visits (two looks or more) and are then asked, one call
after another, for the 20 best items of visits in progress. Both look at 2,500 visits and let 500 answer.
They are two methods of one family and not one computation: the peer weighs and samples visits in its own
way, so their lists overlap and are not equal (the overlap is printed); which lists are better is measured
by `next_item`. Each side is a process of its own, on two cores, and answers on one; the index is built
three times and the median counts (the peer's once where it takes longer than 20 seconds). A side is asked
up to 5,000 questions, the peer as many of them as it answers within a minute. *Events* are looks.

The visits are simulated. Run: ``python benchmarks/recommend.py [--large] [--sessions 100000]``; large is a
million sessions, on which ours stands alone: wsknn had not built its index there after half an hour.
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
            peers = (PEER,) if size < LARGE else ()
            took = {side: run([sys.executable, SIDE, side, visits]) for side in ("ours", *peers)}
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
    """Return the rows of one size; without a peer the figures stand alone."""
    sides = {side: json.loads(ran.output) for side, ran in took.items()}
    ours, theirs = sides["ours"], sides.get(PEER)
    assert all(len(set(mine)) == 20 for mine in ours["lists"])
    if theirs is not None:
        pairs = zip(ours["lists"], theirs["lists"], strict=False)
        shared = float(np.mean([len(set(mine) & set(other)) for mine, other in pairs]))
        print(f"  {shared:.1f} of 20 items are on both lists", flush=True)
    peak = {side: ran.peak_mb for side, ran in took.items()}
    found = [("events_per_s", ours["looks"], {side: one["rate"] for side, one in sides.items()})]
    for metric, share, unit in (("p50_us", 50, 1e6), ("p90_ms", 90, 1e3), ("p99_us", 99, 1e6)):
        each = {side: float(np.percentile(one["seconds"], share)) * unit for side, one in sides.items()}
        found.append((metric, len(ours["seconds"]), each))
    found.append(("peak_rss_mb", sessions, peak))
    return [told(f"{sessions:,} sessions", *one) for one in found]


def told(case: str, metric: str, n: int, each: dict[str, float]) -> Row:
    """Return one figure, said on the screen as well."""
    other = each.get(PEER)
    print(
        f"  {metric}: {each['ours']:,.4g}" + ("" if other is None else f", {PEER} {other:,.4g}"), flush=True
    )
    peer = None if other is None else PEER
    return Row(
        benchmark="recommend", metric=metric, value=each["ours"], peer=peer, peer_value=other, n=n, case=case
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million sessions, too")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args()
    main([options.sessions, LARGE] if options.large else [options.sessions])
