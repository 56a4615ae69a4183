"""A batch of messages to what is written for them; knows nothing of Kafka.

All visits of a batch are folded and scored at once: a row's scores are the same whatever rows are beside it,
and one call for a thousand rows costs a fraction of a thousand calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Bundle
from buysignal.errors import BundleError
from buysignal.features.catalogue import positions
from buysignal.features.live import Reader, Visit, fold_visits
from buysignal.features.live_money import spent_in
from buysignal.features.packed import SIZE
from buysignal.pseudonyms import Pseudonyms, hashed_in
from buysignal.recommend import recommender_of
from buysignal.recommender import Wishes
from buysignal.recommender.live_looks import visit_so_far
from buysignal.recommender.suggest import VisitSoFar
from buysignal.row_scores import score_columns
from buysignal.step_windows import live_steps
from buysignal.stream.message import BadMessageError, Event, Rules, json_reader, read
from buysignal.stream.shelf import Shelf

_N_PURCHASE, _CART_ITEMS, _CART_VALUE = positions("n_purchase cart_items cart_value")

DUPLICATE = "duplicate_event"


class Arrived(NamedTuple):
    """A message as it came."""

    partition: int
    offset: int
    arrived_ms: int
    key: bytes | None
    value: bytes | None


class Dead(NamedTuple):
    """A message that gets no score, and why."""

    message: Arrived
    reason: str
    column: str
    hint: str


class _Open(NamedTuple):
    """A visit as it stood after one message."""

    message: Arrived
    event: Event
    visit: Visit
    records: bytes
    known: bytes
    steps: npt.NDArray[np.float32] | None
    looks: VisitSoFar | None


@dataclass
class Outcome:
    """What a batch leads to.

    Attributes:
        scores: visitor id and reply, in the order of the messages.
        dead: messages without a score.
        refused: events of visitors who refused consent; nothing of them is kept.
        seconds: it took until it was committed; 0 where there was nothing to do.
    """

    scores: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0


class BatchScorer:
    """A bundle asked for many messages at once.

    Args:
        bundle: one that reads events.
        recommend: items suggested with each score, 0 for none.
        loads: what a message holds; JSON if None.
        ids: hashes ids, and leaves the content of dead letters out; None leaves both as they are.

    Raises:
        BundleError: the bundle reads session rows, which no message is, or suggests no items.
        DependencyError: the extra ``stream`` is not installed.
    """

    def __init__(
        self,
        bundle: Bundle,
        recommend: int = 0,
        loads: Callable[[bytes], Any] | None = None,
        ids: Pseudonyms | None = None,
    ) -> None:
        if bundle.vocabulary is None:
            raise BundleError(
                "this bundle reads session rows: it scores visits that are over",
                allowed="a bundle trained on events",
                todo="train on events, or score files with 'buysignal score'",
            )
        self.bundle = bundle
        self.reader = Reader(bundle.vocabulary)
        self._rules = Rules.of(bundle.profile)
        self._loads = loads or json_reader()
        self._ids = ids
        self._recommender = recommender_of(bundle) if recommend else None
        self._wishes = Wishes(max(recommend, 1))
        self._labels: dict[str, Any] = {
            "goal": bundle.goal.name,
            "proxy": bundle.goal.proxy,
            "simulated": bundle.manifest.dataset.simulated,
            "bundle_version": bundle.version,
        }

    def tried(self) -> BatchScorer:
        """Return itself, having answered once: compiled, and everything read."""
        view = {"visitor_id": "v", "event_name": "view_item", "item_id": "i", "category": "c", "price": 1.0}
        opened = self._take_in(Arrived(0, 0, 0, None, b""), view, self.shelf(0), Outcome())
        assert opened is not None
        self._scored([opened])
        return self

    def shelf(self, next_offset: int) -> Shelf:
        """Return an empty shelf for a partition."""
        return Shelf(self.reader, self.bundle.session_gap, next_offset)

    def __call__(self, messages: Sequence[Arrived], shelves: Mapping[int, Shelf]) -> Outcome:
        """Take in messages, each partition's in its order, and score each visit as it then stands.

        Args:
            shelves: of every partition that a message is of; they change.
        """
        outcome = Outcome()
        opened: list[_Open] = []
        for message in messages:
            try:
                event = read(message.value, message.arrived_ms, self._rules, self._loads)
            except BadMessageError as bad:
                outcome.dead.append(self._dead(message, bad))
                continue
            if self._ids is not None:
                event = hashed_in(self._ids, event)
            found = self._take_in(message, event, shelves[message.partition], outcome)
            if found is not None:
                opened.append(found)
        if opened:
            outcome.scores = self._scored(opened)
        return outcome

    def _take_in(self, message: Arrived, event: Event, shelf: Shelf, outcome: Outcome) -> _Open | None:
        if event.get("consent") is False:
            shelf.forget(event["visitor_id"])
            outcome.refused += 1
            return None
        visitor = shelf.visitor(event["visitor_id"], message.arrived_ms)
        if visitor.is_known((event.get("event_id") or "").encode() or message.value or b""):
            outcome.dead.append(self._dead(message, BadMessageError(DUPLICATE)))
            return None
        visit = visitor.note(event)
        codes = self.bundle.step_codes
        steps = None if codes is None else live_steps(visit, codes)
        looks = None if self._recommender is None else visit_so_far(visit)
        return _Open(message, event, visit, visit.records, visit.known, steps, looks)

    def _dead(self, message: Arrived, bad: BadMessageError) -> Dead:
        # Its headers say where it came from; what it holds may be an id that is to be hashed.
        told = message if self._ids is None else message._replace(key=None, value=b"")
        return Dead(told, bad.reason, bad.column, bad.hint)

    def _scored(self, opened: list[_Open]) -> list[tuple[str, dict[str, Any]]]:
        visits, known = [one.visit for one in opened], [one.known for one in opened]
        features = fold_visits(visits, self.reader, [one.records for one in opened], known)
        steps = [one.steps for one in opened if one.steps is not None]
        X = np.hstack([features, np.stack(steps)]) if steps else features
        told = {**_about_visits(opened), **_about_carts(features, opened), **self._scores(X)}
        labels = {name: repeat(value) for name, value in self._labels.items()}
        places = {
            "partition": [one.message.partition for one in opened],
            "offset": [one.message.offset for one in opened],
        }
        columns: dict[str, Iterable[Any]] = {**told, **labels, **places}
        names = tuple(columns)
        replies = [
            dict(zip(names, values, strict=True))
            for values in zip(*columns.values(), strict=False)  # labels go on for ever
        ]
        self._recommend(opened, replies)
        return list(zip(told["visitor_id"], replies, strict=True))

    def _scores(self, X: npt.NDArray[np.float32]) -> dict[str, list[Any]]:
        columns = {name: values.tolist() for name, values in score_columns(self.bundle, X).items()}
        if self.bundle.segmentation is not None:
            labels = columns["segment"]
            titles = {label: self.bundle.segmentation.title(label) for label in set(labels)}
            columns["segment"] = [titles[label] for label in labels]
        return columns

    def _recommend(self, opened: list[_Open], replies: list[dict[str, Any]]) -> None:
        if self._recommender is None:
            return
        looks = [one.looks for one in opened if one.looks is not None]
        for reply, found in zip(replies, self._recommender.suggest_all(looks, self._wishes), strict=True):
            reply["recommendations"] = [asdict(one) for one in found]


def _about_visits(opened: list[_Open]) -> dict[str, list[Any]]:
    return {
        "visitor_id": [one.event["visitor_id"] for one in opened],
        "session_id": [one.visit.session_id for one in opened],
        "event_time": [one.event.get("event_time") for one in opened],
        "clicks": [len(one.records) // SIZE for one in opened],
    }


def _about_carts(features: npt.NDArray[np.float32], opened: list[_Open]) -> dict[str, list[Any]]:
    """Return what ``features.live_money`` says of each visit, and whether anything was bought."""
    bought = (features[:, _N_PURCHASE] > 0).tolist()
    return {
        "already_bought": bought,
        "cart_items": features[:, _CART_ITEMS].astype(int).tolist(),
        "cart_value": [round(value, 2) for value in features[:, _CART_VALUE].tolist()],
        "spent": [spent_in(o.records) if b else 0.0 for o, b in zip(opened, bought, strict=True)],
    }
