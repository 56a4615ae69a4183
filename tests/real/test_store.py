"""Google Merchandise Store: what is known when a visit starts.

Floors, not targets: they hold what was reached against decay. All are the champion's, chosen on the
validation slice and scored once on the test slice.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from buysignal import bundle as bundles
from buysignal.training import Options, train
from floors import champion, metric


def test_the_store_is_told_from_what_is_known_at_the_start(real_data: Path, tmp_path: Path) -> None:
    options = Options(cut="2017-06-24", imbalance="none")
    trained = train(real_data / "gstore", out=tmp_path / "bundle", options=options)
    table = next(t for t in trained.report.tables if t.task == "conversion")
    best = champion(table)
    assert table.base_rate == pytest.approx(0.035, abs=0.001)
    assert metric(best, "roc_auc") >= 0.84
    assert metric(best, "average_precision") >= 0.14
    assert set(bundles.load(trained.path).names) == {"visit_number", "channel_grouping", "hour", "weekday"}
    assert any("Left out because they are known too late: page_views" in note for note in table.notes)
    revenue = trained.report.table("session: revenue")
    assert metric(champion(revenue), "rmse_log1p") <= 0.845
    assert metric(revenue.row("mean"), "rmse_log1p") == pytest.approx(0.879, abs=0.001)
    total = revenue.total
    assert total is not None
    assert total.low < total.actual < total.high


def test_whole_visit_columns_are_flagged_when_asked_for(real_data: Path, tmp_path: Path) -> None:
    """Every fifth visit: what gives itself away does so in few rows, too."""
    (file,) = (real_data / "gstore").glob("*.csv.gz")
    pd.read_csv(file, dtype=str)[::5].to_csv(tmp_path / file.name, index=False)
    options = Options(cut="2017-06-24", imbalance="none", fast=True, include_late=True)
    report = train(tmp_path / file.name, out=tmp_path / "bundle", options=options).report
    late = next(t for t in report.tables if t.task == "conversion" and " with " in t.name)
    leaks = {line.column for line in late.audit if line.verdict == "leak"}
    assert any(column is not None and "units" in column for column in leaks)
