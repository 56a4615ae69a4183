"""Figures of the server for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from buysignal import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST

_LATENCY_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """Counters of one server, in a registry of their own.

    Args:
        visitors: how many are remembered now.
    """

    def __init__(self, visitors: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "buysignal_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "buysignal_request_seconds", "Seconds until the answer", ("route",),
            buckets=_LATENCY_S, registry=self.registry,
        )  # fmt: skip
        self._events = Counter("buysignal_events", "Events taken in", ("kind",), registry=self.registry)
        self._swaps = Counter("buysignal_bundle_swaps", "Bundles exchanged", ("how",), registry=self.registry)
        self._bundle = Gauge(
            "buysignal_bundle_info", "The bundle in use", ("bundle_version", "buysignal_version"),
            registry=self.registry,
        )  # fmt: skip
        Gauge("buysignal_visitors", "Visitors remembered", registry=self.registry).set_function(visitors)
        # Looking children up by their labels costs more than counting.
        self._known = {kind: self._events.labels(kind) for kind in ("known", "other", "repeated", "refused")}
        self._of: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is the path as it is declared, so that there are few."""
        found = self._of.get((route, status))
        if found is None:
            found = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._of[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def event(self, kind: str) -> None:
        """Count an event: known, other (a name that is not GA4's), repeated, or refused."""
        self._known[kind].inc()

    def swapped(self, bundle_version: str, *, well: bool = True) -> None:
        """Count an exchange of the bundle, or one that failed."""
        self._swaps.labels("done" if well else "failed").inc()
        self.uses(bundle_version)

    def uses(self, bundle_version: str) -> None:
        """Say which bundle is in use."""
        self._bundle.clear()
        self._bundle.labels(bundle_version, __version__).set(1)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)
