from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buysignal import bundle as bundles
from buysignal import scoring
from buysignal.errors import BundleError
from buysignal.report import Report
from buysignal.segment_names import LONGEST, numbered, rename_segments, renamed
from buysignal.sources import load
from shop import Shop


def test_a_renamed_bundle_is_valid_and_scores_the_same_visits(shop: Shop, tmp_path: Path) -> None:
    before = shop.bundle
    found = before.segment_profiles[0].name
    path = rename_segments(shop.folder, {0: "  Window   shoppers "}, tmp_path / "renamed")
    after = bundles.load(path)
    first = after.segment_profiles[0]
    assert (first.name, first.original) == ("Window shoppers", found)
    assert after.version != before.version
    events = load(shop.events)
    old, new = (scoring.score_loaded(one, events).table for one in (before, after))
    assert list(new["segment"]) == [s if s != found else "Window shoppers" for s in old["segment"]]
    same = [c for c in old if c not in ("segment", "bundle_version")]
    assert old[same].equals(new[same])


def test_what_is_stored_is_what_was_renamed_in_memory(shop: Shop, tmp_path: Path) -> None:
    names = {0: "Passers-by"}
    stored = bundles.load(rename_segments(shop.folder, names, tmp_path / "renamed"))
    assert stored.manifest == renamed(shop.bundle, names).manifest


def test_the_reports_beside_it_carry_the_names(shop: Shop, tmp_path: Path) -> None:
    path = rename_segments(shop.folder, {0: "Passers-by"}, tmp_path / "renamed")
    table = Report.load(path / "report.json").table("segments")
    assert table.segments[0].name == "Passers-by"
    assert "Passers-by" in table.pictures.silhouette
    assert len(table.pictures.silhouette) == len(shop.report.table("segments").pictures.silhouette)
    assert "Passers-by" in (path / "report.html").read_text(encoding="utf-8")
    assert [s.name for s in Report.load(path / "report.json").table("engagement").segments] == [
        s.name for s in shop.report.table("engagement").segments
    ]


def test_the_name_it_was_found_with_stays_until_it_is_given_back(shop: Shop) -> None:
    found = shop.bundle.segment_profiles[0].name
    twice = renamed(renamed(shop.bundle, {0: "First"}), {0: "Second"})
    assert twice.segment_profiles[0].original == found
    back = renamed(twice, {0: found})
    assert back.segment_profiles[0].original is None
    assert back.manifest == shop.bundle.manifest


def test_a_segment_answers_to_the_name_it_has_and_the_one_it_was_found_with(shop: Shop) -> None:
    found, other = (one.name for one in shop.bundle.segment_profiles[:2])
    once = renamed(shop.bundle, {0: "price = low"})
    for name in (found, "price = low"):
        assert numbered(once, [f" {name} = a = b", f"{other}=Others"]) == {0: " a = b", 1: "Others"}
    with pytest.raises(BundleError, match="a second time"):
        numbered(once, [f"{found}=One", "price = low=Two"])


def test_a_folder_without_reports_is_renamed_too(shop: Shop, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(shop.folder, bare)
    (bare / "report.json").unlink()
    path = rename_segments(bare, {0: "Passers-by"}, tmp_path / "renamed")
    assert bundles.load(path).segment_profiles[0].name == "Passers-by"
    assert not (path / "report.json").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({0: " "}, "needs a name"),
        ({0: "x" * (LONGEST + 1)}, "1 to 60 printable letters"),
        ({0: "bell\x07"}, "cannot be a segment's name"),
        ({99: "Somebody"}, "no segment 99"),
        ({0: "Same", 1: "same"}, "two segments would be called 'same'"),
    ],
)
def test_a_name_that_cannot_be_is_refused(shop: Shop, names: dict[int, str], said: str) -> None:
    with pytest.raises(BundleError, match=said):
        renamed(shop.bundle, names)


@pytest.mark.usefixtures("shop")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=LONGEST))
def test_any_printable_name_survives(name: str, shop: Shop) -> None:
    wanted = " ".join(name.split())
    if not wanted:
        return
    one = renamed(shop.bundle, {0: name})
    assert one.segment_profiles[0].name == wanted
    assert one.segmentation is not None
    assert one.segmentation.title(0) == wanted
