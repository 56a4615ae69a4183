"""Pieces of whole visitors hold the rows that reading at once keeps, in the same order."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal import sources
from buysignal.errors import SourceError
from buysignal.sources.settled import settle_sorted
from buysignal.sources.stream import Stream, open_stream, whole_visitors
from made_dirty import write_dirty


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dirty(tmp_path_factory.mktemp("dirty"), 600)


def settled(stream: Stream, **how: object) -> pa.Table:
    return pa.concat_tables([settle_sorted(p.rows).events for p in stream.pieces(**how)])  # type: ignore[arg-type]


def same(found: pa.Table, wanted: pa.Table) -> None:
    assert found.column_names == wanted.column_names
    assert found.to_pylist() == wanted.to_pylist()


def test_pieces_are_what_reading_at_once_keeps(dirty: Path) -> None:
    loaded = sources.load(dirty)
    with open_stream([dirty]) as stream:
        assert (stream.rows_in, stream.currency) == (loaded.rows_in, loaded.currency)
        assert stream.profile == loaded.profile
        same(settled(stream, rows=500), loaded.table)


def test_rejects_are_those_of_reading_at_once(dirty: Path) -> None:
    with open_stream([dirty]) as stream:
        found = [settle_sorted(piece.rows).duplicates for piece in stream.pieces(rows=700)]
        batches = list(stream.rejects(np.concatenate(found)))
    assert pa.concat_tables([b.table for b in batches]).equals(sources.load(dirty).rejects.table)


def test_going_on_behind_a_visitor_leaves_nothing_out(dirty: Path) -> None:
    with open_stream([dirty]) as stream:
        pieces = list(stream.pieces(rows=400))
    with open_stream([dirty]) as again:
        rest = list(again.pieces(after=pieces[2].last_visitor, rows=400))
    assert len(pieces) > 5
    wanted = pa.concat_tables([p.rows for p in pieces[3:]])
    assert pa.concat_tables([p.rows for p in rest]).to_pylist() == wanted.to_pylist()


def test_text_files_come_in_the_same_pieces(dirty: Path, tmp_path: Path) -> None:
    table = pq.read_table(dirty / "a é.parquet")
    plain = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    pyarrow.csv.write_csv(
        table.cast(pa.schema(list(zip(table.column_names, plain, strict=True)))), tmp_path / "a.csv"
    )
    loaded = sources.load(tmp_path / "a.csv")
    with open_stream([tmp_path / "a.csv"]) as stream:
        same(settled(stream, rows=300), loaded.table)


def test_little_memory_changes_nothing(dirty: Path) -> None:
    with open_stream([dirty]) as stream, open_stream([dirty], memory="60MB", threads=1) as small:
        same(settled(small), settled(stream))


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=60),
    rows=st.integers(1, 40),
)
def test_a_piece_ends_where_a_visitor_ends(sizes: list[int], cuts: list[int], rows: int) -> None:
    visitors = [f"v{i:03d}" for i, size in enumerate(sizes) for _ in range(size)]
    table = pa.table({"visitor_id": visitors, "n": range(len(visitors))})
    bounds = np.minimum(np.cumsum([0, *cuts, len(visitors)]), len(visitors))
    batches = [table.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    pieces = list(whole_visitors(batches, rows))
    assert pa.concat_tables([p.rows for p in pieces]).column("n").to_pylist() == list(range(len(visitors)))
    ids = [set(p.rows.column("visitor_id").to_pylist()) for p in pieces]
    assert sum(len(i) for i in ids) == len(set(visitors))
    assert all(p.rows.num_rows >= rows for p in pieces[:-1])
    assert [p.last_visitor for p in pieces] == [max(i) for i in ids]


def test_a_damaged_row_group_is_named(dirty: Path, tmp_path: Path) -> None:
    whole = dirty / "b.parquet"
    group = pq.read_metadata(whole).row_group(1)
    content = bytearray(whole.read_bytes())
    for column in range(group.num_columns):
        at = group.column(column).data_page_offset
        content[at : at + 40] = b"\xff" * 40
    (tmp_path / "a.parquet").write_bytes(whole.read_bytes())
    (tmp_path / "broken.parquet").write_bytes(content)
    with (
        pytest.raises(SourceError, match=r"broken\.parquet, row group 2 of \d+, cannot be read"),
        open_stream([tmp_path]) as stream,
    ):
        settled(stream)


def test_a_file_of_another_kind_among_others_is_named(dirty: Path, tmp_path: Path) -> None:
    for name in ("a.parquet", "c.parquet"):
        (tmp_path / name).write_bytes((dirty / "b.parquet").read_bytes())
    pq.write_table(pa.table({"item": ["i1"], "stock": [3]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"b\.parquet has other columns"), open_stream([tmp_path]):
        pass


def test_sessions_are_no_events(real_data: Path) -> None:
    path = real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz"
    with pytest.raises(SourceError, match="holds sessions"), open_stream([path]):
        pass
