"""Streams on Spark: batch's scores, rejects with reasons, and a checkpoint with which a query goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from buysignal.errors import BundleError, InputError, SourceError
from buysignal.spark.session import opened_session
from buysignal.spark.streaming import Streamed, stream
from buysignal.spark.streaming_settings import Place, StreamSettings
from buysignal.spark.streaming_source import NUMBERED, number_rows
from shop import Shop
from stream.kafka_help import assert_equal, batch_scores, raw_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
java = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not installed")

ROWS = 2_000

QUICK = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""For small data: most of the time Java would compile what is run only once."""


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    with opened_session("local[2]", QUICK) as started:
        yield started


@pytest.fixture(scope="module")
def rows(shop: Shop) -> pa.Table:
    return raw_rows(shop.events, ROWS)


def settings(folder: Path, **more: Any) -> StreamSettings:
    places = (str(folder / name) for name in ("in", "out", "checkpoint"))
    return StreamSettings(*places, **{"files_at_once": 1, "until_empty": True, "partitions": 2, **more})


def put(folder: Path, rows: pa.Table, *names: str) -> None:
    """Write rows as files that came one after the other."""
    (folder / "in").mkdir(exist_ok=True)
    for number, name in enumerate(names):
        part = rows.num_rows // len(names)
        pq.write_table(rows.slice(number * part, part), folder / "in" / f"{name}.parquet")


def scores_in(folder: Path) -> pd.DataFrame:
    """The scores as any program reads them, under the names that they have over Kafka."""
    found = pq.read_table(folder / "out" / "scores").to_pandas()
    return found.rename(columns={"file": "partition", "row": "offset"}).set_index(["session_id", "clicks"])


def stopping(error: BaseException) -> Callable[[Streamed], None]:
    def tell(done: Streamed) -> None:
        if done.batches:
            raise error

    return tell


class PlugError(Exception):
    """Somebody pulled the plug."""


@java
@pytest.mark.usefixtures("session")
def test_a_query_that_is_broken_off_goes_on_with_what_it_knew(
    shop: Shop, rows: pa.Table, tmp_path: Path
) -> None:
    put(tmp_path, rows, "a", "b", "c", "d")
    with pytest.raises(PlugError):
        stream(shop.folder, settings(tmp_path), tell=stopping(PlugError()))
    stop = Event()
    some = stream(shop.folder, settings(tmp_path), stop=stop, tell=lambda done: done.batches and stop.set())
    rest = stream(shop.folder, settings(tmp_path))
    assert some.batches >= 1
    assert stream(shop.folder, settings(tmp_path)) == Streamed()

    batch = batch_scores(shop.bundle, rows, tmp_path)
    assert_equal(scores_in(tmp_path).sort_index(), batch)
    rejects = pq.read_table(tmp_path / "out" / "rejects").to_pandas()
    assert set(rejects["reason"]) == {"duplicate_event"}
    assert rest.events == rest.scored + rest.rejected + rest.refused
    refused = (~rows.column("consent").to_pandas().astype(bool)).sum()
    assert len(batch) + len(rejects) + refused == ROWS


BAD = {
    "no json": "broken_json",
    '{"visitor_id": "v"}': "missing",
    '{"event_name": "page_view"}': "missing",
    '{"visitor_id": "v", "event_name": "page_view", "price": "many"}': "bad_number",
    '{"visitor_id": "v", "event_name": "page_view", "event_time": "soon"}': "bad_time",
}


@java
@pytest.mark.usefixtures("session")
def test_bad_lines_have_a_reason_and_visitors_of_long_ago_are_forgotten(shop: Shop, tmp_path: Path) -> None:
    good = '{"visitor_id": "v", "event_name": "page_view", "event_time": "2025-03-20T12:00:00.000001Z"}'
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text("\n".join([*BAD, good, "", good]))
    asked = settings(tmp_path, files="json", forget_after="1s")
    first = stream(shop.folder, asked)
    assert (first.events, first.scored, first.rejected) == (len(BAD) + 2, 1, len(BAD) + 1)
    rejects = pq.read_table(tmp_path / "out" / "rejects").to_pandas().sort_values("row")
    assert dict(zip(rejects["raw"], rejects["reason"], strict=True)) == {**BAD, good: "duplicate_event"}
    assert rejects["row"].tolist() == [1, 2, 3, 4, 5, 8]
    assert rejects["hint"].all()

    time.sleep(1.2)
    (tmp_path / "in" / "b.json").write_text(good)
    stream(shop.folder, asked)
    again = pq.read_table(tmp_path / "out" / "scores").to_pandas()
    assert again["clicks"].tolist() == [1, 1]
    assert again["event_time"].dt.microsecond.tolist() == [1, 1]
    assert set(again["goal"]) == {"purchase"}
    assert not again["proxy"].any()
    assert again["simulated"].all()


@java
def test_a_checkpoint_belongs_to_one_query(session: SparkSession, shop: Shop, tmp_path: Path) -> None:
    put(tmp_path, raw_rows(shop.events, 20), "a")
    stream(shop.folder, settings(tmp_path))
    with pytest.raises(SourceError, match="lie in 2 partitions"):
        stream(shop.folder, settings(tmp_path, partitions=3))
    elsewhere = StreamSettings(str(tmp_path), str(tmp_path / "out"), str(tmp_path / "checkpoint"))
    with pytest.raises(SourceError, match="is that of a query on"):
        stream(shop.folder, elsewhere)
    (tmp_path / "empty").mkdir()
    nothing = StreamSettings(str(tmp_path / "empty"), str(tmp_path / "out"), str(tmp_path / "other"))
    with pytest.raises(SourceError, match="holds no Parquet file yet"):
        stream(shop.folder, nothing)
    assert session.conf.get("spark.sql.streaming.noDataMicroBatches.enabled") == "true"


@java
def test_over_kafka_it_says_what_the_workers_of_kafka_say(
    broker: str, shop: Shop, unique: str, rows: pa.Table, tmp_path: Path
) -> None:
    """In a process of its own, since Java takes the connector when it starts."""
    from stream.kafka_help import as_messages, live_scores, make_topic, read_committed, send

    pairs = as_messages(rows)
    events, scores = f"events-{unique}", f"scores-{unique}"
    for topic in (events, scores, f"{events}-dead"):
        make_topic(broker, topic, 2)
    send(broker, events, [*pairs[:1_000], *(("v", bad.encode()) for bad in BAD), *pairs[1_000:]])
    command = [sys.executable, "-m", "buysignal", "spark-stream", str(shop.folder), "--bootstrap", broker]
    places = ["--in", f"kafka:{events}", "--out", f"kafka:{scores}", "--checkpoint", str(tmp_path / "c")]
    how = ["--until-empty", "--at-once", "1500", "--master", "local[2]"]
    how += [part for key, value in QUICK.items() for part in ("--conf", f"{key}={value}")]
    done = subprocess.run([*command, *places, *how], capture_output=True, text=True, env=os.environ.copy())
    if "unresolved dependency" in done.stderr:
        pytest.skip("Spark's connector to Kafka cannot be had from Maven Central")
    assert done.returncode == 0, done.stderr

    batch = batch_scores(shop.bundle, rows, tmp_path)
    assert_equal(live_scores(read_committed(broker, scores, len(batch))), batch)
    dead = read_committed(broker, f"{events}-dead", len(BAD))
    reasons = {m.value().decode(): dict(m.headers())["reason"].decode() for m in dead}
    assert BAD.items() <= reasons.items()
    assert {name for name, _ in dead[0].headers()} == {
        "reason", "column", "hint", "topic", "partition", "offset",
    }  # fmt: skip
    assert "Simulated:" in done.stderr


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"source": "kafka:events"}, "a topic is named, and no broker"),
        ({"bootstrap": "localhost:9092"}, "brokers are named, and no topic"),
        ({"rejects": "dead"}, "rejects lie beside the scores"),
        ({"source": "kafka:"}, "'kafka:' names no place"),
        ({"forget_after": "90"}, "has no unit"),
        ({"every": "10"}, "has no unit"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        StreamSettings(**{"source": "in", "sink": "out", "checkpoint": "c", **told}).checked()


def test_dead_letters_go_where_the_kafka_door_sends_them() -> None:
    of_topic = StreamSettings("kafka:clicks", "kafka:scores", "c", bootstrap="b")
    of_folder = StreamSettings("in", "kafka:scores", "c", bootstrap="b")
    assert (of_topic.dead, of_folder.dead) == ("clicks-dead", "scores-dead")
    assert Place.of("kafka:clicks").is_topic


def test_a_bundle_for_visits_that_are_over_is_refused(session_rows: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="visits that are over"):
        stream(session_rows / "bundle", settings(tmp_path))


def test_rows_are_numbered_within_their_block_wherever_batches_end() -> None:
    blocks = [("a", 0), ("a", 0), ("a", 0), ("a", 64), ("b", 0), ("b", 0)]
    table = pa.table(
        {
            "turn": [0] * len(blocks),
            "place": [place for place, _ in blocks],
            "part": [part for _, part in blocks],
            "value": ["{}"] * len(blocks),
        }
    )
    for size in (1, 2, 4, 6):
        found = pa.Table.from_batches(number_rows(iter(table.to_batches(max_chunksize=size))), NUMBERED)
        assert found.column("at").to_pylist() == [1, 2, 3, 1, 1, 2]
