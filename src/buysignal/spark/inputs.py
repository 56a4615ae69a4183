"""From paths to rows in order, on the cluster: typed, brought together by visitor, sorted, kept on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from buysignal.spark import strangers
from buysignal.spark.files import find
from buysignal.spark.jobs import Jobs
from buysignal.spark.options import Options
from buysignal.spark.parts import make_parts, rows_of
from buysignal.spark.plan import REASON, PartPlan, Plan, make_plan
from buysignal.spark.typed import REJECTED, spark_schema, telling, typed_schema, typing
from buysignal.spark.visitors import DUPLICATE, NARROW, finding_duplicates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_PARTITION = 4_000_000
"""Rows brought together in one partition: enough for a worker to be at it for about half a minute."""


@dataclass(frozen=True, eq=False)
class Input:
    """The input, sorted and waiting on the workers' disks.

    Attributes:
        every: typed rows of all files, those rejected with their reason among them.
        rows: those to be settled, sorted, visitors whole within their partition.
        strangers: (session_id, visitor_id) of visitors in another's session.
        rows_in: rows of the files, a row with several items once per item.
    """

    plan: Plan
    every: DataFrame
    rows: DataFrame
    strangers: DataFrame | None
    rows_in: int


def prepare(spark: SparkSession, paths: Sequence[str], options: Options, jobs: Jobs) -> Input:
    """Read, type, bring together and sort; takes three of the jobs' steps.

    Raises:
        InputError: the files cannot be read as events.
    """
    from pyspark import StorageLevel

    parts = jobs.run(lambda: make_parts(spark, find(spark, paths)))
    plan = jobs.run(lambda: make_plan(spark, parts, options))
    ordered = _sorted(spark, plan, options.partitions or _partitions(spark, plan.rows))
    every = ordered.persist(StorageLevel.DISK_ONLY)
    return jobs.run(lambda: _input(plan, every))


def _partitions(spark: SparkSession, rows: int) -> int:
    return max(spark.sparkContext.defaultParallelism, math.ceil(rows / ROWS_PER_PARTITION))


def _sorted(spark: SparkSession, plan: Plan, partitions: int) -> DataFrame:
    from pyspark.sql import functions as sf

    schema = spark_schema(typed_schema(plan))
    typed = [rows_of(spark, p.source, p.columns).mapInArrow(typing(plan, p), schema) for p in plan.parts]
    together = reduce(lambda a, b: a.unionByName(b), typed)
    # Rejected rows are dealt out: without a visitor they would all come to one place.
    place = sf.when(sf.col(REASON).isNull(), sf.col("visitor_id")).otherwise(sf.col("__order").cast("string"))
    keys = [sf.col(key).asc_nulls_first() for key in plan.keys]
    return together.repartition(partitions, place).sortWithinPartitions(*keys)


def _input(plan: Plan, every: DataFrame) -> Input:
    from pyspark.sql import functions as sf

    rows_in = every.count()
    if not plan.unfolds and rows_in != plan.rows:
        raise AssertionError(f"{plan.rows} rows in the files, {rows_in} typed")
    rows = every.where(sf.col(REASON).isNull())
    found = strangers.foreign(rows) if "session_id" in every.columns else None
    if found is not None:
        rows = rows.join(sf.broadcast(found), ["session_id", "visitor_id"], "left_anti")
    return Input(plan, every, rows.select(*every.columns), found, rows_in)


def rejected(spark: SparkSession, source: Input) -> DataFrame:
    """Return the rejects of all parts as one machine shows them, in the order of the source.

    Which rows they are is found once, and they are read once more: sorting asks for its input twice.
    """
    dropped = _dropped(source).localCheckpoint()
    frames = [_told(spark, part, dropped, raw=source.plan.ids is None) for part in source.plan.parts]
    told = reduce(lambda a, b: a.unionByName(b), frames).localCheckpoint()
    return told.orderBy("__order").drop("__order")


def _dropped(source: Input) -> DataFrame:
    """Place and reason of every row that is not kept."""
    from pyspark.sql import functions as sf

    found = source.every.where(sf.col(REASON).isNotNull()).select("__order", REASON)
    if source.strangers is not None:
        good = source.every.where(sf.col(REASON).isNull())
        theirs = good.join(sf.broadcast(source.strangers), ["session_id", "visitor_id"])
        found = found.unionByName(theirs.select("__order", sf.lit(strangers.REASON).alias(REASON)))
    narrow = source.rows.select(*(c for c in NARROW if c in source.rows.columns))
    return found.unionByName(narrow.mapInArrow(finding_duplicates, spark_schema(DUPLICATE)))


def _told(spark: SparkSession, part: PartPlan, dropped: DataFrame, *, raw: bool) -> DataFrame:
    from pyspark.sql import functions as sf

    row = sf.floor(sf.col("__order") / part.items) if part.items > 1 else sf.col("__order")
    mine = dropped.select("__order", REASON, (row - sf.lit(part.before)).alias("__row"))
    of_part = mine.where((sf.col("__row") >= 0) & (sf.col("__row") < part.source.part.rows))
    rows = rows_of(spark, part.source).join(of_part, "__row")
    return rows.mapInArrow(telling(part, raw=raw), spark_schema(REJECTED))
