"""Rows of features turned into columns: every number where it belongs, into memory of one's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import InputError
from buysignal.features import feature_columns


def rows(n: int, f: int) -> np.ndarray:
    return np.arange(n * f, dtype=np.float32).reshape(n, f)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(0, 700), f=st.integers(1, 80), parallel=st.booleans())
def test_columns_are_those_of_the_rows(n: int, f: int, parallel: bool) -> None:
    X = rows(n, f)
    columns = feature_columns(X, parallel=parallel)
    assert len(columns) == f
    for position, column in enumerate(columns):
        assert column.flags.c_contiguous
        np.testing.assert_array_equal(column, X[:, position])


def test_memory_is_reused_and_may_be_a_part_of_more() -> None:
    memory = np.full((5, 400), -1.0, np.float32)
    columns = feature_columns(rows(300, 5), out=memory[:, :300])
    assert all(np.shares_memory(column, memory) for column in columns)
    np.testing.assert_array_equal(memory[:, :300].T, rows(300, 5))
    assert (memory[:, 300:] == -1.0).all()


def test_rows_that_lie_otherwise_are_turned_too() -> None:
    X = np.asfortranarray(rows(150, 3))
    np.testing.assert_array_equal(np.stack(feature_columns(X), axis=1), X)


def test_several_threads_at_once() -> None:
    made = [rows(n, 7) for n in (500, 900, 10, 600)]
    with ThreadPoolExecutor(4) as pool:
        for X, columns in zip(made, pool.map(feature_columns, made), strict=True):
            np.testing.assert_array_equal(np.stack(columns, axis=1), X)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((2, 3), np.float32),
        np.zeros((3, 2)),
        np.zeros((3, 4), np.float32)[:, ::2],
        np.zeros(6, np.float32),
    ],
)
def test_memory_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"Allowed: \(3, 2\) float32, writeable, each row in one piece"):
        feature_columns(rows(2, 3), out=out)
