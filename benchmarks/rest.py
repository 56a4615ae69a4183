"""Scores over HTTP: a server and a load generator, each a process of its own, on two cores that both share.

``buysignal serve`` holds a bundle trained quickly on a small demo shop (its champion one XGBoost). The clicks
of another demo shop are sent one by one, as they happened; the server keeps the visits and answers each click
with probability, percentile, expected revenue with its interval, and segment. *As fast as answers come*: 32
connections, each with one request under way. *At 1,000 a second*: open loop, latencies from the moment that a
request should have been sent, so that nobody who waits is left out. Suggestions are asked for with the items
that visits looked at, ten at a time. Before a clock starts, answers are held against ``scoring.score``.

The peer is ``mlflow models serve`` with the same bundle as a pyfunc model, one process like ours. Both are
sent the same visits, each as a whole, from 32 connections as fast as answers come, and must give the same
probabilities.

``--soak 10`` then sends 500 clicks a second for ten minutes to a server that remembers fewer visitors than
come, samples its memory, and fails where it holds over 5 % more in the last third than in the first.

Run: ``python benchmarks/rest.py [--seconds 10] [--bundle FOLDER] [--soak MINUTES]``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from _process import CORES
from _rest_mlflow import asked_once, for_buysignal, for_mlflow, mlflow_served, visits_of
from _rest_server import bodies, demo_events, served, trained, write_requests
from _rest_soak import soaked
from _results import Row, write_results
from buysignal import bundle as bundles
from buysignal import scoring
from buysignal.client import Client

LOAD = Path(__file__).with_name("_rest_load.py")
RATE = 1_000
CHECKED = 200
VISITS = 30_000
LARGEST_DIFFERENCE = 1e-6


def main(seconds: float, bundle: Path | None, soak: float | None) -> None:
    """Train, assert equal answers, measure, write the results."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="buysignal-rest-") as temporary:
        folder = Path(temporary)
        used = bundle or trained(folder)
        events = demo_events(folder)
        clicks = bodies(events)
        rows = measured(used, events, clicks, folder, seconds)
        rows.append(beside_mlflow(used, events, folder, seconds))
        if soak is not None:
            rows += soaked(used, clicks, folder, soak, loaded)
    write_results("rest", rows)


def measured(used: Path, events: pa.Table, clicks: list[bytes], folder: Path, seconds: float) -> list[Row]:
    """Return all figures; each is of a server started for it."""
    asked = write_requests(folder / "clicks", "/v1/score", clicks)
    with served(used) as port:
        assert_equal(port, used, events)
    rows = []
    with served(used) as port:
        found = loaded(port, asked, 0, seconds)
        rows.append(told("a click scored", "requests_per_s", found["per_second"], found))
    with served(used) as port:
        loaded(port, write_requests(folder / "warm", "/v1/score", clicks[-2_000:]), RATE, 2)
        rows += at_rate("a click scored, 1,000 a second", loaded(port, asked, RATE, seconds))
    if bundles.load(used).recommender is None:
        print("this bundle suggests no items: suggestions are left out", flush=True)
        return rows
    asked = write_requests(folder / "looks", "/v1/recommendations", looked_at(events))
    with served(used) as port:
        found = loaded(port, asked, 0, seconds)
        rows.append(told("suggestions", "requests_per_s", found["per_second"], found))
        rows += at_rate("suggestions, 1,000 a second", loaded(port, asked, RATE, seconds))
    return rows


def beside_mlflow(used: Path, events: pa.Table, folder: Path, seconds: float) -> Row:
    """Return the visits a second that either server scores."""
    visits = visits_of(events, VISITS)
    ours, theirs = for_buysignal(visits), for_mlflow(visits)
    with served(used) as port, mlflow_served(used, folder) as peer:
        for one, other in zip(ours[:CHECKED:10], theirs[:CHECKED:10], strict=True):
            found = asked_once(f"http://127.0.0.1:{port}/v1/score", one)["probability"]
            (wanted,) = asked_once(f"http://127.0.0.1:{peer}/invocations", other)["predictions"]
            if abs(found - wanted["probability"]) > LARGEST_DIFFERENCE:
                raise AssertionError(f"{found} of buysignal and {wanted['probability']} of MLflow")
        found = loaded(port, write_requests(folder / "ours", "/v1/score", ours), 0, seconds)
        told("a whole visit scored", "requests_per_s", found["per_second"], found)
        their = loaded(peer, write_requests(folder / "theirs", "/invocations", theirs), 0, seconds)
        told("a whole visit scored by MLflow", "requests_per_s", their["per_second"], their)
    return Row(
        benchmark="rest", metric="requests_per_s", value=found["per_second"], n=found["requests"],
        peer="mlflow-serve", peer_value=their["per_second"], case="a whole visit scored",
    )  # fmt: skip


def at_rate(case: str, found: dict[str, Any]) -> list[Row]:
    """Return the latencies of an open loop."""
    return [
        told(f"{case}, half of them within", "p50_us", found["p50_ms"] * 1e3, found),
        told(f"{case}, 90 % within", "p90_ms", found["p90_ms"], found),
        told(f"{case}, 99 % within", "p99_ms", found["p99_ms"], found),
    ]


def loaded(port: int, requests: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Run the load generator; every answer must have been 200."""
    command = [
        sys.executable,
        str(LOAD),
        str(port),
        str(requests),
        "--rate",
        str(rate),
        "--seconds",
        str(seconds),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(output)
    if found["wrong"]:
        raise AssertionError(f"{found['wrong']:,} of {found['requests']:,} answers were not 200")
    return found


def assert_equal(port: int, used: Path, events: pa.Table) -> None:
    """Refuse to measure wrong answers: those of some visitors' clicks equal batch's."""
    ids = pc.unique(events.column("visitor_id"))[:CHECKED]
    some = events.filter(pc.is_in(events.column("visitor_id"), ids))
    batch = scoring.score(bundles.load(used), some).table.set_index(["visitor_id", "session_id"])
    last = {}
    with Client(f"http://127.0.0.1:{port}") as client:
        for body in bodies(some):
            answer = client.click(json.loads(body)["event"])
            last[answer["visitor_id"], answer["session_id"]] = answer["probability"]
    for key, probability in last.items():
        if abs(batch.loc[key, "probability"] - probability) > LARGEST_DIFFERENCE:
            raise AssertionError(
                f"{key}: {probability} over HTTP and {batch.loc[key, 'probability']} in batch"
            )


def looked_at(events: pa.Table) -> list[bytes]:
    """Return a request for suggestions after each look at an item."""
    looks = events.filter(pc.equal(events.column("event_name").cast(pa.string()), "view_item"))
    seen: dict[str, list[str]] = {}
    found = []
    for session, item in zip(
        looks.column("session_id").to_pylist(), looks.column("item_id").to_pylist(), strict=True
    ):
        if item is not None:
            seen.setdefault(session, []).append(item)
            found.append(json.dumps({"items": seen[session][-50:]}).encode())
    return found


def told(case: str, metric: str, value: float, found: dict[str, Any]) -> Row:
    """Return one figure, said on the screen as well."""
    print(f"  {case:50}{metric:16}{value:12,.2f}   n {found['requests']:,}", flush=True)
    return Row(benchmark="rest", metric=metric, value=value, n=found["requests"], case=case)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--bundle", type=Path, help="an own one, in place of the demo shop's")
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="watch a server's memory for so long, too"
    )
    asked = parser.parse_args()
    main(asked.seconds, asked.bundle, asked.soak)
