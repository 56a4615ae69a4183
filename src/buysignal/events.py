"""The canonical events table: columns, types, units, and the check that they hold.

Everything downstream reads this one table. Names follow Google Analytics 4.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.errors import EventsError


class EventName(StrEnum):
    """GA4's recommended e-commerce event names, in the order of the funnel."""

    PAGE_VIEW = "page_view"
    VIEW_ITEM_LIST = "view_item_list"
    SEARCH = "search"
    SELECT_ITEM = "select_item"
    VIEW_ITEM = "view_item"
    ADD_TO_WISHLIST = "add_to_wishlist"
    ADD_TO_CART = "add_to_cart"
    REMOVE_FROM_CART = "remove_from_cart"
    VIEW_CART = "view_cart"
    BEGIN_CHECKOUT = "begin_checkout"
    ADD_SHIPPING_INFO = "add_shipping_info"
    ADD_PAYMENT_INFO = "add_payment_info"
    PURCHASE = "purchase"
    REFUND = "refund"


EVENT_CODES: dict[str, int] = {name.value: code for code, name in enumerate(EventName)}
OTHER_CODE = len(EVENT_CODES)
"""Code of an event name that is none of GA4's: kept as it is, counted as *other*."""

_TEXT = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        pa.field("visitor_id", pa.string(), nullable=False),
        pa.field("session_id", pa.string()),
        pa.field("event_time", pa.timestamp("us", tz="UTC")),
        pa.field("event_date", pa.date32()),
        pa.field("event_seq", pa.int64(), nullable=False),
        pa.field("event_name", _TEXT, nullable=False),
        pa.field("item_id", _TEXT),
        pa.field("category", _TEXT),
        pa.field("price", pa.float64()),
        pa.field("quantity", pa.int32()),
        pa.field("currency", _TEXT),
        pa.field("transaction_id", pa.string()),
        pa.field("country", _TEXT),
        pa.field("device", _TEXT),
        pa.field("channel", _TEXT),
        pa.field("page", _TEXT),
        pa.field("consent", pa.bool_()),
    ]
)
"""The fixed columns. What else a source carries follows as ``attr_*`` columns.

``event_time`` is UTC in microseconds and null where the source has no clock; ``event_date`` is
the day, known even then. ``event_seq`` orders events that share a time (or have none).
``price`` is the price of one unit in ``currency``; ``quantity`` null means 1. A purchase of several
items is one row per item sharing ``transaction_id``.
"""

ATTRIBUTE_PREFIX = "attr_"


def conform(table: pa.Table) -> pa.Table:
    """Return ``table`` with every schema column present and typed, ``attr_*`` after them.

    Missing columns become null. Row order is kept.

    Raises:
        EventsError: a column is unknown, cannot be cast, or a required one has nulls.
    """
    unknown = [c for c in table.column_names if c not in SCHEMA.names and not c.startswith(ATTRIBUTE_PREFIX)]
    if unknown:
        raise EventsError(
            f"events have the unknown column '{unknown[0]}'",
            allowed=f"{', '.join(SCHEMA.names)} and {ATTRIBUTE_PREFIX}*",
            todo=f"rename it to '{ATTRIBUTE_PREFIX}{unknown[0]}' or drop it",
        )
    columns: dict[str, pa.ChunkedArray] = {}
    for field in SCHEMA:
        if field.name in table.column_names:
            columns[field.name] = _cast(table.column(field.name), field)
        else:
            columns[field.name] = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        if not field.nullable and columns[field.name].null_count:
            raise EventsError(
                f"events column '{field.name}' has {columns[field.name].null_count:,} empty cells",
                allowed="none",
                todo="map another column to it, or reject those rows",
            )
    for name in table.column_names:
        if name.startswith(ATTRIBUTE_PREFIX):
            columns[name] = table.column(name)
    return pa.table(columns)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column.unify_dictionaries() if pa.types.is_dictionary(field.type) else column
    try:
        if pa.types.is_dictionary(field.type):
            if pa.types.is_dictionary(column.type) and column.type.value_type == pa.string():
                return _with_wide_codes(column)
            return column.cast(pa.string()).dictionary_encode().unify_dictionaries()
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise EventsError(
            f"events column '{field.name}' is {column.type}: {error}", allowed=str(field.type)
        ) from error


def _with_wide_codes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a dictionary of text with codes of 32 bits; the words stay as they are."""
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices.cast(pa.int32()), chunk.dictionary)
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, type=_TEXT).unify_dictionaries()


def sort(table: pa.Table) -> pa.Table:
    """Return events ordered by visitor, time (unknown times first), then sequence."""
    keys = ("visitor_id", "event_time", "event_date", "event_seq")
    order = pc.sort_indices(table, sort_keys=[(key, "ascending", "at_start") for key in keys])
    return table.take(order)


def consenting(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the events but for those sent with a refusal of consent, and how many these are."""
    if "consent" not in table.column_names:
        return table, 0
    refused = int(pc.sum(pc.equal(table.column("consent"), False)).as_py() or 0)
    return (table.filter(pc.fill_null(table.column("consent"), True)) if refused else table), refused


def codes_of_names(table: pa.Table) -> npt.NDArray[np.int8]:
    """Return the event code of every row, shape (n,)."""
    column = table.column("event_name").combine_chunks()
    by_dictionary = np.array(
        [EVENT_CODES.get(name, OTHER_CODE) for name in column.dictionary.to_pylist()], dtype=np.int8
    )
    codes: npt.NDArray[np.int8] = by_dictionary[column.indices.to_numpy(zero_copy_only=False)]
    return codes


def line_values(table: pa.Table) -> npt.NDArray[np.float64]:
    """Return price × quantity of every row in the table's currency, shape (n,); 0 where unknown."""
    price = table.column("price").to_numpy()
    quantity = pc.fill_null(table.column("quantity"), 1).to_numpy()
    values: npt.NDArray[np.float64] = np.nan_to_num(price * quantity, nan=0.0)
    return values
