"""Counts of parts of the visitors add up to those of all, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from buysignal import sessions
from buysignal.features.counts import count, merged
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
    _, cross = fit_cross(events, everything, folds=FOLDS)
    for fold in range(FOLDS):
        others = events.filter(pa.array(_fold_of_row(events) != fold))
        alone, _ = fit_cross(others, np.ones(sessions.layout(others).sessions, dtype=bool), folds=FOLDS)
        items = [fit_cross(events, everything)[0].items.index(item) for item in alone.items]
        np.testing.assert_array_equal(cross.item_priors[1 + fold][items], alone.item_priors[:-1])


def _fold_of_row(events: pa.Table) -> np.ndarray:
    _, cross = fit_cross(events, np.ones(sessions.layout(events).sessions, dtype=bool), folds=FOLDS)
    return cross.table_of_session[sessions.layout(events).session_of_row()] - 1
