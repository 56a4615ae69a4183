"""``score`` on a cluster: the bundle goes to the workers, the one scorer runs over whole visitors there."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal import bundle as bundles
from buysignal import events as ev
from buysignal import scoring
from buysignal.bundle import Bundle
from buysignal.errors import SourceError
from buysignal.spark.folding import ROWS_PER_BATCH
from buysignal.spark.inputs import Input
from buysignal.spark.jobs import Jobs, Progress
from buysignal.spark.learning import SETTLED_BY
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.run import Made, run
from buysignal.spark.typed import spark_schema
from buysignal.spark.visitors import (
    NARROW,
    Batches,
    Work,
    count_refusals,
    settled_of,
    without_refusals,
)

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame, SparkSession


def score(
    bundle: str | Path,
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    reasons: bool = False,
    every_event: bool = False,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write a score for every visit to ``out/scores``, and the rejects to ``out/rejects``.

    Events of visitors who refused consent are left out and counted.

    Args:
        bundle: a folder that ``train`` wrote, on the machine that starts the run.
        paths: Parquet files or folders, as Spark names them.
        out: a folder that does not exist yet.
        reasons: say what moves each score; slower.
        every_event: a score after every event, not only the last.
        options: without a profile the bundle's is taken.

    Raises:
        BundleError: the bundle is none, or was changed.
        InputError: the files cannot be read as events, or ``out`` exists.
        DependencyError: pyspark is not installed.
    """
    loaded = bundles.load(bundle)
    if not loaded.reads_events:
        raise SourceError(
            "this bundle reads session rows",
            allowed="a bundle that was trained on events",
            todo="score session tables on one machine",
        )
    asked = options or Options()
    asked = replace(asked, profile=asked.profile or loaded.profile)
    kinds = score_schema(loaded, reasons=reasons, every_event=every_event)

    def make(spark: SparkSession, source: Input, jobs: Jobs, target: str) -> Made:
        shipped = spark.sparkContext.broadcast((loaded.version, _contents(Path(bundle))))
        work = _scoring(shipped, kinds, reasons=reasons, every_event=every_event)
        scored = source.rows.mapInArrow(work, spark_schema(kinds))
        refused = jobs.run(lambda: _refused(source.rows))
        return Made(scored, "count(*)" if every_event else "sum(clicks)", refused)

    steps = [("counting refusals", 0.02)]
    return run(paths, out, "scores", make, options=asked, steps=steps, progress=progress)


def _refused(rows: DataFrame) -> int:
    """Count the events that are left out for want of consent; those that stand twice once."""
    if "consent" not in rows.columns or rows.where("NOT consent").isEmpty():
        return 0
    narrow = rows.select(*(column for column in rows.columns if column in (*SETTLED_BY, *NARROW)))
    return int(narrow.mapInArrow(count_refusals, "refused bigint").groupBy().sum().collect()[0][0])


def score_schema(bundle: Bundle, *, reasons: bool, every_event: bool) -> pa.Schema:
    """Return the columns of the scores, found by scoring one event."""
    one = {"visitor_id": ["v"], "session_id": ["s"], "event_seq": [0], "event_name": ["page_view"]}
    scored = scoring.score(bundle, ev.conform(pa.table(one)), reasons=reasons, every_event=every_event)
    found = pa.Table.from_pandas(scored.table, preserve_index=False).schema
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in found])


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type as Spark has it; what one event leaves open is text."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.string() if pa.types.is_null(kind) or pa.types.is_large_string(kind) else kind


def _contents(bundle: Path) -> dict[str, bytes]:
    """Return the files of a bundle, which every worker is given."""
    return {file.name: file.read_bytes() for file in sorted(bundle.iterdir()) if file.is_file()}


_arrived: dict[str, Bundle] = {}
"""Bundles this worker has read, by their version: it does one task after another."""


def _opened(version: str, contents: dict[str, bytes]) -> Bundle:
    if version not in _arrived:
        with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
            for name, content in contents.items():
                (Path(folder) / name).write_bytes(content)
            _arrived[version] = bundles.load(folder)
    return _arrived[version]


def _scoring(
    shipped: Broadcast[tuple[str, dict[str, bytes]]], kinds: pa.Schema, *, reasons: bool, every_event: bool
) -> Work:
    def work(batches: Batches) -> Batches:
        bundle = _opened(*shipped.value)
        for settled in settled_of(batches):
            events = without_refusals(settled)
            if not events.num_rows:
                continue
            scored = scoring.score(bundle, events, reasons=reasons, every_event=every_event)
            table = pa.Table.from_pandas(scored.table, preserve_index=False)
            yield from table.cast(kinds).to_batches(max_chunksize=ROWS_PER_BATCH)

    return work
