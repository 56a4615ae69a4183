"""SQL expressions that turn one source cell into one canonical value, or say why they cannot.

Every builder takes and gives DuckDB SQL text; nothing here reads data. A value is null where the cell is
empty *or* cannot be read; the two are told apart by ``Cell.problem``, which is asked in a SELECT
around the one that makes the values, so that every expression stands once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from buysignal.sources.profile import ColumnMap

EARLIEST, LATEST = "1995-01-01", "2100-01-01"
"""Outside of these no shop had events: such a time is a mistake, not a moment."""

EMPTY_WORDS = ("", "null", "none", "nan", "\\n")
_TRUE = ("true", "t", "1", "1.0", "yes", "y", "granted")
_FALSE = ("false", "f", "0", "0.0", "no", "n", "denied")
_TEXT_TYPES = {"VARCHAR"}
_NUMBER_TYPES = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "FLOAT", "DOUBLE",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One source column as SQL.

    Attributes:
        sql: an expression.
        type: its DuckDB type.
        clean: empty cells are null already.
        typed: from a format that has types and nulls of its own, so that only '' can mean empty.
    """

    sql: str
    type: str = "VARCHAR"
    clean: bool = False
    typed: bool = False

    @property
    def is_text(self) -> bool:
        return self.type in _TEXT_TYPES

    @property
    def is_number(self) -> bool:
        return self.type in _NUMBER_TYPES or self.type.startswith("DECIMAL")


@dataclass(frozen=True)
class Cell:
    """One canonical column as SQL.

    Attributes:
        value: the value, null where empty or unreadable.
        filled: a condition, true where the source cell is not empty.
        problem: (condition, reason) pairs over the finished value; the first true one rejects the row.
    """

    value: str
    filled: str
    problem: tuple[tuple[str, str], ...] = ()


def quote(text: str) -> str:
    """Return ``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def place(path: Path) -> str:
    """Return the SQL string by which a file is read; its name is no pattern, whatever it holds.

    >>> place(Path("a[1]*.csv"))
    "'a[[]1][*].csv'"
    """
    return quote(re.sub(r"([*?\[])", r"[\1]", str(path)))


def name(text: str) -> str:
    """Return ``text`` as an SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def text(source: Source) -> str:
    """The cell as text, null where it is empty or says so in words."""
    if source.clean:
        return source.sql
    if not source.is_text:
        return f"CAST({source.sql} AS VARCHAR)"
    if source.typed:
        return f"nullif({source.sql}, '')"
    words = ", ".join(quote(word) for word in EMPTY_WORDS)
    cell = f"trim({source.sql})"
    longest = max(len(word) for word in EMPTY_WORDS)
    empty = f"lower({cell}) IN ({words})"
    return f"(CASE WHEN strlen({cell}) > {longest} THEN {cell} WHEN {empty} THEN NULL ELSE {cell} END)"


def cell(
    column: str, mapping: ColumnMap, sources: list[Source], *, timezone: str, decimal: Literal[".", ","]
) -> Cell:
    """Return the SQL of the canonical ``column``, read from cleaned ``sources`` as ``mapping`` says."""
    kind = mapping.type_for(column)
    if mapping.combine == "ymd":
        return _checked(column, "bad_time", _day_from_parts(sources), sources, _outside_days(column))
    if kind == "text":
        return Cell(_text(mapping, sources), _any_filled(sources))
    if kind == "time":
        values = [_time(s, mapping.format, timezone) for s in sources]
        return _checked(column, "bad_time", _first(values, sources), sources, _outside_times(column))
    if kind == "date":
        values = [_date(s, mapping.format) for s in sources]
        return _checked(column, "bad_time", _first(values, sources), sources, _outside_days(column))
    if kind == "boolean":
        return _checked(column, "bad_boolean", _first([_boolean(s) for s in sources], sources), sources)
    if kind == "integer":
        return _checked(
            column, "bad_number", _first([_integer(s, decimal) for s in sources], sources), sources
        )
    numbers = [_number(s, mapping.unit, decimal) for s in sources]
    infinite = (f"isinf({name(column)})", f"bad_number:{column}")
    return _checked(column, "bad_number", _first(numbers, sources), sources, infinite)


def _checked(column: str, code: str, value: str, sources: list[Source], *more: tuple[str, str]) -> Cell:
    """A cell that is a problem where something stands in the source and no value came of it."""
    filled = _any_filled(sources)
    return Cell(value, filled, ((f"{name(column)} IS NULL AND {filled}", f"{code}:{column}"), *more))


def _any_filled(sources: list[Source]) -> str:
    return "(" + " OR ".join(f"{s.sql} IS NOT NULL" for s in sources) + ")"


def _first(values: list[str], sources: list[Source]) -> str:
    """The value of the first source that is filled."""
    if len(values) == 1:
        return values[0]
    pairs = zip(values, sources, strict=True)
    return "CASE " + " ".join(f"WHEN {s.sql} IS NOT NULL THEN {v}" for v, s in pairs) + " END"


def _text(mapping: ColumnMap, sources: list[Source]) -> str:
    parts = [text(source) for source in sources]
    if mapping.combine == "join":
        return decode(f"({parts[0]} || ':' || coalesce({', '.join(parts[1:])}))", mapping.values)
    return decode(parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})", mapping.values)


def decode(value: str, values: dict[str, str]) -> str:
    """Replace codes by readable values; a code that is not listed stays as it is."""
    if not values:
        return value
    cases = " ".join(f"WHEN {quote(code)} THEN {quote(word)}" for code, word in values.items())
    return f"(CASE {value} {cases} ELSE {value} END)"


def _number(source: Source, unit: str | None, decimal: str) -> str:
    divisor = {"cents": 100, "micros": 1_000_000}.get(unit or "")
    value = f"CAST({source.sql} AS DOUBLE)" if source.is_number else number_from_text(text(source), decimal)
    return f"({value} / {divisor})" if divisor else value


def number_from_text(raw: str, decimal: str) -> str:
    """A number from text; with a decimal comma, dots are thousands and the comma is the point.

    Where the point is a dot, a comma is still understood when it cannot be a thousands mark
    (``12,5``), and as thousands mark only beside a point (``1,234.50``).
    """
    plain = f"CASE WHEN NOT contains({raw}, '_') THEN try_cast({raw} AS DOUBLE) END"
    swapped = f"try_cast(replace(replace({raw}, '.', ''), ',', '.') AS DOUBLE)"
    if decimal == ",":
        pattern = r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"
        return f"(CASE WHEN regexp_full_match({raw}, {quote(pattern)}) THEN {swapped} END)"
    comma, thousands = r"[-+]?\d*,(\d{1,2}|\d{4,})", r"[-+]?\d{1,3}(,\d{3})+\.\d+"
    return (
        f"(CASE WHEN NOT contains({raw}, ',') THEN {plain} "
        f"WHEN regexp_full_match({raw}, {quote(comma)}) THEN {swapped} "
        f"WHEN regexp_full_match({raw}, {quote(thousands)}) "
        f"THEN try_cast(replace({raw}, ',', '') AS DOUBLE) END)"
    )


def _integer(source: Source, decimal: str) -> str:
    if source.type in _NUMBER_TYPES - {"FLOAT", "DOUBLE"}:
        return f"try_cast({source.sql} AS BIGINT)"
    number = _number(source, None, decimal)
    whole = f"(CASE WHEN {number} = floor({number}) THEN try_cast({number} AS BIGINT) END)"
    if not source.is_text:
        return whole
    raw = text(source)
    marks = " OR ".join(f"contains({raw}, '{mark}')" for mark in (".", ",", "_", "e", "E"))
    return f"(CASE WHEN {marks} THEN {whole} ELSE try_cast({raw} AS BIGINT) END)"


def _boolean(source: Source) -> str:
    if source.type == "BOOLEAN":
        return source.sql
    raw = text(source)
    true, false = (", ".join(quote(w) for w in words) for words in (_TRUE, _FALSE))
    return f"(CASE WHEN lower({raw}) IN ({true}) THEN TRUE WHEN lower({raw}) IN ({false}) THEN FALSE END)"


def _time(source: Source, pattern: str | None, timezone: str) -> str:
    if source.type == "TIMESTAMP WITH TIME ZONE":
        return source.sql
    if source.type.startswith("TIMESTAMP") or source.type == "DATE":
        return _localised(f"CAST({source.sql} AS TIMESTAMP)", timezone)
    if source.is_number:
        return _from_epoch(f"CAST({source.sql} AS DOUBLE)")
    return _time_from_text(text(source), pattern, timezone)


def _outside_times(column: str) -> tuple[str, str]:
    first, last = (f"TIMESTAMPTZ '{day} 00:00:00+00'" for day in (EARLIEST, LATEST))
    return f"{name(column)} < {first} OR {name(column)} >= {last}", f"impossible_time:{column}"


def _outside_days(column: str) -> tuple[str, str]:
    outside = f"{name(column)} < DATE '{EARLIEST}' OR {name(column)} >= DATE '{LATEST}'"
    return outside, f"impossible_time:{column}"


def has_offset(raw: str) -> str:
    """A condition: the text of a time says an offset from UTC that is not zero."""
    pattern = r".*\d\d:\d\d(:\d\d(\.\d+)?)? ?[-+]\d\d(:?\d\d)?"
    zero = r".*[-+]00(:?00)?"
    matches = f"regexp_full_match({raw}, {quote(pattern)}) AND NOT regexp_full_match({raw}, {quote(zero)})"
    marked = f"contains(substr({raw}, 11), '+') OR contains(substr({raw}, 11), '-')"
    return f"(CASE WHEN {marked} THEN {matches} ELSE FALSE END)"


def _time_from_text(raw: str, pattern: str | None, timezone: str) -> str:
    if pattern:
        parsed = f"try_strptime({raw}, {quote(pattern)})"
        return f"CAST({parsed} AS TIMESTAMPTZ)" if "%z" in pattern else _localised(parsed, timezone)
    number = f"try_cast({raw} AS DOUBLE)"
    joined = f"replace(replace({raw}, ' +', '+'), ' -', '-')"
    spaced = f"(contains({raw}, ' +') OR contains({raw}, ' -'))"
    zoned = (
        f"CASE WHEN {spaced} THEN try_cast({joined} AS TIMESTAMPTZ) ELSE try_cast({raw} AS TIMESTAMPTZ) END"
    )
    other = f"ELSE {zoned} END"
    if timezone != "UTC":
        bare = _localised(f"try_cast({raw} AS TIMESTAMP)", timezone)
        other = f"WHEN {_names_zone(raw)} THEN {zoned} ELSE {bare} END"
    return f"(CASE WHEN {number} IS NOT NULL THEN {_from_epoch(number)} {other})"


def _names_zone(raw: str) -> str:
    """A condition: the text of a time ends in a zone (Z, UTC, +02:00, Europe/Berlin)."""
    after_day = f"substr({raw}, 11)"
    marks = [f"contains({after_day}, '{mark}')" for mark in ("+", "-", "/", "Z", "UTC")]
    return f"({' OR '.join(marks)})"


def _localised(timestamp: str, timezone: str) -> str:
    return f"timezone({quote(timezone)}, {timestamp})"


def _from_epoch(number: str) -> str:
    """Seconds, milliseconds or microseconds since 1970; between 1995 and 2100 they cannot be confused."""
    factor = f"(CASE WHEN abs({number}) < 1e10 THEN 1000000 WHEN abs({number}) < 1e13 THEN 1000 ELSE 1 END)"
    micros = f"try_cast({number} * {factor} AS BIGINT)"
    possible = f"abs({number}) >= 1e8 AND abs({micros}) < 1000000000000000000"
    return f"(CASE WHEN {possible} THEN make_timestamptz({micros}) END)"


def _date(source: Source, pattern: str | None) -> str:
    if source.type == "DATE":
        return source.sql
    if pattern:
        return f"CAST(try_strptime({text(source)}, {quote(pattern)}) AS DATE)"
    return f"try_cast({text(source)} AS DATE)"


def _day_from_parts(sources: list[Source]) -> str:
    year, month, day = (text(s) for s in sources)
    return f"try_cast({year} || '-' || lpad({month}, 2, '0') || '-' || lpad({day}, 2, '0') AS DATE)"
