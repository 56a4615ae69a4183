"""The visitors of one partition: some in use, all of them as bytes."""

from __future__ import annotations

from collections.abc import Iterator

from buysignal.features.live import Reader
from buysignal.features.visitor import KnownVisitor, seen_ms

IN_USE = 20_000
"""Visitors of a partition that are kept taken apart; the others are a few hundred bytes each."""

FORGOTTEN_AT_ONCE = 200

LARGEST = 900_000
"""Bytes of one message: brokers take a million, unless they were told otherwise."""


class Shelf:
    """What a worker knows of one partition's visitors.

    A change is only on the shelf once it is in the changelog: ``changes`` hands out what to write, and
    whatever fails after that throws the whole shelf away, since the log knows better.

    Args:
        reader: of the bundle.
        session_gap: of the bundle.
        next_offset: of the first event not yet in this state.
    """

    def __init__(self, reader: Reader, session_gap: str, next_offset: int) -> None:
        self.next_offset = next_offset
        self._reader = reader
        self._gap = session_gap
        self._kept: dict[str, bytes] = {}
        self._in_use: dict[str, KnownVisitor] = {}
        self._changed: dict[str, int] = {}
        self._newest = 0

    def __len__(self) -> int:
        return len(self._kept)

    def read_with(self, reader: Reader, session_gap: str) -> None:
        """Read all visitors with another bundle's vocabulary from now on; no change may be waiting."""
        self._reader, self._gap = reader, session_gap
        self._in_use.clear()

    def restore(self, visitor_id: str, content: bytes | None) -> None:
        """Put back one record of the changelog; None forgets the visitor."""
        self._kept.pop(visitor_id, None)
        if content is not None:
            self._kept[visitor_id] = content
            self._newest = max(self._newest, seen_ms(content))

    def visitor(self, visitor_id: str, arrived_ms: int) -> KnownVisitor:
        """Return a visitor who is about to change."""
        self._changed[visitor_id] = arrived_ms
        found = self._in_use.pop(visitor_id, None)
        if found is None:
            found = KnownVisitor(self._reader, self._gap)
            content = self._kept.get(visitor_id)
            if content is not None:
                found.restore(content)
        self._in_use[visitor_id] = found
        return found

    def forget(self, visitor_id: str) -> None:
        """Forget a visitor at once."""
        self._in_use.pop(visitor_id, None)
        self._kept.pop(visitor_id, None)
        self._changed[visitor_id] = 0

    def changes(self, forget_after_ms: int) -> Iterator[tuple[str, bytes | None]]:
        """Yield what changed since the last call, as it is to stand in the changelog.

        Args:
            forget_after_ms: visitors not seen for so long before the newest message are forgotten.
        """
        for visitor_id, arrived_ms in self._changed.items():
            visitor = self._in_use.get(visitor_id)
            content = None if visitor is None else visitor.to_bytes(arrived_ms)
            if content is not None and len(content) > LARGEST:
                # No shopper's visits are so large; a program that makes up ids begins anew.
                del self._in_use[visitor_id]
                content = None
            self.restore(visitor_id, content)
            yield visitor_id, content
        self._changed.clear()
        for visitor_id in self._too_old(forget_after_ms):
            self._in_use.pop(visitor_id, None)
            del self._kept[visitor_id]
            yield visitor_id, None
        while len(self._in_use) > IN_USE:
            del self._in_use[next(iter(self._in_use))]

    def _too_old(self, forget_after_ms: int) -> list[str]:
        """Return whom time has passed; who was not seen for longest stands first."""
        found: list[str] = []
        for visitor_id, content in self._kept.items():
            if len(found) == FORGOTTEN_AT_ONCE or self._newest - seen_ms(content) <= forget_after_ms:
                break
            found.append(visitor_id)
        return found
