"""``features`` on a cluster: the fold inside ``mapInArrow``, over pieces of whole visitors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal import features as ft
from buysignal.features.vocabulary import Vocabulary
from buysignal.spark import counting
from buysignal.spark.inputs import Input
from buysignal.spark.jobs import Jobs, Progress
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.run import run
from buysignal.spark.typed import spark_schema
from buysignal.spark.visitors import Batches, Work, events_of

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame, SparkSession

IDS = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name")
ROWS_PER_BATCH = 50_000


def features(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    session_gap: str = "30m",
    options: Options | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write the features of every event to ``out/features``, and the rejects to ``out/rejects``.

    Args:
        paths: Parquet files or folders, as Spark names them (``s3a://…``, ``hdfs://…``, a plain path).
        out: a folder that does not exist yet.
        vocabulary: a bundle's; learned from these very events where None.
        session_gap: longest pause within a session, with its unit.
        progress: called with the share done, and what is being done.

    Raises:
        InputError: the files cannot be read as events, or ``out`` exists.
        DependencyError: pyspark is not installed.
    """

    def make(spark: SparkSession, source: Input, jobs: Jobs) -> DataFrame:
        words = vocabulary or jobs.run(lambda: counting.learn(source.rows, session_gap))
        shipped = spark.sparkContext.broadcast(words)
        return source.rows.mapInArrow(_folding(shipped, session_gap), spark_schema(schema()))

    steps = [] if vocabulary is not None else [("learning the vocabulary", 0.15)]
    return run(paths, out, "features", make, options=options or Options(), steps=steps, progress=progress)


def schema() -> pa.Schema:
    """Return the columns of the features."""
    kinds = (pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.date32(), pa.int64(), pa.string())
    ids = [pa.field(name, kind) for name, kind in zip(IDS, kinds, strict=True)]
    return pa.schema([*ids, *(pa.field(name, pa.float32()) for name in ft.NAMES)])


def _folding(shipped: Broadcast[Vocabulary], session_gap: str) -> Work:
    def work(batches: Batches) -> Batches:
        for events in events_of(batches, session_gap):
            X = ft.fold(events, shipped.value, parallel=False)
            columns = [*(events.column(c) for c in IDS), *ft.feature_columns(X, parallel=False)]
            table = pa.table(columns, names=[*IDS, *ft.NAMES]).cast(schema())
            yield from table.to_batches(max_chunksize=ROWS_PER_BATCH)

    return work
