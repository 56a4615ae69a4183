"""Champion against challenger on a slice that neither has learned from, the same rows for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import prefixes
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, SamplesError
from buysignal.folded import Folded
from buysignal.metrics import bootstrap_intervals, conversion_metrics
from buysignal.samples import Samples

Floats = npt.NDArray[np.float64]
When = Literal["better", "not-worse"]

DRAWS = 400
_TINY = 1e-7


@dataclass(frozen=True)
class Judged:
    """Both models on the sealed slice.

    Attributes:
        rows, visitors: of the slice.
        champion, challenger: their figures.
        gain, low, high: the challenger's log loss below the champion's, with its 95 % interval over visitors;
            above 0 the challenger is better.
        margin: how much worse counts as not worse.
    """

    rows: int
    visitors: int
    champion: dict[str, float]
    challenger: dict[str, float]
    gain: float
    low: float
    high: float
    margin: float

    def promotes(self, when: When) -> bool:
        """Return whether the challenger takes over."""
        return self.low > 0 if when == "better" else self.low > -self.margin

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        how = "better" if self.low > 0 else "worse" if self.high < 0 else "not told apart"
        return (
            f"On {self.rows:,} moments of {self.visitors:,} visitors that neither has learned from, the "
            f"challenger is {how}: log loss {self.challenger['log_loss']:.4f} against "
            f"{self.champion['log_loss']:.4f} (gain {self.gain:+.4f}, 95 % from {self.low:+.4f} to "
            f"{self.high:+.4f})."
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "rows": self.rows, "visitors": self.visitors, "champion": self.champion,
            "challenger": self.challenger, "gain": self.gain, "low": self.low, "high": self.high,
            "sentence": self.sentence,
        }  # fmt: skip


def judge(
    champion: Bundle,
    challenger: Bundle,
    events: pa.Table,
    *,
    sealed_from: np.datetime64,
    margin: float = 0.01,
) -> Judged:
    """Compare two bundles on the visits that began at ``sealed_from`` or later.

    Args:
        events: all of them: those before are the visitors' past.
        margin: share of the champion's log loss that counts as no loss.

    Raises:
        BundleError: the two do not answer the same question about the same kind of data.
        SamplesError: there is no visit in the slice.
    """
    same_question(champion, challenger)
    (samples, p), (_, q) = (_scored(bundle, events, sealed_from) for bundle in (champion, challenger))
    assert samples.y is not None
    y = samples.y.astype(np.float64)

    def gains(lost: Floats, *, weights: Floats) -> dict[str, Floats]:
        return {"gain": (weights @ lost) / weights.sum(1)}

    lost = _loss(y, p) - _loss(y, q)
    low, high = bootstrap_intervals(gains, lost, groups=samples.visitor, n=DRAWS)["gain"]
    before, after = conversion_metrics(y, p), conversion_metrics(y, q)
    return Judged(
        rows=len(samples), visitors=len(np.unique(samples.visitor)), champion=_told(before),
        challenger=_told(after), gain=float(lost.mean()), low=low, high=high,
        margin=margin * before["log_loss"],
    )  # fmt: skip


def same_question(champion: Bundle, challenger: Bundle) -> None:
    """Refuse two bundles that cannot be compared.

    Raises:
        BundleError: they differ in goal, pause between visits, columns or kind of data.
    """
    for what, one, other in (
        ("goal", champion.goal.name, challenger.goal.name),
        ("horizon", champion.goal.horizon, challenger.goal.horizon),
        ("pause between visits", champion.session_gap, challenger.session_gap),
        ("kind of data", _kind(champion), _kind(challenger)),
        ("columns", ", ".join(champion.names[:5]), ", ".join(challenger.names[:5])),
        ("number of columns", len(champion.names), len(challenger.names)),
    ):
        if one != other:
            raise BundleError(
                f"the challenger has another {what}: {other}",
                allowed=f"{one}, as the champion has",
                todo="retrain with the champion's settings, or begin a registry of its own",
            )


def _kind(bundle: Bundle) -> str:
    return "events" if bundle.reads_events else "session rows"


def _scored(bundle: Bundle, events: pa.Table, sealed_from: np.datetime64) -> tuple[Samples, Floats]:
    folded = Folded(bundle, events)
    assert bundle.vocabulary is not None
    every = folded.features(np.arange(folded.events.num_rows))
    samples = prefixes.prefix_samples(
        folded.events, bundle.features_of(every), bundle.vocabulary, bundle.goal
    )
    starts = folded.layout.session_starts[:-1]
    begun = prefixes.moments(folded.events)[starts] >= sealed_from
    rows = np.flatnonzero(begun[folded.layout.session_of_row()[samples.source_row]])
    if not len(rows):
        raise SamplesError(f"no visit began at {sealed_from} or later", todo="seal a longer slice")
    samples = samples.subset(rows)
    return samples, bundle.probability(every[samples.source_row])


def _loss(y: Floats, p: Floats) -> Floats:
    held = np.clip(p, _TINY, 1 - _TINY)
    found: Floats = -(y * np.log(held) + (1 - y) * np.log1p(-held))
    return found


def _told(metrics: dict[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in ("log_loss", "roc_auc", "average_precision", "ece")}
