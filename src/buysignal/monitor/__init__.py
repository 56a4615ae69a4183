"""Is the model still looking at the shop it was made for? New data against the test slice of the bundle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from buysignal import drift
from buysignal.bundle import Bundle
from buysignal.drift import Histogram, Shift
from buysignal.errors import BundleError
from buysignal.features.catalogue import CATALOGUE
from buysignal.monitor.finding import Finding, Watch
from buysignal.monitor.outcome import outcomes
from buysignal.monitor.pictures import pictures_of
from buysignal.monitor.volume import rejects, volume
from buysignal.monitor.window import Window, open_window
from buysignal.reference import SCORE, Reference, last_of_visits
from buysignal.sources.read import Loaded

__all__ = ["ALPHA", "Finding", "Watch", "watch"]

ALPHA = 0.01
"""How often chance alone may raise an alarm in one look, over all its checks."""
HISTORY = frozenset(feature.name for feature in CATALOGUE if feature.group == "history")

Progress = Callable[[float, str], None]


def watch(
    bundle: Bundle,
    loaded: Loaded,
    *,
    since: str | None = None,
    until: str | None = None,
    alpha: float = ALPHA,
    progress: Progress | None = None,
) -> Watch:
    """Hold a window of new data against the bundle's test slice.

    Args:
        loaded: files of the kind the bundle reads; what lies before the window is the visitors' past.
        since, until: the window, UTC; all of the data where None.
        alpha: how often chance alone may raise an alarm, over all checks together (Bonferroni).

    Raises:
        BundleError: the bundle was made before there were references.
        SamplesError: there is no visit in the window.
    """
    reference = bundle.reference
    if reference is None:
        raise BundleError(
            "this bundle does not hold what was normal when it was made",
            todo="train again with this version",
        )
    tell = progress or (lambda _share, _text: None)
    tell(0.1, "reading the window")
    window = open_window(bundle, reference, loaded, since, until)
    tell(0.6, "comparing")
    left_out = HISTORY if window.short_past else frozenset[str]()
    compared = [name for name in reference.columns if name not in left_out]
    # Two distances a column, two of the scores, volume, rejects, ranking, calibration.
    each = alpha / (2 * len(compared) + 6)
    shifts, score_shift, now, visits, visitors = _shifted(reference, window, compared, each)
    findings = [
        _features(shifts),
        _scores(score_shift),
        volume(reference, window, each),
        rejects(reference, window, each),
        *outcomes(reference, window, float(stats.norm.isf(each / 2))),
    ]
    tell(1.0, "done")
    known = not np.isnat(window.since)
    return Watch(
        bundle_version=bundle.version,
        goal=bundle.goal.name,
        proxy=bundle.goal.proxy,
        simulated=bundle.manifest.dataset.simulated,
        since=f"{window.since.astype('datetime64[s]')}Z" if known else None,
        until=f"{window.until.astype('datetime64[s]')}Z" if known else None,
        visits=visits,
        visitors=visitors,
        findings=tuple(sorted(findings, key=lambda one: one.verdict != "alarm")),
        shifts=tuple(shifts),
        score_shift=score_shift,
        notes=_notes(window),
        pictures=pictures_of(bundle, reference, window, now),
    )


def _shifted(
    reference: Reference, window: Window, compared: list[str], alpha: float
) -> tuple[list[Shift], Shift, dict[str, Histogram], int, int]:
    """Return the shifts of columns and of scores, the window's histograms, and the visits and visitors."""
    samples = window.samples
    last = last_of_visits(samples, np.arange(len(samples)))
    visitors = len(np.unique(samples.visitor[last]))
    sizes = (reference.visitors, visitors)
    before = {name: reference.columns[name] for name in compared}
    now = {name: one.again(samples.X[last, samples.names.index(name)]) for name, one in before.items()}
    shifts = drift.shifts(before, now, independent=sizes, alpha=alpha)
    scores = reference.scores.again(window.p[last])
    return (
        shifts, drift.shift(SCORE, reference.scores, scores, independent=sizes, alpha=alpha),
        {**now, SCORE: scores}, len(last), visitors,
    )  # fmt: skip


def _features(shifts: list[Shift]) -> Finding:
    moved = [one for one in shifts if one.drifted]
    if not moved:
        return Finding("features", "ok", f"None of {len(shifts)} features shifted beyond chance.", 0)
    most = ", ".join(f"{one.name} (PSI {one.psi:.2f})" for one in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    return Finding(
        "features", "alarm", f"{len(moved)} of {len(shifts)} features shifted: {most}{more}.", len(moved), 0
    )


def _scores(one: Shift) -> Finding:
    said = f"The scores' PSI is {one.psi:.2f}; up to {one.psi_limit:.2f} is chance or little."
    return Finding("scores", "alarm" if one.drifted else "ok", said, one.psi, one.psi_limit)


def _notes(window: Window) -> tuple[str, ...]:
    if not window.short_past:
        return ()
    return (
        "There is little or nothing before the window, so the visitors' past is not known as the model knew "
        "it: features of the past are left out. Give the files before the window, too, with --since.",
    )
