"""Session and click tables: columns become numbers or levels, targets stay out of the features."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from buysignal.errors import SamplesError
from buysignal.goals import Goal
from buysignal.tables import table_samples

TABLE = pa.table(
    {
        "started": pa.array([datetime(2026, 3, 2, 9, 30), None], pa.timestamp("us")),
        "channel": ["email", None],
        "pages": [3.0, 1.0],
        "weekend": [True, False],
        "bought": [True, False],
        "amount": [12.5, None],
    }
)
GOAL = Goal(
    name="buys",
    sentence="buys",
    proxy=False,
    kind="column",
    attribute="bought",
    equals=True,
    value="column",
    value_column="amount",
)


def test_columns_become_numbers_levels_and_time_of_day() -> None:
    found = table_samples(TABLE, GOAL, features=["channel", "pages", "weekend"], time="started")
    assert found.names == ("channel", "pages", "weekend", "hour", "weekday")
    assert found.categories == {"channel": ("email",)}
    np.testing.assert_array_equal(found.X[0], [0, 3, 1, 9, 0])
    np.testing.assert_array_equal(found.X[1], [np.nan, 1, 0, np.nan, np.nan])
    assert found.y is not None
    assert found.revenue is not None
    assert found.y.tolist() == [1, 0]
    assert found.revenue.tolist() == [12.5, 0.0]


def test_a_level_never_seen_in_training_is_missing() -> None:
    found = table_samples(TABLE, GOAL, features=["channel"], levels={"channel": ("organic",)})
    assert np.isnan(found.X[:, 0]).all()


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SamplesError, match="'clicks' is missing"):
        table_samples(TABLE, GOAL, features=["clicks"])


def test_text_where_training_had_numbers_is_refused() -> None:
    with pytest.raises(SamplesError, match="'channel' holds text"):
        table_samples(TABLE, GOAL, features=["channel"], levels={})


def test_the_frame_shows_levels_again() -> None:
    frame = table_samples(TABLE, GOAL, features=["channel", "pages"]).frame()
    assert frame["channel"].tolist()[0] == "email"
    assert frame["channel"].isna().tolist() == [False, True]
