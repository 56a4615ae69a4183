"""Kafka or a folder of files as one stream of messages, each with its place and the bucket of its visitor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal.errors import SourceError
from buysignal.spark.streaming_session import connector
from buysignal.spark.streaming_settings import StreamSettings
from buysignal.spark.typed import spark_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

Batches = Iterator[pa.RecordBatch]

COLUMNS = ("bucket", "visitor", "turn", "place", "part", "at", "arrived_ms", "key", "value")
"""Messages of a bucket are read in order of ``turn``, ``place``, ``part`` and ``at``.

``turn`` is when the file was written (0 of topics); ``place`` the topic or file, ``part`` the partition or
the byte where the block of the file begins, ``at`` the offset, or the row within the block from 1.
"""

_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
"""Microseconds are kept: Spark's own form has milliseconds."""

NUMBERED = pa.schema(
    [
        pa.field("turn", pa.int64()),
        pa.field("place", pa.string()),
        pa.field("part", pa.int64()),
        pa.field("value", pa.string()),
        pa.field("at", pa.int64()),
    ]
)


def messages(spark: SparkSession, settings: StreamSettings, partitions: int) -> DataFrame:
    """Return the stream of messages with ``COLUMNS``.

    Args:
        partitions: that the state lies in; each has one bucket.

    Raises:
        SourceError: there is nothing to read, or Spark has no connector to Kafka.
    """
    from pyspark.sql import functions as sf

    found = _of_topic(spark, settings) if settings.reads.is_topic else _of_files(spark, settings)
    text = sf.col("value").cast("string")
    visitor = sf.coalesce(sf.get_json_object(text, "$.visitor_id"), sf.lit(""))
    buckets = sf.array(*(sf.lit(bucket) for bucket in _one_a_partition(spark, partitions)))
    place = sf.pmod(sf.xxhash64("visitor"), sf.lit(partitions)).cast("int")
    dealt = found.withColumn("visitor", visitor).withColumn("bucket", sf.get(buckets, place))
    return dealt.select(*COLUMNS)


def _one_a_partition(spark: SparkSession, partitions: int) -> list[int]:
    """Return a number for each partition that Spark's own hash puts there.

    So each partition has all its visitors in one group, and a micro-batch asks the models once a partition.
    """
    tried = spark.range(64 * partitions).selectExpr("CAST(id AS int) AS number")
    placed = tried.selectExpr("number", f"pmod(hash(number), {partitions}) AS place")
    first = {row.place: row.number for row in placed.orderBy("number", ascending=False).collect()}
    return [first[place] for place in range(partitions)]


def _of_topic(spark: SparkSession, settings: StreamSettings) -> DataFrame:
    from pyspark.errors import AnalysisException

    asked = {
        **settings.brokers(),
        "subscribe": settings.reads.name,
        "startingOffsets": "earliest",
        "maxOffsetsPerTrigger": str(settings.at_once),
        "kafka.isolation.level": "read_committed",
    }
    try:
        found = spark.readStream.format("kafka").options(**asked).load()
    except AnalysisException as error:
        raise no_connector(error) from error
    return found.selectExpr(
        "0L AS turn", "topic AS place", "CAST(partition AS long) AS part", "offset AS at",
        "CAST(CAST(timestamp AS double) * 1000 AS long) AS arrived_ms", "key", "value",
    )  # fmt: skip


def no_connector(error: Exception) -> Exception:
    """Return the error that says how to get the connector, where its lack is what stopped Spark."""
    if "Failed to find data source: kafka" not in str(error):
        return error
    return SourceError(
        "this Spark has no connector to Kafka",
        allowed=connector(),
        todo="start Spark with --packages and that name, or its jar in spark.jars",
    )


def _of_files(spark: SparkSession, settings: StreamSettings) -> DataFrame:
    from pyspark.sql import functions as sf

    folder = settings.reads.name
    reader = spark.readStream.option("maxFilesPerTrigger", settings.files_at_once)
    if settings.files == "json":
        rows, value = reader.format("text").load(folder), sf.col("value")
    else:
        rows = reader.schema(_schema_of(spark, folder)).parquet(folder)
        value = sf.to_json(sf.struct("*"), _TIMES)
    placed = rows.select(
        sf.unix_millis("_metadata.file_modification_time").alias("turn"),
        sf.col("_metadata.file_path").alias("place"),
        sf.col("_metadata.file_block_start").alias("part"),
        value.alias("value"),
    )
    numbered = placed.mapInArrow(number_rows, spark_schema(NUMBERED))
    return numbered.where("trim(value) <> ''").select(
        "turn", "place", "part", "at", sf.col("turn").alias("arrived_ms"),
        sf.lit(None).cast("binary").alias("key"), sf.col("value").cast("binary").alias("value"),
    )  # fmt: skip


def _schema_of(spark: SparkSession, folder: str) -> StructType:
    from pyspark.errors import AnalysisException

    try:
        return spark.read.parquet(folder).schema
    except AnalysisException as error:
        raise SourceError(
            f"{folder} holds no Parquet file yet, so that nothing says which columns to expect",
            allowed="a folder with at least one file of events",
            todo="put the first file there, or read JSON lines (--files json)",
        ) from error


def number_rows(batches: Batches) -> Batches:
    """Yield rows with their number ``at`` within their block of a file, from 1; a block is read in order."""
    block: tuple[str, int] | None = None
    count = 0
    for batch in batches:
        numbers = []
        for place in zip(batch.column("place").to_pylist(), batch.column("part").to_pylist(), strict=True):
            count = count + 1 if place == block else 1
            block = place
            numbers.append(count)
        columns = [batch.column(field.name).cast(field.type) for field in list(NUMBERED)[:-1]]
        yield pa.RecordBatch.from_arrays([*columns, pa.array(numbers, pa.int64())], schema=NUMBERED)
