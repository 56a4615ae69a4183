"""Scores on a cluster while visits go on: Spark Structured Streaming over the rules of the Kafka door.

A query reads messages, brings those of a visitor to where the visitor is kept, and writes scores and rejects.
What was read, and what is kept of visitors, lie in the checkpoint, with which a query goes on where it ended.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from buysignal import bundle as bundles
from buysignal import pseudonyms
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, DependencyError, SourceError
from buysignal.spark.jobs import as_sentence
from buysignal.spark.session import opened_session
from buysignal.spark.streaming_session import configured, handed_out, packages, partitions_of
from buysignal.spark.streaming_settings import StreamSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

POLL_S = 0.3

STARTS = 5
"""How often a query is started whose first worker comes too late; it then has done nothing yet."""


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
        spark = used.enter_context(opened_session(settings.master, packages(settings)))
        partitions = partitions_of(spark, settings)
        used.enter_context(configured(spark, partitions))
        name = used.enter_context(handed_out(spark, loaded, Path(bundle)))
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

    ids = pseudonyms.from_environment()
    state = VisitorState(name, settings.recommend, settings.forget_ms, not settings.reads.is_topic, ids)
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
