"""REES46 sample: raw events with purchases, too few for certainty.

Floors, not targets: they hold what was reached against decay. All are the champion's, chosen on the
validation slice and scored once on the test slice.
"""

from __future__ import annotations

from pathlib import Path

from buysignal import bundle as bundles
from buysignal import scoring
from buysignal.training import Options, train
from floors import champion


def test_three_hours_of_a_large_shop_give_scores_and_a_warning(real_data: Path, tmp_path: Path) -> None:
    events = real_data / "rees46"
    trained = train(events, out=tmp_path / "bundle", options=Options(fast=True, imbalance="none"))
    table = trained.report.table("prefix: purchase")
    assert any(note.startswith("Small sample") for note in table.notes)
    low, high = champion(table).intervals["roc_auc"]
    assert low is not None
    assert high is not None
    assert high - low > 0.05
    scored = scoring.score_paths(bundles.load(trained.path), events)
    assert len(scored.table) == scored.table["session_id"].nunique()
    assert scored.rejects == 7
