"""Session rows by column name to the scores that batch gives for them: for bundles trained on such rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from buysignal.bundle import Bundle
from buysignal.errors import BundleError
from buysignal.scoring import reasons_for, score_rows, table_rows
from buysignal.serve.in_use import opened
from buysignal.sources.profile import ColumnType

Row = Mapping[str, Any]

_ARROW: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us"),
    "date": pa.date32(),
}
_DERIVED = ("hour", "weekday")


class SessionRowScorer:
    """A bundle as it is asked for session rows; may be called from several threads.

    Args:
        bundle: one that reads session rows.

    Attributes:
        columns: name and type of every column that a row holds, in their order.

    Raises:
        BundleError: the bundle reads events.
    """

    def __init__(self, bundle: Bundle) -> None:
        if bundle.reads_events:
            raise BundleError(
                "this bundle reads events, not session rows",
                allowed="a bundle of the kind that the server was started with",
                todo="start a server for it",
            )
        self.bundle = bundle
        self.columns = columns_of(bundle)

    def scores(self, rows: Sequence[Row], *, reasons: bool = False) -> list[dict[str, Any]]:
        """Return what ``scoring.score`` gives for the rows, one by one.

        Args:
            rows: values by column name; None is an empty cell. Times have an offset.
            reasons: say what moves each score; takes milliseconds a row.
        """
        ids, X = table_rows(self.bundle, self._table(rows))
        found = score_rows(self.bundle, X)
        labels = {
            "goal": self.bundle.goal.name,
            "proxy": self.bundle.goal.proxy,
            "simulated": self.bundle.manifest.dataset.simulated,
            "bundle_version": self.bundle.version,
        }
        named, scored = ids.to_dict(orient="records"), found.to_dict(orient="records")
        told = [{**one, **other, **labels} for one, other in zip(named, scored, strict=True)]
        if reasons:
            for one, row in zip(told, X, strict=True):
                one["reasons"] = [asdict(reason) for reason in reasons_for(self.bundle, row)]
        return [{str(name): value for name, value in one.items()} for one in told]

    def example(self) -> dict[str, Any]:
        """Return a row of a typical visit, as it is sent."""
        names = self.bundle.names
        found: dict[str, Any] = {}
        for name, kind in self.columns.items():
            value = self.bundle.typical[names.index(name)] if name in names else np.nan
            if kind == "time":
                found[name] = "2025-03-20T12:00:00Z"
            elif name == self.bundle.profile.roles.session:
                found[name] = "s1"
            elif name in self.bundle.categories:
                levels = self.bundle.categories[name]
                found[name] = None if np.isnan(value) else _typed(levels[int(value)], kind)
            else:
                found[name] = None if np.isnan(value) else _typed(float(value), kind)
        return found

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        return pa.table(
            {
                name: pa.array([_cell(row[name], kind) for row in rows], _ARROW[kind])
                for name, kind in self.columns.items()
            }
        )


def columns_of(bundle: Bundle) -> dict[str, ColumnType]:
    """Return name and type of every column that the bundle reads of a session row, in their order."""
    roles, known = bundle.profile.roles, bundle.profile.columns
    derived = _DERIVED if roles.time is not None else ()
    names = [name for name in bundle.names if name not in derived]
    others = [name for name in (roles.session, roles.time) if name is not None and name not in names]
    return {
        name: known[name].type_for(name) if name in known else _told(bundle, name)
        for name in (*others, *names)
    }


def tried_rows(path: Path, like: dict[str, ColumnType] | None = None) -> SessionRowScorer:
    """Return the scorer of a bundle that has answered once.

    Args:
        like: the columns it must read, where it is to take over for another.

    Raises:
        BundleError: there is no such bundle, or it reads other columns.
    """
    scorer = SessionRowScorer(opened(path))
    if like is not None and scorer.columns != like:
        other = sorted(set(scorer.columns.items()) ^ set(like.items()))
        raise BundleError(
            f"the new bundle reads other columns: {', '.join(sorted({name for name, _ in other}))}",
            allowed="the columns that the server was started with",
            todo="start the server anew",
        )
    scorer.scores([dict.fromkeys(scorer.columns)])
    return scorer


def _told(bundle: Bundle, name: str) -> ColumnType:
    return "text" if name in bundle.categories else "number"


def _typed(value: Any, kind: ColumnType) -> Any:
    if kind == "boolean":
        return value in (1.0, "1", "true")
    return round(float(value), 4) if kind in ("number", "integer") else str(value)


def _cell(value: Any, kind: ColumnType) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if kind == "text" and isinstance(value, int | float):
        return f"{value:g}"
    return value
