"""Scores on a cluster while visits go on: Spark Structured Streaming over the rules of the Kafka door.

A query reads messages, brings those of a visitor to where the visitor is kept, and writes scores and rejects.
What was read, and what is kept of visitors, lie in the checkpoint, with which a query goes on where it ended.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, DependencyError, SourceError
from buysignal.spark.files import put
from buysignal.spark.jobs import as_sentence
from buysignal.spark.session import opened_session
from buysignal.spark.streaming_settings import StreamSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

POLL_S = 0.3

STARTS = 5
"""How often a query is started whose first worker comes too late; it then has done nothing yet."""

CONNECTOR = "org.apache.spark:spark-sql-kafka-0-10_2.13:{}"
NEWEST_CONNECTOR = "4.2.0"
"""Of those on Maven Central; later Sparks work with it."""

_ROCKS = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_NOTE = "buysignal.json"


@dataclass(frozen=True)
class Streamed:
    """What a query has done since it was started.

    Attributes:
        batches: micro-batches.
        scored: messages with a score.
        rejected: messages without one, with the reason; duplicates included.
        refused: events of visitors who refused consent: no score, nothing kept.
    """

    batches: int = 0
    scored: int = 0
    rejected: int = 0
    refused: int = 0

    @property
    def events(self) -> int:
        """Messages read."""
        return self.scored + self.rejected + self.refused

    def after(self, progress: Mapping[str, Any]) -> Streamed:
        """Return the counts with those of one more micro-batch, as Spark tells them."""
        told = progress["observedMetrics"]["told"]
        return replace(
            self,
            batches=self.batches + 1,
            scored=self.scored + told["scored"],
            rejected=self.rejected + told["rejected"],
            refused=self.refused + (told["refused"] or 0),
        )


def stream(
    bundle: str | Path,
    settings: StreamSettings,
    *,
    stop: Event | None = None,
    tell: Callable[[Streamed], None] = lambda done: None,
) -> Streamed:
    """Score messages until ``stop`` is set, or where ``settings.until_empty`` until all are read.

    To a folder each score is written exactly once. To a topic it is written at least once: after a crash the
    last micro-batch may be sent again, with the same ``partition`` and ``offset`` in each score.

    Args:
        bundle: a folder that ``train`` wrote, on the machine that starts the query.
        stop: ends the query after the micro-batch in work.
        tell: called now and then with what was done.

    Raises:
        BundleError: the bundle reads session rows.
        DependencyError: an extra, ``spark`` or ``stream``, is not installed.
        InputError: the settings do not fit together, Java is missing, or the source cannot be read.
    """
    settings = settings.checked()
    loaded = _loaded(bundle)
    stop = stop or Event()
    with ExitStack() as used, warnings.catch_warnings():
        # PySpark warns of pandas 3, by which rows come and go here.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        spark = used.enter_context(opened_session(settings.master, _packages(settings)))
        partitions = _partitions(spark, settings)
        used.enter_context(_conf(spark, partitions))
        name = used.enter_context(_handed_out(spark, loaded, Path(bundle)))
        watch = _Watch(stop, tell)
        for _ in range(STARTS):
            query, turns = _started(spark, loaded, settings, partitions, name, stop)
            if watch.to_the_end(query, turns):
                return watch.done
        raise SourceError(
            f"Spark's Python workers did not start, {STARTS} times",
            allowed="workers that are there within 10 seconds",
            todo="start again when the machine has less to do",
        )


def _loaded(bundle: str | Path) -> Bundle:
    loaded = bundles.load(bundle)
    if not loaded.reads_events:
        raise BundleError(
            "this bundle reads session rows: it scores visits that are over",
            allowed="a bundle trained on events",
            todo="train on events, or score files with 'buysignal score'",
        )
    if find_spec("orjson") is None:
        raise DependencyError("orjson", "stream")
    return loaded


def _packages(settings: StreamSettings) -> dict[str, str]:
    """The session's settings, with the connector that Spark fetches from Maven Central where it is needed."""
    conf = dict(settings.conf)
    if settings.uses_kafka and not {"spark.jars", "spark.jars.packages"} & set(conf):
        if find_spec("pyspark") is None:
            raise DependencyError("pyspark", "spark")
        conf["spark.jars.packages"] = connector()
    return conf


def connector() -> str:
    """Return the connector to Kafka for this Spark, by its name on Maven Central."""
    import pyspark

    own = pyspark.__version__
    newer = _numbers(own) > _numbers(NEWEST_CONNECTOR)
    return CONNECTOR.format(NEWEST_CONNECTOR if newer else own)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _partitions(spark: SparkSession, settings: StreamSettings) -> int:
    """Return how many pieces the visitors lie in, as the checkpoint says; a new one keeps what is asked."""
    place = f"{settings.checkpoint.rstrip('/')}/{_NOTE}"
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(place)
    asked = settings.partitions or spark.sparkContext.defaultParallelism
    if not path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).exists(path):
        put(spark, json.dumps({"source": settings.source, "partitions": asked}).encode(), place)
        return asked
    note = json.loads("".join(row.value for row in spark.read.text(place).collect()))
    if note["source"] != settings.source:
        raise SourceError(
            f"the checkpoint {settings.checkpoint} is that of a query on {note['source']}",
            allowed="a checkpoint that belongs to this query alone",
            todo="name another folder with --checkpoint",
        )
    if settings.partitions not in (None, note["partitions"]):
        raise SourceError(
            f"the visitors of {settings.checkpoint} lie in {note['partitions']} partitions",
            allowed="as many for as long as the checkpoint lives",
            todo="leave --partitions out, or begin anew with another --checkpoint",
        )
    return int(note["partitions"])


@contextmanager
def _conf(spark: SparkSession, partitions: int) -> Iterator[None]:
    """Set what the query needs; it takes the session's settings with it when it starts."""
    wanted = {
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.streaming.stateStore.providerClass": _ROCKS,
        # Without messages there is nothing to do; entries that are too old go with the next ones.
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    }
    before = {key: spark.conf.get(key, None) for key in wanted}
    for key, value in wanted.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.unset(key) if old is None else spark.conf.set(key, old)


@contextmanager
def _handed_out(spark: SparkSession, bundle: Bundle, folder: Path) -> Iterator[str]:
    """Give every worker the bundle's files; yields the name of their folder there."""
    name = f"buysignal-{bundle.version}"
    with tempfile.TemporaryDirectory(prefix="buysignal-") as temporary:
        copy = Path(temporary) / name
        copy.mkdir()
        for file in sorted(folder.iterdir()):
            if file.is_file():
                shutil.copyfile(file, copy / file.name)
        spark.sparkContext.addFile(str(copy), recursive=True)
        yield name


class _Turns:
    """The writer of micro-batches, which takes no new one once the query is to end."""

    def __init__(self, write: Callable[[DataFrame, int], None], stop: Event) -> None:
        self.begun = -1
        self._write = write
        self._stop = stop

    def __call__(self, told: DataFrame, number: int) -> None:
        if self._stop.is_set():
            raise InterruptedError("the query is to end")
        self.begun = number
        # Scores and rejects are written one after the other: the state is asked once for both.
        told.persist()
        try:
            self._write(told, number)
        finally:
            told.unpersist()


def _started(
    spark: SparkSession, bundle: Bundle, settings: StreamSettings, partitions: int, name: str, stop: Event
) -> tuple[StreamingQuery, _Turns]:
    from pyspark.sql import functions as sf

    from buysignal.spark.streaming_sink import to_folders, to_topics
    from buysignal.spark.streaming_source import messages
    from buysignal.spark.streaming_state import TOLD, VisitorState
    from buysignal.spark.typed import spark_schema

    state = VisitorState(name, settings.recommend, settings.forget_ms, not settings.reads.is_topic)
    found = messages(spark, settings, partitions).groupBy("bucket")
    told = found.transformWithStateInPandas(state, spark_schema(TOLD), "Append", "ProcessingTime")
    counted = {"scored": "count(visitor_id)", "rejected": "count(reason)", "refused": "sum(refused)"}
    told = told.observe("told", *(sf.expr(count).alias(name) for name, count in counted.items()))
    turns = _Turns(to_topics(settings) if settings.writes.is_topic else to_folders(settings, bundle), stop)
    writer = told.writeStream.foreachBatch(turns).outputMode("append").queryName("buysignal")
    writer = writer.option("checkpointLocation", f"{settings.checkpoint.rstrip('/')}/query")
    if settings.until_empty:
        writer = writer.trigger(availableNow=True)
    elif settings.every is not None:
        writer = writer.trigger(processingTime=_interval(settings.every))
    return writer.start(), turns


def _interval(every: str) -> str:
    from buysignal.units import duration_us

    return f"{duration_us(every, 'every') // 1_000} milliseconds"


class _Watch:
    """Waits for the end of a query, and counts what it does."""

    def __init__(self, stop: Event, tell: Callable[[Streamed], None]) -> None:
        self.done = Streamed()
        self._stop = stop
        self._tell = tell
        self._seen = -1

    def to_the_end(self, query: StreamingQuery, turns: _Turns) -> bool:
        """Return whether it ended as it should; otherwise it is to be started again."""
        try:
            while True:
                ended = _ended(query, self._stop)
                self._count(query)
                if ended:
                    return True
                if self._stop.is_set() and self._seen >= turns.begun:
                    query.stop()
        except _LateWorkerError:
            return False
        except BaseException:
            query.stop()
            raise

    def _count(self, query: StreamingQuery) -> None:
        for progress in query.recentProgress:
            # While nothing comes, Spark tells of the micro-batch that is to be next.
            if progress["numInputRows"] and progress["batchId"] > self._seen:
                self.done, self._seen = self.done.after(progress), progress["batchId"]
        self._tell(self.done)


class _LateWorkerError(Exception):
    """On a busy machine Spark gives up the first Python process of a query before it is there."""


def _ended(query: StreamingQuery, stop: Event) -> bool:
    from pyspark.errors import StreamingQueryException

    try:
        return bool(query.awaitTermination(POLL_S)) or not query.isActive
    except StreamingQueryException as error:
        if stop.is_set() and "the query is to end" in str(error):
            return True
        if "Python worker failed to connect back" in str(error):
            raise _LateWorkerError from error
        raise as_sentence(error) from error
