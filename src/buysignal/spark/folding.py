"""``features`` on a cluster: the fold inside ``mapInArrow``, over pieces of whole visitors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal import features as ft
from buysignal.features.stored import write_vocabulary
from buysignal.features.vocabulary import Vocabulary
from buysignal.history.features import IDS, Memory, features_table
from buysignal.history.learn import Learned
from buysignal.spark import learning
from buysignal.spark.files import put
from buysignal.spark.inputs import Input
from buysignal.spark.jobs import Jobs, Progress
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.run import Made, run
from buysignal.spark.typed import spark_schema
from buysignal.spark.visitors import Batches, Work, events_of
from buysignal.units import duration_us

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import SparkSession

ROWS_PER_BATCH = 50_000


def features(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    cut: str | None = None,
    session_gap: str = "30m",
    options: Options | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write the features of every event to ``out/features``, and the rejects to ``out/rejects``.

    The rows are those of ``history.features.write_features``, whichever the number of machines.

    Args:
        paths: Parquet files or folders, as Spark names them (``s3a://…``, ``hdfs://…``, a plain path).
        out: a folder that does not exist yet.
        vocabulary: of a bundle. If None it is learned on the sessions of the training period, whose rows
            read priors that leave their own fold of visitors out; events of visitors who refused consent
            are left out then.
        cut: where it is learned, what starts at this date (UTC) is for tests; None takes the last fifth.
        session_gap: longest pause within a session, with its unit.
        progress: called with the share done, and what is being done.

    Raises:
        InputError: the files cannot be read as events, or ``out`` exists.
        DependencyError: pyspark is not installed.
    """
    duration_us(session_gap, "session_gap")

    def make(spark: SparkSession, source: Input, jobs: Jobs, target: str) -> Made:
        learned, words, refused = None, vocabulary, 0
        if words is None:
            learned, refused = learning.learn(source.rows, session_gap, cut, jobs)
            words = learned.vocabulary
        _write_vocabulary(spark, words, f"{target}/vocabulary.npz")
        shipped = spark.sparkContext.broadcast((words, learned))
        folded = source.rows.mapInArrow(_folding(shipped, session_gap), spark_schema(schema(learned)))
        return Made(folded, refused=refused)

    steps = learning.STEPS if vocabulary is None else ()
    return run(paths, out, "features", make, options=options or Options(), steps=steps, progress=progress)


def schema(learned: Learned | None) -> pa.Schema:
    """Return the columns of the features."""
    kinds = (pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.date32(), pa.int64(), pa.string())
    ids = [pa.field(name, kind) for name, kind in zip(IDS, kinds, strict=True)]
    ids.append(pa.field("suspected_bot", pa.bool_()))
    ids += [] if learned is None else [pa.field("slice", pa.string())]
    return pa.schema([*ids, *(pa.field(name, pa.float32()) for name in ft.NAMES)])


def _folding(shipped: Broadcast[tuple[Vocabulary, Learned | None]], session_gap: str) -> Work:
    def work(batches: Batches) -> Batches:
        words, learned = shipped.value
        memory = Memory()
        for events in events_of(batches, session_gap, consenting=learned is not None):
            table = features_table(events, words, learned=learned, memory=memory).cast(schema(learned))
            yield from table.to_batches(max_chunksize=ROWS_PER_BATCH)

    return work


def _write_vocabulary(spark: SparkSession, words: Vocabulary, target: str) -> None:
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        place = Path(folder) / "vocabulary.npz"
        write_vocabulary(place, words)
        put(spark, place.read_bytes(), target)
