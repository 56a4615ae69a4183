"""What every recommender shares: fit, scores, top."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from buysignal.sequences import Catalog, Sequences

Scores = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]

CHUNK_CELLS = 20_000_000
"""Scores held at once: questions are answered in chunks of so many cells."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A fitted recommender as plain parts, none of which runs code when it is read.

    Attributes:
        kind: name of the recommender in ``registry``.
        settings: its constructor's arguments, and what else JSON can hold.
        arrays: numbers (no objects), by name.
        graphs: ONNX models, by name.
        members: recommenders it is made of.
    """

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    graphs: dict[str, bytes] = field(default_factory=dict)
    members: dict[str, Stored] = field(default_factory=dict)


class NextItem(BaseEstimator, ABC):  # type: ignore[misc]
    """A recommender of the next item.

    Attributes:
        catalog_: the items it knows, after ``fit``.
    """

    catalog_: Catalog

    @abstractmethod
    def fit(self, train: Sequences) -> NextItem:
        """Learn from whole visits of the training period."""

    @abstractmethod
    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items) scores; the higher, the sooner suggested.

        Args:
            visits: visits with the catalog of the training.
            questions: (q,) views (positions in ``visits.items``), each after the first of its visit;
                what counts is the views before it in the visit.
        """

    def probabilities(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items) chances that each item is the next; rows sum to 1.

        Scores are taken as shares; recommenders whose scores are something else say so here.
        """
        return shares(self.scores(visits, questions))

    @abstractmethod
    def stored(self) -> Stored:
        """Return all that ``restored`` needs besides the catalog."""

    @classmethod
    @abstractmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Self:
        """Return the fitted recommender that ``stored`` was made of; its scores are the same."""

    def top(self, history: Codes, count: int = 10) -> tuple[Codes, Scores]:
        """Return the ``count`` best items after ``history`` (h,), best first, and their scores.

        An empty history is answered too: by what is looked at most.
        """
        known = np.append(np.asarray(history, np.int32), np.int32(-1))
        one = Sequences(known, np.array([0, len(known)]), np.zeros(1), self.catalog_)
        row = self.scores(one, np.array([len(known) - 1]))[0]
        best = best_of(row, count)
        return best, row[best]


def best_of(scores: Scores, count: int) -> Codes:
    """Return the places of the ``count`` highest of ``scores`` (m,), the first of equals first.

    >>> best_of(np.array([0.1, 0.7, 0.7, 0.2], np.float32), 3)
    array([1, 2, 3], dtype=int32)
    """
    count = min(count, len(scores))
    # The count-th highest maximum of blocks is a bar that count scores reach. Partitioning all scores
    # takes ten times as long where many are equal, and here most are.
    width = max(1, len(scores) // (16 * max(count, 1)))
    blocks = scores[: len(scores) // width * width].reshape(-1, width).max(axis=1, initial=-np.inf)
    places = np.flatnonzero(scores >= np.sort(blocks)[-count]) if count else np.arange(0)
    return places[np.argsort(-scores[places], kind="stable")][:count].astype(np.int32)


def shares(scores: Scores) -> Scores:
    """Return ``scores`` (q, m), none below 0, divided by their row's sum; rows of zeros become even.

    >>> shares(np.array([[1.0, 3.0], [0.0, 0.0]], np.float32)).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    total = scores.sum(axis=1, keepdims=True)
    even = np.float32(1.0 / max(scores.shape[1], 1))
    return np.divide(scores, total, out=np.full_like(scores, even), where=total > 0)


def softmax(margins: Scores) -> Scores:
    """Return the softmax of each row of ``margins`` (q, m).

    >>> softmax(np.array([[0.0, 0.0]], np.float32)).tolist()
    [[0.5, 0.5]]
    """
    raised = np.exp(margins - margins.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def chunks(questions: npt.NDArray[np.int64], items: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the questions in pieces whose scores fit into memory."""
    size = max(1, CHUNK_CELLS // max(items, 1))
    for start in range(0, len(questions), size):
        yield questions[start : start + size]


def first_views(visits: Sequences, questions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the first view of each question's visit, shape (q,)."""
    return visits.starts[np.searchsorted(visits.starts, questions, side="right") - 1]
