"""One fold for every question: the answers are those that each question comes to alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal import acting, outlook, scoring
from buysignal.bundle import Bundle
from buysignal.errors import SamplesError
from buysignal.folded import Folded, known_by
from buysignal.row_scores import score_rows
from buysignal.sources.read import Loaded, load
from shop import Shop

EARLIER = "2025-03-22 15:00"


@pytest.fixture(scope="module")
def bundle(shop: Shop) -> Bundle:
    return shop.bundle


@pytest.fixture(scope="module")
def loaded(shop: Shop, bundle: Bundle) -> Loaded:
    return load(shop.events, profile=bundle.profile)


@pytest.fixture(scope="module")
def folded(bundle: Bundle, loaded: Loaded) -> Folded:
    """One for the whole module, so that later tests find rows that earlier ones had scored."""
    return Folded(bundle, loaded.table)


@pytest.mark.parametrize("every_event", [False, True])
def test_scores(bundle: Bundle, loaded: Loaded, folded: Folded, every_event: bool) -> None:
    alone = scoring.score_loaded(bundle, loaded, every_event=every_event).table
    kept = scoring.score_loaded(bundle, loaded, every_event=every_event, folded=folded).table
    pd.testing.assert_frame_equal(alone, kept, check_exact=True)


@pytest.mark.parametrize("now", [None, EARLIER])
def test_whom_to_target_now(bundle: Bundle, loaded: Loaded, folded: Folded, now: str | None) -> None:
    alone = acting.ask(bundle, loaded, now=now, unseen=True)
    kept = acting.ask(bundle, loaded, now=now, unseen=True, folded=folded)
    pd.testing.assert_frame_equal(alone.visits, kept.visits, check_exact=True)
    assert alone.known is not None
    assert len(alone.known)
    pd.testing.assert_frame_equal(alone.known, kept.known, check_exact=True)


def test_whom_to_target_after_a_click(bundle: Bundle, loaded: Loaded, folded: Folded) -> None:
    alone = acting.ask(bundle, loaded, click=3, unseen=True)
    kept = acting.ask(bundle, loaded, click=3, unseen=True, folded=folded)
    pd.testing.assert_frame_equal(alone.visits, kept.visits, check_exact=True)


@pytest.mark.parametrize("now", [None, EARLIER])
def test_carts(bundle: Bundle, loaded: Loaded, folded: Folded, now: str | None) -> None:
    alone = acting.carts_at_risk(bundle, loaded, now=now, reasons=2)
    kept = acting.carts_at_risk(bundle, loaded, now=now, reasons=2, folded=folded)
    assert len(alone.open)
    assert alone.open["reasons"].str.len().gt(0).any()
    pd.testing.assert_frame_equal(alone.open, kept.open, check_exact=True)
    assert alone.recovery_rate == kept.recovery_rate


@pytest.mark.parametrize("now", [None, EARLIER])
def test_the_coming_days(bundle: Bundle, loaded: Loaded, folded: Folded, now: str | None) -> None:
    alone = outlook.look_ahead(bundle, loaded, now=now)
    kept = outlook.look_ahead(bundle, loaded, now=now, folded=folded)
    assert np.array_equal(alone.start, kept.start)
    assert np.array_equal(alone.amount, kept.amount)
    assert alone.under_way is not None
    assert kept.under_way is not None
    assert len(alone.under_way.past_expected)
    for name, values in vars(alone.under_way).items():
        assert np.array_equal(values, getattr(kept.under_way, name)), name


def test_earlier_forecasts(bundle: Bundle, loaded: Loaded, folded: Folded) -> None:
    alone = outlook.look_back(bundle, loaded)
    pd.testing.assert_frame_equal(alone, outlook.look_back(bundle, loaded, folded=folded), check_exact=True)


@pytest.mark.parametrize("hours", [30, 100, 333, 500])
def test_the_cut_of_a_fold_is_the_fold_of_the_cut(
    bundle: Bundle, loaded: Loaded, folded: Folded, hours: int
) -> None:
    moment = np.datetime64("2025-03-03T00:00", "us") + np.timedelta64(hours, "h")
    cut, anew = folded.until(moment), Folded(bundle, known_by(loaded.table, moment))
    assert 0 < cut.events.num_rows < folded.events.num_rows
    assert cut.events.equals(anew.events)
    rows = np.arange(cut.events.num_rows)
    assert np.array_equal(cut.features(rows), anew.features(rows), equal_nan=True)
    assert np.array_equal(cut.feature("cart_value"), anew.feature("cart_value"), equal_nan=True)
    pd.testing.assert_frame_equal(cut.scores(rows[::7]), anew.scores(rows[::7]), check_exact=True)


def test_a_cut_of_a_cut_knows_its_rows(folded: Folded) -> None:
    first, second = np.datetime64("2025-03-20", "us"), np.datetime64("2025-03-10", "us")
    twice, once = folded.until(first).until(second), folded.until(second)
    assert twice.events.equals(once.events)
    rows = np.arange(0, once.events.num_rows, 5)
    assert np.array_equal(twice.features(rows), once.features(rows), equal_nan=True)


def test_events_without_a_time_count_in_no_cut(bundle: Bundle, loaded: Loaded) -> None:
    table = loaded.table.slice(0, 4_000)
    time = table.column("event_time").to_pandas()
    time.iloc[::9] = None
    column = pa.array(time, pa.timestamp("us", tz="UTC"))
    gaps = table.set_column(table.column_names.index("event_time"), "event_time", column)
    moment = np.datetime64("2025-03-15", "us")
    cut, anew = Folded(bundle, gaps).until(moment), Folded(bundle, known_by(gaps, moment))
    assert cut.events.equals(anew.events)
    rows = np.arange(cut.events.num_rows)
    assert np.array_equal(cut.features(rows), anew.features(rows), equal_nan=True)


def test_nothing_before_a_moment_is_said(folded: Folded) -> None:
    with pytest.raises(SamplesError, match="no event up to"):
        folded.until(np.datetime64("2001-01-01", "us"))


def test_the_fold_of_something_else_is_refused(bundle: Bundle, loaded: Loaded, folded: Folded) -> None:
    other = loaded.table.slice(0, 500)
    with pytest.raises(SamplesError, match="another question"):
        scoring.score(bundle, other, folded=folded)
    renamed = replace(bundle, manifest=bundle.manifest.model_copy(update={"version": "other"}))
    with pytest.raises(SamplesError, match="another question"):
        outlook.look_back(renamed, loaded, folded=folded)


def test_rows_are_scored_in_any_order_and_more_than_once(bundle: Bundle, folded: Folded) -> None:
    rows = np.array([40, 3, 3, 900, 40], dtype=np.int64)
    pd.testing.assert_frame_equal(
        folded.scores(rows), score_rows(bundle, folded.features(rows)), check_exact=True
    )
    none = folded.scores(rows[:0])
    assert len(none) == 0
    assert list(none) == list(folded.scores(rows))
    assert list(Folded(bundle, folded.table.slice(0, 50)).scores(rows[:0])) == list(none)


def test_a_rows_score_is_the_same_beside_any_other_rows(bundle: Bundle, folded: Folded) -> None:
    rows = np.arange(3_000)
    whole = folded.scores(rows)
    one_by_one = pd.concat(
        [score_rows(bundle, folded.features(rows[i : i + 1])) for i in range(0, 3_000, 97)]
    )
    pd.testing.assert_frame_equal(
        whole.iloc[::97].reset_index(drop=True), one_by_one.reset_index(drop=True), check_exact=True
    )
    in_sevens = pd.concat([score_rows(bundle, folded.features(rows[i : i + 7])) for i in range(0, 700, 7)])
    pd.testing.assert_frame_equal(whole[:700], in_sevens.reset_index(drop=True), check_exact=True)
