"""Windows put together to whole visits: every answer keeps its place, and nothing is asked twice."""

from __future__ import annotations

import numpy as np
import pytest

from buysignal.models.sequence_rows import NONE, beside, last_events, whole_visits


def windows_of(visits: list[list[int]], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Every prefix of every visit as a window of one column, answered by its own number."""
    rows = []
    for visit in visits:
        for end in range(1, len(visit) + 1):
            shown = visit[max(0, end - length) : end]
            rows.append([0] * (length - len(shown)) + shown)
    steps = np.array(rows, np.float32)[:, :, None]
    return steps, np.arange(len(steps), dtype=np.int64).astype(np.int8)


@pytest.mark.parametrize("sizes", [(1,), (3, 1, 2), (4, 4), (9, 2, 13)])
def test_every_row_is_asked_once_after_its_own_last_step(sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(sum(sizes))
    visits = [list(random.integers(3, 99, size)) for size in sizes]
    steps, y = windows_of(visits, length=4)
    found, asked = whole_visits(steps, y)
    at = np.argwhere(asked != NONE)
    assert sorted(asked[asked != NONE]) == list(y)
    for visit, place in at:
        own = steps[asked[visit, place], :, 0]
        assert found[visit, place, 0] == own[-1]
        seen = found[visit, : place + 1, 0]
        assert list(own[-len(seen) :]) == list(seen)


def test_visits_within_a_window_are_read_once() -> None:
    steps, y = windows_of([[5, 6, 7], [5, 6]], length=4)
    found, asked = whole_visits(steps, y)
    assert found[:, :, 0].tolist() == [[0, 5, 6, 7], [0, 0, 5, 6]]
    assert asked.tolist() == [[NONE, 0, 1, 2], [NONE, NONE, 3, 4]]


def test_a_missing_prefix_is_not_asked() -> None:
    steps, y = windows_of([[5, 6, 7, 8]], length=4)
    kept = np.array([0, 2, 3])
    _, asked = whole_visits(steps[kept], y[kept])
    assert sorted(asked[asked != NONE]) == [0, 2, 3]


def test_no_rows_are_no_visits() -> None:
    found, asked = whole_visits(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.int8))
    assert len(found) == len(asked) == 0


def test_columns_beside_each_other_are_found_again() -> None:
    X = np.arange(20, dtype=np.float32).reshape(2, 10)
    assert last_events(X, 4, 3).tolist() == [[[4, 5, 6], [7, 8, 9]], [[14, 15, 16], [17, 18, 19]]]
    together = beside(X, 4, np.array([0.12345, -1.0]))
    assert together.tolist() == [[0, 1, 2, 3, 0.125], [10, 11, 12, 13, -1.0]]
