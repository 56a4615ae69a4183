"""A schema registry, asked by Confluent's client; Karapace and Apicurio speak the same language."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar

from buysignal.errors import DependencyError, SourceError

Schema = dict[str, Any]
Answer = TypeVar("Answer")

REMEMBERED = 1_000
"""Schemas kept read, the latest used ones."""

_NOT_FOUND = 404
_ANSWER_S = 5
_RETRIES = 1


class RegistryAwayError(Exception):
    """The registry does not answer: nothing can be said about a message."""


class Registry:
    """Schemas by number and by subject.

    Args:
        url: such as ``"http://localhost:8081"``; may hold ``user:password@``.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
        SourceError: it is no address.
    """

    def __init__(self, url: str) -> None:
        try:
            from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
            from fastavro import parse_schema
        except ImportError as error:
            raise DependencyError(error.name or "fastavro", "stream") from None
        self._url = url
        self._refused = SchemaRegistryError
        self._parse = parse_schema
        try:
            self._client = SchemaRegistryClient({"url": url, "timeout": _ANSWER_S, "max.retries": _RETRIES})
        except ValueError as error:
            raise SourceError(
                f"'{url}' is no address of a schema registry: {error}",
                allowed="such as http://localhost:8081",
            ) from error
        self.schema = lru_cache(maxsize=REMEMBERED)(self._schema)

    def _schema(self, number: int) -> Schema | None:
        """Return the schema of a number; None where the registry has none.

        Raises:
            RegistryAwayError: it does not answer.
        """
        found = self._asked(lambda: self._client.get_schema(number))
        return None if found is None else self._parsed(found)

    def latest(self, subject: str) -> tuple[Schema, int] | None:
        """Return a subject's latest schema and its version; None where there is none yet.

        Raises:
            RegistryAwayError: the registry does not answer.
        """
        found = self._asked(lambda: self._client.get_latest_version(subject))
        return None if found is None else (self._parsed(found.schema), int(found.version))

    def register(self, subject: str, schema: str) -> int:
        """Return the number of a schema of a subject, which is entered where it is new.

        Raises:
            RegistryAwayError: the registry does not answer.
            SourceError: it refuses.
        """
        from confluent_kafka.schema_registry import Schema as Sent

        try:
            return int(self._client.register_schema(subject, Sent(schema, "AVRO")))
        except self._refused as error:
            raise SourceError(
                f"the schema registry refuses a schema of '{subject}': {error.error_message}",
                todo="give the topic another name, or change the subject's rule of compatibility",
            ) from error
        except Exception as error:
            raise self._away(error) from error

    def _asked(self, ask: Callable[[], Answer]) -> Answer | None:
        try:
            return ask()
        except self._refused as error:
            if error.http_status_code == _NOT_FOUND:
                return None
            raise self._away(error) from error
        # What is raised where nobody answers depends on the library that the client found installed.
        except Exception as error:
            raise self._away(error) from error

    def _parsed(self, schema: Any, named: dict[str, Any] | None = None) -> Schema:
        known: dict[str, Any] = {} if named is None else named
        for other in schema.references or ():
            found = self._asked(partial(self._client.get_version, other.subject, other.version))
            if found is not None:
                self._parsed(found.schema, known)
        read = self._parse(json.loads(schema.schema_str), known)
        return read if isinstance(read, dict) else {}

    def _away(self, error: object) -> RegistryAwayError:
        return RegistryAwayError(f"the schema registry at '{self._url}' does not answer: {error}")
