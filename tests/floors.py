"""What the tests on real data sets share."""

from __future__ import annotations

from buysignal.report import Row, Table


def champion(table: Table) -> Row:
    """The row of the champion."""
    return next(row for row in table.rows if row.champion)


def metric(row: Row, name: str) -> float:
    """A metric that must be there."""
    value = row.metrics[name]
    assert value is not None
    return value
