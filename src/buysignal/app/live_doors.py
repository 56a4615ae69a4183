"""The live page as a client of other doors: a REST server that is sent a replay, a topic of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from buysignal.alerts.scores_topic import ScoresTopic
from buysignal.alerts.visits import Answer
from buysignal.alerts.watch import Watch
from buysignal.app.live_feed import Feed
from buysignal.app.live_replay import SENT, LostError, Row
from buysignal.client import Client, ServerError
from buysignal.errors import InputError

WAIT = (0, 408, 429, 500, 502, 503, 504)
"""Answers after which the same event is sent again: no answer at all, too many, or not now."""

REFUSED = (400, 413, 422)
"""Answers about this very event; the next one may be taken."""


class Served:
    """Answers by a REST server, which keeps the visits.

    Args:
        url: such as ``http://127.0.0.1:8000``.
        api_key: where the server wants one.
        source: names the events that have no id, so that one that is sent again counts once.
        timeout_s: seconds that an answer may take.

    Raises:
        InputError: the address is none, or a server answers that wants another key.
    """

    def __init__(self, url: str, api_key: str | None, source: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"'{url}' is no server's address", allowed="such as http://127.0.0.1:8000")
        self._client = Client(url.strip(), api_key=api_key or None, timeout_s=timeout_s)
        self._source = source
        self._number = 0
        self._sent: tuple[Row, dict[str, Any]] | None = None

    def know(self, event: Row) -> None:
        """The server knows its own visitors."""

    def answer(self, event: Row) -> Answer | None:
        if event.get("consent") is False:
            return None
        if self._sent is None or self._sent[0] is not event:
            self._number += 1
            self._sent = event, self._as_sent(event)
        try:
            return self._client.click(self._sent[1])
        except ServerError as error:
            if error.status in WAIT:
                raise LostError(str(error)) from error
            if error.status in REFUSED:
                return None
            raise

    def _as_sent(self, event: Row) -> dict[str, Any]:
        sent = {name: event[name] for name in SENT if event.get(name) is not None}
        if "event_time" in sent:
            sent.pop("event_date", None)
            sent["event_time"] = sent["event_time"].isoformat()
        elif "event_date" in sent:
            sent["event_date"] = sent["event_date"].isoformat()
        sent.setdefault("event_id", f"{self._source}-{self._number}")
        return sent


class TopicFeed(Feed):
    """Reads the scores of a topic.

    Args:
        watch: over the visits.
        opened: opens the topic; called on the feed's thread.
        label: where the scores come from, in words.
    """

    def __init__(self, watch: Watch, opened: Callable[[], ScoresTopic], label: str) -> None:
        super().__init__(watch, label)
        self._opened = opened

    def _work(self) -> None:
        self.sentence = "Asking the brokers."
        topic = self._opened()
        try:
            self.status, self.sentence = "running", ""
            while True:
                self._step(topic)
                self._breathe()
        finally:
            topic.close()

    def _step(self, topic: ScoresTopic) -> None:
        for answer, moment in topic.poll(0.2):
            try:
                self._take(answer, moment)
                self.events += 1
            except (KeyError, TypeError, ValueError):
                self.refused += 1
        now = topic.clock()
        if now is not None:
            self._tick(now)
        self.refused += topic.unreadable
        topic.unreadable = 0
        if topic.trouble:
            self.status, self.sentence = "lost", topic.trouble
        elif self.status == "lost":
            self.status, self.sentence = "running", ""
