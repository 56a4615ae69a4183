"""UCI Online Shoppers: with the column that knows the answer, and without.

Floors, not targets: they hold what was reached against decay. All are the champion's, chosen on the
validation slice and scored once on the test slice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from buysignal import bundle as bundles
from buysignal.models.fitting import VOTERS
from buysignal.training import options, train
from floors import champion, metric


def test_shoppers_with_and_without_page_values_stand_side_by_side(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The four that may vote, each searched for: the champion is their vote, whoever else competes.
    monkeypatch.setattr(options, "MODELS", VOTERS)
    chosen = options.Options(imbalance="none")
    report = train(real_data / "uci_shoppers", out=tmp_path / "bundle", options=chosen).report
    with_late = report.table("session: purchase with PageValues")
    without = report.table("session: purchase without PageValues")
    assert metric(champion(with_late), "roc_auc") >= 0.935
    assert metric(champion(with_late), "average_precision") >= 0.758
    assert metric(champion(without), "roc_auc") >= 0.787
    assert metric(champion(without), "average_precision") >= 0.380
    assert any(line.verdict == "leak" and "PageValues" in line.detail for line in with_late.audit)
    assert not any(line.verdict == "leak" for line in without.audit)
    assert "PageValues" not in bundles.load(tmp_path / "bundle").names
