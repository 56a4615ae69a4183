"""What a forecast is made from: nothing later than the moment of asking, and whom the model knew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal.errors import GoalError, SamplesError
from buysignal.outlook import came_true, look_ahead
from buysignal.outlook.amounts import event_values, learned_from
from buysignal.sources import load
from buysignal.sources.read import Loaded
from shop import Shop

NOW = "2025-03-24 18:00"


@pytest.fixture(scope="module")
def loaded(shop: Shop) -> Loaded:
    return load(shop.events)


def until(loaded: Loaded, moment: str) -> Loaded:
    time = loaded.table.column("event_time").to_pandas()
    return replace(loaded, table=loaded.table.filter(pa.array((time <= moment).to_numpy())))


def test_later_events_change_nothing(shop: Shop, loaded: Loaded) -> None:
    whole = look_ahead(shop.bundle, loaded, now=NOW)
    cut = look_ahead(shop.bundle, until(loaded, f"{NOW}+00:00"), now=NOW)
    a, b = whole.forecast(7), cut.forecast(7)
    assert a.to_come == b.to_come
    assert a.history.equals(b.history)
    assert whole.under_way is not None
    assert cut.under_way is not None
    assert np.array_equal(whole.under_way.expected, cut.under_way.expected)
    assert np.array_equal(whole.amount, cut.amount)


def test_visits_under_way_are_those_of_the_last_half_hour_that_have_not_bought(
    shop: Shop, loaded: Loaded
) -> None:
    ahead = look_ahead(shop.bundle, loaded, now=NOW)
    assert ahead.under_way is not None
    known = until(loaded, f"{NOW}+00:00").table
    frame = known.select(["session_id", "event_time", "event_name"]).to_pandas()
    last = frame.groupby("session_id")["event_time"].max()
    recent = last.index[last >= pd.Timestamp(NOW, tz="UTC") - pd.Timedelta("30min")]
    bought = set(frame.loc[frame["event_name"] == "purchase", "session_id"])
    assert len(ahead.under_way.expected) == len(set(recent) - bought)
    assert (ahead.under_way.idle >= 0).all()
    assert (ahead.under_way.idle <= 1_800).all()


def test_what_came_is_all_that_was_paid_after_the_moment(shop: Shop, loaded: Loaded) -> None:
    """Asked so that the days end with the data: then all later revenue counts."""
    latest = look_ahead(shop.bundle, loaded)
    asked = look_ahead(shop.bundle, loaded, now=str(latest.now - np.timedelta64(7, "D")))
    came = came_true(asked, latest, 7)
    time = loaded.table.column("event_time").cast(pa.timestamp("us")).to_numpy()
    paid = event_values(loaded.table, shop.bundle.goal)
    assert came == pytest.approx(paid[time > asked.now].sum())
    assert came_true(asked, latest, 8) is None


def test_the_manifest_says_who_was_learned_from(shop: Shop, loaded: Loaded) -> None:
    said = shop.bundle.manifest.test_from
    assert said is not None
    cut = np.datetime64(said.replace(tzinfo=None), "us")
    start = np.array([cut - np.timedelta64(1, "s"), cut], "datetime64[us]")
    assert list(learned_from(shop.bundle, loaded, start)) == ["yes", "no"]
    other = until(loaded, "2025-03-20")
    later = np.datetime64("2026-01-01", "us")
    assert list(learned_from(shop.bundle, other, np.array([start[0], later]))) == ["maybe", "no"]


def test_too_little_is_refused(shop: Shop, loaded: Loaded) -> None:
    with pytest.raises(SamplesError, match="at least 14 days"):
        look_ahead(shop.bundle, loaded, now="2025-03-10").forecast(7)
    field = loaded.table.schema.field("event_time")
    timeless = loaded.table.set_column(
        loaded.table.column_names.index("event_time"), field, pa.nulls(loaded.table.num_rows, field.type)
    )
    with pytest.raises(SamplesError, match="no clock"):
        look_ahead(shop.bundle, replace(loaded, table=timeless))
    names = loaded.table.column("event_name").cast(pa.string()).to_pandas()
    unsold = loaded.table.filter(pa.array((names != "purchase").to_numpy()))
    with pytest.raises(SamplesError, match="no purchase"):
        look_ahead(shop.bundle, replace(loaded, table=unsold))


def test_a_model_without_amounts_is_refused(shop: Shop, loaded: Loaded) -> None:
    with pytest.raises(GoalError, match="no amounts"):
        look_ahead(replace(shop.bundle, revenue=None), loaded)


def test_a_goal_beyond_the_visit_is_refused(shop: Shop, loaded: Loaded) -> None:
    bundle = shop.bundle
    goal = bundle.goal.model_copy(update={"horizon": "7d"})
    manifest = bundle.manifest.model_copy(update={"goal": goal})
    with pytest.raises(GoalError, match="count twice"):
        look_ahead(replace(bundle, manifest=manifest), loaded)
