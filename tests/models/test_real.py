"""The floors that the README promises, on the real files; quick settings, so that a test stays a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from buysignal.evaluation import evaluate_conversion, evaluate_revenue
from buysignal.goals import PURCHASE
from buysignal.models.fitting import Plan
from buysignal.samples import Samples
from buysignal.segment_table import evaluate_engagement
from buysignal.splits import kfold, time_split


def coded(table: pd.DataFrame, levels: list[str]) -> tuple[np.ndarray, dict[str, tuple[str, ...]]]:
    X = np.empty(table.shape, np.float32)
    categories = {}
    for i, name in enumerate(table.columns):
        if name in levels:
            names = table[name].astype(str).value_counts().index
            categories[name] = tuple(names)
            X[:, i] = names.get_indexer(table[name].astype(str))
        else:
            X[:, i] = table[name]
    return X, categories


def session_samples(table: pd.DataFrame, levels: list[str], **known: np.ndarray) -> Samples:
    X, categories = coded(table, levels)
    n = len(table)
    rows = np.arange(n)
    unknown: dict[str, Any] = {"time": np.full(n, "NaT", "datetime64[us]"), "y": None, "revenue": None}
    return Samples(
        X=X,
        names=tuple(table.columns),
        session=rows,
        visitor=rows,
        k=np.ones(n, np.int32),
        unit="session",
        goal=PURCHASE,
        source_row=rows,
        categories=categories,
        **(unknown | known),
    )


@pytest.fixture(scope="module")
def store(real_data: Path) -> Samples:
    table = pd.read_csv(real_data / "gstore" / "sessions_2017-05-01_2017-07-14.csv.gz")
    time = pd.to_datetime(table.visit_start_time).dt.tz_localize(None)
    known_at_start = pd.DataFrame(
        {
            "channel": table.channel_grouping,
            "visit_number": table.visit_number,
            "hour": time.dt.hour,
            "weekday": time.dt.weekday,
        }
    )
    revenue = table.revenue_usd.to_numpy(float)
    return session_samples(
        known_at_start,
        ["channel"],
        y=(revenue > 0).astype(np.int8),
        revenue=revenue,
        time=time.to_numpy().astype("datetime64[us]"),
    )


def test_store_visits_known_at_the_start(store: Samples) -> None:
    split = time_split(store, cut="2017-06-24")
    plan = Plan(models=("logistic_regression", "xgboost"))
    done = evaluate_conversion(store, split, name="store", plan=plan, pictures=False)
    champion = next(row for row in done.table.rows if row.champion)
    assert champion.metrics["roc_auc"] >= 0.84
    assert champion.metrics["average_precision"] >= 0.14
    assert done.table.base_rate == pytest.approx(0.035, abs=0.001)
    assert champion.metrics["ece"] < 0.01


def test_store_revenue_and_its_total(store: Samples) -> None:
    split = time_split(store, cut="2017-06-24")
    table = evaluate_revenue(store, split, name="store", pictures=False).table
    champion = next(row for row in table.rows if row.champion)
    assert champion.metrics["rmse_log1p"] <= 0.845
    assert table.row("mean").metrics["rmse_log1p"] == pytest.approx(0.879, abs=0.001)
    assert table.total.low < table.total.actual < table.total.high


def test_shoppers_with_page_values(real_data: Path) -> None:
    table = pd.read_csv(real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz")
    y = table.pop("Revenue").astype(str).str.upper().eq("TRUE").to_numpy().astype(np.int8)
    levels = ["Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend"]
    samples = session_samples(table, levels, y=y)
    plan = Plan(models=("hist_gradient_boosting",), refit=True, search=False)
    done = evaluate_conversion(
        samples, kfold(samples, group="none"), name="shoppers", plan=plan, pictures=False
    )
    assert done.table.rows[0].metrics["roc_auc"] >= 0.935
    assert done.table.rows[0].metrics["average_precision"] >= 0.757


def test_engagement_of_the_eshop_sessions(real_data: Path) -> None:
    files = [real_data / "uci_eshop" / f"{name}_data.csv.gz" for name in ("train", "test")]
    clicks = pd.concat([pd.read_csv(file) for file in files])
    sessions = clicks.groupby("session_id").agg(n_events=("order", "size"), pages=("page", "max"))
    done = evaluate_engagement(session_samples(sessions.reset_index(drop=True), []), name="engagement")
    assert done.table.rows[0].metrics["silhouette"] >= 0.70
    assert {one.name for one in done.table.segments} == {"low engagement", "high engagement"}
