"""One answer: the same 100,000 dirty events through every door, each held to what batch says of the file.

What was planted (duplicates, late and out-of-order rows, bots, empty cells, two currencies, refused consent)
is treated alike by all doors but for what their pages say:

- Consent: no door answers for visitors who refuse, and live doors keep nothing of them.
- What comes twice: HTTP knows it by its ``event_id``, the others by the bytes of the row.
- Currencies: HTTP takes prices in the model's currency alone, so the sender converts; the others convert.
- Visits of more than 500 events: all read the first 500, and batch counts the others in ``clicks``.
- Late events: no answer knows of what came after it. Answers in between are compared for visitors of whom
  nothing came late. Visits of whose visitor an earlier event came after their last answer (2 %) are
  asked for again where a door can be asked, which is HTTP.
- Two events of the very same moment: live doors keep the order in which they came, batch that of
  ``event_seq``; visits where these are not the same (some of ten thousand) are left out.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from buysignal import scoring
from doors.asking import ask_one_by_one
from doors.dirty_stream import (
    EVENTS,
    Stream,
    assert_equal,
    assert_events_equal,
    assert_visits_equal,
    write_stream,
)
from serve.conftest import started
from shop import Shop

FILES = 4
WORKERS = 3


@pytest.fixture(scope="module")
def stream(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return Stream(write_stream(tmp_path_factory.mktemp("stream")), shop.bundle)


def test_the_stream_has_every_kind_of_dirt(stream: Stream) -> None:
    rows = stream.rows
    assert rows.num_rows == EVENTS
    assert stream.late_visitors
    assert stream.refused
    assert len(stream.scored) < EVENTS
    assert stream.scored["suspected_bot"].any()
    assert set(rows.column("currency").unique().to_pylist()) == {"EUR", "USD", None}
    assert rows.column("category").null_count


def at_once(stream: Stream, folder: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    return scoring.score_paths(stream.bundle, stream.file).table


def over_http(stream: Stream, folder: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    with started(stream.bundle.path, folder / "log") as server:
        answers = ask_one_by_one(server.port, stream.requests)
        visits = sorted(stream.overtaken - stream.turned)
        with server.client() as client:
            again = pd.DataFrame([client.session(visit) for visit in visits])
    batch = stream.scored.groupby(level="session_id").tail(1).droplevel("click")
    assert_equal(again.set_index("session_id"), batch.loc[again["session_id"]])
    return pd.DataFrame([answer for answer in answers if not answer.get("repeated")])


def over_kafka(stream: Stream, folder: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    """Three workers; while they are at it one ends and another begins."""
    pytest.importorskip("confluent_kafka", reason="the extra 'stream' is not installed")
    from stream.kafka_help import make_topic, read_committed, send

    broker = request.getfixturevalue("broker")
    make_topic(broker, "events-doors", 2 * WORKERS)
    make_topic(broker, "scores-doors", WORKERS)
    some, rest = stream.messages[: EVENTS // 2], stream.messages[EVENTS // 2 :]
    wanted = len(stream.scored)
    working = [_worker(broker, stream) for _ in range(WORKERS)]
    try:
        send(broker, "events-doors", some)
        read_committed(broker, "scores-doors", wanted // 4, within=120)
        working[0].send_signal(signal.SIGTERM)
        working.append(_worker(broker, stream))
        send(broker, "events-doors", rest)
        found = read_committed(broker, "scores-doors", wanted, within=120)
        assert working[0].wait(60) == 0
    finally:
        for worker in working:
            worker.kill()
            worker.wait()
    assert len(found) == wanted
    return _in_order(pd.DataFrame([_json(message.value()) for message in found]), ["partition", "offset"])


def _worker(broker: str, stream: Stream) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "buysignal", "stream", str(stream.bundle.path), "--bootstrap", broker]
    topics = ["--in", "events-doors", "--out", "scores-doors", "--group", "doors", "--batch", "2000"]
    return subprocess.Popen([*command, *topics, "--config", "session.timeout.ms=6000"])


def on_spark(stream: Stream, folder: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    _java()
    from buysignal import spark

    options = spark.Options(master="local[2]", conf=QUICK, partitions=2)
    spark.score(stream.bundle.path, [stream.file], folder / "out", options=options)
    return pq.read_table(folder / "out" / "scores").to_pandas()


def on_spark_streaming(stream: Stream, folder: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    """Files that came one after the other, each a micro-batch."""
    _java()
    from buysignal.spark.streaming import StreamSettings
    from buysignal.spark.streaming import stream as score_stream

    (folder / "in").mkdir()
    for number in range(FILES):
        part = stream.rows.slice(number * EVENTS // FILES, EVENTS // FILES)
        pq.write_table(part, folder / "in" / f"{number}.parquet")
    settings = StreamSettings(
        str(folder / "in"), str(folder / "out"), str(folder / "checkpoint"), files_at_once=1,
        until_empty=True, master="local[2]", conf=QUICK,
    )  # fmt: skip
    done = score_stream(stream.bundle.path, settings)
    assert (done.batches, done.events) == (FILES, EVENTS)
    found = pq.read_table(folder / "out" / "scores").to_pandas()
    assert len(found) == done.scored
    return _in_order(found, ["file", "row"])


QUICK = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def _java() -> None:
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")


def _in_order(found: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    return found.sort_values(place, kind="stable", ignore_index=True)


def _json(content: bytes) -> dict[str, object]:
    import orjson

    return orjson.loads(content)


Door = Callable[[Stream, Path, pytest.FixtureRequest], pd.DataFrame]

LIVE: dict[str, Door] = {
    "REST": over_http, "Kafka": over_kafka, "Spark streaming": on_spark_streaming,
}  # fmt: skip
OF_FILES: dict[str, Door] = {"batch": at_once, "Spark": on_spark}


@pytest.mark.parametrize("door", [*OF_FILES, *LIVE])
def test_one_answer(door: str, stream: Stream, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = {**OF_FILES, **LIVE}[door](stream, tmp_path, request)
    assert_visits_equal(found, stream, live=door in LIVE)
    assert not set(found["visitor_id"]) & stream.refused
    if door in LIVE:
        assert_events_equal(found, stream)
