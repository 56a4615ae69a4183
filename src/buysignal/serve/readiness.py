"""Whether the server can do all it should, and if not, what it cannot and why.

Degraded is not unready: whole visits, session rows and suggestions are answered without Redis, and with the
bundle before. A balancer that took every server away because they share a Redis would end those answers, too.
So the status is 200 either way, and the body and a figure say what is wrong.
"""

from __future__ import annotations

from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Gauge

from buysignal.serve.in_use import BundleInUse


class Store(Protocol):
    """Where visitors are remembered, as far as its health goes."""

    name: str

    @property
    def failure(self) -> str | None: ...

    def __len__(self) -> int: ...


class Readiness:
    """What is told of a server's health.

    Args:
        in_use: the bundle.
        state: where visitors are remembered; None where none are.
        registry: of the figures; ``buysignal_degraded`` goes there, 0 or 1 for each part.
    """

    def __init__(self, in_use: BundleInUse[Any], state: Store | None, registry: CollectorRegistry) -> None:
        self._in_use = in_use
        self._state = state
        degraded = Gauge(
            "buysignal_degraded", "1 where a part does not do what it should", ("part",), registry=registry
        )
        degraded.labels("bundle").set_function(lambda: float(in_use.failure is not None))
        degraded.labels("state").set_function(lambda: float(self._state_failure() is not None))

    def told(self) -> dict[str, Any]:
        """Return what stands at ``/readyz``."""
        bundle, state = self._in_use.scorer.bundle, self._state
        why = [one for one in (self._in_use.failure, self._state_failure()) if one is not None]
        return {
            "status": "degraded" if why else "ready",
            "degraded_because": " ".join(why) or None,
            "bundle_version": bundle.version,
            "goal": bundle.goal.name,
            "proxy": bundle.goal.proxy,
            "simulated": bundle.manifest.dataset.simulated,
            "reads": "events" if bundle.reads_events else "session rows",
            "recommendations": bundle.recommender is not None,
            "state": "none" if state is None else state.name,
            "visitors": 0 if state is None else len(state),
        }

    def _state_failure(self) -> str | None:
        if self._state is None or self._state.failure is None:
            return None
        return f"Visitors are not remembered: {self._state.failure}."
