"""Networks as recommenders: what was looked at so far, read in order, says what comes next.

Two heads share one body: the next item, and, where visits say whether the goal was reached, the goal.
Trained with Keras on TensorFlow (extra ``deep``); asked through ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models.networks.design import Design, Plan
from buysignal.models.networks.members import Schooling, train_members
from buysignal.models.networks.runtime import Network
from buysignal.models.networks.training import Progress
from buysignal.models.networks.visits import Reader
from buysignal.models.next_item.base import NextItem, Scores, Stored
from buysignal.sequences import Catalog, Sequences

Positions = npt.NDArray[np.int64]


class _NetworkNextItem(NextItem):
    """What both bodies share: see ``GRUNextItem`` for the arguments."""

    kind: ClassVar[str]

    def fit(self, train: Sequences, progress: Progress | None = None) -> Self:
        """Train as many networks as ``members`` says.

        Args:
            progress: called now and then with the share done and what is being done; what it raises ends
                the training.

        Raises:
            DependencyError: the extra ``deep`` is not installed.
            SamplesError: no visit has two known items.
        """
        if not len(train.questions()):
            raise SamplesError("no visit looks at two known items", allowed="visits of two or more items")
        reader = self._reader(train.catalog)
        trained = train_members(train, reader, self._design(), self._plan(), self._schooling(), progress)
        self.epochs_, self.validation_ = trained.epochs, trained.validation
        seen = np.bincount(train.items[train.items >= 0], minlength=len(train.catalog.names))
        return self._ready(train.catalog, reader, trained.graphs, seen.astype(np.float32))

    def _ready(
        self, catalog: Catalog, reader: Reader, graphs: list[bytes], seen: npt.NDArray[np.float32]
    ) -> Self:
        self.catalog_, self.reader_, self.graphs_, self.seen_ = catalog, reader, graphs, seen
        self.networks_ = [Network(graph, threads=self.threads) for graph in graphs]
        return self

    def _reader(self, catalog: Catalog) -> Reader:
        return Reader(catalog, self.inputs, self.reach)

    def _design(self) -> Design:
        raise NotImplementedError

    def _plan(self) -> Plan:
        return Plan(
            epochs=self.epochs, learning_rate=self.learning_rate, weight_decay=self.weight_decay,
            smoothing=self.smoothing, goal_weight=self.goal_weight, batch_steps=self.batch_steps,
            seed=self.seed, threads=self.threads,
        )  # fmt: skip

    def _schooling(self) -> Schooling:
        return Schooling(self.members, self.validate_share, self.refit, self.half_life_days, self.most_views)

    def scores(self, visits: Sequences, questions: Positions) -> Scores:
        """Return (questions, items): logarithms of the chances."""
        return np.log(np.maximum(self.probabilities(visits, questions), np.float32(1e-12)))

    def probabilities(self, visits: Sequences, questions: Positions) -> Scores:
        """Return (questions, items) chances, the mean of the members'; rows sum to 1."""
        first = visits.starts[np.searchsorted(visits.starts, questions, side="right") - 1]
        begun = questions > first
        out = np.tile((self.seen_ + 1) / (self.seen_ + 1).sum(), (len(questions), 1)).astype(np.float32)
        if begun.any():
            X, at = self.reader_.asked(visits, questions[begun] - 1)
            total = sum(_softmax(network.items(X, at)) for network in self.networks_)
            out[begun] = total / len(self.networks_)
        return out

    def goal_chances(self, visits: Sequences, views: Positions) -> npt.NDArray[np.float32]:
        """Return the chance (v,) that the goal is reached after each of these views.

        Raises:
            SamplesError: the visits of the training did not say whether a goal was reached.
        """
        if "goal" not in self.networks_[0].outputs:
            raise SamplesError("this network was trained without a goal")
        X, at = self.reader_.asked(visits, views)
        chances = [1 / (1 + np.exp(-network.goal(X, at))) for network in self.networks_]
        return np.asarray(np.mean(chances, axis=0), np.float32)

    def stored(self) -> Stored:
        """Return the graphs, and what an empty visit is answered with."""
        settings = {**self.get_params(), "inputs": list(self.inputs)}
        graphs = {f"member{i}": graph for i, graph in enumerate(self.graphs_)}
        return Stored(self.kind, settings, {"seen": self.seen_}, graphs)

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Self:
        """Return it with the graphs that were stored."""
        settings: dict[str, Any] = {**stored.settings, "inputs": tuple(stored.settings["inputs"])}
        found = cls(**settings)
        graphs = [stored.graphs[f"member{i}"] for i in range(len(stored.graphs))]
        return found._ready(catalog, found._reader(catalog), graphs, stored.arrays["seen"])


class GRUNextItem(_NetworkNextItem):
    """A GRU over the views of a visit.

    Args:
        inputs: some of ``visits.INPUTS``: "item" and any of "attributes", "price", "time", "place".
        width: numbers of an item's vector.
        state: numbers the GRU remembers.
        blocks: GRUs one above the other.
        dropout: share of a vector's numbers left out while training.
        reach: views of a window.
        epochs: passes at most; the last tenth of the training visits decides which was the best.
        learning_rate, weight_decay, batch_steps, goal_weight: as in ``design.Plan``.
        smoothing: share of the label given to all items alike.
        half_life_days: after how many days a visit counts half as much; all alike where None.
        validate_share: share of the visits, the last ones, that decide about the passes.
        refit: train again with those visits, too, as many passes as were found best.
        members: networks with different seeds whose chances are averaged.
        most_views: views learned from, those of the latest visits.
        seed: of the first member; the next ones have the next seeds.
        threads: of training and of many answers.
    """

    kind = "gru"

    def __init__(
        self,
        inputs: Sequence[str] = ("item", "attributes", "price", "place"),
        width: int = 64,
        state: int = 128,
        blocks: int = 1,
        dropout: float = 0.25,
        reach: int = 64,
        epochs: int = 8,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-3,
        batch_steps: int = 512,
        smoothing: float = 0.0,
        goal_weight: float = 0.3,
        half_life_days: float | None = 30.0,
        validate_share: float = 0.1,
        refit: bool = True,
        members: int = 1,
        most_views: int = 2_000_000,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.inputs = inputs
        self.width = width
        self.state = state
        self.blocks = blocks
        self.dropout = dropout
        self.reach = reach
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_steps = batch_steps
        self.smoothing = smoothing
        self.goal_weight = goal_weight
        self.half_life_days = half_life_days
        self.validate_share = validate_share
        self.refit = refit
        self.members = members
        self.most_views = most_views
        self.seed = seed
        self.threads = threads

    def _design(self) -> Design:
        return Design("gru", self.width, self.state, self.blocks, dropout=self.dropout, length=self.reach)


class TransformerNextItem(_NetworkNextItem):
    """A small causal transformer over the views of a visit.

    Args:
        width: numbers of an item's vector and of the state.
        heads: of the attention.
        blocks: attention and dense layers, one above the other.

    The other arguments are those of ``GRUNextItem``.
    """

    kind = "transformer"

    def __init__(
        self,
        inputs: Sequence[str] = ("item", "attributes", "price", "place"),
        width: int = 64,
        heads: int = 2,
        blocks: int = 2,
        dropout: float = 0.15,
        reach: int = 64,
        epochs: int = 8,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-3,
        batch_steps: int = 512,
        smoothing: float = 0.0,
        goal_weight: float = 0.3,
        half_life_days: float | None = 30.0,
        validate_share: float = 0.1,
        refit: bool = True,
        members: int = 1,
        most_views: int = 2_000_000,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.inputs = inputs
        self.width = width
        self.heads = heads
        self.blocks = blocks
        self.dropout = dropout
        self.reach = reach
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_steps = batch_steps
        self.smoothing = smoothing
        self.goal_weight = goal_weight
        self.half_life_days = half_life_days
        self.validate_share = validate_share
        self.refit = refit
        self.members = members
        self.most_views = most_views
        self.seed = seed
        self.threads = threads

    def _design(self) -> Design:
        return Design(
            "transformer", self.width, blocks=self.blocks, heads=self.heads, dropout=self.dropout,
            length=self.reach,
        )  # fmt: skip


def _softmax(scores: Scores) -> Scores:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
