"""What the driver decides once for all rows: profile, columns, types, currency, and the SQL of every part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import duckdb
import pyarrow as pa

from buysignal import pseudonyms
from buysignal.errors import SourceError
from buysignal.events import ATTRIBUTE_PREFIX
from buysignal.pseudonyms import Pseudonyms
from buysignal.sources import nested, sql, typed
from buysignal.sources.choose import Opened, choose, fitting, look_into
from buysignal.sources.profile import Profile, folded
from buysignal.sources.resolve import Resolved, extra_columns, infer_types, resolve, resolve_named
from buysignal.sources.settled import sort_keys, wanted_columns
from buysignal.sources.typed import ITEMS_PER_ROW
from buysignal.spark import survey
from buysignal.spark.database import database, empty_batch, seen
from buysignal.spark.options import Options
from buysignal.spark.parts import SparkPart, relation_of, rows_of
from buysignal.spark.survey import Question

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REASON = "__reason"
SEQUENCE = "__seq"
"""``event_seq`` as the source gives it, which rows are sorted by; the events' own has no gaps."""


@dataclass(frozen=True, eq=False)
class PartPlan:
    """How the rows of one part are typed.

    Attributes:
        columns: source columns to read.
        select: SQL over a batch: typed values, place, hash and reason of every row.
        before: rows of earlier parts.
        items: orders that one row takes up.
    """

    source: SparkPart
    columns: list[str]
    select: str
    before: int
    items: int


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole input, ready to be typed.

    Attributes:
        shape: columns of the typed rows of all parts, without rows.
        wanted: SQL of what is kept of them.
        keys: columns that rows are sorted by, all ascending with nulls first.
        rows: of all files.
        unfolds: a row may hold several items, each a row of its own.
        ids: what ids are hashed by; it goes to the workers, whose environment may lack the key.
    """

    profile: Profile
    confidence: float
    currency: str | None
    parts: list[PartPlan]
    shape: pa.Schema
    wanted: list[str]
    keys: list[str]
    rows: int
    unfolds: bool
    ids: Pseudonyms | None = None


def make_plan(spark: SparkSession, parts: Sequence[SparkPart], options: Options) -> Plan:
    """Decide what one machine would decide of the same files; starts Spark jobs where rows are counted.

    Raises:
        ProfileError: no profile fits, or required columns are missing.
        SourceError: the files hold no events, or one cannot be read like its neighbours.
    """
    ids = pseudonyms.from_environment()
    with database(ids) as connection:
        opened = [_opened(spark, connection, part) for part in parts]
        chosen, confidence = choose(opened, options.profile, options.mapping, options.rates)
        fit, left_out = fitting(chosen, opened)
        _refuse(chosen, fit, left_out)
        kept = [part for part in parts if any(one.part is part.part for one in fit)]
        fed = [_resolve(spark, connection, chosen, p, one) for p, one in zip(kept, fit, strict=True)]
        currency, decimals = _counted(spark, chosen, kept, fed)
        plans, before = [], 0
        for number, (part, one) in enumerate(zip(kept, fed, strict=True)):
            select = typed.select_typed(
                chosen, part.part, one.resolved, one.relation,
                before=before, number=number, decimal=decimals[number], currency=currency,
                hashed=ids is not None,
            )  # fmt: skip
            items = ITEMS_PER_ROW if chosen.items else 1
            plans.append(PartPlan(part, list(part.kinds), select, before, items))
            before += part.part.rows
        shape = _shape(connection, plans)
    columns = shape.names
    wanted = [*wanted_columns(columns, currency), REASON]
    keys = sort_keys(columns)
    if "event_seq" in columns:
        wanted.append(f"event_seq AS {SEQUENCE}")
        keys = [SEQUENCE if key == "event_seq" else key for key in keys]
    unfolds = chosen.items is not None and any(p.part.json is not None for p in kept)
    return Plan(chosen, confidence, currency, plans, shape, wanted, keys, before, unfolds, ids)


@dataclass(frozen=True, eq=False)
class _Fed:
    """Which columns of a part feed what, and the relation in which they stand."""

    relation: str
    resolved: Resolved


def _opened(spark: SparkSession, connection: duckdb.DuckDBPyConnection, part: SparkPart) -> Opened:
    head = rows_of(spark, part, first=nested.HEAD_ROWS).toArrow()
    with seen(connection, head.cast(part.arrow).sort_by("__row")):
        return look_into(connection, part.part)


def _refuse(profile: Profile, fit: Sequence[Opened], left_out: Sequence[str]) -> None:
    if profile.level != "event":
        raise SourceError(
            f"{fit[0].part.names[0]} holds sessions, one a row",
            allowed="events: sessions have no clicks to fold",
            todo="use train and score on one machine, which read session tables whole",
        )
    if left_out:
        raise SourceError(
            f"{left_out[0]} has other columns than the files beside it, and profile "
            f"'{profile.name}' cannot read it",
            allowed=f"the columns of {fit[0].part.names[0]}: {', '.join(fit[0].part.columns)}",
            todo="export it like the others, or move it out of the folder",
        )


def _resolve(
    spark: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    part: SparkPart,
    one: Opened,
) -> _Fed:
    relation, sources = one.part.relation, dict(one.part.columns)
    if one.part.json is not None:
        present = {folded(c): c for c in one.columns}
        paths = [present.get(folded(s), s) for m in profile.columns.values() for s in m.source]
        paths += [c for c in one.columns if c.startswith(ATTRIBUTE_PREFIX)]
        relation, sources = nested.select_paths(one.part, paths, profile.items)
    extra = extra_columns(profile, sources, resolve_named(profile, sources))
    texts = {c: sources[c] for c in extra if sources[c].is_text}
    types = infer_types(connection, relation, {c: sources[c] for c in extra if c not in texts})
    if texts:
        question = Question(relation, texts)
        types |= survey.types_of(survey.ask(rows_of(spark, part), question), list(texts))
    return _Fed(relation, resolve(profile, sources, types))


def _counted(
    spark: SparkSession, profile: Profile, parts: Sequence[SparkPart], fed: Sequence[_Fed]
) -> tuple[str | None, list[Literal[".", ","]]]:
    """Return the common currency and each part's decimal mark, counted where the profile leaves it open."""
    decimals: list[Literal[".", ","]] = []
    currencies: Counter[str] = Counter()
    for part, one in zip(parts, fed, strict=True):
        question = _open_question(profile, part, one)
        found: Counter[tuple[str, str]] = Counter()
        if not question.is_empty:
            found = survey.ask(rows_of(spark, part, _columns_of(part, one, question)), question)
        currencies.update(survey.currencies_of(found))
        commas, points = found[survey.COMMA, ""], found[survey.POINT, ""]
        auto: Literal[".", ","] = "," if commas and not points else "."
        decimals.append(auto if profile.decimal == "auto" else profile.decimal)
    most = max(currencies, key=lambda code: (currencies[code], code)) if currencies else None
    return profile.currency or most, decimals


def _open_question(profile: Profile, part: SparkPart, one: _Fed) -> Question:
    texts = any(
        source.is_text and mapping.type_for(column) == "number"
        for column, (mapping, sources) in one.resolved.items()
        for source in sources
    )
    numbers = one.resolved if profile.decimal == "auto" and texts else None
    priced = profile.currency is None and "currency" in one.resolved and "price" in one.resolved
    currency = sql.text(one.resolved["currency"][1][0]) if priced else None
    question = Question(one.relation, {}, numbers, currency)
    if part.part.json is not None or question.is_empty:
        return question
    return Question(relation_of(part.kinds, _columns_of(part, one, question) or []), {}, numbers, currency)


def _columns_of(part: SparkPart, one: _Fed, question: Question) -> list[str] | None:
    """The columns that a question asks about; all where rows are nested."""
    if part.part.json is not None:
        return None
    asked = one.resolved if question.numbers is not None else {"currency": one.resolved["currency"]}
    wanted = {source.sql for _, sources in asked.values() for source in sources}
    return [column for column, source in part.part.columns.items() if source.sql in wanted]


def _shape(connection: duckdb.DuckDBPyConnection, plans: Sequence[PartPlan]) -> pa.Schema:
    """Return the columns of the typed rows of all parts together."""
    for number, plan in enumerate(plans):
        with seen(connection, empty_batch(plan.source.arrow)):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE shape_{number} AS {plan.select}")
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM shape_{n}" for n in range(len(plans)))
    return connection.sql(union).to_arrow_table().schema
