"""What is in this data, what was rejected and why, and what it can and cannot predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from buysignal import enough, events, goals, sessions
from buysignal.enough import Need
from buysignal.goals import Answer, Goal
from buysignal.lacking import lacking
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded, Progress, load


class CheckResult(BaseModel):
    """The answer of ``buysignal check``.

    Attributes:
        profile_confidence: how well the profile fits, from 0 to 1.
        level: "event" (one row per event) or "session" (one row per session).
        time_range: first and last moment in UTC, or day where the source has no clock; None if unknown.
        visitors: distinct visitors; None where the source does not tell them apart from sessions.
        purchases: orders (distinct transaction ids; purchase rows where there are none), or sessions
            with a purchase.
        revenue: sum of price × quantity of purchases in ``currency``; None without amounts.
        missing_by_column: empty cells of the kept rows, for columns that hold anything at all.
        duplicates: rows equal to an earlier one: rejected from events, kept (and counted) in sessions.
        suspected_bots: sessions that look automatic.
        known_too_late: session level: columns not known when a visit starts, and when they are.
        warnings: what to keep in mind, in plain words.
        needs: what this many purchases suffice for, and how many more the rest needs.
        lacking: what is missing and would answer more, in plain words.
    """

    model_config = ConfigDict(frozen=True)

    profile: str
    profile_title: str
    profile_confidence: float
    level: str
    rows_in: int
    rows_kept: int
    rows_rejected: int
    rejects_by_reason: dict[str, int]
    mended: dict[str, int]
    time_range: tuple[str, str] | None
    visitors: int | None
    sessions: int
    purchases: int
    revenue: float | None
    currency: str | None
    missing_by_column: dict[str, int]
    duplicates: int
    suspected_bots: int
    known_too_late: dict[str, str]
    can_predict: list[Answer]
    warnings: list[str]
    needs: list[Need]
    lacking: list[str]


def check(
    paths: str | Path | Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    session_gap: str = "30m",
    progress: Progress | None = None,
) -> CheckResult:
    """Read ``paths`` as ``sources.load`` does, and say what is in them.

    Raises:
        SourceError: a file cannot be read, or no row is kept.
        ProfileError: no profile fits, or required columns are missing.
        UnitError: ``session_gap`` has no unit.
    """
    loaded = load(paths, profile=profile, mapping=mapping, progress=progress)
    return check_loaded(loaded, session_gap=session_gap)


def check_loaded(loaded: Loaded, session_gap: str = "30m") -> CheckResult:
    """Say what is in data that was read already."""
    facts = _event_facts(loaded, session_gap) if loaded.profile.level == "event" else _session_facts(loaded)
    late = {column: known for column, known in loaded.profile.known.items() if known != "start"}
    return CheckResult(
        profile=loaded.profile.name,
        profile_title=loaded.profile.title,
        profile_confidence=loaded.confidence,
        level=loaded.profile.level,
        rows_in=loaded.rows_in,
        rows_kept=loaded.rows_kept,
        rows_rejected=loaded.rows_rejected,
        rejects_by_reason=loaded.rejects.by_reason(),
        mended=loaded.mended,
        missing_by_column=_missing(loaded.table),
        duplicates=loaded.duplicates,
        currency=loaded.currency,
        known_too_late=late if loaded.profile.level == "session" else {},
        warnings=_warnings(loaded, facts.purchases, facts.suspected_bots),
        needs=enough.needs(facts.sessions, facts.purchases, facts.spread),
        lacking=lacking(
            loaded,
            facts.purchases,
            amounts=facts.revenue is not None,
            tells_visitors=facts.visitors is not None,
        ),
        **facts.model_dump(exclude={"spread"}),
    )


class _Facts(BaseModel):
    """What is counted differently for events and for session tables."""

    time_range: tuple[str, str] | None
    visitors: int | None
    sessions: int
    purchases: int
    revenue: float | None
    suspected_bots: int
    can_predict: list[Answer]
    spread: float | None


def _event_facts(loaded: Loaded, session_gap: str) -> _Facts:
    table = sessions.assign(loaded.table, session_gap)
    where = sessions.layout(table)
    bought = events.codes_of_names(table) == events.EVENT_CODES["purchase"]
    orders = _orders(table, bought)
    revenue = float(events.line_values(table)[bought].sum())
    has_amounts = bool(pc.any(pc.is_valid(table.column("price").filter(pa.array(bought)))).as_py())
    possible = goals.available(
        set(table.column("event_name").unique().to_pylist()), loaded.profile.proxies, loaded.profile.goals
    )
    return _Facts(
        time_range=_range(table.column("event_time")) or _range(table.column("event_date")),
        visitors=where.visitors if _tells_visitors(loaded.profile) else None,
        sessions=where.sessions,
        purchases=orders,
        revenue=round(revenue, 2) if has_amounts else None,
        suspected_bots=int(sessions.bots(table)[where.session_starts[:-1]].sum()),
        can_predict=goals.gate(
            possible,
            purchases=orders,
            has_amounts=has_amounts,
        ),
        spread=_spread(_order_values(table, bought)) if has_amounts else None,
    )


def _tells_visitors(profile: Profile) -> bool:
    """Whether visitor and session come from different columns."""
    visitor, session = profile.columns.get("visitor_id"), profile.columns.get("session_id")
    return session is None or visitor is None or visitor.source != session.source


def _orders(table: pa.Table, bought: npt.NDArray[np.bool_]) -> int:
    ids = table.column("transaction_id").filter(pa.array(bought))
    return int(pc.count_distinct(ids, mode="only_valid").as_py()) + int(ids.null_count)


def _order_values(table: pa.Table, bought: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The amount of every order; a purchase row without an order number is one of its own."""
    ids = table.column("transaction_id").filter(pa.array(bought)).combine_chunks().dictionary_encode()
    order = pc.fill_null(ids.indices, -1).to_numpy(zero_copy_only=False).copy()
    alone = order < 0
    order[alone] = len(ids.dictionary) + np.arange(int(alone.sum()))
    return np.bincount(order, weights=events.line_values(table)[bought]).astype(np.float64)


def _spread(values: npt.NDArray[np.float64]) -> float | None:
    """Standard deviation over mean; None where it means nothing."""
    paid = values[values > 0]
    return float(paid.std(ddof=1) / paid.mean()) if len(paid) > 1 and paid.std() > 0 else None


def _session_facts(loaded: Loaded) -> _Facts:
    table, profile = loaded.table, loaded.profile
    possible = goals.available_goals(table.column_names, profile.goals, profile.proxies)
    real = next((goal for goal in possible if not goal.proxy), None)
    purchases = int(pc.sum(goal_column(table, real)).as_py() or 0) if real else 0
    amounts = real.value_column if real else None
    revenue = float(pc.sum(table.column(amounts)).as_py() or 0.0) if amounts else None
    time, visitor = profile.roles.time, profile.roles.visitor
    return _Facts(
        time_range=_range(table.column(time)) if time in table.column_names else None,
        visitors=int(pc.count_distinct(table.column(visitor)).as_py()) if visitor else None,
        sessions=table.num_rows,
        purchases=purchases,
        revenue=None if revenue is None else round(revenue, 2),
        suspected_bots=0,
        can_predict=goals.gate(possible, purchases=purchases, has_amounts=revenue is not None),
        spread=_spread(np.nan_to_num(table.column(amounts).to_numpy().astype(float))) if amounts else None,
    )


def goal_column(table: pa.Table, goal: Goal) -> pa.ChunkedArray:
    """Return, for each row of a session table, whether the goal of kind ``column`` was reached."""
    column = table.column(goal.attribute)
    if goal.above is not None:
        return pc.greater(column, goal.above)
    return pc.equal(column, pa.scalar(goal.equals, column.type))


def _range(column: pa.ChunkedArray) -> tuple[str, str] | None:
    found = pc.min_max(column).as_py()
    if found["min"] is None:
        return None
    return _shown(found["min"]), _shown(found["max"])


def _shown(moment: datetime | date) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _missing(table: pa.Table) -> dict[str, int]:
    counts = {name: int(table.column(name).null_count) for name in table.column_names}
    return {name: n for name, n in counts.items() if 0 < n < table.num_rows}


def _warnings(loaded: Loaded, purchases: int, bots: int) -> list[str]:
    found = [] if loaded.drawn is None else [loaded.drawn]
    if 0 < purchases < goals.FEW_PURCHASES:
        counted = "1 purchase" if purchases == 1 else f"{purchases} purchases"
        found.append(f"only {counted}: everything is computed, with wide intervals")
    if loaded.profile.level == "session" and loaded.duplicates:
        found.append(
            f"{loaded.duplicates:,} rows equal an earlier one; they may be different sessions and are kept"
        )
    if bots:
        counted = "1 session looks" if bots == 1 else f"{bots:,} sessions look"
        found.append(f"{counted} automatic; such rows are left out of training")
    if loaded.left_out:
        found.append(f"files that hold something else were left out: {', '.join(loaded.left_out)}")
    late = [c for c, known in loaded.profile.known.items() if known == "end"]
    if loaded.profile.level == "session" and late:
        found.append(f"known only when the visit is over, so no forecast may use them: {', '.join(late)}")
    if loaded.rows_rejected > loaded.rows_in // 10:
        found.append("more than a tenth of the rows was rejected: look at the rejects before training")
    return found
