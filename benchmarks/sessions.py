"""Splitting a stream into sessions and clustering them, beside retentioneering 5.2.4.

Sessions: a visitor's next one begins after 30 minutes without an event; both sides find the same ones.
Clusters: both count the same eleven things of every session (checked equal) and put them into 2 to 8
clusters by K-means, the number chosen by silhouette on 2,000 sessions. Ours also computes the rest of the
catalogue and refits on resampled sessions to judge stability; the peer does neither. Both start from a table
in memory, warm, on two cores; *processor time* counts both, and changes less than seconds do where a machine
has other work as well. The peer is installed into an environment of its own, in a folder that is
removed afterwards. Run: ``python benchmarks/sessions.py [visitors]``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from _process import run
from _results import Row, skip, write_results
from _sessions import COUNTED, MEASURES
from buysignal.sources.demo import simulate

VISITORS = 112_000
REPEATS = 3
PEER = "retentioneering"
VERSION = "5.2.4"
FOLDER = Path(__file__).parent


def main(visitors: int = VISITORS) -> None:
    with tempfile.TemporaryDirectory(prefix="buysignal-sessions-") as scratch:
        folder = Path(scratch)
        peer = peer_environment(folder / "environment")
        events = simulate(visitors=visitors, days=28, seed=0).events
        n = events.num_rows
        print(f"{n:,} clean events of {visitors:,} visitors", flush=True)
        shuffled = np.random.default_rng(0).permutation(n)
        stream = events.select(["visitor_id", "event_time", "event_seq", "event_name"]).take(
            pa.array(shuffled)
        )
        pq.write_table(plain(stream), folder / "events.parquet")
        rows = compared(folder, peer, "sessions", folder / "events.parquet", n)
        rows += compared(folder, peer, "clusters", folder / "sessions-ours.parquet", n)
    write_results("sessions", rows)


def compared(folder: Path, peer: Path, what: str, source: Path, n: int) -> list[Row]:
    """Run both sides on ``source``, check that they found the same, and return the figures."""
    took = {}
    scripts = {"ours": (sys.executable, "_sessions.py"), "peer": (peer, "_retentioneering.py")}
    for side, (python, script) in scripts.items():
        out = folder / f"{what}-{side}.parquet"
        took[side] = run([python, FOLDER / script, what, source, out, str(REPEATS), *COUNTED.values()])
    ours, theirs = (pd.read_parquet(folder / f"{what}-{side}.parquet") for side in took)
    {"sessions": check_same_sessions, "clusters": check_same_measures}[what](ours, theirs)
    case = {"sessions": "events split into sessions", "clusters": "sessions put into clusters"}[what]
    shared = {"benchmark": "sessions", "peer": PEER, "n": n, "case": case}
    rows = [Row(metric="peak_rss_mb", value=took["ours"].peak_mb, peer_value=took["peer"].peak_mb, **shared)]
    for metric in ("cpu_seconds", "seconds"):
        mine, his = (statistics.median(json.loads(ran.output)[metric]) for ran in took.values())
        print(f"{what}: {mine:.2f} {metric}, {PEER} {his:.2f}", flush=True)
        rows.insert(0, Row(metric=metric, value=mine, peer_value=his, **shared))
    return rows


def check_same_sessions(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Assert that both split every visitor at the same moments."""
    ours = ours.sort_values(["visitor_id", "event_time"], kind="stable")
    theirs = theirs.sort_values(["visitor_id", "event_time"], kind="stable")
    new_visitor = ours["visitor_id"].ne(ours["visitor_id"].shift()).to_numpy()
    begins = ours["session_id"].ne(ours["session_id"].shift()).to_numpy()
    number = begins.cumsum()
    first = np.maximum.accumulate(np.where(new_visitor, number, 0))
    assert (ours["visitor_id"].to_numpy() == theirs["visitor_id"].to_numpy()).all()
    assert (number - first + 1 == theirs["session_index"].to_numpy()).all()
    print(f"  {begins.sum():,} sessions on both sides")


def check_same_measures(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Assert that both clustered by the same figures."""
    ours, theirs = ours.set_index("session_id").sort_index(), theirs.sort_index()
    names = ["length", "duration", *(f"event_count_bulk_{name}" for name in COUNTED.values())]
    assert (ours.index == theirs.index).all()
    for mine, his in zip(MEASURES, names, strict=True):
        a, b = ours[mine].to_numpy(np.float64), theirs[his].to_numpy(np.float64)
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-3, err_msg=his)
    for side, found in (("ours", ours), (PEER, theirs)):
        print(f"  {side}: {found['cluster'].nunique()} clusters of {len(found):,} sessions")


def peer_environment(folder: Path) -> Path:
    """Install the peer into ``folder`` and return its Python; skip the benchmark where that fails."""
    if importlib.util.find_spec("uv") is None:
        skip(f"uv, which installs {PEER} beside the project, is not there")
    uv = [sys.executable, "-m", "uv"]
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    print(f"installing {PEER} {VERSION}", flush=True)
    for command in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), f"{PEER}=={VERSION}", "pyarrow"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            skip(f"{PEER} {VERSION} could not be installed: {done.stderr.strip()[-500:]}")
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"  # it would report its use to its makers
    return python


def plain(table: pa.Table) -> pa.Table:
    """Return text columns as plain text: what both sides get from a user's file."""
    fields = [pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields)).combine_chunks()


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
