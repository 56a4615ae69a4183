"""The one scorer: every door (command line, app, REST, stream) calls this, so all give one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import prefixes, pseudonyms, sessions, tables
from buysignal.bundle import Bundle
from buysignal.errors import SamplesError, SourceError
from buysignal.explain import Reason, contributions, top_reasons
from buysignal.folded import Folded, fold_events, folded_for
from buysignal.goals import Goal
from buysignal.models.segment_stability import word
from buysignal.pseudonyms import possible
from buysignal.row_scores import score_rows
from buysignal.segment_actions import suggest
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded, load
from buysignal.spreadsheet import write_csv

__all__ = [
    "Folded",
    "Scored",
    "Story",
    "explain_session",
    "fold_events",
    "membership",
    "reasons_for",
    "score",
    "score_loaded",
    "score_paths",
    "score_rows",
    "segment_counts",
    "segment_table",
    "story_of",
    "table_rows",
    "write_scores",
]

Progress = Callable[[float, str], None]
Floats = npt.NDArray[np.float64]

MOST_REASONS = 3


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores, and what they are scores of.

    Attributes:
        table: one row per visit (or event): ids, ``probability`` (0 to 1), ``percentile`` (0 to 100,
            against the test slice), ``expected_revenue`` with its interval, ``segment``, ``goal``,
            ``proxy``, ``simulated`` (learned from the demo shop), and ``reasons`` where asked for.
        goal: the question the probability answers; with ``proxy`` true it is no conversion.
        notes: what to keep in mind.
        rejects: rows of the source that were not kept.
        refused: events that were left out because they were sent with a refusal of consent.
    """

    table: pd.DataFrame
    goal: Goal
    notes: tuple[str, ...] = ()
    rejects: int = 0
    refused: int = 0


@dataclass(frozen=True, eq=False)
class Story:
    """One visit click by click, and the reasons for its last score."""

    session: str
    goal: Goal
    simulated: bool
    steps: pd.DataFrame
    probability: float
    typical_probability: float
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values; ``proxy`` travels with them."""
        return {
            "session": self.session,
            "goal": self.goal.name,
            "proxy": self.goal.proxy,
            "simulated": self.simulated,
            "probability": self.probability,
            "typical_probability": self.typical_probability,
            "steps": self.steps.to_dict(orient="records"),
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def score_paths(
    bundle: Bundle,
    paths: Sequence[str | Path] | str | Path,
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    reasons: bool = False,
    every_event: bool = False,
    progress: Progress | None = None,
) -> Scored:
    """Read files and score what is in them; see ``score``.

    Args:
        rates: currency -> rate into the common currency, over those of the profile.

    Raises:
        InputError: the files cannot be read, or are of another kind than the bundle's.
    """
    loaded = load(paths, profile=profile or bundle.profile, mapping=mapping, rates=rates, progress=progress)
    return score_loaded(bundle, loaded, reasons=reasons, every_event=every_event)


def score_loaded(
    bundle: Bundle,
    loaded: Loaded,
    *,
    reasons: bool = False,
    every_event: bool = False,
    folded: Folded | None = None,
) -> Scored:
    """Score a source that has been read; see ``score``."""
    if (loaded.profile.level == "event") != bundle.reads_events:
        kind = "events" if bundle.reads_events else "session rows"
        raise SourceError(
            f"this file holds {'events' if loaded.profile.level == 'event' else 'session rows'}",
            allowed=f"{kind}, as the bundle was trained on",
            todo="score a file of the kind the bundle was trained on",
        )
    scored = score(bundle, loaded.table, reasons=reasons, every_event=every_event, folded=folded)
    notes = scored.notes
    if loaded.rows_rejected:
        notes += (f"{loaded.rows_rejected:,} rows were rejected and not scored; 'check' says why.",)
    return Scored(scored.table, scored.goal, notes, loaded.rows_rejected, scored.refused)


def score(
    bundle: Bundle,
    table: pa.Table,
    *,
    reasons: bool = False,
    every_event: bool = False,
    folded: Folded | None = None,
) -> Scored:
    """Return a score for every visit as it stands at its last event (or after every event).

    Events of visitors who refused consent are left out and counted, as at the live doors.

    Args:
        bundle: what was trained.
        table: canonical events, or session rows, as the bundle reads.
        reasons: say what moves each score; slower.
        every_event: one row per event instead of one per session.
        folded: ``table`` as it was folded for an earlier question.

    Raises:
        SamplesError: columns the bundle needs are missing.
    """
    notes: tuple[str, ...] = ()
    refused = 0
    if bundle.reads_events:
        kept = folded_for(bundle, table, folded)
        refused = kept.refused
        ids, rows, notes = _event_rows(kept, every_event)
        notes += _refused_note(refused)
        frame = pd.concat([ids, kept.scores(rows)], axis=1)
        X = kept.features(rows) if reasons else None
    else:
        ids, X = table_rows(bundle, table)
        frame = pd.concat([ids, score_rows(bundle, X)], axis=1)
    if reasons and X is not None:
        frame["reasons"] = ["; ".join(r.sentence for r in reasons_for(bundle, row)) for row in X]
    frame["goal"] = bundle.goal.name
    frame["proxy"] = bundle.goal.proxy
    frame["simulated"] = bundle.manifest.dataset.simulated
    frame["bundle_version"] = bundle.version
    return Scored(frame, bundle.goal, notes, refused=refused)


def reasons_for(bundle: Bundle, row: npt.NDArray[np.float32], count: int = MOST_REASONS) -> list[Reason]:
    """Return what moves the score of one row (bundle.width,) away from a typical visit's."""
    found = contributions(bundle.probability, row, bundle.typical, alone=len(bundle.names))
    return top_reasons(found, row, bundle.typical, bundle.names, bundle.categories, count=count)


def explain_session(
    bundle: Bundle,
    paths: Sequence[str | Path] | str | Path,
    session: str,
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Story:
    """Return how the score of one visit moved, and why it ended where it did.

    Args:
        session: a session id, or for session tables a row number from 0.
        rates: currency -> rate into the common currency, over those of the profile.

    Raises:
        SourceError: there is no such session.
    """
    loaded = load(paths, profile=profile or bundle.profile, mapping=mapping, rates=rates, progress=progress)
    return story_of(bundle, loaded.table, session)


def story_of(bundle: Bundle, table: pa.Table, session: str) -> Story:
    """Do as ``explain_session`` with a table that has been read."""
    if bundle.reads_events:
        folded = Folded(bundle, table)
        events = folded.events
        ids = events.column("session_id").to_pandas()
        names = possible(pseudonyms.from_environment(), session)
        rows = np.flatnonzero(ids.isin(names).to_numpy())
        steps = pd.DataFrame(
            {
                "click": np.arange(1, len(rows) + 1),
                "event": events.column("event_name").cast(pa.string()).to_pandas().iloc[rows].to_numpy(),
                "item": events.column("item_id").cast(pa.string()).to_pandas().iloc[rows].to_numpy(),
            }
        )
        X = folded.features(rows)
    else:
        _, every = table_rows(bundle, table)
        rows = np.array([int(session)] if session.isdigit() and int(session) < len(every) else [], np.int64)
        X = every[rows]
        steps = pd.DataFrame({"row": rows})
    if len(rows) == 0:
        raise SourceError(
            "there is no such session in this file",
            allowed="a session id (or row number, from 0) of the file",
            todo="take one from the scores",
        )
    scores = score_rows(bundle, X)
    return Story(
        session=session,
        goal=bundle.goal,
        simulated=bundle.manifest.dataset.simulated,
        steps=pd.concat([steps, scores], axis=1),
        probability=float(scores["probability"].iloc[-1]),
        typical_probability=float(bundle.probability(bundle.typical[None])[0]),
        reasons=tuple(reasons_for(bundle, X[-1], count=6)),
    )


def segment_table(bundle: Bundle) -> pd.DataFrame:
    """Return the bundle's segments with their evidence, one a row.

    ``found_as`` is the name before a renaming, ``stability`` the mean Jaccard coefficient over bootstrap
    refits (0 to 1) with its word, and ``action`` a suggestion to test. Columns nothing is known for are
    left out.

    Raises:
        SamplesError: the bundle has none.
    """
    profiles = bundle.segment_profiles
    if not profiles:
        raise SamplesError(
            "this bundle has no segments", todo="train on more sessions: too few give no stable segments"
        )
    actions = suggest(profiles, proxy=bundle.goal.proxy)
    rows = [
        {
            "segment": p.name,
            "found_as": p.original,
            "sessions": p.n,
            "share": p.share,
            "rate": p.rate,
            "revenue": p.revenue,
            "stability": p.stability,
            "stability_word": None if p.stability is None else word(p.stability),
            "action": actions[p.segment].name,
            "action_sentence": actions[p.segment].sentence,
            "action_reason": actions[p.segment].reason,
            "goal": bundle.goal.name,
            "proxy": bundle.goal.proxy,
            "simulated": bundle.manifest.dataset.simulated,
        }
        for p in profiles
    ]
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def segment_counts(bundle: Bundle, scores: pd.DataFrame) -> pd.DataFrame:
    """Return how many scored visits belong to each segment, with their mean score."""
    if "segment" not in scores:
        segment_table(bundle)
    by = scores.groupby("segment", sort=False)
    table = pd.DataFrame({"visits": by.size(), "mean_probability": by["probability"].mean()})
    if "expected_revenue" in scores:
        table["mean_expected_revenue"] = by["expected_revenue"].mean()
    table["share"] = table["visits"] / len(scores)
    return table.sort_values("visits", ascending=False).reset_index()


def membership(scores: pd.DataFrame) -> pd.DataFrame:
    """Return who belongs to which segment: the id columns and the segment."""
    ids = [c for c in ("row", "visitor_id", "session_id") if c in scores]
    return scores[[*ids, "segment", "goal", "proxy", "simulated"]]


def write_scores(table: pd.DataFrame, path: Path) -> None:
    """Write scores as CSV (cells a spreadsheet would run as formulas are neutralised) or Parquet.

    Raises:
        SourceError: the name ends in neither, or the place cannot be written to.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise SourceError(f"cannot write '{path.name}'", allowed="a name ending in .csv or .parquet")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            table.to_parquet(path, index=False)
        else:
            write_csv(pa.Table.from_pandas(table, preserve_index=False), path)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error.strerror}", todo="choose another place"
        ) from error


def _event_rows(
    folded: Folded, every_event: bool
) -> tuple[pd.DataFrame, npt.NDArray[np.int64], tuple[str, ...]]:
    events, where = folded.events, folded.layout
    rows = np.arange(events.num_rows) if every_event else where.session_starts[1:] - 1
    suspected = sessions.bots(events)[rows]
    ids = pd.DataFrame(
        {
            "visitor_id": events.column("visitor_id").take(pa.array(rows)).to_pandas(),
            "session_id": events.column("session_id").take(pa.array(rows)).to_pandas(),
            "last_seen": prefixes.moments(events)[rows],
            "clicks": (rows - where.session_starts[where.session_of_row()[rows]] + 1).astype(np.int64),
            "already_bought": folded.feature("n_purchase")[rows] > 0,
            "suspected_bot": suspected,
        }
    )
    notes: tuple[str, ...] = ()
    if suspected.any():
        notes = (f"Suspected bots: {int(suspected.sum()):,}; they are marked.",)
    return ids, rows, notes


def _refused_note(refused: int) -> tuple[str, ...]:
    return (f"{refused:,} events without consent were left out.",) if refused else ()


def table_rows(bundle: Bundle, table: pa.Table) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
    """Return what names each session row, and the rows as the bundle reads them (n, bundle.width).

    Raises:
        SamplesError: columns the bundle needs are missing.
    """
    time = bundle.profile.roles.time
    derived = ("hour", "weekday") if time is not None else ()
    samples = tables.table_samples(
        table,
        bundle.goal,
        features=[name for name in bundle.names if name not in derived],
        time=time,
        levels=bundle.categories,
        targets=False,
    )
    ids = pd.DataFrame({"row": samples.source_row})
    session = bundle.profile.roles.session
    if session is not None and session in table.column_names:
        ids["session_id"] = table.column(session).to_pandas()
    return ids, samples.X
