"""The command line as a user meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from buysignal.models.segment_stability import word
from buysignal.segment_actions import suggest
from shop import Shop


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``buysignal`` with the words as arguments."""
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "buysignal", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def refused(*words: object) -> str:
    """Run what must fail with one sentence, exit code 2 and no trace, and return the sentence."""
    done = run(*words)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return " ".join(done.stderr.split())


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for command in ("check", "demo", "data", "train", "score", "segments", "explain", "app"):
        assert command in text


def test_help_says_whole_sentences() -> None:
    text = " ".join(run("--help").stdout.split())
    assert "Read data and say what is in it, what was rejected and why, and what it can answer." in text
    assert "..." not in text.partition("Commands:")[2]


def test_version() -> None:
    assert run("--version").stdout.startswith("buysignal ")


def test_check_in_json_has_the_promised_keys(shop: Shop) -> None:
    found = json.loads(run("check", shop.events, "--json").stdout)
    assert found["rows_in"] == found["rows_kept"] + found["rows_rejected"]
    assert sum(found["rejects_by_reason"].values()) == found["rows_rejected"]
    assert found["profile"] == "demo-shop"
    assert found["can_predict"][0] == {
        "question": "will the visitor buy?",
        "answer": "yes",
        "why": found["can_predict"][0]["why"],
    }


def test_check_writes_rejects_and_keeps_the_mapping(tmp_path: Path) -> None:
    source = tmp_path / "shop.csv"
    source.write_text(
        "uid,when,what,price\n"
        "a,2026-03-02T10:00:00Z,view_item,10\n"
        "a,2026-03-02T10:01:00Z,view_item,-3\n"
        "b,2026-03-02T10:02:00Z,purchase,12\n"
    )
    maps = ["--map", "visitor_id=uid", "--map", "event_time=when", "--map", "event_name=what"]
    rejects, profile = tmp_path / "rejects.csv", tmp_path / "mine.toml"
    done = run(
        "check",
        source,
        "--profile",
        "generic",
        *maps,
        "--json",
        "--rejects",
        rejects,
        "--save-profile",
        profile,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejects_by_reason"] == {"negative_price": 1}
    assert pd.read_csv(rejects)["line"].tolist() == [3]
    again = json.loads(run("check", source, "--profile", profile, "--json").stdout)
    assert again["rows_kept"] == 2


def test_score_writes_what_the_library_gives(shop: Shop, tmp_path: Path) -> None:
    done = run("score", shop.folder, shop.events, "--out", tmp_path / "scores.csv")
    assert done.returncode == 0, done.stderr
    assert "conversion" in done.stdout
    from buysignal import scoring

    ours = scoring.score_paths(shop.bundle, shop.events).table
    written = pd.read_csv(tmp_path / "scores.csv")
    assert written["session_id"].tolist() == ours["session_id"].tolist()
    assert written["probability"].to_numpy() == pytest.approx(ours["probability"].to_numpy())


def test_segments_and_members(shop: Shop, tmp_path: Path) -> None:
    table = json.loads(run("segments", shop.folder, "--json").stdout)
    assert sum(row["share"] for row in table) == pytest.approx(1)
    run("segments", shop.folder, shop.events, "--members", tmp_path / "members.csv")
    members = pd.read_csv(tmp_path / "members.csv")
    assert {"session_id", "segment", "proxy"} <= set(members.columns)


def test_segments_come_with_stability_and_a_suggested_action(shop: Shop) -> None:
    table = json.loads(run("segments", shop.folder, "--json").stdout)
    for row, profile in zip(table, shop.bundle.segment_profiles, strict=True):
        assert profile.stability is not None
        assert row["stability"] == pytest.approx(profile.stability, abs=1e-6)
        assert row["stability_word"] == word(profile.stability)
    actions = suggest(shop.bundle.segment_profiles)
    assert [row["action"] for row in table] == [one.name for one in actions.values()]
    assert {(row["goal"], row["proxy"], row["simulated"]) for row in table} == {("purchase", False, True)}
    said = " ".join(run("segments", shop.folder).stdout.split())
    for row in table:
        assert f"{row['stability_word']} ({row['stability']:.2f})" in said
        assert f"{row['segment']}: {row['action_sentence']} Why: {row['action_reason']}" in said
    assert "A suggestion to test, not a promise" in said


def test_segments_are_renamed_into_a_new_bundle(shop: Shop, tmp_path: Path) -> None:
    found = shop.bundle.segment_profiles[0].name
    out = tmp_path / "named"
    done = run("segments", shop.folder, "--rename", f"{found}=Quick looks", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)[0]
    assert (first["segment"], first["found_as"]) == ("Quick looks", found)
    assert json.loads(run("segments", out, "--json").stdout)[0] == first
    assert f"Quick looks (found as: {found})" in " ".join(run("segments", out).stdout.split())
    assert shop.bundle.segment_profiles[0].name == found


def test_a_renaming_that_cannot_be_is_refused_and_writes_nothing(shop: Shop, tmp_path: Path) -> None:
    found, out = shop.bundle.segment_profiles[0].name, tmp_path / "named"
    said = refused("segments", shop.folder, "--rename", "Nobody=Quick looks", "--out", out)
    assert "'Nobody=Quick looks' begins with no segment's name" in said
    for profile in shop.bundle.segment_profiles:
        assert f"'{profile.name}=NEW NAME'" in said
    assert "is no renaming" in refused("segments", shop.folder, "--rename", found, "--out", out)
    assert "--rename without --out" in refused("segments", shop.folder, "--rename", f"{found}=Quick looks")
    assert "--out without --rename" in refused("segments", shop.folder, "--out", out)
    assert not out.exists()


def test_explain_sums_up(shop: Shop) -> None:
    session = json.loads(run("score", shop.folder, shop.events, "--json").stdout)[0]["session_id"]
    story = json.loads(run("explain", shop.folder, shop.events, "--session", session, "--json").stdout)
    assert story["session"] == session
    assert story["reasons"]
    assert "typical" in story["reasons"][0]["sentence"]


def test_demo_writes_a_shop_that_checks_clean(tmp_path: Path) -> None:
    done = run("demo", "--visitors", 50, "--days", 7, "--no-dirty", "--truth", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    found = json.loads(run("check", tmp_path / "demo" / "events.parquet", "--json").stdout)
    assert found["rows_rejected"] == 0
    assert (tmp_path / "demo" / "truth.parquet").is_file()


def test_hopeless_input_ends_in_one_sentence(shop: Shop, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert "is empty" in refused("check", empty)
    assert "no file" in refused("check", tmp_path / "nowhere.csv")
    assert "no profile 'uci-eshp' (did you mean 'uci-eshop'?)" in refused(
        "check", shop.events, "--profile", "uci-eshp"
    )
    assert "is no bundle" in refused("score", tmp_path, shop.events)
    assert "--map visitor_id is no mapping" in refused("check", shop.events, "--map", "visitor_id")
    assert "session_gap 1800 has no unit" in refused("check", shop.events, "--session-gap", "1800")
    assert "No such option" in refused("check", "--nope")


def test_a_goal_the_data_cannot_answer_is_refused(tmp_path: Path) -> None:
    fixture = Path(__file__).parent / "fixtures" / "profiles" / "uci-eshop.csv"
    said = refused("train", fixture, "--goal", "purchase", "--out", tmp_path / "out")
    assert "holds no purchases, so nothing here is called conversion" in said
    assert "next_above_average" in said
    assert not (tmp_path / "out").exists()


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    rows = "\n".join(f"v{i},2026-03-{1 + i % 28:02d}T10:00:00Z,view_item" for i in range(300))
    buys = "x,2026-03-29T10:00:00Z,purchase"
    source = tmp_path / "one.csv"
    source.write_text(f"visitor_id,event_time,event_name\n{rows}\n{buys}\n")
    said = refused("train", source, "--out", tmp_path / "out", "--fast")
    assert "What to do" in said


def test_a_test_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    train = Path(__file__).parent / "fixtures" / "profiles" / "uci-shoppers.csv"
    other = tmp_path / "other.csv"
    pd.read_csv(train).drop(columns=["Region", "Month"]).to_csv(other, index=False)
    said = refused("train", train, "--test", other, "--out", tmp_path / "out")
    assert "Region" in said
    assert "Month" in said
