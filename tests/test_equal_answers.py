"""One fold, one answer: at once, in parts, after a kill, on a cluster, click by click, to the last bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from buysignal import features as ft
from buysignal import scoring, sessions, sources
from buysignal.events import consenting
from buysignal.features.live import LiveVisitor, Reader
from buysignal.history import features as history
from buysignal.history.settings import Reading
from buysignal.score_parts import score_in_parts
from made_dirty import write_dirty
from shop import Shop

PIECE = 500


@dataclass(frozen=True)
class Way:
    """One way to features and scores, each as a table."""

    features: Callable[[Path, Shop, Path], pa.Table]
    scores: Callable[[Path, Shop, Path], pa.Table]


def at_once(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    events = sessions.assign(sources.load(dirty).table)
    X = ft.fold(events, shop.bundle.vocabulary)
    ids = [events.column(name) for name in history.IDS]
    return pa.table([*ids, *(pa.array(c) for c in X.T)], names=[*history.IDS, *ft.NAMES])


def scored_at_once(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    scored = scoring.score(shop.bundle, sources.load(dirty).table)
    return pa.Table.from_pandas(scored.table, preserve_index=False)


def in_parts(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    made = history.write_features(Reading((dirty,)), out, vocabulary=shop.bundle.vocabulary, piece=PIECE)
    assert made.parts > 5
    return pq.read_table(out / "features")


def scored_in_parts(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    score_in_parts(shop.bundle, Reading((dirty,)), out, piece=PIECE)
    return pq.read_table(out / "scores")


class StoppedError(Exception):
    """Somebody pulled the plug."""


def stopping(after: int) -> Callable[[float, str], None]:
    def tell(_share: float, text: str) -> None:
        if text.endswith(f" {after} parts"):
            raise StoppedError

    return tell


def resumed(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    how = {"vocabulary": shop.bundle.vocabulary, "piece": PIECE}
    for after in (2, 5):
        with pytest.raises(StoppedError):
            history.write_features(Reading((dirty,)), out, progress=stopping(after), **how)
    assert history.write_features(Reading((dirty,)), out, **how).went_on
    return pq.read_table(out / "features")


def scored_resumed(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    with pytest.raises(StoppedError):
        score_in_parts(shop.bundle, Reading((dirty,)), out, piece=PIECE, progress=stopping(3))
    assert score_in_parts(shop.bundle, Reading((dirty,)), out, piece=PIECE).went_on
    return pq.read_table(out / "scores")


def on_spark(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    spark = _spark()
    spark.features([dirty], out, vocabulary=shop.bundle.vocabulary, options=spark.Options(master="local[2]"))
    return pq.read_table(out / "features")


def scored_on_spark(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    spark = _spark()
    spark.score(shop.bundle.path, [dirty], out, options=spark.Options(master="local[2]"))
    return pq.read_table(out / "scores")


def _spark() -> object:
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    from buysignal import spark

    return spark


def click_by_click(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    """Each visitor's events as they happened, their sessions interleaved where they were."""
    return clicked(sources.load(dirty).table, shop)


def clicked(table: pa.Table, shop: Shop) -> pa.Table:
    events = sessions.assign(table)
    keys = [("visitor_id", "ascending"), ("event_time", "ascending")]
    order = pc.sort_indices(events, sort_keys=keys).to_numpy()
    reader = Reader(shop.bundle.vocabulary)
    visitors: dict[str, LiveVisitor] = {}
    rows = np.empty((events.num_rows, len(ft.NAMES)), np.float32)
    for row, event in zip(order, events.take(pa.array(order)).to_pylist(), strict=True):
        visitor = visitors.setdefault(event["visitor_id"], LiveVisitor(reader))
        rows[row] = visitor.observe(event)
    ids = [events.column(name) for name in history.IDS]
    return pa.table([*ids, *(pa.array(c) for c in rows.T)], names=[*history.IDS, *ft.NAMES])


def scored_click_by_click(dirty: Path, shop: Shop, out: Path) -> pa.Table:
    """The last row of each visit, scored alone; no door takes in what was sent without consent."""
    agreed, refused = consenting(sources.load(dirty).table)
    assert refused
    found = clicked(agreed, shop).to_pandas().groupby("session_id", sort=False).tail(1)
    X = found[list(ft.NAMES)].to_numpy(np.float32)
    p = np.concatenate([shop.bundle.probability(row[None]) for row in X])
    return pa.table({"session_id": found["session_id"], "probability": p})


WAYS = {
    "in parts": Way(in_parts, scored_in_parts),
    "after interruptions": Way(resumed, scored_resumed),
    "on Spark": Way(on_spark, scored_on_spark),
    "click by click": Way(click_by_click, scored_click_by_click),
}


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"), 500)


@pytest.mark.parametrize("way", WAYS)
def test_features_are_equal(way: str, dirty: Path, shop: Shop, tmp_path: Path) -> None:
    wanted = ordered(at_once(dirty, shop, tmp_path))
    found = ordered(WAYS[way].features(dirty, shop, tmp_path / "out"))
    assert found.num_rows == wanted.num_rows
    for name in history.IDS:
        assert found.column(name).to_pylist() == wanted.column(name).to_pylist(), name
    for name in ft.NAMES:
        ours, theirs = (t.column(name).to_numpy().view(np.uint32) for t in (found, wanted))
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_equal(way: str, dirty: Path, shop: Shop, tmp_path: Path) -> None:
    wanted = scored_at_once(dirty, shop, tmp_path).to_pandas().set_index("session_id").sort_index()
    found = WAYS[way].scores(dirty, shop, tmp_path / "out").to_pandas().set_index("session_id").sort_index()
    assert list(found.index) == list(wanted.index)
    for name in ("probability", "expected_revenue", "revenue_low", "revenue_high", "percentile"):
        if name in found:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    if "segment" in found:
        assert found["segment"].tolist() == wanted["segment"].tolist()


def ordered(table: pa.Table) -> pa.Table:
    """By visitor; within one the order is part of the answer."""
    return table.take(pc.sort_indices(table, sort_keys=[("visitor_id", "ascending")]))
