"""Linear algebra on one thread, and as it was before on the way out."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from buysignal.models.threads import OneBlasThread


def blas_threads() -> set[int]:
    """How many threads each BLAS that is loaded would use."""
    assert np.ones((2, 2)).dot(np.ones((2, 2))).sum() == 8  # BLAS is loaded
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@OneBlasThread()
def inside(depth: int = 0) -> set[int]:
    """What a decorated function sees, also where it calls itself."""
    return blas_threads() if depth == 0 else inside(depth - 1) | blas_threads()


def test_one_thread_inside_and_what_was_before_afterwards() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with OneBlasThread():
            assert blas_threads() == {1}
        assert blas_threads() == before
        assert inside() == {1}
        assert blas_threads() == before


def test_calls_within_calls_each_restore_their_own() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        assert inside(2) == {1}
        assert blas_threads() == before


def test_an_error_restores_too() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError), OneBlasThread():
            _ = 1 / 0
        assert blas_threads() == before
