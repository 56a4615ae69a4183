"""The fold's peers compute what the fold computes: a faster wrong answer is no result."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from buysignal import features, sessions
from buysignal.sources import load
from buysignal.sources.demo import write_demo

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _fold_peers import DOZEN, check_equal, contenders, flat_table


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return sessions.assign(
        load(write_demo(tmp_path_factory.mktemp("shop"), 300, 14, 2, dirty=False).events).table
    )


@pytest.mark.parametrize("peer", ["pandas", "polars", "duckdb-windows"])
def test_every_form_of_a_peer_gives_the_folds_dozen(events: pa.Table, peer: str) -> None:
    X = features.fold(events, features.fit_vocabulary(events), columns=DOZEN)
    forms = contenders(flat_table(events))[peer]
    assert forms
    for form in forms.values():
        check_equal(X, form(), peer)


def test_a_wrong_answer_is_found(events: pa.Table) -> None:
    X = features.fold(events, features.fit_vocabulary(events), columns=DOZEN)
    answer = contenders(flat_table(events))["pandas"]["running"]()
    X[5, DOZEN.index("n_search")] += 1
    with pytest.raises(AssertionError, match="n_search by pandas"):
        check_equal(X, answer, "pandas")
