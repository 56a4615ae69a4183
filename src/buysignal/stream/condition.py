"""What keeps a worker from its work at the moment, in words; read by whoever asks for its health."""

from __future__ import annotations

from collections.abc import Callable


class Condition:
    """Troubles by what they are of.

    Args:
        changed: called, in the thread that noted it, when a trouble comes, goes or becomes another.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._why: dict[str, str] = {}
        self._changed = changed

    def trouble(self, what: str, why: str) -> None:
        """Note a trouble, such as of ``"broker"``."""
        if self._why.get(what) != why:
            self._why = {**self._why, what: why}
            self._changed()

    def well(self, what: str) -> None:
        """Forget a trouble."""
        if what in self._why:
            self._why = {name: why for name, why in self._why.items() if name != what}
            self._changed()

    def has(self, what: str) -> bool:
        """Whether there is this trouble."""
        return what in self._why

    @property
    def because(self) -> str | None:
        """All troubles in one sentence; None where all is well.

        >>> condition = Condition()
        >>> condition.trouble("broker", "no broker answers")
        >>> condition.because
        'no broker answers'
        """
        return "; ".join(self._why.values()) or None
