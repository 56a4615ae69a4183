"""A cluster gives the answers of one machine to the last bit (Spark in local mode, two workers)."""

from __future__ import annotations

import io
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

from buysignal import features as ft
from buysignal import scoring, spark
from buysignal.errors import InputError, SourceError
from buysignal.history.features import Features, write_features
from buysignal.history.settings import Reading
from buysignal.spark.jobs import Jobs
from buysignal.spark.session import opened_session
from made_dirty import HUGE, HUGE_EVENTS, write_dirty, write_huge
from shop import Shop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
pytestmark = pytest.mark.skipif(
    shutil.which("java") is None, reason="Spark needs Java, which is not installed"
)


QUICK = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""For small data: most of the time Java would compile what is run only once."""

PARTITIONS = 5


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[SparkSession]:
    """One session for all tests of this file: starting it takes longer than most of them."""
    with opened_session(
        "local[2]", {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "4"}
    ) as started:
        yield started


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def alone(dirty: Path, tmp_path_factory: pytest.TempPathFactory) -> Features:
    """What one machine makes of the same files."""
    return write_features(Reading((dirty,)), tmp_path_factory.mktemp("alone"), piece=4_000)


@pytest.fixture(scope="module")
def told() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="module")
def made(
    dirty: Path, told: list[tuple[float, str]], tmp_path_factory: pytest.TempPathFactory
) -> spark.Outcome:
    out = tmp_path_factory.mktemp("cluster") / "made"
    options = spark.Options(partitions=PARTITIONS)
    return spark.features([dirty], out, options=options, progress=lambda s, text: told.append((s, text)))


def plain(table: pa.Table) -> pa.Table:
    """Text as text, dictionary or not."""
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True)))).combine_chunks()


def features_in(folder: str | Path) -> pa.Table:
    """Rows by visitor, each visitor's in the order they stand in."""
    table = plain(pq.read_table(Path(folder) / "features"))
    return table.take(pc.sort_indices(table, sort_keys=[("visitor_id", "ascending")]))


def assert_same(found: pa.Table, wanted: pa.Table) -> None:
    """Ids, order and every bit of every feature."""
    assert found.schema.equals(wanted.schema)
    assert found.num_rows == wanted.num_rows
    for name in wanted.column_names:
        ours, theirs = (t.column(name).combine_chunks() for t in (found, wanted))
        if name in ft.NAMES:
            ours, theirs = (
                pa.array(a.to_numpy(zero_copy_only=False).view(np.uint32)) for a in (ours, theirs)
            )
        assert ours.equals(theirs), name


def test_features_of_dirty_files_are_those_of_one_machine(made: spark.Outcome, alone: Features) -> None:
    assert_same(features_in(made.out), features_in(alone.path))
    assert len(list((Path(made.out) / "features").glob("*.parquet"))) == PARTITIONS


def test_the_vocabulary_is_that_of_one_machine(made: spark.Outcome, alone: Features) -> None:
    found, wanted = ((Path(folder) / "vocabulary.npz").read_bytes() for folder in (made.out, alone.path))
    ours, theirs = (np.load(io.BytesIO(content)) for content in (found, wanted))
    assert sorted(ours) == sorted(theirs)
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_rejects_are_those_of_one_machine(made: spark.Outcome, alone: Features) -> None:
    ours = pq.read_table(Path(made.out) / "rejects")
    theirs = pq.read_table(alone.path / "rejects.parquet")
    assert ours.cast(theirs.schema).equals(theirs)
    assert set(made.rejected) == {
        "missing", "impossible_time", "negative_price", "absurd_price", "unknown_currency",
        "session_of_two_visitors", "duplicate_event",
    }  # fmt: skip


def test_every_row_is_kept_refused_or_rejected(made: spark.Outcome, alone: Features) -> None:
    totals = alone.totals
    assert made.rows_in == totals.rows_in == made.rows + made.refused + made.rows_rejected
    assert (made.rows, made.refused, made.rows_rejected) == (totals.kept, totals.refused, totals.rejected)
    assert (made.currency, made.profile.name) == (totals.currency, totals.profile)
    assert made.refused > 0


def test_progress_ends_at_the_whole_and_never_goes_back(
    made: spark.Outcome, told: list[tuple[float, str]]
) -> None:
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert any("tasks" in text for _, text in told)


def test_a_visitor_with_very_many_events_is_one_visitor_and_a_bundle_brings_its_vocabulary(
    shop: Shop, tmp_path: Path
) -> None:
    path, vocabulary = write_huge(tmp_path / "in"), shop.bundle.vocabulary
    outcome = spark.features([path], tmp_path / "out", vocabulary=vocabulary)
    found = features_in(outcome.out)
    assert pc.sum(pc.equal(found.column("visitor_id"), HUGE)).as_py() == HUGE_EVENTS
    wanted = write_features(Reading((path,)), tmp_path / "alone", vocabulary=vocabulary)
    assert_same(found, features_in(wanted.path))


def test_scores_are_those_of_one_machine(shop: Shop, tmp_path: Path) -> None:
    outcome = spark.score(shop.folder, [shop.events], tmp_path / "out")
    wanted = scoring.score_paths(shop.bundle, shop.events).table
    found = pq.read_table(tmp_path / "out" / "scores")
    found = found.take(pc.sort_indices(found, sort_keys=[("visitor_id", "ascending")])).to_pandas()
    assert outcome.rows == len(wanted)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


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


def write(folder: Path, **tables: pa.Table) -> Path:
    folder.mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


EVENTS = pa.table(
    {
        "visitor_id": ["a", "a", "b"],
        "event_time": ["2024-05-01T10:00:00Z", "2024-05-01T10:01:00Z", "2024-05-02T09:00:00Z"],
        "event_name": ["page_view", "view_item", "page_view"],
    }
)


def sentence_of(paths: list[Path], out: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        spark.features(paths, out, options=spark.Options(**options))  # type: ignore[arg-type]
    assert not out.exists()
    return str(caught.value)


def test_a_file_that_cannot_be_read_like_its_neighbours_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a=EVENTS, b=pa.table({"item": ["x"], "weight": [1.0]}))
    said = sentence_of([source], tmp_path / "out", profile="generic")
    assert f"{source}/b.parquet has other columns than the files beside it" in said


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a=EVENTS.drop_columns(["visitor_id"]))
    said = sentence_of([source / "a.parquet"], tmp_path / "out", profile="generic")
    assert "has no column for visitor_id" in said


def test_other_files_than_parquet_are_refused(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("visitor_id,event_name\na,page_view\n")
    said = sentence_of([tmp_path / "events.csv"], tmp_path / "out")
    assert "events.csv is no Parquet file" in said
    assert "write it as Parquet" in said


def test_a_damaged_file_and_one_that_is_not_there_are_named(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a=EVENTS, b=EVENTS)
    whole = (source / "b.parquet").read_bytes()
    (source / "b.parquet").write_bytes(whole[: len(whole) // 2])
    assert f"{source}/b.parquet is a damaged Parquet file" in sentence_of([source], tmp_path / "out")
    assert "there is no file" in sentence_of([tmp_path / "nowhere"], tmp_path / "out")


def test_a_folder_that_exists_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="exists already"):
        spark.features([write(tmp_path / "in", a=EVENTS)], tmp_path / "out")


def test_a_file_that_is_damaged_within_is_named(session: SparkSession, tmp_path: Path) -> None:
    many = pa.concat_tables([EVENTS] * 5_000)
    source = write(tmp_path / "in", a=EVENTS, b=many)
    content = bytearray((source / "b.parquet").read_bytes())
    content[40:400] = bytes(360)
    (source / "b.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"b\.parquet cannot be read"):
        spark.features([source], tmp_path / "out")


def test_rows_of_another_kind_than_the_bundles_are_refused(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "in", a=pa.table({"item": ["x"], "weight": [1.0]}))
    with pytest.raises(InputError):
        spark.score(shop.folder, [source], tmp_path / "out")
