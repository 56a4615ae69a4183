"""Events and scores as Avro: a zero byte, the schema's number in the registry, the record.

A message is read by the schema it was written with, whatever its version, and then by the rules of JSON:
fields that are no column are ignored, and those that are missing are unknown.
"""

from __future__ import annotations

import io
import struct
from importlib.resources import files
from typing import Any

from buysignal.errors import SourceError
from buysignal.stream.message import BadMessageError
from buysignal.stream.registry import Registry, RegistryAwayError, Schema

NEEDED = ("visitor_id", "event_name")
"""Fields without which a schema is none of events."""

_HEAD = struct.Struct(">BI")


def own_schema(name: str) -> str:
    """Return a schema of the package, ``"event"`` or ``"score"``, as JSON."""
    return files("buysignal.stream").joinpath("schemas", f"{name}.avsc").read_text(encoding="utf-8")


class AvroReader:
    """Reads messages of any schema of a registry that has the needed fields."""

    def __init__(self, registry: Registry) -> None:
        from fastavro import schemaless_reader

        self._registry = registry
        self._read = schemaless_reader

    def check(self, subject: str) -> None:
        """Look at the schema that is in use, if there is one yet.

        Raises:
            SourceError: events of it cannot be scored, or the registry does not answer.
        """
        try:
            found = self._registry.latest(subject)
        except RegistryAwayError as error:
            raise SourceError(str(error), todo="start it, or mend --schema-registry") from error
        lacking = None if found is None else lacks(found[0])
        if found is not None and lacking is not None:
            raise SourceError(
                f"version {found[1]} of the schema '{subject}' has no field '{lacking}'",
                allowed=f"a record with {' and '.join(NEEDED)}, and the other columns of docs/streaming.md",
                todo="register a version that has it",
            )

    def __call__(self, message: bytes) -> dict[str, Any]:
        """Return the record of a message.

        Raises:
            BadMessageError: it holds none that is an event.
            RegistryAwayError: its schema is not known here, and the registry does not answer.
        """
        if len(message) < _HEAD.size or message[0] != 0:
            raise BadMessageError("no_schema")
        schema = self._registry.schema(_HEAD.unpack_from(message)[1])
        if schema is None:
            raise BadMessageError("unknown_schema")
        lacking = lacks(schema)
        if lacking is not None:
            raise BadMessageError("bad_schema", lacking)
        try:
            record = self._read(io.BytesIO(message[_HEAD.size :]), schema, None)
        # Bytes of another schema end anywhere: in numbers, in texts, in memory.
        except Exception:
            raise BadMessageError("broken_avro") from None
        assert isinstance(record, dict)
        return record


class AvroWriter:
    """Writes records by a schema of the package, which is entered into the registry.

    Raises:
        SourceError: the registry refuses it, or does not answer.
    """

    def __init__(self, registry: Registry, subject: str, name: str) -> None:
        import json

        from fastavro import parse_schema, schemaless_writer

        text = own_schema(name)
        self._schema = parse_schema(json.loads(text))
        self._write = schemaless_writer
        try:
            self._head = _HEAD.pack(0, registry.register(subject, text))
        except RegistryAwayError as error:
            raise SourceError(str(error), todo="start it, or mend --schema-registry") from error

    def __call__(self, record: dict[str, Any]) -> bytes:
        """Return a record as a message."""
        into = io.BytesIO(self._head)
        into.seek(len(self._head))
        self._write(into, self._schema, record)
        return into.getvalue()


def lacks(schema: Schema) -> str | None:
    """Return the first needed field that a schema has not; None where it has all."""
    fields = {field["name"] for field in schema.get("fields", ())} if isinstance(schema, dict) else set()
    return next((name for name in NEEDED if name not in fields), None)
