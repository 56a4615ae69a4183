"""How much came, and how much of it could be read."""

from __future__ import annotations

import numpy as np
from scipy import stats

from buysignal.monitor.finding import Finding, Verdict
from buysignal.monitor.window import Window
from buysignal.reference import Reference, daily_visits
from buysignal.wording import share_text

LEAST_CHANGE = 0.3
"""A shop's days differ; a change of the mean below this share is not worth an alarm."""
LEAST_REJECTS = 0.01
_FEWEST_DAYS = 3


def volume(reference: Reference, window: Window, alpha: float) -> Finding:
    """Compare visits a day (Welch's t-test on whole days)."""
    then, now = reference.daily_visits, daily_visits(window.samples)
    if min(len(then), len(now)) < _FEWEST_DAYS:
        return Finding("volume", "unknown", "Fewer than three whole days: visits a day are not compared.")
    change = float(now.mean() / max(then.mean(), 1e-9) - 1)
    chance = float(stats.ttest_ind(then, now, equal_var=False).pvalue) if np.ptp(then) or np.ptp(now) else 1.0
    if then.mean() != now.mean() and not (np.ptp(then) or np.ptp(now)):
        chance = 0.0
    verdict: Verdict = "alarm" if chance < alpha and abs(change) > LEAST_CHANGE else "ok"
    said = f"{now.mean():,.0f} visits a day, {then.mean():,.0f} when the model was made ({change:+.0%})."
    return Finding("volume", verdict, said, change, LEAST_CHANGE)


def rejects(reference: Reference, window: Window, alpha: float) -> Finding:
    """Compare the share of rows that could not be read (two proportions, chi-square test)."""
    kept, rejected = window.loaded.rows_kept, window.loaded.rows_rejected
    before = reference.rejected / max(reference.kept + reference.rejected, 1)
    now = rejected / max(kept + rejected, 1)
    counts = np.array([[reference.kept, reference.rejected], [kept, rejected]], dtype=np.float64)
    chance = 1.0 if not counts[:, 1].sum() else float(stats.chi2_contingency(counts).pvalue)
    worse = now - before
    verdict: Verdict = "alarm" if worse > LEAST_REJECTS and chance < alpha else "ok"
    said = f"{share_text(now)} of the rows were rejected, {share_text(before)} when the model was made."
    return Finding("rejects", verdict, said, now, before + LEAST_REJECTS)
