"""What networks read: padding, codes, windows of long visits, batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import SamplesError
from buysignal.models.networks.batches import batches
from buysignal.models.networks.steps import Column, Inputs, Steps, from_the_left, lengths
from buysignal.models.networks.visits import GAP_BANDS, Reader
from buysignal.sequences import Sequences

from .made_visits import made_catalog, made_visits

ALL = ("item", "attributes", "price", "time", "place")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(0, 99))
def test_padding_before_or_behind_is_the_same(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    behind = np.zeros((len(sizes), 6, 2), np.float32)
    before, item = behind.copy(), np.full((len(sizes), 6), -1, np.int32)
    item_before = item.copy()
    for row, size in enumerate(sizes):
        behind[row, :size] = random.integers(1, 9, (size, 2))
        item[row, :size] = random.integers(0, 5, size)
        before[row, 6 - size :], item_before[row, 6 - size :] = behind[row, :size], item[row, :size]
    moved = Steps(before, item_before).from_the_left()
    assert moved.X.tolist() == behind.tolist()
    assert moved.next_item is not None
    assert moved.next_item.tolist() == item.tolist()
    assert from_the_left(behind).tolist() == behind.tolist()
    assert lengths(before).tolist() == sizes


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 9), st.integers(1, 40), st.integers(0, 99))
def test_every_view_is_asked_once_in_the_window_that_answers_live(
    reach: int, longest: int, seed: int
) -> None:
    visits = made_visits(4, seed=seed, longest=longest, shortest=1)
    reader = Reader(visits.catalog, ALL, reach)
    steps, windows = reader.steps(visits), reader.windows(visits)
    assert steps.goal is not None
    assert steps.next_item is not None
    row, place = np.nonzero(steps.goal >= 0)
    view = visits.starts[windows.visit[row]] + windows.start[row] + place
    assert sorted(view) == list(range(len(visits.items)))
    assert (reader.window_of(visits.place_in_visit()[view] + 1) == windows.start[row]).all()
    ends = np.isin(view + 1, visits.starts)
    wanted = np.where(ends, -1, visits.items[np.minimum(view + 1, len(visits.items) - 1)])
    assert (steps.next_item[row, place] == wanted).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 9), st.integers(0, 20), st.integers(0, 99))
def test_what_is_read_before_an_answer_does_not_know_what_comes_after(
    reach: int, kept: int, seed: int
) -> None:
    visits = made_visits(1, seed=seed, longest=30, shortest=25)
    reader = Reader(visits.catalog, ALL, reach)
    cut = Sequences(
        visits.items[: kept + 1], np.array([0, kept + 1]), visits.day, visits.catalog, visits.gap[: kept + 1]  # type: ignore[index]
    )  # fmt: skip
    (whole, at), (short, at_short) = (reader.asked(v, np.array([kept])) for v in (visits, cut))
    assert (at == at_short).all()
    end = at[0, 1] + 1
    assert (whole[0, :end] == short[0, :end]).all()
    assert (short[0, end:] == 0).all()


def test_a_view_is_described_by_what_was_asked_for() -> None:
    catalog = made_catalog()
    visits = Sequences(
        np.array([0, 5, -1, 7], np.int32), np.array([0, 4]), np.zeros(1), catalog,
        np.array([np.nan, 1, 3, 1e6], np.float32),
    )  # fmt: skip
    reader = Reader(catalog, ALL, 4)
    assert [c.name for c in reader.inputs.columns] == ["item", "category", "price", "gap", "place"]
    (row,) = reader.read(visits, reader.windows(visits))
    assert row[:, 0].tolist() == [2, 7, 1, 9]
    assert row[:, 1].tolist() == [2, 1, 1, 3]
    assert row[2, 2] == row[3, 2] == 1
    assert row[0, 2] < row[1, 2]
    assert row[:, 3].tolist() == [1, 2, 4, GAP_BANDS + 1]
    assert row[:, 4].tolist() == [2, 3, 4, 5]


def test_what_cannot_be_read_is_refused() -> None:
    for inputs, reach in ((("price",), 8), (("item", "colour"), 8), (("item",), 1)):
        with pytest.raises(SamplesError, match="'item' and any of"):
            Reader(made_catalog(), inputs, reach)
    with pytest.raises(SamplesError, match="no code"):
        Inputs((Column("gap"),))
    with pytest.raises(SamplesError, match="do not fit"):
        Inputs((Column("item", 4),), 3, {"item": np.array([2, 3, 4], np.int32)})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 30), st.booleans())
def test_batches_hold_every_row_once_and_no_more_steps_than_allowed(
    sizes: list[int], most: int, mixed: bool
) -> None:
    X = (np.arange(9)[None] < np.array(sizes)[:, None]).astype(np.float32)[:, :, None]
    found = batches(Steps(X), most, random=np.random.default_rng(0) if mixed else None)
    assert sorted(row for rows in found for row in rows) == [i for i, size in enumerate(sizes) if size]
    assert all(len(rows) == 1 or len(rows) * max(sizes[r] for r in rows) <= most for rows in found)
