"""A blend of recommenders, weighted by how well each explains visits that none of them learned from.

The chances of the members are multiplied, each raised to its weight (a logarithmic opinion pool: Genest &
Zidek 1986, "Combining probability distributions: a critique and an annotated bibliography"). The
likelihood of what was really looked at next is concave in the weights, so there is one best choice, and a
member that adds nothing gets the weight 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from buysignal.errors import InputError
from buysignal.models.next_item.base import CHUNK_CELLS, NextItem, Scores, Stored, chunks, softmax
from buysignal.sequences import Catalog, Sequences

DOUBT = np.float32(0.01)
"""Share of every member's chances that is spread evenly, so that none can rule an item out for all."""

MOST_QUESTIONS = 20_000
"""Validation questions that the weights are chosen on, drawn evenly; fewer where items are many."""

DULL = 1e-3
"""Weight below which a member is left out."""

Floats = npt.NDArray[np.float64]


class Blend(NextItem):
    """Fitted recommenders and their weights.

    Args:
        members: fitted recommenders with the same catalog, by name.
        weights: one a member, none below 0. None: each the same, 1 in all.
    """

    def __init__(
        self, members: Sequence[tuple[str, NextItem]] = (), weights: Sequence[float] | None = None
    ) -> None:
        self.members = members
        self.weights = weights
        if members and hasattr(members[0][1], "catalog_"):
            self.catalog_ = members[0][1].catalog_

    def fit(self, train: Sequences) -> Blend:
        """Fit every member on ``train``; weights stay as they are."""
        self._check()
        for _, member in self.members:
            member.fit(train)
        self.catalog_ = train.catalog
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items): weighted logarithms of the members' chances."""
        self._check()
        total = np.zeros((len(questions), len(self.catalog_.names)), np.float32)
        for (_, member), weight in zip(self.members, self._weights(), strict=True):
            if weight:
                total += np.float32(weight) * _logs(member, visits, questions)
        return total

    def probabilities(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        return softmax(self.scores(visits, questions))

    def stored(self) -> Stored:
        """Return the members and their weights."""
        self._check()
        members = {name: member.stored() for name, member in self.members}
        return Stored("blend", {"weights": [float(w) for w in self._weights()]}, members=members)

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> Blend:
        """Return it with the members that were stored."""
        from buysignal.models.next_item.registry import restore

        members = [(name, restore(part, catalog)) for name, part in stored.members.items()]
        return cls(members, stored.settings["weights"])

    def _weights(self) -> Sequence[float]:
        return [1 / len(self.members)] * len(self.members) if self.weights is None else self.weights

    def _check(self) -> None:
        if not self.members:
            raise InputError("a blend of no recommenders", todo="give it members, each with a name")
        weights = self._weights()
        if len(weights) != len(self.members) or min(weights) < 0:
            raise InputError(
                f"{len(self.members)} members and the weights {list(weights)}",
                allowed="one weight a member, none below 0",
            )


def fit_blend(members: Sequence[tuple[str, NextItem]], validate: Sequences) -> Blend:
    """Return the blend whose weights make the views of ``validate`` most likely.

    Args:
        members: fitted recommenders, none of which learned from ``validate``.
        validate: visits with the members' catalog. Where nothing can be asked of them, all weigh the same.
    """
    questions = validate.questions()
    most = min(MOST_QUESTIONS, max(CHUNK_CELLS // len(validate.catalog.names), 1))
    if len(questions) > most:
        questions = questions[np.linspace(0, len(questions) - 1, most).astype(np.int64)]
    if not len(questions) or len(members) < 2:
        return Blend(members)
    logs = [_logs(member, validate, questions) for _, member in members]
    weights = best_weights(logs, validate.items[questions])
    weights[weights < DULL] = 0.0
    return Blend(members, [float(w) for w in weights])


def best_weights(logs: Sequence[Scores], wanted: npt.NDArray[np.int32]) -> Floats:
    """Return the weights (k,), none below 0, under which ``wanted`` is most likely.

    Args:
        logs: for each of k members (q, m) logarithms of chances.
        wanted: (q,) item codes.
    """
    cells = np.stack(logs)
    own = np.stack([np.take_along_axis(table, wanted[:, None].astype(np.int64), 1)[:, 0] for table in logs])
    pieces = list(chunks(np.arange(len(wanted)), cells.shape[2]))

    def cost(weights: Floats) -> tuple[float, Floats]:
        total, slope = 0.0, np.zeros(len(weights))
        for piece in pieces:
            part = cells[:, piece]
            mixed = np.tensordot(weights, part, axes=1)
            top = mixed.max(axis=1, keepdims=True)
            raised = np.exp(mixed - top)
            norm = raised.sum(axis=1)
            expected = np.einsum("kqm,qm->kq", part, raised) / norm
            total += float((np.log(norm) + top[:, 0] - weights @ own[:, piece]).sum())
            slope += (expected - own[:, piece]).sum(axis=1)
        return total / len(wanted), slope / len(wanted)

    even = np.full(len(logs), 1.0 / len(logs))
    found = minimize(
        cost, even, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(logs), options={"ftol": 1e-7}
    )
    return np.asarray(found.x if found.x.sum() > DULL else even)


def _logs(member: NextItem, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
    return logs_of(member.probabilities(visits, questions))


def logs_of(chances: Scores) -> Scores:
    """Return the logarithms (questions, items) of a member's chances, as a blend reads them."""
    return np.log((1 - DOUBT) * chances + DOUBT / np.float32(chances.shape[1]))
