"""CSV that a spreadsheet may open: cells that it would run as formulas are made plain text.

Spreadsheets run a cell that starts with ``=``, ``+``, ``-``, ``@``, tab or carriage return; a visitor's
search words may hold one. OWASP, "CSV Injection", advises to put an apostrophe in front. Numbers keep
their sign and stay numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_FORMULA = r"^[=+\-@\t\r]"


def neutralise(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return text cells with an apostrophe before those that would run as formulas; nulls stay.

    >>> neutralise(pa.array(["=1+1", "-5", "plain", None])).to_pylist()
    ["'=1+1", '-5', 'plain', None]
    """
    runs = pc.and_(
        pc.match_substring_regex(values, _FORMULA), pc.invert(pc.match_substring_regex(values, _NUMBER))
    )
    return pc.if_else(runs, pc.binary_join_element_wise("'", values, ""), values)


def neutral(table: pa.Table) -> pa.Table:
    """Return ``table`` with plain text columns and a header, all neutralised."""
    for position, field in enumerate(table.schema):
        column = table.column(position)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            table = table.set_column(position, field.name, neutralise(column.cast(pa.string())))
    return table.rename_columns(neutralise(pa.array(table.column_names)).to_pylist())


def write_csv(table: pa.Table, path: Path | BinaryIO) -> None:
    """Write ``table`` as UTF-8 CSV with a header, its text columns neutralised, to a file or a stream."""
    pacsv.write_csv(neutral(table), path)
