"""The door under load: a server of the champion's folder, and visitors who ask it all the time."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from buysignal.client import Client, ServerError
from lifecycle_steps import begun, require, waited

TOGETHER = 400
"""Events of one request while a week is streamed."""
PAUSE_S = 0.025
"""Between an answer and a visitor's next request: somebody asks all the time; others have room, too."""


@dataclass
class Asker(threading.Thread):
    """Asks for a score again and again, over one connection; every answer is counted.

    Attributes:
        versions: of the bundle in each answer, in their order.
        lost: sentences of what was not answered.
    """

    url: str
    number: int
    versions: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        with Client(self.url) as client:
            while not self.stop.wait(PAUSE_S):
                looks = {"visitor_id": f"asker-{self.number}-{len(self.versions) // 12}",
                         "event_name": "view_item", "item_id": "BOO-034", "category": "books",
                         "price": 10.99}  # fmt: skip
                try:
                    self.versions.append(str(client.click(looks)["bundle_version"]))
                except (ServerError, KeyError) as error:
                    self.lost.append(str(error))

    @property
    def order(self) -> list[str]:
        """The versions as they followed each other."""
        return [version for version, _ in groupby(list(self.versions))]


class Door:
    """A server of one folder; ``with`` ends it."""

    def __init__(self, folder: Path, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._log = log.open("w", encoding="utf-8")
        self._process = begun("serve", folder, "--port", port, "--forget-after", "60d", errors=self._log)
        self._askers: list[Asker] = []

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        for asker in self._askers:
            asker.stop.set()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()

    def ready(self) -> dict[str, Any]:
        """Return what stands at /readyz; empty where nothing answers yet."""
        require(self._process.poll() is None, "a server that runs", "it ended; see serve.log")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except OSError:
            return {}

    def until_ready(self, version: str) -> None:
        """Wait until the server is ready with a version."""

        def it_is() -> bool:
            told = self.ready()
            return (told.get("status"), told.get("bundle_version")) == ("ready", version)

        waited(f"a server that is ready with {version}", it_is)

    def until_degraded(self) -> str:
        """Wait until the server says that something is wrong; return what."""
        waited("a server that says what is wrong", lambda: self.ready().get("status") == "degraded")
        return str(self.ready()["degraded_because"])

    def answered(self, more: int) -> None:
        """Wait until so many more requests have been answered."""
        enough = self.asked + more
        waited(f"{more} more answers", lambda: self.asked >= enough)

    def besiege(self, askers: int = 2) -> None:
        """Let visitors ask from now on."""
        self._askers = [Asker(self.url, number) for number in range(askers)]
        for asker in self._askers:
            asker.start()

    def stream(self, events: Iterable[dict[str, Any]]) -> Counter[str]:
        """Send a week through the door; returns what became of its events."""
        done: Counter[str] = Counter()
        waiting = iter(events)
        with Client(self.url, timeout_s=60) as client:
            while together := list(islice(waiting, TOGETHER)):
                done["sent"] += len(together)
                done.update(client.keep(together))
        return done

    def answers_by(self, version: str) -> None:
        """Wait until every visitor is answered by a version."""
        waited(
            f"answers by {version}",
            lambda: all(asker.versions and asker.versions[-1] == version for asker in self._askers),
        )

    @property
    def asked(self) -> int:
        """Requests so far."""
        return sum(len(asker.versions) + len(asker.lost) for asker in self._askers)

    def lost(self) -> list[str]:
        return [sentence for asker in self._askers for sentence in asker.lost]

    def orders(self) -> list[list[str]]:
        return [asker.order for asker in self._askers]

    def relieve(self) -> None:
        """Let the visitors ask to the end."""
        for asker in self._askers:
            asker.stop.set()
            asker.join(30)
            require(not asker.is_alive(), "a visitor that got its last answer")

    def close(self) -> float:
        """End the server as a scheduler would; returns how many seconds that took."""
        begin = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=30)
        # The web server ends what is under way, and then by the signal that it was sent.
        require(code in (0, -signal.SIGTERM), "a server that ends well", f"exit code {code}")
        said = Path(self._log.name).read_text(encoding="utf-8")
        require(
            '"stopped"' in said and "Traceback" not in said, "a log that ends with 'stopped'", said[-500:]
        )
        return time.monotonic() - begin
