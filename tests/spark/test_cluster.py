"""A cluster gives the answers of one machine to the last bit (Spark in local mode, two workers)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from made_dirty import HUGE, write_dirty, write_huge

from buysignal import bundle as bundles
from buysignal import features as ft
from buysignal import scoring, sessions, sources, spark
from buysignal.sources.read import Loaded
from buysignal.spark.folding import IDS
from buysignal.spark.jobs import Jobs
from buysignal.spark.session import opened_session
from shop import Shop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
pytestmark = pytest.mark.skipif(
    shutil.which("java") is None, reason="Spark needs Java, which is not installed"
)


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[SparkSession]:
    """One session for all tests of this file: starting it takes longer than most of them."""
    with opened_session("local[2]", {"spark.driver.memory": "1g"}) as started:
        yield started


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def loaded(dirty: Path) -> Loaded:
    return sources.load(dirty)


@pytest.fixture(scope="module")
def made(dirty: Path, tmp_path_factory: pytest.TempPathFactory) -> spark.Outcome:
    return spark.features([dirty], tmp_path_factory.mktemp("out") / "features")


def features_of(events: pa.Table, vocabulary: ft.Vocabulary | None = None) -> pa.Table:
    """What one machine makes of events, in the columns that a cluster writes."""
    assigned = sessions.assign(events)
    X = ft.fold(assigned, vocabulary or ft.fit_vocabulary(assigned))
    ids = [assigned.column(name) for name in IDS]
    return pa.table([*ids, *(pa.array(column) for column in X.T)], names=[*IDS, *ft.NAMES])


def by_visitor(folder: str) -> pa.Table:
    table = pq.read_table(folder)
    return table.take(pc.sort_indices(table, sort_keys=[("visitor_id", "ascending")]))


def assert_same(found: pa.Table, wanted: pa.Table) -> None:
    """Ids, order and every bit of every feature."""
    assert found.column_names == wanted.column_names
    assert found.num_rows == wanted.num_rows
    for name in IDS:
        assert found.column(name).equals(wanted.column(name).cast(found.column(name).type)), name
    for name in ft.NAMES:
        ours, theirs = (t.column(name).to_numpy().view(np.uint32) for t in (found, wanted))
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_features_of_dirty_files_are_those_of_one_machine(made: spark.Outcome, loaded: Loaded) -> None:
    assert_same(by_visitor(f"{made.out}/features"), features_of(loaded.table))


def test_rejects_are_those_of_one_machine(made: spark.Outcome, loaded: Loaded) -> None:
    rejects = pq.read_table(f"{made.out}/rejects")
    assert rejects.cast(loaded.rejects.table.schema).equals(loaded.rejects.table)
    assert made.rejected == loaded.rejects.by_reason()
    expected = {
        "missing", "impossible_time", "negative_price", "absurd_price", "unknown_currency",
        "session_of_two_visitors", "duplicate_event",
    }  # fmt: skip
    assert set(made.rejected) == expected


def test_every_row_is_kept_or_rejected(made: spark.Outcome, loaded: Loaded) -> None:
    assert made.rows_in == loaded.rows_in == made.rows_kept + made.rows_rejected
    assert (made.rows_kept, made.duplicates) == (loaded.rows_kept, loaded.duplicates)
    assert (made.currency, made.profile) == (loaded.currency, loaded.profile)


def test_the_number_of_partitions_changes_nothing(made: spark.Outcome, dirty: Path, tmp_path: Path) -> None:
    again = spark.features([dirty], tmp_path / "out", options=spark.Options(partitions=7))
    assert len(list((tmp_path / "out" / "features").glob("*.parquet"))) == 7
    assert_same(by_visitor(f"{again.out}/features"), by_visitor(f"{made.out}/features"))


def test_a_visitor_with_very_many_events_is_one_visitor(tmp_path: Path) -> None:
    path = write_huge(tmp_path / "in")
    outcome = spark.features([path], tmp_path / "out")
    found = by_visitor(f"{outcome.out}/features")
    assert pc.sum(pc.equal(found.column("visitor_id"), HUGE)).as_py() == 200_000
    assert_same(found, features_of(sources.load(path).table))


def test_a_bundle_brings_its_vocabulary(shop: Shop, tmp_path: Path) -> None:
    vocabulary = shop.bundle.vocabulary
    outcome = spark.features([shop.events], tmp_path / "out", vocabulary=vocabulary)
    wanted = features_of(sources.load(shop.events).table, vocabulary)
    assert_same(by_visitor(f"{outcome.out}/features"), wanted)


@pytest.mark.parametrize("every_event", [False, True])
def test_scores_are_those_of_one_machine(shop: Shop, tmp_path: Path, every_event: bool) -> None:
    outcome = spark.score(shop.folder, [shop.events], tmp_path / "out", every_event=every_event)
    wanted = scoring.score_paths(bundles.load(shop.folder), shop.events, every_event=every_event).table
    found = by_visitor(f"{outcome.out}/scores").to_pandas()
    assert outcome.rows == len(wanted)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True, check_dtype=False)


def test_progress_ends_at_the_whole_and_never_goes_back(dirty: Path, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    spark.features([dirty], tmp_path / "out", progress=lambda share, text: told.append((share, text)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert any("tasks" in text for _, text in told)


def test_an_interruption_ends_the_jobs(session: SparkSession) -> None:
    def interrupt(share: float, text: str) -> None:
        if "tasks" in text:
            raise KeyboardInterrupt

    def long() -> int:
        return session.range(0, 1 << 62, 1, 4).selectExpr("sum(sha2(cast(id AS string), 512))").count()

    with pytest.raises(KeyboardInterrupt):
        Jobs(session, interrupt, [("counting to the end of numbers", 1.0)]).run(long)
    tracker = session.sparkContext.statusTracker()
    assert not tracker.getActiveJobsIds()
