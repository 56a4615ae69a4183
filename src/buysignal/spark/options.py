"""How a run on the cluster is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buysignal.sources.profile import Profile


@dataclass(frozen=True)
class Options:
    """What may be chosen; the first three as for ``sources.load``.

    Attributes:
        profile: a profile, its name or its file; detected where None.
        mapping: canonical column -> source column, on top of the profile.
        rates: currency -> rate into the common one, on top of it.
        master: such as ``local[2]``, ``yarn`` or ``k8s://…``; None leaves it to Spark's configuration, or to
            the session that runs already.
        conf: Spark's own settings.
        partitions: pieces the visitors are dealt into; None takes one per 4 million rows.
    """

    profile: str | Path | Profile | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    partitions: int | None = None
