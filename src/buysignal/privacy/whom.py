"""The visitors who are to be forgotten, by every form in which their ids may be written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from buysignal import pseudonyms
from buysignal.errors import InputError

_FORMULA = re.compile(r"^[=+\-@\t\r]")


@dataclass(frozen=True)
class Whom:
    """Ids as they were named, and what data may hold in their place.

    Attributes:
        ids: as a cell of data holds them: as named, and hashed where there is a key.
        named: as they were named.
    """

    ids: tuple[str, ...]
    named: tuple[str, ...]

    @classmethod
    def of(cls, named: Iterable[str]) -> Whom:
        """Return whom these ids name.

        Raises:
            InputError: there is none, or one is empty.
        """
        words = tuple(dict.fromkeys(word.strip() for word in named))
        if not words or not all(words):
            raise InputError("no visitor is named, or one is empty", todo="name the ids of visitors")
        keyed = pseudonyms.from_environment()
        hashed = () if keyed is None else tuple(keyed(word) for word in words)
        return cls(tuple(dict.fromkeys((*words, *hashed))), words)

    def cells(self) -> list[str]:
        """Return what a cell may hold, neutralised cells of spreadsheets among it."""
        return [*self.ids, *(f"'{one}" for one in self.ids if _FORMULA.match(one))]

    def pattern(self) -> str:
        """Return the regular expression of a text that holds one of the ids as a word.

        It is of RE2, which DuckDB reads, and of Python alike.
        """
        written = {form for one in self.ids for form in (one, one.replace('"', '""'), _in_json(one))}
        words = "|".join(_escaped(one) for one in sorted(written))
        return f"(?:^|[^0-9A-Za-z_])(?:{words})(?:$|[^0-9A-Za-z_])"


def _in_json(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c == "_" or not c.isascii() else f"\\x{{{ord(c):x}}}" for c in text)
