"""A batch of messages to what is written for them; knows nothing of Kafka.

All rows of a batch are scored at once: a row's scores are the same whatever rows are beside it, and one call
of a model for a thousand rows costs a fraction of a thousand calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Bundle
from buysignal.errors import BundleError
from buysignal.features.catalogue import positions
from buysignal.features.live import Reader, Visit
from buysignal.features.live_money import LiveMoney, live_money
from buysignal.recommend import recommender_of
from buysignal.recommender import Wishes
from buysignal.recommender.live_looks import visit_so_far
from buysignal.recommender.suggest import VisitSoFar
from buysignal.row_scores import live_row, score_columns
from buysignal.stream.message import BadMessageError, Event, Rules, json_reader, read
from buysignal.stream.shelf import Shelf

(_N_PURCHASE,) = positions("n_purchase")

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
    clicks: int
    row: npt.NDArray[np.float32]
    money: LiveMoney
    looks: VisitSoFar | None


@dataclass
class Outcome:
    """What a batch leads to.

    Attributes:
        scores: visitor id and reply, in the order of the messages.
        dead: messages without a score.
        refused: events of visitors who refused consent; nothing of them is kept.
    """

    scores: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    refused: int = 0


class BatchScorer:
    """A bundle asked for many messages at once.

    Args:
        bundle: one that reads events.
        recommend: items suggested with each score, 0 for none.

    Raises:
        BundleError: the bundle reads session rows, which no message is, or suggests no items.
        DependencyError: the extra ``stream`` is not installed.
    """

    def __init__(self, bundle: Bundle, recommend: int = 0) -> None:
        if bundle.vocabulary is None:
            raise BundleError(
                "this bundle reads session rows: it scores visits that are over",
                allowed="a bundle trained on events",
                todo="train on events, or score files with 'buysignal score'",
            )
        self.bundle = bundle
        self.reader = Reader(bundle.vocabulary)
        self._rules = Rules.of(bundle.profile)
        self._loads = json_reader()
        self._recommender = recommender_of(bundle) if recommend else None
        self._wishes = Wishes(max(recommend, 1))
        self._labels: dict[str, Any] = {
            "goal": bundle.goal.name,
            "proxy": bundle.goal.proxy,
            "simulated": bundle.manifest.dataset.simulated,
            "bundle_version": bundle.version,
        }

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
                outcome.dead.append(Dead(message, bad.reason, bad.column, bad.hint))
                continue
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
        if visitor.is_known(event, message.value or b""):
            hint = BadMessageError(DUPLICATE).hint
            outcome.dead.append(Dead(message, DUPLICATE, "", hint))
            return None
        visit = visitor.note(event)
        row = live_row(self.bundle, visitor.live.row(visit), visit)
        looks = None if self._recommender is None else visit_so_far(visit)
        return _Open(message, event, visit, visit.size, row, live_money(row, visit), looks)

    def _scored(self, opened: list[_Open]) -> list[tuple[str, dict[str, Any]]]:
        X = np.stack([one.row for one in opened])
        columns = score_columns(self.bundle, X)
        bought = (X[:, _N_PURCHASE] > 0).tolist()
        if self.bundle.segmentation is not None:
            title: Callable[[int], str] = self.bundle.segmentation.title
            titles = {int(label): title(label) for label in np.unique(columns["segment"])}
        listed = {name: values.tolist() for name, values in columns.items()}
        replies = []
        for at, one in enumerate(opened):
            reply: dict[str, Any] = {
                "visitor_id": one.event["visitor_id"],
                "session_id": one.visit.session_id,
                "event_time": one.event.get("event_time"),
                "clicks": one.clicks,
                "already_bought": bought[at],
                **one.money,
            }
            for name, values in listed.items():
                reply[name] = titles[values[at]] if name == "segment" else values[at]
            reply.update(self._labels)
            reply["partition"], reply["offset"] = one.message.partition, one.message.offset
            replies.append((reply["visitor_id"], reply))
        self._recommend(opened, replies)
        return replies

    def _recommend(self, opened: list[_Open], replies: list[tuple[str, dict[str, Any]]]) -> None:
        if self._recommender is None:
            return
        looks = [one.looks for one in opened if one.looks is not None]
        for (_, reply), found in zip(
            replies, self._recommender.suggest_all(looks, self._wishes), strict=True
        ):
            reply["recommendations"] = [asdict(one) for one in found]
