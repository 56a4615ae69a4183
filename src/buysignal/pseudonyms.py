"""Visitor and session ids as keyed hashes, where the environment holds a key.

With ``BUYSIGNAL_ID_KEY`` set every door hashes ids as it reads them (files, Spark, HTTP, Kafka), so nothing
behind the reading ever holds one. Keyed BLAKE2b (RFC 7693): without the key an id can neither be computed
back nor guessed by trying. A session's id is hashed as well, because many shops build it from the visitor's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from buysignal.errors import InputError

KEY = "BUYSIGNAL_ID_KEY"
"""Name of the environment variable."""

COLUMNS = ("visitor_id", "session_id")
"""What is hashed of an event."""

SQL_NAME = "keyed_hash"
LEAST_BYTES, MOST_BYTES = 16, 64
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Pseudonyms:
    """From an id to its hash, 32 hexadecimal digits.

    Args:
        key: 16 to 64 bytes.

    Raises:
        InputError: the key is shorter or longer.

    >>> len(Pseudonyms(b"sixteen bytes it")("anna"))
    32
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not LEAST_BYTES <= len(self.key) <= MOST_BYTES:
            raise InputError(
                f"the key in {KEY} has {len(self.key)} bytes",
                allowed=f"{LEAST_BYTES} to {MOST_BYTES} bytes",
                todo="set a long random text, or remove the variable to leave ids as they are",
            )

    def __call__(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        return blake2b(content, key=self.key, digest_size=_DIGEST_BYTES).hexdigest()

    def column(self, ids: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return the hashes of text (n,), each different id hashed once; nulls stay."""
        whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        words = whole.dictionary_encode()
        hashed = pa.array([self(word) for word in words.dictionary.to_pylist()], pa.string())
        return hashed.take(words.indices)


def from_environment() -> Pseudonyms | None:
    """Return what hashes ids; None where no key is set.

    Raises:
        InputError: the key is too short or too long.
    """
    key = os.environ.get(KEY)
    return None if key is None else Pseudonyms(key.encode())


def hashed_in(ids: Pseudonyms, event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with its ids hashed; what is no text is left as it is."""
    found = dict(event)
    for column in COLUMNS:
        if isinstance(value := found.get(column), str):
            found[column] = ids(value)
    return found


def possible(ids: Pseudonyms | None, asked: str) -> tuple[str, ...]:
    """Return what an id that someone asks for may be stored as: hashed, or as it was handed out."""
    return (asked,) if ids is None else (ids(asked), asked)


def registered(ids: Pseudonyms | None, create: Callable[..., object]) -> None:
    """Make ``SQL_NAME`` known to a DuckDB connection.

    Args:
        create: the connection's ``create_function``.
    """
    if ids is not None:
        create(SQL_NAME, ids.column, ["VARCHAR"], "VARCHAR", type="arrow")
