"""One message to one event, or the reason why it is none: the rules are those of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from buysignal.errors import DependencyError
from buysignal.sources.profile import Profile
from buysignal.sources.rejects import HINTS
from buysignal.sources.typed import MAX_QUANTITY

LONGEST_TEXT = 200
"""Characters of an id or a name; what is longer is no id."""

TEXTS = (
    "session_id", "event_id", "item_id", "category", "channel", "device", "country", "page", "currency",
)  # fmt: skip

_OWN_HINTS = {
    "bad_text": "{column} is no text: send an id or a name in quotes",
    "too_long": f"{{column}} has more than {LONGEST_TEXT} characters: send an id or a name",
    "no_schema": "the message does not begin with the number of a schema: write Avro with a registry",
    "unknown_schema": "the registry has no schema of this number: register it there before writing with it",
    "bad_schema": "the schema has no field {column}: register a version that has it",
    "broken_avro": "the bytes are not of the schema they name: write with the one that was registered",
}

_START = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Event = dict[str, Any]


class BadMessageError(Exception):
    """A message that is no event.

    Attributes:
        reason: a code of ``sources.rejects.HINTS`` or one of this module.
        column: which cell; empty where it is the whole message.
    """

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column

    @property
    def hint(self) -> str:
        """How to mend it."""
        return {**HINTS, **_OWN_HINTS}[self.reason].replace("{column}", self.column)


@dataclass(frozen=True)
class Rules:
    """What a bundle's profile says of amounts.

    Attributes:
        currency: what prices are converted to; None where nothing says one.
        rates: of other currencies into it, upper case.
        max_price: more is no price.
    """

    currency: str | None
    rates: Mapping[str, float]
    max_price: float

    @classmethod
    def of(cls, profile: Profile) -> Rules:
        rates = {code.upper(): rate for code, rate in profile.rates.items()}
        return cls(profile.currency and profile.currency.upper(), rates, profile.max_price)


def json_reader() -> Callable[[bytes], Any]:
    """Return the function that reads JSON.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
    """
    try:
        import orjson
    except ImportError:
        raise DependencyError("orjson", "stream") from None
    return orjson.loads


def json_writer() -> Callable[[Any], bytes]:
    """Return the function that writes JSON; times with their offset, NaN as null.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
    """
    try:
        import orjson
    except ImportError:
        raise DependencyError("orjson", "stream") from None
    return orjson.dumps


def read(value: bytes | None, arrived_ms: int, rules: Rules, loads: Callable[[bytes], Any]) -> Event:
    """Return the event of a message: the columns of the events table by name.

    Keys that are no column are ignored. Without ``event_time`` and ``event_date`` the event took place when
    the message arrived.

    Args:
        value: an object, as ``loads`` reads it.
        arrived_ms: the message's own time, milliseconds since 1970.

    Raises:
        BadMessageError: it is no event.
    """
    try:
        event = loads(value or b"")
    except ValueError:
        raise BadMessageError("broken_json") from None
    if not isinstance(event, dict):
        raise BadMessageError("broken_json")
    event["visitor_id"] = _needed(event, "visitor_id")
    event["event_name"] = _needed(event, "event_name")
    for column in TEXTS:
        cell = event.get(column)
        if cell is not None and (type(cell) is not str or not 0 < len(cell) <= LONGEST_TEXT):
            event[column] = _text(cell, column)
    _read_time(event, arrived_ms)
    if event.get("price") is not None:
        event["price"] = _price(event, rules)
    if event.get("quantity") is not None:
        event["quantity"] = _quantity(event["quantity"])
    if event.get("consent") not in (None, True, False):
        raise BadMessageError("bad_boolean", "consent")
    return event


def _needed(event: Event, column: str) -> str:
    value = event.get(column)
    text = None if value is None else _text(value, column)
    if text is None:
        raise BadMessageError("missing", column)
    return text


def _text(value: object, column: str) -> str | None:
    if type(value) is not str:
        if type(value) not in (int, UUID):
            raise BadMessageError("bad_text", column)
        return str(value)
    if len(value) > LONGEST_TEXT:
        raise BadMessageError("too_long", column)
    return value or None


def _read_time(event: Event, arrived_ms: int) -> None:
    given = event.get("event_time")
    if given is not None:
        event["event_time"] = _time(given)
        return
    day = event.get("event_date")
    if day is None:
        event["event_time"] = _START + timedelta(milliseconds=arrived_ms)
        return
    try:
        # Avro's own days come as such.
        event["event_date"] = day if type(day) is date else date.fromisoformat(day)
    except (TypeError, ValueError):
        raise BadMessageError("bad_time", "event_date") from None


def _time(given: object) -> datetime:
    try:
        if type(given) is str:
            time = datetime.fromisoformat(given)
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
        elif type(given) is datetime:
            time = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
        elif type(given) in (int, float):
            time = _START + timedelta(microseconds=_microseconds(float(given)))  # type: ignore[arg-type]
        else:
            raise BadMessageError("bad_time", "event_time")
    except (ValueError, OverflowError):
        raise BadMessageError("bad_time", "event_time") from None
    if not _EARLIEST <= time < _LATEST:
        raise BadMessageError("impossible_time", "event_time")
    return time


def _microseconds(number: float) -> float:
    """Seconds, milliseconds or microseconds since 1970; between 1995 and 2100 they cannot be confused."""
    return number * 1e6 if number < 1e10 else number * 1e3 if number < 1e13 else number


def _price(event: Event, rules: Rules) -> float:
    price = _number(event["price"], "price")
    if price < 0:
        raise BadMessageError("negative_price", "price")
    if price > rules.max_price:
        raise BadMessageError("absurd_price", "price")
    currency = event.get("currency")
    if currency is None or rules.currency is None or currency.upper() == rules.currency:
        return price
    rate = rules.rates.get(currency.upper())
    if rate is None:
        raise BadMessageError("unknown_currency", "currency")
    return price * rate


def _quantity(given: object) -> float:
    quantity = _number(given, "quantity")
    if not 0 <= quantity <= MAX_QUANTITY or quantity != int(quantity):
        raise BadMessageError("bad_quantity", "quantity")
    return quantity


def _number(given: object, column: str) -> float:
    if type(given) not in (int, float, str, Decimal):
        raise BadMessageError("bad_number", column)
    try:
        number = float(given)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        raise BadMessageError("bad_number", column) from None
    if not isfinite(number):
        raise BadMessageError("bad_number", column)
    return number
