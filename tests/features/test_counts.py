"""Counts of parts of the visitors add up to those of all, to the last bit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import sessions
from buysignal.features.counts import PRICE_UNIT, count, fold_of_visitor, merged
from buysignal.features.vocabulary import cross_fit_of, fit_cross, vocabulary_of
from buysignal.sources import load
from buysignal.sources.demo import write_demo

FOLDS = 5


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    folder: Path = tmp_path_factory.mktemp("shop")
    return sessions.assign(load(write_demo(folder, 400, 14, 3).events).table)


def parts_of(events: pa.Table, parts: int) -> list[pa.Table]:
    """Deal the visitors out, each with all of their events."""
    code = sessions.codes(events.column("visitor_id"))
    return [events.filter(pa.array(code % parts == part)) for part in range(parts)]


def training_of(events: pa.Table) -> np.ndarray:
    """Return which sessions began in the first ten days, shape (sessions,)."""
    where = sessions.layout(events)
    start = sessions.times(events)[where.session_starts[:-1]]
    return start < pc.min(events.column("event_time")).cast(pa.int64()).as_py() + 10 * sessions.US_PER_DAY


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_vocabulary_counted_in_parts_is_that_of_all(events: pa.Table, parts: int) -> None:
    whole, cross = fit_cross(events, training_of(events), folds=FOLDS)
    dealt = parts_of(events, parts)
    counts = merged([count(part, training_of(events)[_sessions_in(events, part)], FOLDS) for part in dealt])
    summed = vocabulary_of(counts)
    assert summed.levels == whole.levels
    assert (summed.items, summed.categories) == (whole.items, whole.categories)
    np.testing.assert_array_equal(summed.item_priors, whole.item_priors)
    np.testing.assert_array_equal(summed.category_priors, whole.category_priors)
    for part in dealt:
        training = training_of(events)[_sessions_in(events, part)]
        of_part = cross_fit_of(counts, part, training)
        np.testing.assert_array_equal(of_part.item_priors, cross.item_priors)
        np.testing.assert_array_equal(
            of_part.table_of_session, cross.table_of_session[_sessions_in(events, part)]
        )


def _sessions_in(events: pa.Table, part: pa.Table) -> np.ndarray:
    """Return the positions, among the sessions of ``events``, of those in ``part``."""

    def ids(table: pa.Table) -> list[str]:
        return table.column("session_id").take(sessions.layout(table).session_starts[:-1]).to_pylist()

    position = {session: i for i, session in enumerate(ids(events))}
    return np.array([position[session] for session in ids(part)])


def test_a_fold_is_left_out_of_its_own_table(events: pa.Table) -> None:
    everything = np.ones(sessions.layout(events).sessions, dtype=bool)
    whole, cross = fit_cross(events, everything, folds=FOLDS)
    fold_of_row = cross.table_of_session[sessions.layout(events).session_of_row()] - 1
    for fold in range(FOLDS):
        others = events.filter(pa.array(fold_of_row != fold))
        alone, _ = fit_cross(others, np.ones(sessions.layout(others).sessions, dtype=bool), folds=FOLDS)
        items = [whole.items.index(item) for item in alone.items]
        np.testing.assert_array_equal(cross.item_priors[1 + fold][items], alone.item_priors[:-1])


@settings(deadline=None, max_examples=40)
@given(data=st.data(), n=st.integers(1, 60))
def test_counts_are_those_of_a_plain_walk(data: st.DataObject, n: int) -> None:
    text = st.one_of(st.none(), st.sampled_from("abcde"))
    names = st.sampled_from(["view_item", "add_to_cart", "purchase", "search"])
    rows = [
        {
            "visitor_id": f"v{i // 12}", "session_id": f"s{i // 5}", "event_seq": i,
            "event_name": data.draw(names),
            "item_id": data.draw(text), "category": data.draw(text), "channel": data.draw(text),
            "price": data.draw(st.one_of(st.none(), st.sampled_from([0.1, 0.30004, 12.5]))),
        }
        for i in range(n)
    ]  # fmt: skip
    events = sessions.assign(ev.conform(pa.Table.from_pylist(rows, schema=_schema(rows[0]))))
    where = sessions.layout(events)
    training = np.array(data.draw(st.lists(st.booleans(), min_size=where.sessions, max_size=where.sessions)))
    counts = count(events, training, 3)
    fold = fold_of_visitor(events, where, 3)[where.visitor_of_session()]
    kept = [
        (row, session, fold[session])
        for row, session in zip(events.to_pylist(), where.session_of_row(), strict=True)
        if training[session]
    ]
    for column, touched in (("item_id", counts.items), ("category", counts.categories)):
        assert touched.names == tuple(sorted({row[column] for row, _, _ in kept} - {None}))
        for kind, wanted in enumerate((None, "add_to_cart", "purchase")):
            happened = {
                (session, in_fold, row[column])
                for row, session, in_fold in kept
                if wanted is None or row["event_name"] == wanted
            }
            for place in range(3):
                for position, name in enumerate(touched.names):
                    plain = sum(f == place and key == name for _, f, key in happened)
                    assert touched.sessions[place, position, kind] == plain
    assert counts.levels["channel"] == Counter(row["channel"] for row, _, _ in kept if row["channel"])
    for position, name in enumerate(counts.categories.names):
        priced = [r["price"] for r, _, _ in kept if r["category"] == name and r["price"] is not None]
        assert counts.prices[position].tolist() == [sum(round(p / PRICE_UNIT) for p in priced), len(priced)]
    assert counts.has_cart == any(row["event_name"] == "add_to_cart" for row, _, _ in kept)
    assert counts.has_purchase == any(row["event_name"] == "purchase" for row, _, _ in kept)


def _schema(row: dict[str, object]) -> pa.Schema:
    return pa.schema([field for field in ev.SCHEMA if field.name in row])
