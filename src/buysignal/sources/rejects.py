"""Rejects: the rows that were not kept, where they stood, and how to mend them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from buysignal import pseudonyms
from buysignal.errors import SourceError
from buysignal.spreadsheet import write_csv

SCHEMA = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("column", pa.string()),
        pa.field("hint", pa.string()),
        pa.field("raw", pa.string()),
    ]
)

HINTS = {
    "wrong_cell_count": "the row has more or fewer cells than the header: quote cells that hold a separator",
    "broken_quotes": "a quote is opened and never closed, or text follows a closing quote",
    "broken_json": "the line is no JSON object: write one whole object per line",
    "missing": "fill in {column}, or leave the row out",
    "bad_number": "{column} is no number: write 12.50, without currency sign or words",
    "bad_boolean": "{column} is neither true nor false: write true or false",
    "bad_time": "{column} is no date or time: write 2024-05-31T13:45:00Z, or give its format in the profile",
    "impossible_time": "{column} lies outside of the years 1995 to 2099: check the unit and the year",
    "negative_price": "a price is below 0: write returns as the event refund with a positive price",
    "absurd_price": "a price is above the profile's max_price: check the unit, or raise max_price",
    "bad_quantity": "quantity must be from 0 to 1,000,000: write returns as the event refund",
    "unknown_currency": "the currency has no rate: give its rate in the profile, or convert the price",
    "session_of_two_visitors": "the session is mostly another visitor's: give each visitor own sessions",
    "duplicate_event": "the row equals an earlier one in every cell: nothing to mend",
}
"""Reason code -> how to mend it."""


@dataclass(frozen=True, eq=False)
class Rejects:
    """Rows that were not kept.

    Attributes:
        table: columns ``file``, ``line`` (of the file, from 1; row number for Parquet), ``reason``,
            ``column``, ``hint`` and ``raw`` (the row as it stood), in the order of the source.
    """

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def by_reason(self) -> dict[str, int]:
        """Return how many rows were rejected for each reason, most frequent first."""
        counts = pc.value_counts(self.table.column("reason").combine_chunks()).to_pylist()
        return {c["values"]: c["counts"] for c in sorted(counts, key=lambda c: (-c["counts"], c["values"]))}

    def to_pylist(self) -> list[dict[str, Any]]:
        """Return the rejects as dictionaries."""
        return self.table.to_pylist()

    def to_keep(self) -> pa.Table:
        """Return the table as it may be written: without the raw rows where ids are hashed.

        The rows hold ids as they came; file and line still say where to find them.

        Raises:
            InputError: the key to hash ids with cannot be used.
        """
        if pseudonyms.from_environment() is None:
            return self.table
        position = self.table.column_names.index("raw")
        return self.table.set_column(position, SCHEMA.field("raw"), pa.nulls(len(self), pa.string()))

    def write(self, path: Path) -> None:
        """Write the rejects as CSV; cells a spreadsheet would run as formulas are neutralised.

        Raises:
            SourceError: the file cannot be written.
            InputError: the key to hash ids with cannot be used.
        """
        try:
            write_csv(self.to_keep(), path)
        except OSError as error:
            raise SourceError(
                f"the rejects cannot be written to {path}: {error.strerror}", todo="choose another path"
            ) from error


def from_columns(file: pa.Array, line: pa.Array, reason: pa.Array, raw: pa.Array) -> Rejects:
    """Return rejects from reasons of the form ``code`` or ``code:column``, hints filled in."""
    words = reason.dictionary_encode()
    codes, columns, hints = [], [], []
    for word in words.dictionary.to_pylist():
        code, _, column = word.partition(":")
        codes.append(code)
        columns.append(column or None)
        hints.append(HINTS[code].format(column=column))

    def spread(values: list[Any]) -> pa.Array:
        return pa.array(values, pa.string()).take(words.indices)

    return Rejects(pa.table([file, line, spread(codes), spread(columns), spread(hints), raw], schema=SCHEMA))


def join(parts: list[Rejects]) -> Rejects:
    """Return the rejects of all parts as one."""
    return Rejects(pa.concat_tables([p.table for p in parts]) if parts else SCHEMA.empty_table())
