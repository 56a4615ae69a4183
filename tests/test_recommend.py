"""Suggestions from a bundle: the library's doors, the command, and what is stored."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from buysignal import bundle as bundles
from buysignal import recommend, sessions, sources
from buysignal.cli import app
from buysignal.errors import BundleError, InputError, SourceError
from buysignal.model_card import card_of
from buysignal.recommender import Wishes
from buysignal.report_html.cards import render_markdown
from buysignal.segment_names import rename_segments
from buysignal.training.next_items import next_items_of
from buysignal.training.options import Options, Stage
from buysignal.training.visits import TEST, TRAIN, VALIDATE, FoldedVisits
from shop import Shop

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def events(shop: Shop) -> pa.Table:
    return sources.load(shop.events, profile=shop.bundle.profile).table


@pytest.fixture(scope="module")
def all_visits(shop: Shop, events: pa.Table) -> pd.DataFrame:
    wishes = Wishes(count=4)
    return pd.concat(recommend.recommend_visits(shop.bundle, events, wishes), ignore_index=True)


def names(shop: Shop, count: int) -> list[str]:
    recommender = recommend.recommender_of(shop.bundle)
    often = np.argsort(-recommender.seen)[:count]
    return [recommender.catalog.names[code] for code in often]


def test_training_writes_a_table_with_a_champion_and_its_recommender(shop: Shop) -> None:
    table = shop.report.table("next item")
    champion = table.row(str(table.champion))
    assert champion.champion
    assert table.goal is None
    popularity = table.row("popularity").metrics["mrr_at_20"]
    assert champion.metrics["mrr_at_20"] > 1.5 * (popularity or 1)
    assert shop.bundle.manifest.metrics["next item"] == champion.metrics
    assert shop.bundle.manifest.recommender is not None
    assert "recommender.npz" in shop.bundle.manifest.files
    assert any("no purchase" in note for note in table.notes)
    assert any("a single look" in note for note in table.notes)


def test_suggestions_say_what_they_are(shop: Shop) -> None:
    first, second = names(shop, 2)
    found = recommend.recommend_items(shop.bundle, [first, second], Wishes(count=6))
    assert list(found["rank"]) == [1, 2, 3, 4, 5, 6]
    assert second not in set(found["item"])
    assert set(found["goal"]) == {"next_look"}
    assert found["simulated"].all()
    assert set(found["bundle_version"]) == {shop.bundle.version}
    assert found["because"].dropna().isin([first, second]).all()
    assert found["score"].is_monotonic_decreasing


def test_each_visit_gets_the_same_alone_and_among_all(
    shop: Shop, events: pa.Table, all_visits: pd.DataFrame
) -> None:
    session = all_visits["session_id"].iloc[len(all_visits) // 2]
    alone = recommend.recommend_session(shop.bundle, events, session, Wishes(count=4))
    among = all_visits[all_visits["session_id"] == session].reset_index(drop=True)
    assert list(alone["item"]) == list(among["item"])
    assert list(alone["reason"]) == list(among["reason"])
    assert np.allclose(alone["score"], among["score"], atol=1e-6)
    with pytest.raises(SourceError, match="no such session"):
        recommend.recommend_session(shop.bundle, events, "nobody")


def test_every_visit_gets_a_list_that_leaves_out_what_it_bought_and_has_on_screen(
    shop: Shop, events: pa.Table, all_visits: pd.DataFrame
) -> None:
    ids, visits = recommend.visits_so_far(shop.bundle, events)
    assert set(ids["session_id"]) == set(all_visits["session_id"])
    barred = {
        (session, name)
        for session, visit in zip(ids["session_id"], visits, strict=True)
        for name in (*visit.leave_out, *visit.looked_at[-1:])
    }
    assert any(visit.leave_out for visit in visits)
    given = set(zip(all_visits["session_id"], all_visits["item"], strict=True))
    assert not given & barred


def test_later_events_do_not_change_what_an_earlier_moment_was_told(shop: Shop, events: pa.Table) -> None:
    ids, visits = recommend.visits_so_far(shop.bundle, events)
    number = max(range(len(visits)), key=lambda i: len(visits[i].looked_at))
    session, looks = ids["session_id"].iloc[number], visits[number].looked_at
    rows = events.filter(pc.equal(events.column("session_id").cast(pa.string()), session))
    seen = [
        len(recommend.visits_so_far(shop.bundle, rows.slice(0, k))[1][0].looked_at) for k in (3, len(rows))
    ]
    assert seen[0] < seen[1] == len(looks)
    for k in range(1, len(rows), 15):
        told = recommend.recommend_session(shop.bundle, rows.slice(0, k), session)
        asked = recommend.visits_so_far(shop.bundle, rows.slice(0, k))[1][0]
        assert asked.looked_at == looks[: len(asked.looked_at)]
        if not asked.leave_out and asked.looked_at:
            again = recommend.recommend_items(shop.bundle, asked.looked_at)
            assert list(told["item"]) == list(again["item"])


def test_the_stored_recommender_is_hashed_and_read_when_asked_for(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "b")
    loaded = bundles.load(tmp_path / "b")
    assert "recommender" not in vars(loaded)
    (tmp_path / "b" / "recommender.npz").write_bytes(b"other")
    assert loaded.recommender is not None
    with pytest.raises(BundleError, match="changed after training"):
        bundles.load(tmp_path / "b")


def test_a_bundle_without_one_loads_and_says_so(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "old")
    manifest = json.loads((tmp_path / "old" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["recommender"]
    manifest["files"] = {n: h for n, h in manifest["files"].items() if not n.startswith("recommender")}
    for file in (tmp_path / "old").glob("recommender*"):
        file.unlink()
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    old = bundles.load(tmp_path / "old")
    assert old.recommender is None
    with pytest.raises(BundleError, match="suggests no items"):
        recommend.recommend_items(old, [])
    assert "## Suggestions" not in render_markdown(card_of(tmp_path / "old"))


def test_segments_renamed_keep_the_recommender(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("report.*"))
    renamed = bundles.load(rename_segments(tmp_path / "bare", {0: "Passers-by"}, tmp_path / "renamed"))
    looks = names(shop, 1)
    columns = ["rank", "item", "score", "reason"]
    ours, theirs = (recommend.recommend_items(b, looks)[columns] for b in (shop.bundle, renamed))
    assert ours.equals(theirs)


def test_too_few_looks_give_a_note_and_no_recommender(shop: Shop, events: pa.Table) -> None:
    known = shop.bundle.vocabulary
    assert known is not None
    few = sessions.assign(events.slice(0, 400))
    part = np.repeat(np.array([TRAIN, VALIDATE, TEST], np.int8), [300, 50, 50])
    visits = FoldedVisits(few, np.empty((400, 0), np.float32), known, part, "by time", None)
    found = next_items_of(visits, Options(fast=True), Stage(None, 0, 1, 1))
    assert found.recommender is None
    assert found.tables == []
    assert re.match(
        r"No recommendations: \d+ items were|No recommendations: the training slice", found.notes[0]
    )


def test_the_card_says_what_it_suggests_and_that_a_look_is_no_purchase(shop: Shop) -> None:
    text = render_markdown(card_of(shop.folder))
    section = text.split("## Suggestions")[1].split("\n## ")[0]
    assert "A look is no purchase" in section
    assert "MRR@20" in section
    assert "item on screen" in section


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["recommend", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_command_answers_looks_a_visit_and_all_visits(
    shop: Shop, tmp_path: Path, all_visits: pd.DataFrame
) -> None:
    first = names(shop, 1)[0]
    code, out, err = run(shop.folder, "--items", first, "--count", 3)
    assert (code, out.count("%")) == (0, 3)
    assert "no forecast of a purchase" in err
    assert "no real one" in err
    rows = json.loads(run(shop.folder, "--items", "", "--count", 2, "--format", "json")[1])
    assert [row["because"] for row in rows] == [None, None]
    session = all_visits["session_id"].iloc[0]
    csv = run(shop.folder, shop.events, "--session", session, "--count", 4, "--format", "csv")[1]
    ours = all_visits[all_visits["session_id"] == session]
    assert [line.split(",")[1] for line in csv.splitlines()[1:]] == list(ours["item"])
    for name in ("all.csv", "all.parquet"):
        assert run(shop.folder, shop.events, "--out", tmp_path / name, "--count", 4)[0] == 0
    read = pd.read_parquet(tmp_path / "all.parquet")
    assert list(read["item"]) == list(all_visits["item"])
    assert list(pd.read_csv(tmp_path / "all.csv")["item"]) == list(all_visits["item"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "all.parquet"]


def test_the_command_keeps_wishes_and_refuses_unclear_questions(shop: Shop, tmp_path: Path) -> None:
    first, second, third = names(shop, 3)
    stock = tmp_path / "stock.txt"
    stock.write_text(f"{second}\n{third}\n\n", encoding="utf-8")
    out = run(shop.folder, "--items", first, "--only", stock, "--leave-out", third, "--format", "json")[1]
    assert [row["item"] for row in json.loads(out)] == [second]
    for words, said in (
        ((), "not clear"),
        (("--items", first, "--out", "x.csv"), "not clear"),
        (("--session", "s"), "no files"),
        (("--items", first, "--only", tmp_path / "none.txt"), "cannot be read"),
        (("--items", first, "--category", "hats"), "there is no category 'hats'"),
        (("--items", first, "--diversity", "2"), "a diversity of 2"),
    ):
        with pytest.raises(InputError, match=said):
            run(shop.folder, *words)
    with pytest.raises(SourceError, match="ending in"):
        run(shop.folder, shop.events, "--out", tmp_path / "all.txt")


def test_the_example_of_the_page_runs(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "recommendations.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "demo").symlink_to(shop.folder)
    (tmp_path / "demo").symlink_to(shop.events.parent)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "recommendations.md", "exec"), {})
    assert "Because you looked at" in capsys.readouterr().out
