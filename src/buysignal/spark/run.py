"""Features and scores on a cluster: the same fold as everywhere, inside ``mapInArrow``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal import features as catalogue
from buysignal.errors import SourceError
from buysignal.features.vocabulary import Vocabulary
from buysignal.sources.profile import Profile
from buysignal.spark import counting
from buysignal.spark.inputs import Input, prepare, rejected
from buysignal.spark.jobs import Jobs, Progress
from buysignal.spark.outcome import Outcome
from buysignal.spark.session import opened_session
from buysignal.spark.typed import spark_schema
from buysignal.spark.visitors import Batches, Work, events_of

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import SparkSession

IDS = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name")
KEPT = "__kept"


def features(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    session_gap: str = "30m",
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    master: str | None = None,
    conf: Mapping[str, str] | None = None,
    partitions: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write the features of every event to ``out/features``, and the rejects to ``out/rejects``.

    Args:
        paths: Parquet files or folders, as Spark names them (``s3a://…``, ``hdfs://…``, a plain path).
        out: a folder that does not exist yet.
        vocabulary: a bundle's; learned from these very events where None.
        master: such as ``local[2]`` or ``yarn``; None leaves it to Spark's configuration.
        conf: Spark's own settings.
        partitions: pieces the visitors are dealt into; None takes one per 4 million rows.
        progress: called with the share done, and what is being done.

    Raises:
        InputError: the files cannot be read as events, or ``out`` exists.
        DependencyError: pyspark is not installed.
    """
    with opened_session(master, conf) as spark:
        target = _new_folder(spark, str(out))
        steps = [("finding files", 0.02), ("reading the plan", 0.03), ("typing and sorting", 0.4)]
        steps += [("learning the vocabulary", 0.15)] if vocabulary is None else []
        steps += [("writing features", 0.3), ("writing rejects", 0.09), ("counting", 0.01)]
        jobs = Jobs(spark, progress, steps)
        source = prepare(
            spark, [str(p) for p in paths], profile=profile, mapping=mapping or {}, rates=rates or {},
            partitions=partitions, jobs=jobs,
        )  # fmt: skip
        try:
            words = vocabulary or jobs.run(lambda: counting.learn(source.rows, session_gap))
            shipped = spark.sparkContext.broadcast(words)
            frame = source.rows.mapInArrow(_folding(shipped, session_gap), spark_schema(feature_schema()))
            jobs.run(lambda: frame.write.parquet(f"{target}/features"))
            return _finish(spark, jobs, source, target, "features")
        finally:
            source.every.unpersist()


def feature_schema() -> pa.Schema:
    """Return the columns of the features."""
    kinds = [pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.date32(), pa.int64(), pa.string()]
    ids = [pa.field(name, kind) for name, kind in zip(IDS, kinds, strict=True)]
    return pa.schema([*ids, *(pa.field(name, pa.float32()) for name in catalogue.NAMES)])


def _folding(shipped: Broadcast[Vocabulary], session_gap: str) -> Work:
    """Return the work that folds pieces of whole visitors."""

    def work(batches: Batches) -> Batches:
        for events in events_of(batches, session_gap):
            X = catalogue.fold(events, shipped.value, parallel=False)
            columns = [events.column(name) for name in IDS] + catalogue.feature_columns(X, parallel=False)
            table = pa.table(columns, names=[*IDS, *catalogue.NAMES]).cast(feature_schema())
            yield from table.to_batches(max_chunksize=50_000)

    return work


def _new_folder(spark: SparkSession, out: str) -> str:
    """Return ``out``, which must not exist."""
    jvm = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(out)
    system = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    if system.exists(path):
        raise SourceError(f"{out} exists already", allowed="a new folder", todo="name another, or remove it")
    return out.rstrip("/")


def _finish(spark: SparkSession, jobs: Jobs, source: Input, out: str, what: str) -> Outcome:
    """Write the rejects, and count what was written."""
    jobs.run(lambda: rejected(spark, source).write.parquet(f"{out}/rejects"))
    rows, reasons = jobs.run(lambda: (_count(spark, f"{out}/{what}"), _reasons(spark, f"{out}/rejects")))
    plan = source.plan
    kept = rows if what == "features" else source.rows_in - sum(reasons.values())
    outcome = Outcome(out, plan.profile, plan.confidence, plan.currency, source.rows_in, kept, rows, reasons)
    if outcome.rows_in != outcome.rows_kept + outcome.rows_rejected:
        raise AssertionError(
            f"{outcome.rows_in} rows in, {outcome.rows_kept} kept, {outcome.rows_rejected} rejected"
        )
    return outcome


def _count(spark: SparkSession, path: str) -> int:
    return spark.read.parquet(path).count()


def _reasons(spark: SparkSession, path: str) -> dict[str, int]:
    counted = spark.read.parquet(path).groupBy("reason").count().collect()
    return dict(sorted(((row[0], row[1]) for row in counted), key=lambda pair: (-pair[1], pair[0])))
