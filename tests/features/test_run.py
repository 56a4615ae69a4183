"""Some features, memory of one's own, one thread or several at once: always the bits of the full fold."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.errors import InputError
from buysignal.features import kernel, packed
from buysignal.features.live import LiveVisitor, Reader
from buysignal.sources import load
from buysignal.sources.demo import write_demo

RECORDED = "d6b320d7bcfb7c6889f0d07edd7ed48469c6b1e5f58d9448b87674333cad0e00"
"""SHA-256 of the rows that the first version of the fold wrote for ``made_up``; features without a logarithm,
whose last bit is the system's library's."""

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return sessions.assign(load(write_demo(tmp_path_factory.mktemp("shop"), 600, 14, 3).events).table)


@pytest.fixture(scope="module")
def full(dirty: pa.Table) -> np.ndarray:
    return features.fold(dirty, features.fit_vocabulary(dirty))


def made_up() -> pa.Table:
    """Return events of every kind: gaps everywhere, two tabs at once, a session beyond the cap."""
    draw = np.random.default_rng(11).integers

    def sometimes(values: list[object], often: int = 4) -> object:
        return None if draw(0, often) == 0 else values[draw(0, len(values))]

    names = [*(str(name) for name in ev.EventName), "spin_the_wheel"]
    rows = []
    for visitor in range(40):
        moment = START
        for number in range(int(draw(1, 60)) if visitor else sessions.SESSION_CAP + 40):
            moment += timedelta(seconds=int([0, 1, 7, 60, 900, 4000, 90_000][draw(0, 7 if visitor else 3)]))
            item = sometimes(list(range(9)))
            rows.append(
                {
                    "visitor_id": f"v{visitor:02}", "event_seq": number,
                    "session_id": f"v{visitor:02}-s{number // 25 * 2 + draw(0, 2) if visitor else 0}",
                    "event_time": None if visitor % 10 == 9 else moment, "event_date": moment.date(),
                    "event_name": names[draw(0, len(names))],
                    "item_id": None if item is None else f"i{item}",
                    "category": None if item is None else f"c{item % 3}",
                    "price": sometimes([0.0, 1.25, 19.99, 300.0]), "quantity": sometimes([1, 2, 3]),
                    "channel": sometimes(["email", "organic"]), "device": sometimes(["phone"]),
                    "country": sometimes(["PL", "CZ"]), "page": sometimes(["1", "3", "home"]),
                }
            )  # fmt: skip
    return sessions.assign(ev.sort(ev.conform(pa.Table.from_pylist(rows, schema=_schema(list(rows[0]))))))


def _schema(names: list[str]) -> pa.Schema:
    return pa.schema([field for field in ev.SCHEMA if field.name in names])


def bits(X: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(X).view(np.uint32)


def test_the_fold_still_writes_what_its_first_version_wrote() -> None:
    events = made_up()
    vocabulary, cross = features.fit_cross(events, np.arange(sessions.layout(events).sessions) % 3 != 0)
    exact = [name for name in features.NAMES if name not in ("gap_log_mean", "item_popularity")]
    X = features.fold(events, vocabulary, cross, columns=exact)
    X[np.isnan(X)] = -1.0  # a missing value is missing, whatever its bits
    assert hashlib.sha256(X.tobytes()).hexdigest() == RECORDED


@pytest.mark.parametrize("name", features.NAMES)
def test_a_feature_alone_is_that_of_the_full_fold(dirty: pa.Table, full: np.ndarray, name: str) -> None:
    alone = features.fold(dirty, features.fit_vocabulary(dirty), columns=[name])
    np.testing.assert_array_equal(bits(alone[:, 0]), bits(full[:, features.NAMES.index(name)]))


@settings(deadline=None, max_examples=20)
@given(columns=st.lists(st.sampled_from(features.NAMES), max_size=20), parallel=st.booleans())
def test_some_features_in_any_order(
    dirty: pa.Table, full: np.ndarray, columns: list[str], parallel: bool
) -> None:
    out = np.full((dirty.num_rows, len(columns)), 7.0, np.float32)
    vocabulary = features.fit_vocabulary(dirty)
    X = features.fold(dirty, vocabulary, columns=columns, out=out, parallel=parallel)
    assert X is out
    np.testing.assert_array_equal(bits(X), bits(full[:, [features.NAMES.index(name) for name in columns]]))


def test_demo_events_one_by_one_are_those_of_the_batch(dirty: pa.Table, full: np.ndarray) -> None:
    reader = Reader(features.fit_vocabulary(dirty))
    in_time = dirty.append_column("row", pa.array(np.arange(dirty.num_rows)))
    keys = ("visitor_id", "event_time", "event_date", "event_seq")
    visitors = pa.array([f"{v}" for v in dirty.column("visitor_id").unique().to_pylist()[:150]])
    in_time = in_time.filter(pc.is_in(in_time.column("visitor_id"), visitors))
    live: dict[str, LiveVisitor] = {}
    for event in in_time.sort_by([(key, "ascending") for key in keys]).to_pylist():
        visitor = live.setdefault(event["visitor_id"], LiveVisitor(reader))
        np.testing.assert_array_equal(visitor.observe(event), full[event["row"]])
    assert len(live) > 100


def test_several_threads_at_once_give_the_same_bits(dirty: pa.Table, full: np.ndarray) -> None:
    vocabulary = features.fit_vocabulary(dirty)
    where = sessions.layout(dirty)
    cuts = where.session_starts[where.visitor_starts[np.linspace(0, where.visitors, 9).astype(int)]]
    pieces = [dirty.slice(first, last - first) for first, last in pairwise(cuts)]
    for parallel in (False, True):
        fold = partial(features.fold, vocabulary=vocabulary, parallel=parallel)
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(fold, pieces))
        np.testing.assert_array_equal(bits(np.concatenate(made)), bits(full))


def test_rows_streamed_past_the_caches_are_the_same(
    dirty: pa.Table, full: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = features.fit_vocabulary(dirty)
    assert not kernel.selection(None, full).streamed
    monkeypatch.setattr(kernel, "STREAMED_FROM", 0)
    memory = np.zeros(full.size + 8, np.float32)
    offset = -memory.ctypes.data % 16 // 4
    for shift in (0, 1):  # rows at multiples of 16 bytes, and rows that are not
        out = memory[offset + shift :][: full.size].reshape(full.shape)
        assert kernel.selection(None, out).streamed == (shift == 0)
        np.testing.assert_array_equal(bits(features.fold(dirty, vocabulary, out=out)), bits(full))


def test_each_loop_is_compiled_once_however_the_events_lie(dirty: pa.Table) -> None:
    for events in (dirty, pa.concat_tables([dirty.slice(0, 900), dirty.slice(900)]), made_up()):
        vocabulary, cross = features.fit_cross(events, np.ones(sessions.layout(events).sessions, bool))
        features.fold(events, vocabulary)
        features.fold(events, vocabulary, cross, columns=["n_events"])
        LiveVisitor(Reader(vocabulary)).observe(dirty.slice(0, 1).to_pylist()[0])
    for compiled in (kernel.fold_visitors, packed.fold_last):
        assert len(compiled.signatures) == 1


def test_the_walk_counts_no_references(dirty: pa.Table) -> None:
    features.fold(dirty, features.fit_vocabulary(dirty))
    flags = kernel.fold_visitors.targetoptions
    assert (flags["_nrt"], flags["nogil"]) == (False, True)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (np.zeros((3, 2), np.float32), "out is \\(3, 2\\) float32"),
        (np.zeros((2, 2), np.float64), "float64"),
        (np.zeros((2, 2), np.float32, order="F"), "not C-contiguous"),
    ],
)
def test_memory_that_does_not_fit_is_refused(out: np.ndarray, said: str) -> None:
    events = made_up().slice(0, 2)
    with pytest.raises(InputError, match=said):
        features.fold(events, features.fit_vocabulary(events), columns=["n_events", "hour"], out=out)


def test_memory_that_may_not_be_written_to_is_refused() -> None:
    events = made_up().slice(0, 2)
    out = np.zeros((2, 1), np.float32)
    out.flags.writeable = False
    with pytest.raises(InputError, match="read-only"):
        features.fold(events, features.fit_vocabulary(events), columns=["n_events"], out=out)


def test_an_unknown_feature_is_refused() -> None:
    events = made_up().slice(0, 2)
    with pytest.raises(InputError, match="'n_event' is no feature"):
        features.fold(events, features.fit_vocabulary(events), columns=["n_event"])


def test_no_events_give_no_rows() -> None:
    vocabulary = features.fit_vocabulary(made_up())
    empty = ev.conform(pa.Table.from_pylist([], schema=ev.SCHEMA))
    assert features.fold(empty, vocabulary, columns=["hour"]).shape == (0, 1)
