"""Scores in parts are the scores of one pass, whichever file or folder they go to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from buysignal import bundle as bundles
from buysignal import scoring, sources
from buysignal.errors import SourceError
from buysignal.history.settings import Reading
from buysignal.score_parts import score_in_parts
from made_dirty import write_dirty
from shop import Shop


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"), 800)


def assert_same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert list(found.columns) == list(wanted.columns)
    for name in wanted:
        ours, theirs = found[name], wanted[name]
        if ours.dtype.kind == "f":
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
        else:
            assert ours.astype(str).tolist() == theirs.astype(str).tolist(), name


@pytest.mark.parametrize("every_event", [False, True])
def test_a_folder_of_parts(dirty: Path, shop: Shop, tmp_path: Path, every_event: bool) -> None:
    loaded = sources.load(dirty)
    wanted = scoring.score(shop.bundle, loaded.table, every_event=every_event).table
    made = score_in_parts(
        shop.bundle, Reading((dirty,)), tmp_path / "out", every_event=every_event, piece=700
    )
    assert len(list((tmp_path / "out" / "scores").iterdir())) > 4
    assert_same(pq.read_table(tmp_path / "out" / "scores").to_pandas(), wanted)
    assert made.visits == len(wanted)
    totals = made.totals
    assert totals.rows_in == totals.kept + totals.refused + totals.rejected == loaded.rows_in
    assert totals.refused > 0
    assert pq.read_table(tmp_path / "out" / "rejects.parquet").equals(loaded.rejects.table)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_one_file_joined_of_parts(dirty: Path, shop: Shop, tmp_path: Path, suffix: str) -> None:
    wanted = scoring.score(shop.bundle, sources.load(dirty).table).table
    out, at_once = tmp_path / f"scores{suffix}", tmp_path / f"at-once{suffix}"
    made = score_in_parts(shop.bundle, Reading((dirty,)), out, piece=700)
    scoring.write_scores(wanted, at_once)
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    assert_same(read(out), read(at_once))
    assert made.path == out
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [out.name, at_once.name, "scores.rejects.parquet"]
    )


def test_session_rows_are_scored_at_once(session_rows: Path, tmp_path: Path) -> None:
    bundle, path = bundles.load(session_rows / "bundle"), session_rows / "online_shoppers_intention.csv"
    with pytest.raises(SourceError, match="reads session rows"):
        score_in_parts(bundle, Reading((path,)), tmp_path / "out")
