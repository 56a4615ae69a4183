"""In which form events are read and scores are written: JSON, or Avro with a schema registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from buysignal.errors import InputError
from buysignal.stream.client import Settings
from buysignal.stream.message import json_reader, json_writer

FORMATS = ("json", "avro")


@dataclass(frozen=True)
class Forms:
    """How a worker reads and writes.

    Attributes:
        loads: a message to what it holds; raises ``BadMessageError`` or ``ValueError`` where that is nothing.
        dumps: a reply to a message.
    """

    loads: Callable[[bytes], Any]
    dumps: Callable[[dict[str, Any]], bytes]

    @classmethod
    def of(cls, settings: Settings) -> Forms:
        """Return the forms that settings ask for.

        Raises:
            DependencyError: the extra ``stream`` is not installed.
            InputError: there is no such format, or Avro without a registry.
            SourceError: no registry answers, or a schema does not fit.
        """
        checked(settings)
        if settings.format == "json":
            return cls(json_reader(), json_writer())
        from buysignal.stream.avro import AvroReader, AvroWriter
        from buysignal.stream.registry import Registry

        registry = Registry(str(settings.registry))
        reader = AvroReader(registry)
        reader.check(f"{settings.events}-value")
        return cls(reader, AvroWriter(registry, f"{settings.scores}-value", "score"))


def event_writer(settings: Settings) -> Callable[[dict[str, Any]], bytes]:
    """Return what writes an event as a message, as ``Forms.of`` would have it read.

    Raises:
        as ``Forms.of``.
    """
    checked(settings)
    if settings.format == "json":
        return json_writer()
    from buysignal.stream.avro import AvroWriter
    from buysignal.stream.registry import Registry

    return AvroWriter(Registry(str(settings.registry)), f"{settings.events}-value", "event")


def checked(settings: Settings) -> None:
    """Say so where format and registry do not go together.

    Raises:
        InputError: they do not.
    """
    if settings.format not in FORMATS:
        raise InputError(f"'{settings.format}' is no format", allowed=", ".join(FORMATS))
    if (settings.format == "avro") != (settings.registry is not None):
        raise InputError(
            f"--format {settings.format} {'with' if settings.registry else 'without'} --schema-registry",
            allowed="--format avro together with --schema-registry URL, or neither",
        )
