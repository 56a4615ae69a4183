"""Parts of features are what one pass over everything gives, to the last bit, also after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from buysignal import features as ft
from buysignal import sessions, sources
from buysignal.errors import SourceError
from buysignal.features.stored import read_vocabulary
from buysignal.features.vocabulary import fit_cross
from buysignal.history.features import IDS, Features, write_features
from buysignal.history.learn import session_spans
from buysignal.history.settings import Reading
from buysignal.splits import time_cuts
from made_dirty import HUGE, write_dirty, write_huge
from shop import Shop

PIECE = 900


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def learned(dirty: Path, tmp_path_factory: pytest.TempPathFactory) -> Features:
    return write_features(Reading((dirty,)), tmp_path_factory.mktemp("out") / "made", piece=PIECE)


def one_pass(events: pa.Table, vocabulary: ft.Vocabulary, cross: ft.CrossFit | None = None) -> pa.Table:
    columns = [*(events.column(name) for name in IDS), pa.array(sessions.bots(events))]
    X = ft.fold(events, vocabulary, cross)
    return pa.table([*columns, *(pa.array(c) for c in X.T)], names=[*IDS, "suspected_bot", *ft.NAMES])


def written(folder: Path) -> pa.Table:
    return pq.read_table(folder / "features").unify_dictionaries()


def assert_same(found: pa.Table, wanted: pa.Table) -> None:
    assert found.num_rows == wanted.num_rows
    for name in wanted.column_names:
        ours, theirs = found.column(name), wanted.column(name)
        if name in ft.NAMES:
            a, b = ours.to_numpy().view(np.uint32), theirs.to_numpy().view(np.uint32)
            np.testing.assert_array_equal(a, b, err_msg=name)
        else:
            assert ours.to_pylist() == theirs.to_pylist(), name


def consenting(dirty: Path) -> pa.Table:
    table = sources.load(dirty).table
    return sessions.assign(table.filter(pc.fill_null(table.column("consent"), True)))


def test_with_a_bundle_parts_are_one_pass(dirty: Path, shop: Shop, tmp_path: Path) -> None:
    vocabulary = shop.bundle.vocabulary
    made = write_features(Reading((dirty,)), tmp_path / "out", vocabulary=vocabulary, piece=PIECE)
    assert made.parts > 5
    assert_same(written(made.path), one_pass(sessions.assign(sources.load(dirty).table), vocabulary))


def test_learned_here_parts_are_one_pass(dirty: Path, learned: Features) -> None:
    events = consenting(dirty)
    spans = session_spans(events)
    side = time_cuts(*spans).sides(*spans)
    vocabulary, cross = fit_cross(events, side == 0)
    found = written(learned.path)
    assert_same(found, one_pass(events, vocabulary, cross))
    of_row = np.repeat(side, np.diff(sessions.layout(events).session_starts))
    slices = [("train", "validate", "test", None)[s] for s in of_row]
    assert found.column("slice").to_pylist() == slices
    assert set(slices) >= {"train", "validate", "test"}


def test_the_vocabulary_lies_beside_the_parts(dirty: Path, learned: Features) -> None:
    events = consenting(dirty)
    spans = session_spans(events)
    wanted, _ = fit_cross(events, time_cuts(*spans).sides(*spans) == 0)
    found = read_vocabulary(learned.path / "vocabulary.npz")
    assert (found.levels, found.items, found.categories) == (wanted.levels, wanted.items, wanted.categories)
    np.testing.assert_array_equal(found.item_priors, wanted.item_priors)
    np.testing.assert_array_equal(found.category_priors, wanted.category_priors)


def test_every_row_is_accounted_for(dirty: Path, learned: Features) -> None:
    loaded = sources.load(dirty)
    totals = learned.totals
    assert totals.rows_in == loaded.rows_in == totals.kept + totals.refused + totals.rejected
    assert totals.refused > 0
    assert pq.read_table(learned.path / "rejects.parquet").equals(loaded.rejects.table)
    assert totals.mended == loaded.mended


def test_a_finished_folder_is_not_made_again(dirty: Path, learned: Features) -> None:
    before = {p: p.stat().st_mtime_ns for p in learned.path.rglob("*.parquet")}
    again = write_features(Reading((dirty,)), learned.path, piece=PIECE)
    assert {p: p.stat().st_mtime_ns for p in learned.path.rglob("*.parquet")} == before
    assert (again.parts, again.totals, again.went_on) == (learned.parts, learned.totals, True)


KILLED = """
import os, signal, sys
from pathlib import Path
from buysignal.history import folder
from buysignal.history.features import write_features
from buysignal.history.settings import Reading

source, out, kind, after = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
whole = folder.pq.write_table
written = 0

def write(table, place, **how):
    global written
    if f"/{kind}/" in str(place):
        written += 1
        if written > after:
            Path(place).write_bytes(b"half a file")
            os.kill(os.getpid(), signal.SIGKILL)
    whole(table, place, **how)

folder.pq.write_table = write
write_features(Reading((source,)), out, piece=900)
"""


@pytest.mark.parametrize(("kind", "after"), [("events", 0), ("events", 3), ("features", 2)])
def test_a_killed_run_goes_on_where_it_was(
    dirty: Path, learned: Features, tmp_path: Path, kind: str, after: int
) -> None:
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, dirty, out, kind, str(after)], check=False)
    assert killed.returncode == -signal.SIGKILL
    finished = {p: p.stat().st_mtime_ns for p in out.rglob("part-*.parquet")}
    journal = (out / "parts.jsonl").read_text().splitlines() if (out / "parts.jsonl").exists() else []
    again = write_features(Reading((dirty,)), out, piece=PIECE)
    assert again.went_on == bool(journal)
    kept = [out / "events" / f"part-{i:05d}.parquet" for i in range(len(journal))]
    assert all(p.stat().st_mtime_ns == finished[p] for p in kept)
    assert_same(written(out), written(learned.path))
    assert pq.read_table(out / "rejects.parquet").equals(pq.read_table(learned.path / "rejects.parquet"))
    assert not list(out.rglob(".*"))


def test_an_interrupt_on_the_terminal_keeps_what_is_finished(dirty: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "buysignal", "features", dirty, "--out", out]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (out / "manifest.json").exists() and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on" in " ".join(said.split())
    assert write_features(Reading((dirty,)), out).totals.kept > 0


def test_a_visitor_with_very_many_events_is_a_piece_of_its_own(shop: Shop, tmp_path: Path) -> None:
    path = write_huge(tmp_path / "in")
    made = write_features(Reading((path,)), tmp_path / "out", vocabulary=shop.bundle.vocabulary, piece=5_000)
    sizes = [json.loads(line)["kept"] for line in (made.path / "parts.jsonl").read_text().splitlines()]
    assert max(sizes) >= 200_000
    found = written(made.path)
    assert pc.sum(pc.equal(found.column("visitor_id"), HUGE)).as_py() == 200_000
    assert_same(found, one_pass(sessions.assign(sources.load(path).table), shop.bundle.vocabulary))


def test_other_settings_are_refused(dirty: Path, learned: Features) -> None:
    with pytest.raises(SourceError, match="made with other session_gap"):
        write_features(Reading((dirty,), session_gap="10m"), learned.path, piece=PIECE)


def test_changed_input_is_refused(tmp_path: Path) -> None:
    source = write_dirty(tmp_path / "in", 100)
    write_features(Reading((source,)), tmp_path / "out")
    (source / "a é.parquet").unlink()
    with pytest.raises(SourceError, match="made with other input"):
        write_features(Reading((source,)), tmp_path / "out")
    fresh = write_features(Reading((source,)), tmp_path / "out", fresh=True)
    assert fresh.totals.rows_in == sources.load(source).rows_in


def test_a_folder_of_something_else_stays_as_it_is(dirty: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(SourceError, match="holds other files"):
            write_features(Reading((dirty,)), tmp_path, fresh=fresh)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
from buysignal.cli import main
sys.argv = ["buysignal", "features", sys.argv[1], "--out", sys.argv[2]]
main()
"""


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    dirty: Path, learned: Features, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    full = subprocess.run(
        [sys.executable, "-c", FULL, dirty, out], check=False, capture_output=True, text=True
    )
    assert full.returncode == 2
    assert "the disk is full" in " ".join(full.stderr.split())
    assert "Traceback" not in full.stderr
    assert write_features(Reading((dirty,)), out).totals == learned.totals
