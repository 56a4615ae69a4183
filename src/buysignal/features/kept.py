"""A live visitor as a few hundred bytes, and back: for logs and stores that outlive a process.

What depends on the vocabulary is left out and read anew, so that the bytes serve the next bundle, too.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import EventsError
from buysignal.features import kernel
from buysignal.features.live import LiveVisitor, Reader, Visit

VERSION = 1

_ARRAYS = ("code", "time", "day", "item", "category", "price", "quantity", "page")
_COUNTS = struct.Struct("<4HI")
_HEAD = struct.Struct("<2B")
_PAST = len(kernel.empty_past())
_NONE = 0xFFFF
"""Stands for a text that is not there; texts are shorter."""

_SAID = 3


def to_bytes(live: LiveVisitor) -> bytes:
    """Return a visitor's open visits and past as bytes, about 50 an event.

    Ids and names have at most 65,534 characters.
    """
    pieces = [_HEAD.pack(VERSION, len(live._visits)), live._past.tobytes()]
    for visit in live._visits:
        pieces.extend(_pieces(visit))
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
    taken = _Taken(content, _HEAD.size)
    live._past[:] = taken.array(np.dtype(np.float64), _PAST)
    for _ in range(visits):
        live._visits.append(_visit(taken))
    live.reread(reader)
    return live


def _pieces(visit: Visit) -> Iterator[bytes]:
    size, arrays = visit.size, visit.arrays
    triples: dict[tuple[str | None, ...], int] = {}
    which = [triples.setdefault(said, len(triples)) for said in visit.said]
    texts = [visit.session_id, *visit.items, *visit.categories, *chain(*triples)]
    lengths = array("H", [_NONE if text is None else len(text) for text in texts])
    written = "".join([text for text in texts if text]).encode("utf-8", "surrogatepass")
    yield visit.known.tobytes()
    yield _COUNTS.pack(size, len(visit.items), len(visit.categories), len(triples), len(written))
    yield lengths.tobytes()
    yield written
    # Most visits come by one channel with one device: then there is nothing to tell apart.
    yield array("H", which if len(triples) > 1 else ()).tobytes()
    for name in _ARRAYS:
        yield getattr(arrays, name)[:size].tobytes()


def _visit(taken: _Taken) -> Visit:
    known = taken.array(np.dtype(np.float64), _PAST)
    size, items, categories, triples, written = taken.numbers(_COUNTS)
    texts = taken.texts(1 + items + categories + _SAID * triples, written)
    visit = Visit(next(texts), known)
    visit.items = {str(next(texts)): at for at in range(items)}
    visit.categories = {str(next(texts)): at for at in range(categories)}
    said = [tuple(next(texts) for _ in range(_SAID)) for _ in range(triples)]
    which = taken.array(np.dtype(np.uint16), size if triples > 1 else 0)
    visit.said = [said[at] for at in which] if triples > 1 else said * size
    for _ in range(size):
        visit.open_place(0)
    for name in _ARRAYS:
        values = getattr(visit.arrays, name)
        values[:size] = taken.array(values.dtype, size)
    return visit


class _Taken:
    """Bytes taken from the front."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self._at = at

    def numbers(self, form: struct.Struct) -> tuple[int, ...]:
        found = form.unpack_from(self._content, self._at)
        self._at += form.size
        return found

    def texts(self, count: int, size: int) -> Iterator[str | None]:
        lengths = self.array(np.dtype(np.uint16), count).tolist()
        written = self._content[self._at : self._at + size].decode("utf-8", "surrogatepass")
        self._at += size
        return _parted(written, lengths)

    def array(self, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._content, dtype, count, self._at).copy()
        self._at += found.nbytes
        return found


def _parted(written: str, lengths: list[int]) -> Iterator[str | None]:
    at = 0
    for length in lengths:
        if length == _NONE:
            yield None
        else:
            yield written[at : at + length]
            at += length
