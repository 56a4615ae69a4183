"""Rows in blocks: the same answers in the same order, whatever the threads do."""

from __future__ import annotations

import numpy as np
import pytest

from buysignal.models.blocks import BLOCK, in_blocks


@pytest.mark.parametrize("n", [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK - 3])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_blocks_change_nothing(n: int, threads: int | None) -> None:
    X = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    found = in_blocks(lambda block: block[:, 0] * 2 + block[:, 1], X, threads=threads)
    assert np.array_equal(found, X[:, 0] * 2 + X[:, 1])


def test_no_block_is_larger_than_one() -> None:
    sizes = []

    def work(block: np.ndarray) -> np.ndarray:
        sizes.append(len(block))
        return block[:, 0]

    in_blocks(work, np.zeros((3 * BLOCK + 7, 1), np.float32))
    assert sorted(sizes) == [7, BLOCK, BLOCK, BLOCK]


def test_what_goes_wrong_in_a_block_is_said() -> None:
    def work(block: np.ndarray) -> np.ndarray:
        raise ValueError("no such block")

    with pytest.raises(ValueError, match="no such block"):
        in_blocks(work, np.zeros((3 * BLOCK, 1), np.float32))
