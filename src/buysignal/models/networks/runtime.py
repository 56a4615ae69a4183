"""Running a stored network with ONNX Runtime; neither Keras nor TensorFlow is needed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models.blocks import cores
from buysignal.models.networks.steps import Column, Rows, from_the_left, known_codes, lengths

Positions = npt.NDArray[np.int64]
Answers = npt.NDArray[np.float32]

BLOCK_STEPS = 16_384
"""Steps worked on at once, padding included."""


class Network:
    """A stored network: steps in, answers at the steps that are asked out.

    Each call runs on the thread that calls it; rows in blocks on ``threads``. It may be called from
    several threads at once.

    Args:
        content: what ``to_onnx.export`` returned.
        threads: for many rows; all cores where None.
    """

    def __init__(self, content: bytes, *, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        notes = self._session.get_modelmeta().custom_metadata_map
        self.columns = tuple(Column(**column) for column in json.loads(notes["columns"]))
        self.outputs = {output.name: int(output.shape[1]) for output in self._session.get_outputs()}
        self.length = int(notes["length"])
        self._threads = cores() if threads is None else threads

    def items(self, X: Rows, at: Positions | None = None) -> Answers:
        """Return a score for each item, (q, m): logits of what comes next.

        Args:
            X: (n, L, c) as in ``steps.Steps``; a transformer takes no more steps than ``length``.
            at: (q, 2) row and place of the steps that are asked, places counted from a row's first step;
                the last step of every row where None.
        """
        return self._answers("items", X, at)

    def goal(self, X: Rows, at: Positions | None = None) -> Answers:
        """Return the log odds that the goal is reached, (q,)."""
        return self._answers("goal", X, at)[:, 0]

    def states(self, X: Rows, at: Positions | None = None) -> Answers:
        """Return the states (q, s): a visit so far in a few numbers."""
        return self._answers("state", X, at)

    def _answers(self, output: str, X: Rows, at: Positions | None) -> Answers:
        X = known_codes(from_the_left(np.asarray(X, np.float32)), self.columns)
        steps = lengths(X)
        if self.length and steps.max(initial=0) > self.length:
            raise SamplesError(f"{steps.max()} steps", allowed=f"at most {self.length}")
        if at is None:
            at = np.column_stack([np.arange(len(X)), np.maximum(steps - 1, 0)])
        blocks = _blocks(steps, at)
        found = np.empty((len(at), self.outputs[output]), np.float32)

        def work(block: tuple[Positions, Positions]) -> None:
            rows, asked = block
            longest = int(max(steps[rows].max(), at[asked, 1].max() + 1))
            there = np.column_stack([np.searchsorted(rows, at[asked, 0]), at[asked, 1]])
            given = {"X": np.ascontiguousarray(X[rows, :longest]), "at": there}
            found[asked] = self._session.run([output], given)[0]

        if len(blocks) == 1 or self._threads == 1:
            for block in blocks:
                work(block)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(work, blocks))
        return found


def _blocks(steps: Positions, at: Positions) -> list[tuple[Positions, Positions]]:
    """Return (rows ascending, questions about them), rows of like length together."""
    if len(at) == 0:
        return []
    asked_rows = np.unique(at[:, 0])
    order = asked_rows[np.argsort(steps[asked_rows], kind="stable")]
    room = np.cumsum(np.maximum(steps[order], 1)) // BLOCK_STEPS
    block_of_row = np.zeros(len(steps), np.int64)
    block_of_row[order] = room
    by_block = np.argsort(block_of_row[at[:, 0]], kind="stable")
    bounds = np.flatnonzero(np.diff(block_of_row[at[by_block, 0]])) + 1
    return [(np.unique(at[asked, 0]), asked) for asked in np.split(by_block, bounds)]
