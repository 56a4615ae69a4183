"""The fold inside Spark against the same features as Spark's own SQL windows, in one session.

Both read the same Parquet file of clean demo events, bring each visitor's rows together, sort them, and hand
their result to a sink that keeps nothing. The peer computes a dozen features in SQL, checked to be equal;
ours is asked for the dozen, and for its whole catalogue. Two cores, local mode; both take turns, and the
best of each counts. The time of a whole ``features --engine spark``, with rows checked, sorted on disk and
written, stands alone. Run: ``python benchmarks/spark.py [visitors]``; it needs the extra ``spark`` and Java.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _fold_peers import COUNTED, DOZEN
from _results import Row, skip, write_results
from buysignal import events as ev
from buysignal import features, sessions, spark
from buysignal.sources.demo import simulate
from buysignal.sources.stream import whole_visitors
from buysignal.spark.session import opened_session
from buysignal.spark.typed import spark_schema

VISITORS = 100_000
ROUNDS = 3
PLACE = ("session_id", "event_seq")
SORTED_BY = ("visitor_id", "event_time", "event_seq")
DOZEN_READS = ("visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "price")
"""Columns the dozen depend on; the SQL reads no others either."""


def main(visitors: int = VISITORS) -> None:
    if find_spec("pyspark") is None or shutil.which("java") is None:
        skip("Spark needs the extra 'spark' and Java")
    with tempfile.TemporaryDirectory(prefix="buysignal-spark-") as scratch, opened_session("local[2]") as s:
        folder = Path(scratch)
        events = plain(simulate(visitors=visitors, days=28, seed=0).events)
        pq.write_table(events, folder / "events.parquet", row_group_size=200_000)
        vocabulary = features.fit_vocabulary(sessions.assign(ev.conform(events)))
        n = events.num_rows
        print(f"{n:,} events of {visitors:,} visitors")
        source = s.read.parquet(str(folder / "events.parquet"))
        runs = {
            "sql": sql_windows(source),
            "dozen": folded(source.select(*DOZEN_READS), vocabulary, DOZEN),
            "all": folded(source, vocabulary, features.NAMES),
        }
        check_equal(runs["dozen"], runs["sql"])
        seconds = best_in_turn({name: sink(frame) for name, frame in runs.items()})
        whole = seconds_of(lambda: spark.features([folder / "events.parquet"], folder / "out"))
    write_results("spark", rows_of(n, seconds, whole))


def plain(table: pa.Table) -> pa.Table:
    """Return text as text: Spark knows no dictionaries."""
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def folded(source: Any, vocabulary: features.Vocabulary, columns: tuple[str, ...]) -> Any:
    """Repartition by visitor, sort within partitions, fold in Arrow batches."""
    kinds = [("session_id", pa.string()), ("event_seq", pa.int64()), *((c, pa.float32()) for c in columns)]
    schema = pa.schema(kinds)
    shipped = source.sparkSession.sparkContext.broadcast(vocabulary)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in whole_visitors((pa.Table.from_batches([b]) for b in batches), 500_000):
            events = sessions.assign(ev.conform(piece.rows))
            X = features.fold(events, shipped.value, columns=columns, parallel=False)
            found = [events.column(c) for c in PLACE] + features.feature_columns(X, parallel=False)
            yield from pa.table(found, names=schema.names).cast(schema).to_batches(max_chunksize=50_000)

    together = source.repartition("visitor_id").sortWithinPartitions(*SORTED_BY)
    return together.mapInArrow(work, spark_schema(schema))


def sql_windows(source: Any) -> Any:
    """The dozen as one query; what is new in a session is numbered first."""
    source.createOrReplaceTempView("events")
    counts = ", ".join(f"sum(CAST(event_name = '{e}' AS INT)) OVER s AS n_{e}" for e in COUNTED)
    return source.sparkSession.sql(f"""
        WITH timed AS (
            SELECT *, CAST(unix_micros(event_time) AS DOUBLE) / 1e6 AS seconds,
                   CASE WHEN event_name IN ('view_item', 'select_item') THEN price END AS seen_price
            FROM events),
        fresh AS (
            SELECT *, CAST(item_id IS NOT NULL AND row_number() OVER (
                       PARTITION BY session_id, item_id ORDER BY event_time, event_seq) = 1 AS INT) AS is_new
            FROM timed),
        paused AS (
            SELECT *, seconds - lag(seconds) OVER (
                       PARTITION BY session_id ORDER BY event_time, event_seq) AS gap
            FROM fresh)
        SELECT session_id, event_seq, count(*) OVER s AS n_events, {counts},
               coalesce(sum(seen_price) OVER s, 0) AS price_sum, avg(seen_price) OVER s AS price_mean,
               min(seen_price) OVER s AS price_min, max(seen_price) OVER s AS price_max,
               seconds - first_value(seconds) OVER s AS seconds_since_start,
               gap AS gap_last, max(gap) OVER s AS gap_max, sum(is_new) OVER s AS distinct_items
        FROM paused
        WINDOW s AS (PARTITION BY session_id ORDER BY event_time, event_seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)""")


def check_equal(ours: Any, theirs: Any) -> None:
    found, wanted = (frame.toArrow().sort_by([(c, "ascending") for c in PLACE]) for frame in (ours, theirs))
    for name in PLACE:
        assert found.column(name).equals(wanted.column(name).cast(found.column(name).type)), name
    for name in DOZEN:
        mine, other = (
            t.column(name).to_pandas().to_numpy(dtype=np.float64, na_value=np.nan) for t in (found, wanted)
        )
        np.testing.assert_allclose(mine, other, rtol=2e-5, atol=2e-3, err_msg=name)


def sink(frame: Any) -> Callable[[], Any]:
    return lambda: frame.write.format("noop").mode("overwrite").save()


def best_in_turn(runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the best of several times of each, taken in turn; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(ROUNDS + 1):
        for name, run in runs.items():
            seconds = seconds_of(run)
            if round_number:
                taken[name].append(seconds)
                print(f"{name:6} {seconds:6.1f} s", flush=True)
    return {name: min(found) for name, found in taken.items()}


def seconds_of(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def rows_of(n: int, seconds: dict[str, float], whole: float) -> list[Row]:
    cases = {
        "dozen": f"{len(DOZEN)} features against {len(DOZEN)}",
        "all": f"{len(features.NAMES)} features against {len(DOZEN)}",
    }
    rows = [
        Row(benchmark="spark", metric="events_per_s", value=n / seconds[name], n=n, peer="spark-windows",
            peer_value=n / seconds["sql"], case=case)
        for name, case in cases.items()
    ]  # fmt: skip
    alone = "features --engine spark: checked, sorted, learned, written"
    return [*rows, Row(benchmark="spark", metric="events_per_s", value=n / whole, n=n, case=alone)]


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
