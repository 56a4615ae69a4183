"""Of files too large to hold, whole visitors are drawn, each as likely as any other; or nothing is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv
import pytest

from buysignal import sources
from buysignal.check import check_loaded
from buysignal.errors import SourceError
from buysignal.explore import explore
from buysignal.sources.demo import simulate
from buysignal.sources.room import refuse_too_many

ROWS = 20_000


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clicks") / "events.csv"
    events = simulate(visitors=9_000, seed=3).events
    plain = events.select(["visitor_id", "session_id", "event_time", "event_name", "item_id", "price"])
    pyarrow.csv.write_csv(
        plain.set_column(3, "event_name", plain.column("event_name").cast("string")).set_column(
            4, "item_id", plain.column("item_id").cast("string")
        ),
        path,
    )
    return path


def test_visitors_come_whole_and_about_as_many_as_asked(clicks: Path) -> None:
    whole, drawn = sources.load(clicks), sources.load(clicks, most_rows=ROWS)
    assert drawn.rows_in == drawn.rows_kept + drawn.rows_rejected
    assert abs(drawn.rows_in / ROWS - 1) < 0.1
    assert drawn.rows_there == whole.rows_in
    chosen = pc.unique(drawn.table.column("visitor_id"))
    theirs = whole.table.filter(pc.is_in(whole.table.column("visitor_id"), chosen))
    kept = [c for c in theirs.column_names if c != "event_seq"]
    assert drawn.table.select(kept).to_pylist() == theirs.select(kept).to_pylist()


def test_shares_stand_for_all(clicks: Path) -> None:
    whole, drawn = sources.load(clicks), sources.load(clicks, most_rows=ROWS)

    def bought(loaded: sources.Loaded) -> float:
        table = loaded.table
        buyers = table.filter(pc.equal(table.column("event_name").cast("string"), "purchase"))
        return len(pc.unique(buyers.column("visitor_id"))) / len(pc.unique(table.column("visitor_id")))

    n = len(pc.unique(drawn.table.column("visitor_id")))
    spread = (bought(whole) * (1 - bought(whole)) / n) ** 0.5
    assert abs(bought(drawn) - bought(whole)) < 4 * spread


def test_small_files_are_read_whole(clicks: Path) -> None:
    loaded = sources.load(clicks, most_rows=10_000_000)
    assert (loaded.visitor_share, loaded.drawn, loaded.not_drawn) == (1.0, None, None)
    assert loaded.table.equals(sources.load(clicks).table)


def test_check_and_explore_say_so(clicks: Path) -> None:
    drawn = sources.load(clicks, most_rows=ROWS)
    assert drawn.drawn in check_loaded(drawn).warnings
    assert f"{drawn.rows_there:,} rows" in str(drawn.drawn)
    assert drawn.not_drawn in explore(drawn).facts.left_out


def test_more_than_fits_is_refused_before_it_is_read() -> None:
    refuse_too_many(1_000_000, memory=None)
    refuse_too_many(1_000_000, memory=2**30)
    with pytest.raises(SourceError, match=r"5,000,000 rows do not fit .* work in parts"):
        refuse_too_many(5_000_000, memory=2**30)
