"""The audit: may this figure be believed?

It looks for targets that columns give away, columns known too late, rows seen twice, splits that
look into the future, and rows made up before the split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from buysignal.audit.finding import Finding, Verdict
from buysignal.audit.overlap import overlap
from buysignal.audit.resampling import resampled_before_split as check_resampling
from buysignal.audit.rules import function_of_columns
from buysignal.audit.single_column import single_columns
from buysignal.audit.timing import future, known_too_late
from buysignal.audit.twins import copied_rows
from buysignal.audit.view import Target, view_of
from buysignal.errors import SamplesError
from buysignal.samples import Samples

__all__ = ["Finding", "Verdict", "audit"]

MAX_ROWS = 250_000


def audit(
    train: Samples,
    test: Samples | None = None,
    *,
    target: Target,
    resampled_before_split: bool | None = None,
    provenance: Sequence[str] = (),
    reasons: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Return what was looked for and what was found, worst first.

    Every check leaves at least one finding; a check that found nothing has the verdict ``ok``.

    Args:
        train: the rows models learn from.
        test: the rows they are judged on; without it only the columns are checked. Session and
            visitor codes must come from one numbering for both; -1 is unknown.
        target: which of ``y`` and ``revenue`` is predicted.
        resampled_before_split: True where the caller knows it; None to look for signs in the rows.
        provenance: the steps the rows went through, in order, such as ("load", "smote", "split").
        reasons: what columns known at the end are made of ("is computed from …").

    Raises:
        SamplesError: the samples have no such target.
    """
    if getattr(train, target) is None:
        raise SamplesError(
            f"these samples have no '{target}' to audit", allowed="'y' or 'revenue' of the goal"
        )
    view = view_of(_distinct(_sample(train)), target)
    findings = function_of_columns(view)
    fixed = {f.columns[0] for f in findings if len(f.columns) == 1}
    findings += single_columns(view, skip=fixed)
    findings += known_too_late(train, reasons)
    if test is not None:
        findings += [*overlap(train, test), future(train, test)]
    findings.append(check_resampling(train, test, resampled_before_split, provenance))
    severity = ("tautology", "leak", "warning", "ok")
    return sorted(findings, key=lambda f: severity.index(f.verdict))


def _sample(samples: Samples) -> Samples:
    if len(samples) <= MAX_ROWS:
        return samples
    return samples.subset(np.sort(np.random.default_rng(0).choice(len(samples), MAX_ROWS, replace=False)))


def _distinct(samples: Samples) -> Samples:
    """Drop copied rows, which would let any finely resolved column "predict" its own copy."""
    return samples.subset(~copied_rows(samples))
