"""Who takes part, which settings each may choose from, and how the validation visits choose."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.base import clone

from _next_item_figures import Answers, Positions, ask
from _next_item_peers import WSKNN
from _next_item_shops import Slices
from buysignal.models.next_item.base import Scores
from buysignal.models.next_item.blend import DULL, Blend, best_weights, logs_of
from buysignal.models.next_item.item_to_item import ItemToItem
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity
from buysignal.models.next_item.ranked import Ranked
from buysignal.models.next_item.registry import KINDS
from buysignal.models.next_item.vmis_knn import VMISkNN
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.sequences import Sequences

PEER_QUESTIONS = 3_000
"""wsknn takes about ten milliseconds an answer: where it may, it is asked so many questions."""
CHOOSING_QUESTIONS = 1_000
"""On so many of the validation its settings are chosen."""

WEIGHED = (
    "popularity by category", "VMIS-kNN", "item to item", "Markov", "Ranked", "GRU with attributes",
    "transformer",
)  # fmt: skip
"""Members that a blend may give weight to."""
NETWORKS = "GRU on items alone", "GRU with attributes", "transformer"


@dataclass(frozen=True)
class Candidate:
    """One line of the comparison.

    Attributes:
        settings: unfitted recommenders; the validation visits choose among them.
        peer: its name among the peers, where it is not one of ours.
        shown_only: it stands there for comparison, has one setting, and the validation is not asked.
    """

    name: str
    settings: tuple[Any, ...]
    peer: str | None = None
    shown_only: bool = False


@dataclass(frozen=True, eq=False)
class Chosen:
    """A candidate with the setting that the validation chose.

    Attributes:
        fitted: on what came before the validation.
        mrr: MRR@20 on the validation.
    """

    name: str
    fitted: Any
    mrr: float
    peer: str | None = None


@dataclass(frozen=True, eq=False)
class Tested:
    """What a candidate, learned on all of the training, answered in the test; ``seconds`` of fitting."""

    name: str
    fitted: Any
    answers: Answers
    seconds: float
    mrr: float
    peer: str | None = None


def lineup(category: str, *, networks: bool) -> list[Candidate]:
    """Return all candidates; networks only where they are wanted and the extra ``deep`` is there."""
    kinds = [
        Candidate("popularity", (Popularity(),)),
        Candidate("popularity by category", (Popularity(by=category),)),
        Candidate("wsknn", (WSKNN(), WSKNN(100), WSKNN(decay="quadratic")), peer="wsknn"),
        Candidate("VMIS-kNN", (VMISkNN(), VMISkNN(100), VMISkNN(1_500, 5_000), VMISkNN(reach=3))),
        Candidate("item to item", tuple(ItemToItem(decay) for decay in (0.2, 0.4, 0.6, 0.8))),
        Candidate("Markov", (Markov(),)),
        Candidate("Ranked", (Ranked(),)),
    ]
    return [*kinds, *_networks()] if networks else kinds


def _networks() -> list[Candidate]:
    if not (find_spec("keras") and find_spec("tensorflow")):
        print("the extra 'deep' is not installed: networks are left out", flush=True)
        return []
    gru, transformer = KINDS["gru"](), KINDS["transformer"]()
    return [
        Candidate(NETWORKS[0], (gru(inputs=("item",)),), shown_only=True),
        Candidate(NETWORKS[1], (gru(),)),
        Candidate(NETWORKS[2], (transformer(),)),
    ]


def choose(candidates: Sequence[Candidate], inner: Slices) -> list[Chosen]:
    """Fit every setting before the validation; keep of each candidate the best by its MRR@20 there."""
    found = []
    for candidate in candidates:
        if candidate.shown_only:
            found.append(Chosen(candidate.name, candidate.settings[0], -np.inf, candidate.peer))
            continue
        asked = drawn(inner.test, CHOOSING_QUESTIONS) if candidate.peer else inner.test.questions()
        tried = [_once(setting).fit(inner.train) for setting in candidate.settings]
        mrr = [_mrr(ask(model, inner.test, asked)) for model in tried]
        best = int(np.argmax(mrr))
        told = "" if len(tried) == 1 else f"  {candidate.settings[best]}"
        print(f"  validation: {candidate.name:24} MRR@20 {mrr[best]:.4f}{told}", flush=True)
        found.append(Chosen(candidate.name, tried[best], mrr[best], candidate.peer))
    return found


def blends(chosen: Sequence[Chosen], inner: Slices) -> list[Chosen]:
    """Return the blends: without networks, and, where there are any, with them.

    Weights are those of all validation visits; the MRR@20 is that of weights found on one half of the
    visits and asked of the other, both ways round.
    """
    asked = inner.test.questions()
    members = [(one.name, one.fitted) for one in chosen if one.name in WEIGHED]
    logs = {name: logs_of(member.probabilities(inner.test, asked)) for name, member in members}
    plain = [(name, member) for name, member in members if name not in NETWORKS]
    made = {"blend without networks": plain, "blend": members}
    if len(plain) == len(members):
        del made["blend"]
    found = []
    for name, parts in made.items():
        weights, mrr = _weighed([logs[member] for member, _ in parts], inner.test, asked)
        told = ", ".join(f"{w:.2f} {m}" for (m, _), w in zip(parts, weights, strict=True) if w)
        print(f"  validation: {name:24} MRR@20 {mrr:.4f}  {told}", flush=True)
        found.append(Chosen(name, Blend(parts, weights), mrr))
    return found


def _weighed(logs: Sequence[Scores], visits: Sequences, asked: Positions) -> tuple[list[float], float]:
    """Return the weights, and the MRR@20 of those that one half finds on the other."""
    wanted = visits.items[asked]
    half = visits.visit_of_view()[asked] % 2 == 0
    rank = np.empty(len(asked))
    for part in (half, ~half):
        weights = best_weights([table[part] for table in logs], wanted[part])
        mixed = sum(np.float32(w) * table[~part] for w, table in zip(weights, logs, strict=True))
        rank[~part] = ranks(np.asarray(mixed), wanted[~part])
    weights = best_weights(logs, wanted)
    kept = [float(weight) if weight >= DULL else 0.0 for weight in weights]
    return kept, float(ranking_metrics(rank)["mrr_at_20"][0])


def test(chosen: Sequence[Chosen], slices: Slices, *, all_of_peers: bool) -> list[Tested]:
    """Fit what was chosen on all of the training and ask it, once, what comes in the test."""
    found: dict[str, Tested] = {}
    for one in chosen:
        model, seconds = _refitted(one, slices.train, found)
        asked = drawn(slices.test, PEER_QUESTIONS) if one.peer and not all_of_peers else None
        answers = ask(model, slices.test, asked)
        found[one.name] = Tested(one.name, model, answers, seconds, one.mrr, one.peer)
        print(f"  test: {one.name:24} learned in {seconds:.1f} s", flush=True)
    return list(found.values())


def _refitted(one: Chosen, train: Sequences, done: dict[str, Tested]) -> tuple[Any, float]:
    if isinstance(one.fitted, Blend):
        kept = [(n, w) for (n, _), w in zip(one.fitted.members, one.fitted.weights, strict=True) if w]
        members = [(name, done[name].fitted) for name, _ in kept]
        return Blend(members, [w for _, w in kept]), sum(done[name].seconds for name, _ in kept)
    began = time.perf_counter()
    model = clone(one.fitted)
    if "refit" in model.get_params():
        model.set_params(refit=True)
    return model.fit(train), time.perf_counter() - began


def champion(tested: Sequence[Tested]) -> Tested:
    """Return ours with the highest MRR@20 on the validation visits."""
    return max((one for one in tested if one.peer is None), key=lambda one: one.mrr)


def _once(setting: Any) -> Any:
    """Return a copy to choose by: a network is not trained a second time on the visits it was stopped by."""
    copy = clone(setting)
    return copy.set_params(refit=False) if "refit" in copy.get_params() else copy


def drawn(visits: Sequences, most: int) -> Positions:
    """Return the questions of whole visits drawn evenly over time, about ``most`` at most."""
    questions = visits.questions()
    if len(questions) <= most:
        return questions
    visit = visits.visit_of_view()[questions]
    own = np.unique(visit)
    kept = own[np.linspace(0, len(own) - 1, max(1, len(own) * most // len(questions))).astype(np.int64)]
    return questions[np.isin(visit, kept)]


def _mrr(answers: Answers) -> float:
    return float(ranking_metrics(answers.rank)["mrr_at_20"][0])
