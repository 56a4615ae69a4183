"""Exchange rates on the command line: a bundle keeps its profile's, and one that is given wins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from buysignal import scoring
from buysignal.sources.read import load
from shop import Shop
from test_cli import refused, run


@pytest.fixture(scope="module")
def crowns(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the shop's events, with prices in a currency that no rate is known for."""
    table = pq.read_table(shop.events).slice(0, 600)
    given = table.column("currency")
    crowns = pa.array(["SEK" if code is not None else None for code in given.to_pylist()], given.type)
    path = tmp_path_factory.mktemp("crowns") / "events.parquet"
    pq.write_table(table.set_column(table.column_names.index("currency"), "currency", crowns), path)
    return path


def test_a_rate_that_is_given_lets_rows_be_scored(shop: Shop, crowns: Path) -> None:
    without = scoring.score_paths(shop.bundle, [shop.events, crowns])
    given = scoring.score_paths(shop.bundle, [shop.events, crowns], rates={"SEK": 0.09})
    assert given.rejects < without.rejects


def test_score_takes_a_rate(shop: Shop, crowns: Path) -> None:
    done = run("score", shop.folder, crowns, "--rate", "SEK=0.09", "--json")
    assert done.returncode == 0, done.stderr
    library = scoring.score_paths(shop.bundle, crowns, rates={"SEK": 0.09}).table
    shown = json.loads(done.stdout)
    assert [row["session_id"] for row in shown] == library["session_id"].tolist()
    assert np.allclose([row["probability"] for row in shown], library["probability"], atol=1e-9)


def test_explore_takes_a_rate(shop: Shop, crowns: Path, tmp_path: Path) -> None:
    wanted = ("explore", shop.events, crowns, "--rate", "SEK=0.09", "--out", tmp_path / "page.html", "--json")
    done = run(*wanted)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["simulated"]
    assert load([shop.events, crowns], rates={"SEK": 0.09}).rows_kept > load([shop.events, crowns]).rows_kept


@pytest.mark.parametrize("command", ["score", "explore"])
def test_what_is_no_rate_is_said(shop: Shop, crowns: Path, command: str) -> None:
    words = [shop.folder, crowns] if command == "score" else [crowns]
    assert "is no exchange rate" in refused(command, *words, "--rate", "SEK=often")
