"""What a source file looks like from outside: its columns with examples, and how its rows are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from buysignal.sources.choose import Opened

EXAMPLES = 3
WORDS = 60
"""A column with more different words than this holds no kinds of event."""


@dataclass(frozen=True)
class FileForm:
    """The outside of one file, or of several Parquet files of equal columns.

    Attributes:
        names: of the files, as the rejects name them.
        kind: "text" for cells and separators, "json" for one object a row (Parquet too, whose rejected
            rows are shown so).
        separator: between cells, where the kind is "text".
        examples: source column -> up to three different cells of its first rows.
        words: source column -> all different cells of its first rows, where they are few.
        event_name: what every row is, where the file's layout says so.
        headerless: the names of the columns do not stand in the file.
    """

    names: tuple[str, ...]
    kind: Literal["text", "json"]
    separator: str
    examples: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]
    event_name: str | None = None
    headerless: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.examples)

    def renamed(self, names: Sequence[str]) -> FileForm:
        """Return the same form with other file names."""
        return replace(self, names=tuple(names))


def form_of(opened: Opened) -> FileForm:
    """Return the form of a file that was looked into."""
    part, head = opened.part, opened.head
    # Of a file without header, the layout gave names after the first rows were taken.
    rows = [list(row.values()) for row in head] if part.headerless else None
    cells = {
        column: [row[i] for row in rows] if rows is not None else [row.get(column, "") for row in head]
        for i, column in enumerate(opened.columns)
    }
    different = {column: tuple(dict.fromkeys(c for c in found if c)) for column, found in cells.items()}
    return FileForm(
        names=part.names,
        kind="text" if part.kind == "text" else "json",
        separator=part.separator,
        examples={column: found[:EXAMPLES] for column, found in different.items()},
        words={c: found for c, found in different.items() if found and len(found) <= WORDS},
        event_name=part.event_name,
        headerless=part.headerless,
    )


def all_examples(forms: Iterable[FileForm]) -> dict[str, tuple[str, ...]]:
    """Return the columns of all files, each with examples from the first file that has any."""
    found: dict[str, tuple[str, ...]] = {}
    for form in forms:
        for column, examples in form.examples.items():
            found[column] = found.get(column) or examples
    return found


def all_words(forms: Iterable[FileForm], column: str) -> tuple[str, ...]:
    """Return the different words that ``column`` holds in the first rows of the files."""
    return tuple(dict.fromkeys(word for form in forms for word in form.words.get(column, ())))
