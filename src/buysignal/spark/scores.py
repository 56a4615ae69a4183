"""``score`` on a cluster: the bundle goes to the workers, the one scorer runs over whole visitors there."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
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
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.run import run
from buysignal.spark.typed import spark_schema
from buysignal.spark.visitors import Batches, Work, settled_of

if TYPE_CHECKING:
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

    def make(spark: SparkSession, source: Input, jobs: Jobs) -> DataFrame:
        archive = _ship(spark, Path(bundle))
        work = _scoring(archive, kinds, reasons=reasons, every_event=every_event)
        return source.rows.mapInArrow(work, spark_schema(kinds))

    return run(paths, out, "scores", make, options=asked, progress=progress)


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


def _ship(spark: SparkSession, bundle: Path) -> str:
    """Send the bundle to all workers, and return its name there."""
    name = f"bundle-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        archive = shutil.make_archive(str(Path(folder) / name), "zip", bundle)
        spark.sparkContext.addArchive(archive)
    return f"{name}.zip"


@lru_cache(maxsize=2)
def _arrived(archive: str) -> Bundle:
    from pyspark import SparkFiles

    return bundles.load(SparkFiles.get(archive))


def _scoring(archive: str, kinds: pa.Schema, *, reasons: bool, every_event: bool) -> Work:
    def work(batches: Batches) -> Batches:
        for events in settled_of(batches):
            scored = scoring.score(_arrived(archive), events, reasons=reasons, every_event=every_event)
            table = pa.Table.from_pandas(scored.table, preserve_index=False)
            yield from table.cast(kinds).to_batches(max_chunksize=ROWS_PER_BATCH)

    return work
