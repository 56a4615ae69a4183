"""Everything a bundle is written from, while its models are still the fitted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from buysignal.features.vocabulary import Vocabulary
from buysignal.goals import Goal
from buysignal.models.intervals import ConformalInterval
from buysignal.models.segmentation import Segmentation
from buysignal.report import Report
from buysignal.samples import Unit
from buysignal.sources.profile import Profile
from buysignal.step_windows import StepCodes

if TYPE_CHECKING:
    from buysignal.recommender import Recommender
    from buysignal.recommender.suggest import VisitSoFar
    from buysignal.reference import Reference
    from buysignal.trained_visitors import TrainedVisitors

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Draft:
    """Everything a bundle is written from; models are fitted estimators.

    Attributes:
        check_rows: (m, f) real rows on which the stored models must equal the trained ones.
        tested_scores: (t,) the champion's scores of the test slice, which give the percentiles.
        test_from: where the slices are parted by time, the moment from which on nothing was learned from.
        steps: how the last events become numbers, where the champion reads them; ``check_rows`` and
            ``typical`` then have them beside the features.
        recommender: what is likely to be looked at next; None where there were too few looks.
        check_visits: real visits on which the stored recommender must equal the trained one.
        reference: what was normal in the test slice, which later data is held against.
        visitors: whose events were read for training; None where rows have no visitors.
    """

    goal: Goal
    profile: Profile
    names: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    unit: Unit
    conversion: Any
    threshold: float | None
    revenue: Any
    interval: ConformalInterval | None
    segmentation: Segmentation | None
    vocabulary: Vocabulary | None
    session_gap: str
    typical: Rows
    check_rows: Rows
    tested_scores: Floats
    split: str
    test_from: datetime | None
    report: Report
    steps: StepCodes | None = None
    recommender: Recommender | None = None
    check_visits: Sequence[VisitSoFar] = ()
    reference: Reference | None = None
    visitors: TrainedVisitors | None = None
