"""Figures of a worker for Prometheus, named as those of the REST door where they are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buysignal import __version__
from buysignal.errors import DependencyError

if TYPE_CHECKING:
    from buysignal.stream.worker import Done

_BATCH_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Figures:
    """Counters of one worker, in a registry of their own.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
    """

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
            from prometheus_client.exposition import CONTENT_TYPE_LATEST
        except ImportError:
            raise DependencyError("prometheus-client", "stream") from None
        self.content_type: str = CONTENT_TYPE_LATEST
        self._registry = CollectorRegistry()
        registry = self._registry
        self._events = Counter("buysignal_events", "Events taken in", ("kind",), registry=registry)
        self._batch = Histogram(
            "buysignal_batch_seconds", "Seconds from a batch's first look at it to its commit",
            buckets=_BATCH_S, registry=registry,
        )  # fmt: skip
        self._lag = Gauge("buysignal_lag", "Events that wait in the partitions held", registry=registry)
        self._visitors = Gauge("buysignal_visitors", "Visitors known", registry=registry)
        self._partitions = Gauge("buysignal_partitions", "Partitions held", registry=registry)
        self._swaps = Counter("buysignal_bundle_swaps", "Bundles exchanged", ("how",), registry=registry)
        self._bundle = Gauge(
            "buysignal_bundle_info", "The bundle in use", ("bundle_version", "buysignal_version"),
            registry=registry,
        )  # fmt: skip
        for kind in ("scored", "dead", "duplicate", "refused"):
            self._events.labels(kind)

    def committed(self, before: Done, after: Done, seconds: float) -> None:
        """Count a batch by what was done before and after it."""
        counts = {
            "scored": after.scored - before.scored,
            "dead": after.dead - before.dead - (after.duplicates - before.duplicates),
            "duplicate": after.duplicates - before.duplicates,
            "refused": after.refused - before.refused,
        }
        for kind, count in counts.items():
            if count:
                self._events.labels(kind).inc(count)
        self._batch.observe(seconds)

    def stands(self, done: Done) -> None:
        """Note what is known and what waits."""
        self._lag.set(done.lag)
        self._visitors.set(done.visitors)
        self._partitions.set(done.partitions)

    def uses(self, bundle_version: str) -> None:
        """Say which bundle is in use."""
        self._bundle.clear()
        self._bundle.labels(bundle_version, __version__).set(1)

    def swapped(self, *, well: bool) -> None:
        """Count an exchange of the bundle, or one that failed."""
        self._swaps.labels("done" if well else "failed").inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)
