"""What came of a micro-batch, written to topics or to folders.

A folder's files carry the number of their micro-batch, and one that is done again after a crash replaces
them: whoever reads the folder sees each score once. To a topic it is sent again, with the same place in each
score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_type_hints

from buysignal.bundle import Bundle
from buysignal.recommender import Suggestion
from buysignal.spark.streaming_settings import StreamSettings
from buysignal.stream.message import json_reader, json_writer
from buysignal.stream.scored import Arrived, BatchScorer
from buysignal.stream.shelf import LARGEST

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Write = Callable[["DataFrame", int], None]

_TRIED = {
    "visitor_id": "v", "session_id": "s", "event_time": "2025-03-20T12:00:00Z", "event_name": "view_item",
    "item_id": "i", "price": 1.0,
}  # fmt: skip

_KINDS = {bool: "boolean", int: "bigint", float: "double", str: "string", datetime: "timestamp"}


def to_topics(settings: StreamSettings) -> Write:
    """Return what writes scores and dead letters as the Kafka door does, at least once."""

    def write(told: DataFrame, number: int) -> None:
        from pyspark.sql import functions as sf

        scores = told.where("visitor_id IS NOT NULL")
        _send(scores.select(sf.col("visitor_id").alias("key"), "value"), settings, settings.writes.name)
        cells = {"reason": "reason", "column": "column", "hint": "hint", "place": "topic"}
        cells |= {"part": "partition", "at": "offset"}
        headers = [
            sf.struct(sf.lit(name).alias("key"), sf.col(cell).cast("string").cast("binary").alias("value"))
            for cell, name in cells.items()
        ]
        dead = told.where("reason IS NOT NULL")
        value = sf.substring("value", 1, LARGEST).alias("value")
        _send(dead.select("key", value, sf.array(*headers).alias("headers")), settings, settings.dead)

    return write


def _send(rows: DataFrame, settings: StreamSettings, topic: str) -> None:
    asked = {**settings.brokers(), "topic": topic, "includeHeaders": "true"}
    rows.write.format("kafka").options(**asked).save()


def to_folders(settings: StreamSettings, bundle: Bundle) -> Write:
    """Return what writes ``scores`` and ``rejects`` below the sink as Parquet, each micro-batch once."""
    of_files, out = not settings.reads.is_topic, settings.writes.name
    kinds = ", ".join(f"`{name}` {kind}" for name, kind in reply_kinds(bundle, settings, of_files).items())
    place = {"place": "file", "part": "block", "at": "row"}
    place = place if of_files else {"place": "topic", "part": "partition", "at": "offset"}

    def write(told: DataFrame, number: int) -> None:
        from pyspark.sql import functions as sf

        text = sf.col("value").cast("string")
        scores = told.where("visitor_id IS NOT NULL").select(sf.from_json(text, kinds).alias("score"))
        _put(scores.select("score.*"), f"{out}/scores/batch={number:09d}")
        names = [sf.col(cell).alias(name) for cell, name in place.items()]
        dead = told.where("reason IS NOT NULL").select(*names, "reason", "column", "hint", text.alias("raw"))
        _put(dead, f"{out}/rejects/batch={number:09d}")

    return write


def _put(rows: DataFrame, folder: str) -> None:
    rows.write.mode("overwrite").parquet(folder)


def reply_kinds(bundle: Bundle, settings: StreamSettings, of_files: bool) -> dict[str, str]:
    """Return the columns of a score and their types as Spark writes them, found by scoring one event."""
    score = BatchScorer(bundle, settings.recommend)
    tried = Arrived(0, 0, 0, None, json_writer()(_TRIED))
    ((_, said),) = score([tried], {0: score.shelf(0)}).scores
    reply = dict(said) if isinstance(said, dict) else json_reader()(said)
    if of_files:
        del reply["partition"], reply["offset"]
        reply.update(file="", block=0, row=0)
    return {name: _kind(name, value) for name, value in reply.items()}


def _kind(name: str, value: Any) -> str:
    if name == "event_time":
        return "timestamp"
    if name == "recommendations":
        told = get_type_hints(Suggestion)
        inner = [f"`{f.name}`: {_KINDS[_of_optional(told[f.name])]}" for f in fields(Suggestion)]
        return f"array<struct<{', '.join(inner)}>>"
    return _KINDS[type(value)]


def _of_optional(hint: Any) -> Any:
    """``str`` of ``str | None``."""
    return next((kind for kind in getattr(hint, "__args__", ()) if kind is not type(None)), hint)
