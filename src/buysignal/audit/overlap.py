"""Do train and test share sessions, visitors, or copies of rows?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.audit.finding import Finding
from buysignal.audit.timing import in_time_order
from buysignal.audit.twins import Twins, count_twins
from buysignal.audit.view import percent
from buysignal.samples import Samples

SESSIONS, VISITORS, ROWS = "sessions_in_both", "visitors_in_both", "equal_rows"


def overlap(train: Samples, test: Samples) -> list[Finding]:
    """Return findings on shared sessions, shared visitors, and copied rows."""
    sessions = _shared(train.session, test.session)
    visitors = _shared(train.visitor, test.visitor)
    findings = [_sessions(sessions, len(test))]
    if not (sessions[0] and _same_partition(test)):
        findings.append(_visitors(visitors, len(test), in_time_order(train, test)))
    return [*findings, equal_rows(train, test)]


def _shared(train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return how many codes stand on both sides, and how many test rows carry one; -1 is unknown."""
    if _row_numbers(train) and _row_numbers(test):
        return 0, 0
    mine = pd.unique(test[test >= 0])
    both = mine[np.isin(mine, train)]
    return len(both), int(np.isin(test, both).sum())


def _row_numbers(codes: npt.NDArray[np.int64]) -> bool:
    """Codes 0, 1, 2, … on both sides are mere row numbers: they say nothing about who is who."""
    return bool(np.array_equal(codes, np.arange(len(codes))))


def _same_partition(samples: Samples) -> bool:
    pairs = pd.DataFrame({"session": samples.session, "visitor": samples.visitor}).drop_duplicates()
    return len(pairs) == pairs.session.nunique() == pairs.visitor.nunique()


def _sessions(shared: tuple[int, int], rows: int) -> Finding:
    count, hit = shared
    if count == 0:
        return Finding(check=SESSIONS, verdict="ok", detail="No session stands in both train and test.")
    detail = (
        f"{_some(count, 'session')} in both train and test: {percent(hit, rows)} of the test rows belong to "
        "a session the model has already seen. Split by session or by time instead of by row."
    )
    return Finding(check=SESSIONS, verdict="leak", detail=detail, evidence=_evidence(count, hit, rows))


def _visitors(shared: tuple[int, int], rows: int, ordered: bool) -> Finding:
    count, hit = shared
    if count == 0:
        return Finding(check=VISITORS, verdict="ok", detail="No visitor stands in both train and test.")
    detail = f"{_some(count, 'visitor')} in both train and test ({percent(hit, rows)} of the test rows)"
    if ordered:
        detail += (
            "; the test rows are all later, so this is returning visitors, not a look into the future, "
            "but the figure speaks of a shop with as many returning visitors as this one."
        )
    else:
        detail += ": the model can recognise them. Keep all rows of a visitor on one side of the split."
    verdict = "warning" if ordered else "leak"
    return Finding(check=VISITORS, verdict=verdict, detail=detail, evidence=_evidence(count, hit, rows))


def equal_rows(train: Samples, test: Samples) -> Finding:
    """Return whether test rows are copies of train rows, beyond equal rows that chance brings."""
    twins = count_twins(train, test)
    evidence = {
        "test_rows_with_twin": float(twins.equal),
        "of_these_without_near_twin": float(twins.lonely),
        "near_twins_without_twin": float(twins.near_only),
        "test_rows": float(twins.rows),
    }
    if twins.copies:
        detail = (
            f"{_rows(twins.lonely, twins.rows)} also in train, equal in every column and the answer, while "
            f"only {twins.near_only:,} differ from a train row in one thing: these are copies, not chance. "
            "Remove duplicates before the split."
        )
        return Finding(check=ROWS, verdict="leak", detail=detail, evidence=evidence)
    return Finding(check=ROWS, verdict="ok", detail=_harmless(twins), evidence=evidence)


def _harmless(twins: Twins) -> str:
    if twins.equal == 0:
        return "No test row is equal to a train row."
    return (
        f"{_rows(twins.equal, twins.rows)} also in train, no more than chance brings: "
        f"{twins.near_only:,} others differ from a train row in one thing only."
    )


def _rows(count: int, of: int) -> str:
    stands = "1 test row" if count == 1 else f"{count:,} test rows"
    return f"{stands} ({percent(count, of)}) {'stands' if count == 1 else 'stand'}"


def _some(count: int, noun: str) -> str:
    return f"1 {noun} stands" if count == 1 else f"{count:,} {noun}s stand"


def _evidence(count: int, hit: int, rows: int) -> dict[str, float]:
    return {"count": float(count), "test_rows": float(hit), "test_share": round(hit / max(rows, 1), 4)}
