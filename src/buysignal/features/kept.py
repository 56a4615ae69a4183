"""A live visitor as a few hundred bytes, and back: for logs and stores that outlive a process.

What depends on the vocabulary is left out and read anew, so that the bytes serve the next bundle, too.
"""

from __future__ import annotations

import struct

import numpy as np

from buysignal.errors import EventsError
from buysignal.features import kernel, packed
from buysignal.features.live import LiveVisitor, Reader, Visit

VERSION = 2

_HEAD = struct.Struct("<2B")
_SIZES = struct.Struct("<HI")
_PAST = kernel.empty_past().nbytes


def to_bytes(live: LiveVisitor) -> bytes:
    """Return a visitor's open visits and past as bytes, about 50 an event."""
    pieces: list[bytes | bytearray] = [_HEAD.pack(VERSION, len(live._visits)), live._past.tobytes()]
    for visit in live._visits:
        sizes = _SIZES.pack(visit.size, len(visit.names))
        pieces += (sizes, visit.known, visit.names, visit.records)
    return b"".join(pieces)


def from_bytes(content: bytes, reader: Reader, session_gap: str) -> LiveVisitor:
    """Return the visitor that ``to_bytes`` was given, as the vocabulary of ``reader`` reads it.

    Raises:
        EventsError: the bytes were written by another version.
    """
    version, visits = _HEAD.unpack_from(content)
    if version != VERSION:
        raise EventsError(
            f"the kept visitor is of version {version}",
            allowed=f"version {VERSION}",
            todo="keep the state anew: read the events from their beginning",
        )
    live = LiveVisitor(reader, session_gap)
    at = _HEAD.size + _PAST
    live._past[:] = np.frombuffer(content[_HEAD.size : at])
    for _ in range(visits):
        visit, at = _visit(content, at)
        visit.read_with(reader)
        live.resume(visit, visit.began)
    return live


def _visit(content: bytes, at: int) -> tuple[Visit, int]:
    """Return the visit that begins at byte ``at``, and where it ends."""
    events, length = _SIZES.unpack_from(content, at)
    known = at + _SIZES.size
    names = known + _PAST
    records = names + length
    end = records + events * packed.SIZE
    texts = packed.names_in(content, names, records)
    visit = Visit(next(texts)[1], content[known:names])
    for kind, text in texts:
        if kind == packed.SAYING:
            visit.said[text, next(texts)[1], next(texts)[1]] = len(visit.said)
        else:
            into = visit.items if kind == packed.ITEM else visit.categories
            into[str(text)] = len(into)
    visit.names = bytearray(content[names:records])
    visit.records = content[records:end]
    return visit, end
