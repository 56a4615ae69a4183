"""Visitors taken out of files: every form of file, nothing else changed, all or nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import sources
from buysignal.errors import SourceError, UnitError
from buysignal.privacy import files as files_module
from buysignal.privacy.age import remove_older
from buysignal.privacy.files import FileDone, forget_in_journals, remove
from buysignal.privacy.marks import of_visitors
from buysignal.privacy.whom import Whom
from buysignal.pseudonyms import KEY, Pseudonyms

ANNA = "anna+shop@example.org"
HEAD = "visitor_id,event_time,event_name,page\n"
THEIRS = f"{ANNA},2024-05-03T07:27:00Z,page_view,/a\n"
OTHERS = "v2,2024-05-03T07:28:00Z,page_view,/b\n", "v3,2024-05-03T07:29:00Z,view_item,/c\n"


def forgotten(*paths: Path, who: str = ANNA, dry_run: bool = False) -> list[FileDone]:
    whom = Whom.of([who])
    asked = of_visitors(whom.cells(), whom.pattern())
    return remove(paths, asked, lacks="it has no column of visitors", dry_run=dry_run)


def of_text(text: str) -> bytes:
    return text.encode()


def of_utf16(text: str) -> bytes:
    return text.encode("utf-16")


def of_gzip(text: str) -> bytes:
    return gzip.compress(text.encode())


FORMS: dict[str, tuple[str, Callable[[str], bytes], Callable[[bytes], str]]] = {
    "plain": ("events.csv", of_text, lambda content: content.decode()),
    "utf-16": ("events.csv", of_utf16, lambda content: content.decode("utf-16")),
    "gz": ("events.csv.gz", of_gzip, lambda content: gzip.decompress(content).decode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_rows_of_a_text_stay_as_they_are(form: str, tmp_path: Path) -> None:
    name, write, read = FORMS[form]
    path = tmp_path / name
    path.write_bytes(write(HEAD + OTHERS[0] + THEIRS + OTHERS[1] + THEIRS))
    path.chmod(0o640)
    (done,) = forgotten(path)
    assert (done.rows, done.removed, done.problem) == (4, 2, None)
    assert read(path.read_bytes()) == HEAD + OTHERS[0] + OTHERS[1]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_rows_with_line_breaks_and_broken_rows(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    broken = f"{ANNA},2024-05-03T07:27:00Z,page_view,/a,one cell too many\n"
    lines = f'{ANNA},2024-05-03T07:27:00Z,page_view,"two\nlines"\n'
    other = 'v2,2024-05-03T07:28:00Z,page_view,"two\nlines, said ""he"""\n'
    path.write_text(HEAD + other + lines + OTHERS[1] + broken + "v4,x\n")
    (done,) = forgotten(path)
    assert (done.rows, done.removed) == (5, 2)
    assert path.read_text() == HEAD + other + OTHERS[1] + "v4,x\n"


def test_json_lines_with_nested_names_and_escapes(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    row = {"type": "page", "anonymousId": "x", "userId": ANNA, "timestamp": "2024-05-03T07:27:00Z",
           "context": {"page": {"path": "/a\n"}}, "messageId": "m"}  # fmt: skip
    other = {**row, "userId": "v2", "context": {"page": {"path": f"/for/{ANNA}"}}}
    lines = [json.dumps(one) + "\n" for one in (other, row, other)]
    path.write_text("".join(lines))
    rows = sources.load(path).table.num_rows
    (done,) = forgotten(path)
    assert (done.rows, done.removed) == (3, 1)
    assert path.read_text() == lines[0] + lines[2]
    assert rows == 2


def test_parquet_keeps_its_schema_and_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    table = pa.table(
        {
            "visitor_id": pa.array([ANNA, "v2", "v3", ANNA, None]).dictionary_encode(),
            "event_time": pa.array([datetime(2024, 5, 3, tzinfo=UTC)] * 5, pa.timestamp("ms", "UTC")),
            "event_name": ["page_view"] * 5,
        },
        metadata={"made": "here"},
    )
    pq.write_table(table, path, row_group_size=2, compression="zstd")
    (done,) = forgotten(path)
    assert (done.rows, done.removed) == (5, 2)
    found = pq.read_table(path)
    assert found.schema.equals(table.schema, check_metadata=False)
    assert found.schema.metadata[b"made"] == b"here"
    assert found.column("visitor_id").to_pylist() == ["v2", "v3", None]
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_scores_and_rejects_are_looked_at_without_a_profile(tmp_path: Path) -> None:
    scores, rejects = tmp_path / "scores.csv", tmp_path / "rejects.csv"
    told = tmp_path / "scores.ndjson"
    told.write_text(f'{{"visitor_id": "{ANNA}", "probability": 0.1}}\n{{"visitor_id": "v2"}}\n')
    scores.write_text(f"visitor_id,probability\n{ANNA},0.1\nv2,0.2\n'=v3,0.3\n")
    bad = tmp_path / "events.csv"
    bad.write_text(HEAD + OTHERS[0] + THEIRS.replace("2024", "24") + f"{ANNA}s,never,page_view,/a\n")
    loaded = sources.load(bad, profile="generic")
    loaded.rejects.write(rejects)
    done = forgotten(scores, rejects, told)
    assert [(one.rows, one.removed) for one in done] == [(3, 1), (2, 1), (2, 1)]
    assert told.read_text() == '{"visitor_id": "v2"}\n'
    assert ANNA not in scores.read_text()
    left = rejects.read_text()
    assert f"{ANNA}s" in left
    assert left.count(ANNA) == 1
    assert [one.removed for one in forgotten(scores, who="=v3")] == [1]


def test_a_dry_run_counts_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEAD + THEIRS + OTHERS[0])
    before = path.stat()
    assert [one.removed for one in forgotten(tmp_path, dry_run=True)] == [1]
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_all_rows_may_go(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEAD + THEIRS)
    assert [one.removed for one in forgotten(path)] == [1]
    assert path.read_text() == HEAD


def test_what_cannot_be_rewritten_is_told_and_left(tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    row = {"visitor_id": ANNA, "event_name": "page_view", "event_time": "2024-05-03T07:27:00Z"}
    listed.write_text(json.dumps([row, {**row, "visitor_id": "v2"}]))
    items = tmp_path / "items.csv"
    items.write_text("item_id,price\nA,1\n")
    done = {one.path.name: one for one in forgotten(listed, items)}
    assert ANNA in listed.read_text()
    assert "one JSON object per line" in str(done["list.json"].problem)
    assert "no column of visitors" in str(done["items.csv"].problem)
    assert done["list.json"].failed
    assert done["items.csv"].failed
    listed.unlink()
    assert [one.failed for one in forgotten(tmp_path)] == [False]
    with pytest.raises(SourceError, match="no file"):
        forgotten(tmp_path / "away")


def test_a_file_that_would_not_hold_the_other_rows_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEAD + THEIRS + OTHERS[0] + OTHERS[1])
    before = path.read_bytes()

    def torn(source: Path, beside: Path, marks: object) -> None:
        beside.write_text(HEAD + OTHERS[0])

    monkeypatch.setattr(files_module, "rewritten", torn)
    (done,) = forgotten(path)
    assert "stays as it is" in str(done.problem)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["events.csv"]


def test_hashed_files_are_searched_for_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sixteen bytes or more"
    monkeypatch.setenv(KEY, secret)
    path = tmp_path / "scores.csv"
    path.write_text(f"visitor_id,probability\n{Pseudonyms(secret.encode())(ANNA)},0.1\nv2,0.2\n{ANNA},0.3\n")
    assert [one.removed for one in forgotten(path)] == [2]


def test_journals_of_finished_parts_name_nobody_any_more(tmp_path: Path) -> None:
    for name, summary in (("done", {"kept": 1}), ("begun", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"summary": summary}))
        (tmp_path / name / "parts.jsonl").write_text(json.dumps({"kept": 1, "last_visitor": ANNA}) + "\n")
    assert forget_in_journals([tmp_path], [ANNA]) == 1
    assert ANNA not in (tmp_path / "done" / "parts.jsonl").read_text()
    assert ANNA in (tmp_path / "begun" / "parts.jsonl").read_text()


EMPTY = ("null", "none", "nan", "\\n")
LETTERS = st.characters(codec="utf-8", exclude_characters='"', exclude_categories=["C", "Z"])
IDS = st.text(LETTERS, min_size=1, max_size=6).filter(lambda text: text.lower() not in EMPTY)


@settings(max_examples=8, deadline=None)
@given(st.lists(IDS, min_size=2, max_size=8, unique=True), st.data())
def test_exactly_one_visitor_goes(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], data: st.DataObject
) -> None:
    who = data.draw(st.sampled_from(ids))
    path = tmp_path_factory.mktemp("any") / "events.csv"
    rows = [f'"{one}",2024-05-03T07:27:00Z,page_view,/a\n' for one in ids for _ in range(2)]
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    (done,) = forgotten(path, who=who)
    assert (done.rows, done.removed, done.problem) == (len(rows), 2, None)
    left = [row for row in rows if not row.startswith(f'"{who}",')]
    assert path.read_text(encoding="utf-8") == HEAD + "".join(left)


NOW = datetime(2025, 1, 1, tzinfo=UTC)


def test_old_events_go_and_those_without_a_time_stay(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    new = "v1,2024-12-31T00:00:00Z,page_view,/a\n"
    unreadable = "v2,some day,page_view,/b\n"
    path.write_text(HEAD + OTHERS[0] + new + unreadable)
    (done,) = remove_older([path], "30d", now=NOW, profile="generic")
    assert (done.rows, done.removed) == (3, 1)
    assert path.read_text() == HEAD + new + unreadable
    with pytest.raises(UnitError, match="400 has no unit"):
        remove_older([path], "400")


def test_old_rejects_go_together(tmp_path: Path) -> None:
    bad = tmp_path / "events.csv"
    bad.write_text(HEAD + OTHERS[0] + "v2,never,page_view,/b\n")
    rejects = tmp_path / "rejects.csv"
    sources.load(bad, profile="generic").rejects.write(rejects)
    (kept,) = remove_older([rejects], "30d", now=datetime.now(UTC))
    (gone,) = remove_older([rejects], "30d", now=datetime.now(UTC) + timedelta(days=31))
    assert (kept.removed, gone.removed) == (0, 1)
    assert "never" not in rejects.read_text()
