"""What has to be known of all rows before one of them can be typed, counted by the workers.

Types of columns the profile does not name, the decimal mark of text numbers, the most frequent currency:
one machine asks its database; here each batch is asked the same, and the answers are put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from buysignal.sources import sql, typed
from buysignal.sources.profile import ColumnType
from buysignal.sources.resolve import Resolved, infer_types
from buysignal.sources.sql import Source
from buysignal.spark.database import database, seen

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ANSWERS = pa.schema([("what", pa.string()), ("key", pa.string()), ("n", pa.int64())])
COMMA, POINT, CURRENCY, TYPE = "comma", "point", "currency", "type:"

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Question:
    """What to count.

    Attributes:
        relation: the rows of a batch.
        extras: text columns whose cells decide what they hold.
        numbers: columns whose text numbers have a decimal mark; None where it is known.
        currency: SQL of the currency; None where there is nothing to count.
    """

    relation: str
    extras: dict[str, Source]
    numbers: Resolved | None = None
    currency: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.extras and self.numbers is None and self.currency is None


def ask(rows: DataFrame, question: Question) -> Counter[tuple[str, str]]:
    """Return how often each (what, key) was found among ``rows``; starts a Spark job."""
    answers = rows.mapInArrow(_asking(question), "what string, key string, n bigint").collect()
    found: Counter[tuple[str, str]] = Counter()
    for what, key, n in answers:
        found[what, key] += n
    return found


def _asking(question: Question) -> Callable[[Batches], Batches]:
    def count(batches: Batches) -> Batches:
        found: Counter[tuple[str, str]] = Counter()
        with database() as connection:
            for batch in batches:
                with seen(connection, batch):
                    _ask(connection, question, found)
        rows = [{"what": what, "key": key, "n": n} for (what, key), n in found.items()]
        yield from pa.Table.from_pylist(rows, schema=ANSWERS).to_batches()

    return count


def _ask(connection: duckdb.DuckDBPyConnection, question: Question, found: Counter[tuple[str, str]]) -> None:
    if question.extras:
        filled = ", ".join(f"count({sql.text(source)})" for source in question.extras.values())
        counts = connection.sql(f"SELECT {filled} FROM {question.relation}").fetchall()[0]
        some = {c: s for (c, s), n in zip(question.extras.items(), counts, strict=True) if n}
        for column, kind in infer_types(connection, question.relation, some).items():
            found[f"{TYPE}{column}", kind] += 1
    if question.numbers is not None:
        comma, point = typed.decimal_marks(connection, question.numbers, question.relation)
        found[COMMA, ""] += comma
        found[POINT, ""] += point
    if question.currency is not None:
        cell = question.currency
        query = f"SELECT upper({cell}), count(*) FROM {question.relation} WHERE {cell} IS NOT NULL GROUP BY 1"
        for code, n in connection.sql(query).fetchall():
            found[CURRENCY, code] += n


def types_of(found: Counter[tuple[str, str]], columns: Sequence[str]) -> dict[str, ColumnType]:
    """Return what each column holds: what all its batches say, else text."""
    kinds: dict[str, ColumnType] = {}
    for column in columns:
        said = {kind for what, kind in found if what == f"{TYPE}{column}"}
        kinds[column] = said.pop() if len(said) == 1 else "text"  # type: ignore[assignment]
    return kinds


def currencies_of(found: Counter[tuple[str, str]]) -> Counter[str]:
    """Return how many rows are in each currency."""
    return Counter({code: n for (what, code), n in found.items() if what == CURRENCY})
