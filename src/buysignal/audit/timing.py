"""Columns known too late, and splits that look into the future."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from buysignal.audit.finding import Finding
from buysignal.audit.view import percent
from buysignal.samples import Samples

KNOWN, FUTURE = "known_too_late", "future"

WHY_LATE: Mapping[str, str] = {
    "pagevalues": "is computed from the transactions of the visit",
    "transactions": "counts the purchases of the visit",
    "transactionrevenue": "is the revenue of the visit",
    "revenueusd": "is the revenue of the visit",
    "units": "counts what was bought in the visit",
    "bounced": "says that the visit ended after one page",
    "bouncerates": "is averaged over how visits ended",
    "exitrates": "is averaged over how visits ended",
    "timeonsites": "is the length of the whole visit",
    "pageviews": "counts the pages of the whole visit",
}
"""What Google Analytics' session columns are made of (Analytics Help, "Dimensions and metrics")."""


def known_too_late(samples: Samples, reasons: Mapping[str, str] | None = None) -> list[Finding]:
    """Return a leak for each feature that is known only when the visit is over.

    ``reasons`` says of a column what it is made of ("is computed from …"), for the sentence.
    """
    late = [name for name in samples.names if samples.known.get(name) == "end"]
    if not late:
        detail = "No column is known only at the end of the visit, as far as the profile says."
        return [Finding(check=KNOWN, verdict="ok", detail=detail)]
    return [
        Finding(check=KNOWN, verdict="leak", columns=(name,), detail=_why(name, reasons)) for name in late
    ]


def _why(name: str, reasons: Mapping[str, str] | None) -> str:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    made_of = (reasons or {}).get(name) or WHY_LATE.get(plain)
    if made_of:
        return f"`{name}` {made_of}; it is known only at the end, when there is nothing left to predict."
    return f"`{name}` is known only when the visit is over, when there is nothing left to predict."


def in_time_order(train: Samples, test: Samples) -> bool:
    """Whether times are known on both sides and no train row is later than the first test row."""
    a, b = train.time[~np.isnat(train.time)], test.time[~np.isnat(test.time)]
    return len(a) > 0 and len(b) > 0 and bool(a.max() <= b.min())


def future(train: Samples, test: Samples) -> Finding:
    """Return whether train rows are later than test rows.

    The start of the test period is its first percentile, so that one misdated row raises nothing;
    a few train rows beyond it (sessions that ran over the cut) are a warning only.
    """
    a, b = train.time[~np.isnat(train.time)], test.time[~np.isnat(test.time)]
    if len(a) == 0 or len(b) == 0:
        detail = "The rows carry no time: that test rows are later than train rows cannot be checked."
        return Finding(check=FUTURE, verdict="warning", detail=detail)
    start = np.sort(b)[len(b) // 100]
    late = int((a > start).sum())
    evidence = {"train_rows_later": float(late), "train_share_later": round(late / len(a), 4)}
    if late == 0:
        detail = f"No train row is later than {_moment(start)}, when the test rows begin."
        return Finding(check=FUTURE, verdict="ok", detail=detail, evidence=evidence)
    detail = (
        f"{late:,} train rows ({percent(late, len(a))}) are later than {_moment(start)}, when the test rows "
        "begin: the model is asked about a past it already knows the future of. Split by time."
    )
    verdict = "leak" if late >= 0.01 * len(a) else "warning"
    return Finding(check=FUTURE, verdict=verdict, detail=detail, evidence=evidence)


def _moment(time: np.datetime64) -> str:
    text = str(time.astype("datetime64[m]")).replace("T", " ")
    return text.removesuffix(" 00:00")
