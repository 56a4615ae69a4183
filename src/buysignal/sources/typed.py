"""The typed table: every source row with its canonical values, and why it is rejected, if it is.

One SELECT per part. The result has the canonical columns, ``__order`` (the row's place in the whole
input), ``__line``, ``__row``, ``__file``, ``__hash`` (of the whole source row) and ``__reason``.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import duckdb

from buysignal import pseudonyms
from buysignal.sources.parts import Part
from buysignal.sources.profile import Profile
from buysignal.sources.resolve import Resolved
from buysignal.sources.sql import Cell, Source, cell, decode, has_offset, name, quote, text

ITEMS_PER_ROW = 4096
"""Room in ``__order`` for the items of one nested row."""

MAX_QUANTITY = 1_000_000


def decimal_of(
    connection: duckdb.DuckDBPyConnection, profile: Profile, resolved: Resolved, relation: str
) -> Literal[".", ","]:
    """Return the decimal mark of the part's numbers.

    A comma is believed where a cell can be read in no other way (``12,5``) and no cell of a price
    column has a point.
    """
    if profile.decimal != "auto":
        return profile.decimal
    texts = [s.sql for s in _number_sources(resolved) if s.is_text]
    if not texts or not _count_numbers(connection, relation, texts, ",", "."):
        return "."
    return "." if _count_numbers(connection, relation, texts, ".", ",") else ","


def decimal_marks(
    connection: duckdb.DuckDBPyConnection, resolved: Resolved, relation: str
) -> tuple[bool, bool]:
    """Return whether some number can only have a decimal comma, and whether some can only have a point."""
    texts = [s.sql for s in _number_sources(resolved) if s.is_text]
    if not texts:
        return False, False
    commas, points = (
        _count_numbers(connection, relation, texts, mark, other) for mark, other in ((",", "."), (".", ","))
    )
    return commas > 0, points > 0


def _count_numbers(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: list[str], mark: str, other: str
) -> int:
    """Count numbers in which ``mark`` can only be the decimal mark and ``other`` a thousands mark."""
    pattern = f"[-+]?[0-9{other}]*[{mark}]([0-9]{{1,2}}|[0-9]{{4,}})"
    tests = [
        f"CASE WHEN contains({c}, '{mark}') THEN regexp_full_match(trim({c}), '{pattern}') ELSE FALSE END"
        for c in cells
    ]
    counted = f"SELECT count(*) FILTER ({' OR '.join(tests)}) FROM {relation}"
    return int(connection.sql(counted).fetchall()[0][0])


def _number_sources(resolved: Resolved) -> list[Source]:
    return [
        source
        for column, (mapping, sources) in resolved.items()
        if mapping.type_for(column) == "number"
        for source in sources
    ]


def count_mended(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    resolved: Resolved,
    relation: str,
    *,
    decimal: Literal[".", ","],
    currency: str | None,
    mended: Counter[str],
) -> None:
    """Count decimal commas, times with another offset than UTC, and converted prices."""
    digits = "[0-9]+" if decimal == "," else "([0-9]{1,2}|[0-9]{4,})"
    numbers = [s for s in _number_sources(resolved) if s.is_text]
    tests = {
        "decimal_comma": [
            f"CASE WHEN contains({s.sql}, ',') "
            f"THEN regexp_full_match(trim({s.sql}), '[-+]?[0-9.]*,{digits}') ELSE FALSE END"
            for s in numbers
        ],
        "time_zone": [has_offset(text(s)) for s in _time_sources(resolved)],
        "currency": _converted(profile, resolved, currency),
    }
    counts = {
        key: " + ".join(f"count(*) FILTER ({test})" for test in found)
        for key, found in tests.items()
        if found
    }
    if counts:
        row = connection.sql(f"SELECT {', '.join(counts.values())} FROM {relation}").fetchall()[0]
        mended.update(dict(zip(counts, row, strict=True)))


def _time_sources(resolved: Resolved) -> list[Source]:
    return [
        source
        for column, (mapping, sources) in resolved.items()
        if mapping.type_for(column) == "time" and not mapping.format
        for source in sources
        if source.is_text
    ]


def _converted(profile: Profile, resolved: Resolved, currency: str | None) -> list[str]:
    others = [code.upper() for code in profile.rates if code.upper() != (currency or "").upper()]
    if not others or "currency" not in resolved or "price" not in resolved:
        return []
    code, price = (text(resolved[column][1][0]) for column in ("currency", "price"))
    return [f"{price} IS NOT NULL AND upper({code}) IN ({', '.join(quote(o) for o in others)})"]


def select_typed(
    profile: Profile,
    part: Part,
    resolved: Resolved,
    relation: str,
    *,
    before: int,
    number: int,
    decimal: Literal[".", ","],
    currency: str | None,
    hashed: bool = False,
) -> str:
    """Return the SELECT that types one part.

    Args:
        relation: the part's rows (with paths selected, where nested).
        before: rows of earlier parts.
        number: the part's position.
        decimal: its decimal mark.
        currency: what all amounts are converted to; None where nothing says one.
        hashed: ids are hashed by ``pseudonyms.SQL_NAME``, which the connection knows.
    """
    cleaned, first_layer = _clean(resolved)
    cells = {
        column: cell(column, mapping, cleaned[column], timezone=profile.timezone, decimal=decimal)
        for column, (mapping, _) in resolved.items()
    }
    if hashed:
        _hash_ids(cells, profile)
    if profile.level == "event":
        _add_event_name(cells, profile, part)
    place = _place(profile, part, resolved, before, number)
    values = "".join(f"{c.value} AS {name(column)}, " for column, c in cells.items())
    kept_sources = "".join(f"{s.sql}, " for sources in cleaned.values() for s in sources)
    inner = f"SELECT {first_layer}{place} FROM {relation}"
    valued = f"SELECT {values}{kept_sources}{', '.join(_PLACE)} FROM ({inner})"
    rules = [p for c in cells.values() for p in c.problem]
    rules += _missing(profile, cells)
    replaced: dict[str, str] = {}
    if profile.level == "event":
        rules += _value_rules(profile, cells, currency)
        replaced = _in_currency(profile, cells, currency)
    columns = "".join(f"{replaced.get(c, name(c))} AS {name(c)}, " for c in cells)
    reason = " ".join(f"WHEN {condition} THEN {quote(code)}" for condition, code in rules)
    chosen = f"CASE {reason} END" if rules else "CAST(NULL AS VARCHAR)"
    return f"SELECT {columns}{', '.join(_PLACE)}, {chosen} AS __reason FROM ({valued})"


_PLACE = ("__order", "__line", "__row", "__part", "__file", "__hash")


def _clean(resolved: Resolved) -> tuple[dict[str, list[Source]], str]:
    """The sources of every column under names of their own, with empty cells made null."""
    cleaned: dict[str, list[Source]] = {}
    layer: list[str] = []
    for column, (_, sources) in resolved.items():
        cleaned[column] = []
        for source in sources:
            alias = f"s{len(layer)}"
            value = text(source) if source.is_text else source.sql
            if source.type in ("FLOAT", "DOUBLE"):
                value = f"(CASE WHEN isnan({value}) THEN NULL ELSE {value} END)"
            layer.append(f"{value} AS {alias}, ")
            cleaned[column].append(Source(alias, source.type, clean=source.is_text))
    return cleaned, "".join(layer)


def _place(profile: Profile, part: Part, resolved: Resolved, before: int, number: int) -> str:
    nested = part.json is not None
    order = f"{before} + __row"
    if profile.items:
        order = f"({order}) * {ITEMS_PER_ROW} + {'__item' if nested else '0'}"
    hashed = ", ".join(s.sql for s in _all_sources(part, resolved)) + (", __raw, __item" if nested else "")
    file = "__of" if nested else part.file_sql
    return (
        f"{order} AS __order, __line, __row, {number} AS __part, {file} AS __file, hash({hashed}) AS __hash"
    )


def _all_sources(part: Part, resolved: Resolved) -> list[Source]:
    if part.json is None:
        return list(part.columns.values())
    return [s for _, sources in resolved.values() for s in sources]


def _add_event_name(cells: dict[str, Cell], profile: Profile, part: Part) -> None:
    constant = part.event_name or profile.event_name
    given = cells.get("event_name")
    if given is not None:
        cells["event_name"] = Cell(decode(given.value, profile.event_names), given.filled, given.problem)
    elif constant is not None:
        cells["event_name"] = Cell(quote(constant), "TRUE")


def _hash_ids(cells: dict[str, Cell], profile: Profile) -> None:
    for column in (*pseudonyms.COLUMNS, profile.roles.session, profile.roles.visitor):
        if column in cells:
            given = cells[column]
            cells[column] = Cell(f"{pseudonyms.SQL_NAME}(CAST({given.value} AS VARCHAR))", given.filled)


def _missing(profile: Profile, cells: dict[str, Cell]) -> list[tuple[str, str]]:
    needed = dict.fromkeys(profile.required)
    if profile.level == "event":
        needed.update(dict.fromkeys(("visitor_id", "event_name", "event_time")))
    return [(f"{name(column)} IS NULL", f"missing:{column}") for column in needed if column in cells]


def _value_rules(profile: Profile, cells: dict[str, Cell], currency: str | None) -> list[tuple[str, str]]:
    rules = []
    if "price" in cells:
        rules = [
            ("price < 0", "negative_price:price"),
            (f"price > {profile.max_price!r}", "absurd_price:price"),
        ]
        if "currency" in cells and currency is not None:
            unknown = f"price IS NOT NULL AND {_rate(profile, currency)} IS NULL"
            rules.append((unknown, "unknown_currency:currency"))
    if "quantity" in cells:
        rules.append((f"quantity < 0 OR quantity > {MAX_QUANTITY}", "bad_quantity:quantity"))
    return rules


def _in_currency(profile: Profile, cells: dict[str, Cell], currency: str | None) -> dict[str, str]:
    """The price in the common currency, and the currency after that."""
    if "price" not in cells or "currency" not in cells or currency is None:
        return {}
    priced = f"(CASE WHEN price IS NOT NULL OR currency IS NOT NULL THEN {quote(currency)} END)"
    if not profile.rates:
        return {"currency": priced}
    return {"price": f"(price * {_rate(profile, currency)})", "currency": priced}


def _same(currency: str) -> str:
    return f"(currency IS NULL OR upper(currency) = {quote(currency.upper())})"


def _rate(profile: Profile, currency: str) -> str:
    """SQL of the rate that turns the row's currency into ``currency``; null where none is known."""
    cases = "".join(
        f" WHEN upper(currency) = {quote(code.upper())} THEN {rate!r}" for code, rate in profile.rates.items()
    )
    return f"(CASE WHEN {_same(currency)} THEN 1.0{cases} END)"
