"""One run on the cluster: input prepared, rows worked on where they are, results written and counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from buysignal.errors import SourceError
from buysignal.spark.inputs import Input, prepare, rejected
from buysignal.spark.jobs import Jobs, Progress
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.session import opened_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Made:
    """Rows to write.

    Attributes:
        events: SQL of how many events they stand for.
        refused: events of visitors who refused consent, which are not among them.
    """

    rows: DataFrame
    events: str = "count(*)"
    refused: int = 0


Make = Callable[["SparkSession", Input, Jobs, str], Made]
"""From the sorted input to the rows to write below the folder; may take steps of the jobs."""


def run(
    paths: Sequence[str | Path],
    out: str | Path,
    what: str,
    make: Make,
    *,
    options: Options,
    steps: Sequence[tuple[str, float]] = (),
    progress: Progress | None,
) -> Outcome:
    """Write what ``make`` returns to ``out/what``, and the rejects to ``out/rejects``.

    Args:
        steps: those that ``make`` takes.

    Raises:
        InputError: the files cannot be read as events, or ``out`` exists.
        DependencyError: pyspark is not installed.
    """
    with opened_session(options.master, options.conf) as spark, warnings.catch_warnings():
        # PySpark warns of pandas 3; rows come and go as Arrow here, and pandas has no part in it.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        target = _new_folder(spark, str(out))
        before = [("finding files", 0.02), ("looking at them", 0.03), ("typing and sorting", 0.4)]
        after = [(f"writing {what}", 0.3), ("writing rejects", 0.09), ("counting", 0.01)]
        jobs = Jobs(spark, progress, [*before, *steps, *after])
        source = prepare(spark, [str(p) for p in paths], options, jobs)
        try:
            made = make(spark, source, jobs, target)
            jobs.run(lambda: made.rows.write.parquet(f"{target}/{what}"))
            jobs.run(lambda: rejected(spark, source).write.parquet(f"{target}/rejects"))
            return jobs.run(lambda: _outcome(spark, source, target, what, made))
        finally:
            source.every.unpersist()


def _new_folder(spark: SparkSession, out: str) -> str:
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(out)
    system = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    if system.exists(path):
        raise SourceError(f"{out} exists already", allowed="a new folder", todo="name another, or remove it")
    return out.rstrip("/")


def _outcome(spark: SparkSession, source: Input, out: str, what: str, made: Made) -> Outcome:
    """Count what was written, from the files themselves."""
    rows, events = spark.read.parquet(f"{out}/{what}").selectExpr("count(*)", made.events).collect()[0]
    reasons = _reasons(spark, f"{out}/rejects")
    plan = source.plan
    outcome = Outcome(
        out, plan.profile, plan.confidence, plan.currency, source.rows_in, rows, reasons, made.refused
    )
    if outcome.rows_kept != (events or 0):
        gone = f"{made.refused} refused, {outcome.rows_rejected} rejected"
        raise AssertionError(f"{source.rows_in} rows in, {events} written, {gone}")
    return outcome


def _reasons(spark: SparkSession, path: str) -> dict[str, int]:
    """Rejected rows by reason, most frequent first."""
    counted = spark.read.parquet(path).groupBy("reason").count().collect()
    return dict(sorted(((row[0], row[1]) for row in counted), key=lambda pair: (-pair[1], pair[0])))
