"""What the events themselves teach, on a cluster: the moments that part them, and their vocabulary.

The answers are those of ``history.learn``: the same share of the sessions stands behind each moment, and
the moment is the start of one session, found by counting within ever smaller spans of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from buysignal import sessions
from buysignal.errors import SamplesError
from buysignal.features.vocabulary import vocabulary_of
from buysignal.history.learn import COUNTED, Learned, session_spans
from buysignal.sources.settled import PLACE
from buysignal.spark.counting import count_all
from buysignal.spark.jobs import Jobs
from buysignal.spark.plan import SEQUENCE
from buysignal.spark.visitors import Batches, Work, settled_of, without_refusals
from buysignal.splits import TimeCuts, time_cuts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEPS = (("finding the training period", 0.08), ("learning the vocabulary", 0.12))
TEST_SHARE, VALIDATE_SHARE = 0.2, 0.15
"""As ``splits.time_cuts`` has them."""

SETTLED_BY = ("event_seq", "event_name", "consent", SEQUENCE, *PLACE)
"""Columns that sessions and consent depend on, beside those that are counted."""

SPANS = pa.schema([("start", pa.int64()), ("end", pa.int64()), ("refused", pa.int64())])
WIDTHS = (3_600_000_000, 1_000_000, 1)
"""Microseconds of an hour, of a second, and the moment itself."""


def learn(rows: DataFrame, session_gap: str, cut: str | None, jobs: Jobs) -> tuple[Learned, int]:
    """Return what is learned, and how many events are left out for want of consent; takes ``STEPS``.

    Args:
        rows: sorted rows, as ``inputs.prepare`` returns them.
        cut: as for ``history.learn.learn``.

    Raises:
        SamplesError: there are no times, or no session ends before the cut.
    """
    wanted = {*COUNTED, *SETTLED_BY}
    narrow = rows.select(*(column for column in rows.columns if column in wanted))
    cuts, refused = jobs.run(lambda: _parted(narrow, session_gap, cut))
    counts = jobs.run(lambda: count_all(narrow, session_gap, cuts))
    return Learned(cuts, counts, vocabulary_of(counts)), refused


def _parted(rows: DataFrame, session_gap: str, cut: str | None) -> tuple[TimeCuts, int]:
    from pyspark import StorageLevel
    from pyspark.sql import functions as sf

    columns = "start bigint, end bigint, refused bigint"
    spans = rows.mapInArrow(_spans(session_gap), columns).persist(StorageLevel.DISK_ONLY)
    try:
        refused = spans.agg(sf.sum("refused")).collect()[0][0] or 0
        return _cuts(spans.where("start IS NOT NULL"), cut), int(refused)
    finally:
        spans.unpersist()


def _spans(session_gap: str) -> Work:
    """Return the work that yields first and last moment of every session, and counts refusals."""

    def work(batches: Batches) -> Batches:
        for events in settled_of(batches):
            kept = without_refusals(events)
            found = session_spans(sessions.assign(kept, session_gap))
            start, end = (pa.array(moments.astype(np.int64), mask=np.isnat(moments)) for moments in found)
            refused = pa.array(np.zeros(len(start), np.int64))
            yield from pa.table([start, end, refused], schema=SPANS).to_batches()
            left_out = [[None], [None], [events.num_rows - kept.num_rows]]
            yield pa.RecordBatch.from_arrays(
                [pa.array(column, pa.int64()) for column in left_out], schema=SPANS
            )

    return work


def _cuts(spans: DataFrame, cut: str | None) -> TimeCuts:
    """Do as ``splits.time_cuts``, where the sessions do not fit onto one machine."""
    if spans.isEmpty():
        raise SamplesError(
            "no event has a time or date, so there is no earlier and later",
            todo="give a bundle with --bundle: its vocabulary is learned already",
        )
    test_from = _quantile(spans, 1 - TEST_SHARE) if cut is None else _given(cut)
    before = spans.where(f"start < {test_from} AND end < {test_from}")
    if before.isEmpty():
        shown = str(np.datetime64(test_from, "us").astype("datetime64[s]")).replace("T", " ")
        raise SamplesError(f"no session ends before {shown}", todo="choose a later cut")
    validate_from = _quantile(before, 1 - VALIDATE_SHARE)
    return TimeCuts(
        np.datetime64(validate_from, "us"), np.datetime64(test_from, "us"), np.timedelta64(0, "us")
    )


def _given(cut: str) -> int:
    """The moment of a cut in microseconds, read by ``time_cuts`` itself."""
    days = np.array(["1700-01-01", "1700-01-02"], "datetime64[us]")
    return int(time_cuts(days, days, cut=cut).test_from.astype(np.int64))


def _quantile(spans: DataFrame, share: float) -> int:
    """The start behind which the rest of the sessions lie; later than the very first."""
    from pyspark.sql import functions as sf

    n, first = spans.agg(sf.count("*"), sf.min("start")).collect()[0]
    moment = _start_at(spans, min(int(np.ceil(n * share)), n - 1))
    if moment > first:
        return moment
    later = spans.where(f"start > {moment}").agg(sf.min("start")).collect()[0][0]
    if later is None:
        raise SamplesError("all sessions start at the same moment", todo="split by k-fold instead")
    return int(later)


def _start_at(spans: DataFrame, position: int) -> int:
    """The start at ``position`` (from 0) of all starts in order."""
    low, high, rank = None, None, position
    for width in WIDTHS:
        inside = spans if low is None else spans.where(f"start >= {low} AND start < {high}")
        groups = inside.selectExpr(f"floor(start / {width}) AS place").groupBy("place").count()
        for place, n in sorted((int(place), n) for place, n in groups.collect()):
            if rank < n:
                low, high = place * width, (place + 1) * width
                break
            rank -= n
    assert low is not None
    return low
