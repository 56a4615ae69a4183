"""The bundle in use, and its exchange for a new one without a lost request.

The new bundle is loaded and tried beside the old one, in another thread; then one reference is exchanged.
Requests that have begun end with the bundle they began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, BuysignalError
from buysignal.manifest import MANIFEST
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.logs import Log
from buysignal.serve.metrics import Metrics

LOOK_S = 2.0
"""Seconds between looks at the folder."""


class HasBundle(Protocol):
    """What answers for a bundle."""

    @property
    def bundle(self) -> Bundle: ...


Scorer = TypeVar("Scorer", bound=HasBundle)


class BundleInUse(Generic[Scorer]):
    """The scorer of a bundle's folder.

    Args:
        path: the folder; a bundle that is put there later takes over on ``reload``.
        log: where exchanges are told.
        tried: makes a scorer of the folder that has answered once; another may be set for the next ones.

    Attributes:
        scorer: what answers now.
        failure: why the last exchange failed, as a sentence; None where it did not.

    Raises:
        BundleError: there is no bundle, or ``tried`` refuses it.
    """

    def __init__(self, path: Path, log: Log, tried: Callable[[Path], Scorer]) -> None:
        self.tried = tried
        self._path = path
        self._log = log
        self._lock = asyncio.Lock()
        self._stamp = self._stamped()
        self.scorer: Scorer = tried(path)
        self.failure: str | None = None

    async def reload(self, metrics: Metrics) -> bool:
        """Exchange the bundle for the one in the folder now; returns whether that went well.

        Where it cannot be read the old one stays in use.
        """
        async with self._lock:
            stamp = self._stamped()
            try:
                scorer = await asyncio.to_thread(self.tried, self._path)
            except (BuysignalError, OSError) as error:
                self.failure = str(error)
                metrics.swapped(self.scorer.bundle.version, well=False)
                self._log.error("bundle not exchanged", why=self.failure)
                return False
            before, self.scorer = self.scorer.bundle.version, scorer
            self._stamp, self.failure = stamp, None
            metrics.swapped(scorer.bundle.version)
            self._log.info("bundle exchanged", before=before, now=scorer.bundle.version)
            return True

    async def watch(self, metrics: Metrics, wait: Callable[[float], Any] = asyncio.sleep) -> None:
        """Reload whenever the folder holds another bundle, until cancelled."""
        seen = self._stamp
        while True:
            await wait(LOOK_S)
            stamp = self._stamped()
            # Between taking the old folder away and putting the new one there, there is none.
            if stamp is not None and stamp not in (seen, self._stamp):
                await self.reload(metrics)
            seen = stamp or seen

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            found = (self._path / MANIFEST).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def tried_live(path: Path) -> LiveScorer:
    """Return the scorer of a bundle that has answered once: compiled, and everything read.

    Raises:
        BundleError: there is no such bundle, or it cannot score live visits.
    """
    scorer = LiveScorer(opened(path))
    view = {"visitor_id": "v", "event_name": "view_item", "item_id": "i", "category": "c", "price": 1.0}
    scorer.scores(scorer.whole([view]))
    if scorer.bundle.recommender is not None:
        scorer.bundle.recommender.suggest(scorer.bundle.recommender.catalog.names[:1])
    return scorer


def opened(path: Path) -> Bundle:
    """Return the bundle in a folder.

    Raises:
        BundleError: there is none, or it cannot be read.
    """
    try:
        return bundles.load(path)
    except OSError as error:
        raise BundleError(f"'{path}' cannot be read: {error.strerror}") from error
