"""Holdouts: as good as a coin, the same each time, and files that come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.decisions import holdout
from buysignal.decisions.economics import Economics
from buysignal.errors import InputError, SourceError
from buysignal.goals import PURCHASE

IDS = [f"v{i:09d}" for i in range(20_000)]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_about_that_share_is_held_out(share: float) -> None:
    out = holdout.held_out(IDS, campaign="spring", share=share)
    assert out.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(IDS)))


@given(st.lists(st.text(max_size=8), min_size=1, max_size=30), st.floats(0.05, 0.95), st.integers(0, 9))
def test_a_visitor_falls_on_the_same_side_in_every_list_of_a_campaign(
    ids: list[str], share: float, seed: int
) -> None:
    whole = holdout.held_out([*ids, *ids[::-1]], campaign="spring", share=share, seed=seed)
    assert whole.tolist() == whole[::-1].tolist()
    alone = [bool(holdout.held_out([one], campaign="spring", share=share, seed=seed)[0]) for one in ids]
    assert whole[: len(ids)].tolist() == alone


def test_a_larger_share_holds_out_more_of_the_same_visitors() -> None:
    small, large = (holdout.held_out(IDS, campaign="spring", share=share) for share in (0.1, 0.3))
    assert not (small & ~large).any()


def test_another_campaign_or_seed_draws_anew() -> None:
    first = holdout.held_out(IDS, campaign="spring", share=0.5)
    for other in (
        holdout.held_out(IDS, campaign="summer", share=0.5),
        holdout.held_out(IDS, campaign="spring", share=0.5, seed=1),
    ):
        assert np.mean(first == other) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 20.0])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="write 20 % as"):
        holdout.held_out(IDS[:5], campaign="spring", share=share)


def test_a_campaign_needs_a_name_and_two_groups() -> None:
    with pytest.raises(InputError, match="has no name"):
        holdout.held_out(IDS[:5], campaign=" ", share=0.5)
    with pytest.raises(InputError, match="one group is empty"):
        holdout.set_aside(pd.DataFrame({"visitor_id": IDS[:1]}), campaign="spring", share=0.5)


def listed() -> pd.DataFrame:
    """A list whose ids a spreadsheet or a CSV reader might spoil."""
    return pd.DataFrame(
        {
            "visitor_id": ["007", "-5x", "=1+1", "a,b", "ü", "007", "nan", "1e5"]
            + [f"v{i}" for i in range(12)],
            "session_id": [f"s{i}" for i in range(20)],
            "asked_at": np.datetime64("2025-03-30T18:00:00.123456") + np.arange(20).astype("timedelta64[m]"),
            "probability": np.linspace(0.1, 0.9, 20),
            "expected_revenue": np.linspace(1, 9, 20),
            "expected_profit": np.linspace(0.2, 2, 20),
            "cost": 0.1,
        }
    )


def test_a_campaign_comes_back_as_it_was_written(tmp_path: Path) -> None:
    economics = Economics(margin=0.3, contact_cost=0.1, effect=0.25)
    drawn = holdout.set_aside(
        listed(), campaign="spring", share=0.4, goal=PURCHASE, economics=economics,
        expected_profit=(9.0, 1.0, 20.0), bundle_version="abc", simulated=True,
    )  # fmt: skip
    csv, about = holdout.write_campaign(drawn, tmp_path / "out" / "spring.csv")
    assert about == tmp_path / "out" / "spring.json"
    back = holdout.read_campaign(csv)
    assert back.campaign == drawn.campaign
    assert back.campaign.planned() == economics
    assert back.campaign.simulated
    assert set(back.table["group"]) == set(holdout.GROUPS)
    pd.testing.assert_frame_equal(back.table, drawn.table, check_dtype=False)
    assert back.campaign.contacts + back.campaign.holdouts == 19


def test_a_spreadsheet_that_saved_it_with_semicolons_does_no_harm(tmp_path: Path) -> None:
    csv, _ = holdout.write_campaign(
        holdout.set_aside(listed(), campaign="spring", share=0.4), tmp_path / "spring.csv"
    )
    table = pd.read_csv(csv, dtype=str, keep_default_na=False)
    table.to_csv(csv, sep=";", index=False, encoding="utf-8-sig")
    assert holdout.read_campaign(csv).table["visitor_id"].tolist() == listed()["visitor_id"].tolist()


def test_files_that_are_no_campaign_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    with pytest.raises(SourceError, match="cannot be read"):
        holdout.read_campaign(other)
    other.write_text("visitor_id,session_id\nv1,s1\n")
    with pytest.raises(SourceError, match="has no column group"):
        holdout.read_campaign(other)
    other.write_text("visitor_id,group\nv1,contact\n")
    with pytest.raises(SourceError, match=r"'other.json'.*not beside its list"):
        holdout.read_campaign(other)
    (tmp_path / "other.json").write_text('{"name": "x"}')
    with pytest.raises(SourceError, match="no record of a campaign"):
        holdout.read_campaign(other)
    with pytest.raises(SourceError, match=r"ending in \.csv"):
        holdout.write_campaign(holdout.set_aside(listed(), campaign="c", share=0.4), tmp_path / "x.xlsx")
