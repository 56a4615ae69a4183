"""What the report says of a table of recommenders, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from buysignal.next_item.asked import Answers
from buysignal.ranking_metrics import LIST
from buysignal.report import AuditLine
from buysignal.sequences import Sequences
from buysignal.wording import readable


def notes(
    champion: Answers, weights: Mapping[str, float], n_fitted: Mapping[str, int], visits: int
) -> list[str]:
    """Return the notes of the table.

    Args:
        weights: of the champion's members, where it is a blend.
        n_fitted: visits that each candidate learned from.
        visits: those of the training and validation slice.
    """
    items = len(champion.asked.percentile)
    found = [
        "What is suggested is likely to be looked at next; a look is no purchase.",
        f"Asked after each look of a visit, from the looks before it; all {items:,} items are ranked, and "
        f"lists of {LIST} are judged.",
        *_unknown(champion),
        *_drawn(champion),
    ]
    if weights:
        told = ", ".join(f"{readable(name)} {weight:.2f}" for name, weight in weights.items())
        found.append(f"The blend multiplies the chances of its members, each raised to its weight: {told}.")
    less = [name for name, n in n_fitted.items() if n < visits]
    if less:
        who = "all" if len(less) == len(n_fitted) else ", ".join(map(readable, less))
        found.append(f"Fitted on the training slice alone, to save time: {who}.")
    return found


def _unknown(champion: Answers) -> list[str]:
    visits = champion.asked.visits
    later = visits.place_in_visit() > 0
    unknown, known = int((later & (visits.items < 0)).sum()), int((later & (visits.items >= 0)).sum())
    if not unknown:
        return []
    recall = champion.metrics()["recall_at_20"]
    return [
        f"{unknown:,} of {unknown + known:,} looks of the test slice were at items seen too seldom before; "
        f"nobody can suggest them and they are not asked for. With each of them a miss, the champion's "
        f"Recall@20 would be {recall * known / (known + unknown):.3f}."
    ]


def _drawn(champion: Answers) -> list[str]:
    asked = champion.asked
    there = len(asked.visits.questions())
    if len(asked.views) == there:
        return []
    return [
        f"{len(asked.views):,} of {there:,} looks of the test slice were asked for: whole visits, drawn at "
        f"random."
    ]


def audit_lines(learned: Sequences, test: Sequences) -> list[AuditLine]:
    """Return whether the test visits really came after those that were learned from."""
    if not learned.visits or not test.visits:
        return []
    late = int((test.day < learned.day.max()).sum())
    if not late or np.isnan(learned.day).any():
        detail = f"all {test.visits:,} test visits began after the last one that was learned from"
        return [AuditLine(check="order in time", verdict="ok", detail=detail)]
    detail = f"{late:,} of {test.visits:,} test visits began before the last one that was learned from"
    return [AuditLine(check="order in time", verdict="warning", detail=detail)]
