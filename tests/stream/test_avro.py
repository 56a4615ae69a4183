"""Avro with a real schema registry: events in, scores out, and schemas that change."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from buysignal.errors import InputError, SourceError
from buysignal.stream.avro import AvroReader, AvroWriter, own_schema
from buysignal.stream.client import Settings
from buysignal.stream.forms import Forms, event_writer
from buysignal.stream.message import BadMessageError, Rules, json_reader, read
from buysignal.stream.registry import Registry, RegistryAwayError
from buysignal.stream.replay import replay
from buysignal.stream.scored import Arrived, BatchScorer
from buysignal.stream.worker import Worker
from shop import Shop
from stream.kafka_help import raw_rows, read_committed

SCRIPT = Path(__file__).parents[2] / "scripts" / "registry.sh"
MISSING = 3

RULES = Rules("EUR", {}, max_price=1_000.0)

EVENT = {
    "visitor_id": "v1", "event_name": "view_item", "event_time": datetime(2025, 3, 20, 12, tzinfo=UTC),
    "item_id": "BOO-034", "category": "books", "price": 10.99, "consent": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Apicurio Registry of this file's own; skipped without Java or Maven."""
    folder = tmp_path_factory.mktemp("registry")
    own = {**os.environ, "BUYSIGNAL_REGISTRY_DATA": str(folder), "BUYSIGNAL_REGISTRY_PORT": "0"}

    def script(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(SCRIPT), command], env=own, capture_output=True, text=True, timeout=300)

    done = script("start")
    if done.returncode == MISSING:
        pytest.skip(f"no registry: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    yield done.stdout.strip()
    script("stop")


def avro(url: str, subject: str, *fields: dict[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """Register a schema of these fields, and return what writes records of it."""
    schema = {"type": "record", "name": "Event", "namespace": "shop", "fields": list(fields)}
    client = SchemaRegistryClient({"url": url})
    number = client.register_schema(subject, Schema(json.dumps(schema), "AVRO"))
    client.set_compatibility(subject, "NONE")
    parsed = parse_schema(schema)

    def write(record: dict[str, Any]) -> bytes:
        into = io.BytesIO()
        schemaless_writer(into, parsed, record)
        return b"\0" + number.to_bytes(4, "big") + into.getvalue()

    return write


def field(name: str, kind: Any = "string") -> dict[str, Any]:
    return {"name": name, "type": kind}


def event_of(url: str, message: bytes) -> dict[str, Any]:
    return read(message, 0, RULES, AvroReader(Registry(url)))


def test_an_event_of_the_packages_schema_is_the_same_as_in_json(registry_url: str, unique: str) -> None:
    write = AvroWriter(Registry(registry_url), f"{unique}-value", "event")
    found = {name: cell for name, cell in event_of(registry_url, write(EVENT)).items() if cell is not None}
    time = {"event_time": "2025-03-20T12:00:00Z"}
    assert found == read(json.dumps({**EVENT, **time}).encode(), 0, RULES, json_reader())


def test_schemas_may_change_as_long_as_they_have_what_is_needed(registry_url: str, unique: str) -> None:
    first = avro(registry_url, f"{unique}-value", field("visitor_id", "long"), field("event_name"))
    names = {"type": "enum", "name": "N", "symbols": ["search"]}
    then = avro(
        registry_url, f"{unique}-value", field("event_name", names),
        field("visitor_id"), field("mood", ["null", "string"]),
        field("event_date", {"type": "int", "logicalType": "date"}),
        field("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
    )  # fmt: skip
    AvroReader(Registry(registry_url)).check(f"{unique}-value")
    old = event_of(registry_url, first({"visitor_id": 7, "event_name": "search"}))
    assert (old["visitor_id"], old["event_name"]) == ("7", "search")
    cells = {"event_name": "search", "visitor_id": "7", "mood": "good", "event_date": date(2025, 3, 20)}
    new = event_of(registry_url, then({**cells, "price": Decimal("12.50")}))
    assert (new["event_date"], new["price"], new["visitor_id"]) == (date(2025, 3, 20), 12.5, "7")


def test_a_schema_without_what_is_needed_is_refused(registry_url: str, unique: str) -> None:
    write = avro(registry_url, f"{unique}-value", field("event_name"))
    said = f"version 1 of the schema '{unique}-value' has no field 'visitor_id'"
    with pytest.raises(SourceError, match=said):
        Forms.of(Settings("", unique, format="avro", registry=registry_url))
    with pytest.raises(BadMessageError) as caught:
        event_of(registry_url, write({"event_name": "search"}))
    assert (caught.value.reason, caught.value.column) == ("bad_schema", "visitor_id")
    assert "{" not in caught.value.hint


@pytest.mark.parametrize(
    ("message", "reason"),
    [(b"", "no_schema"), (b'{"visitor_id": "v"}', "no_schema"), (b"\0\x7f\xff\xff\xff", "unknown_schema")],
)
def test_other_bytes_have_a_reason(registry_url: str, message: bytes, reason: str) -> None:
    with pytest.raises(BadMessageError, match=reason):
        event_of(registry_url, message)


def test_bytes_that_end_too_early_are_broken(registry_url: str, unique: str) -> None:
    write = AvroWriter(Registry(registry_url), f"{unique}-value", "event")
    reader = AvroReader(Registry(registry_url))
    message = write(EVENT)
    for end in range(5, len(message)):
        with pytest.raises(BadMessageError, match="broken_avro"):
            reader(message[:end])


def test_a_registry_that_is_away_is_no_bad_message(shop: Shop) -> None:
    away = "http://127.0.0.1:1"
    with pytest.raises(SourceError, match="does not answer"):
        Forms.of(Settings("", format="avro", registry=away))
    score = BatchScorer(shop.bundle, loads=AvroReader(Registry(away)))
    with pytest.raises(RegistryAwayError):
        score([Arrived(0, 0, 0, None, b"\0\0\0\0\1abc")], {0: score.shelf(0)})


@pytest.mark.parametrize(("form", "registry"), [("avro", None), ("json", "http://x"), ("xml", None)])
def test_format_and_registry_go_together(form: str, registry: str | None) -> None:
    with pytest.raises(InputError, match="Allowed"):
        event_writer(Settings("", format=form, registry=registry))


def test_a_file_is_replayed_as_avro_and_its_scores_are_those_of_json(
    broker: str, registry_url: str, shop: Shop, unique: str, tmp_path: Path
) -> None:
    settings = {
        form: Settings(
            broker, f"{form}-{unique}", f"{form}-scores-{unique}", group=f"{form}-{unique}", format=form,
            registry=registry_url if form == "avro" else None,
        )
        for form in ("json", "avro")
    }  # fmt: skip
    few = tmp_path / "few.parquet"
    pq.write_table(raw_rows(shop.events, 2_000), few)
    found = {}
    for form, setting in settings.items():
        sent = replay([few], setting, pace="max", new_partitions=1)
        worker = Worker(shop.bundle, setting)
        done = worker.run(lambda d, sent=sent: d.scored + d.dead + d.refused >= sent.events)
        messages = read_committed(broker, setting.scores, done.scored)
        found[form] = [message.value() for message in messages]
    schema = parse_schema(json.loads(own_schema("score")))
    in_json = [json.loads(value) for value in found["json"]]
    in_avro = [schemaless_reader(io.BytesIO(value[5:]), schema, None) for value in found["avro"]]
    assert len(in_json) == len(in_avro) > 1_000
    for plain, typed in zip(in_json, in_avro, strict=True):
        assert datetime.fromisoformat(plain.pop("event_time")) == typed.pop("event_time")
        assert plain == {name: typed[name] for name in plain}
