"""The audit on the real files: what everybody publishes, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from buysignal.audit import audit
from buysignal.goals import Goal
from buysignal.samples import Known, Samples

PAGES = {1: "trousers", 2: "skirts", 3: "blouses", 4: "sale"}
DEAR = Goal(
    name="above_average_price",
    sentence="the clicked product costs more than the average of its category",
    proxy=True,
    kind="column",
    attribute="price_2",
    equals=1,
    value="column",
    value_column="price",
)
BOUGHT = Goal(
    name="purchase",
    sentence="the visit ends with a purchase",
    proxy=False,
    kind="column",
    attribute="Revenue",
    equals=True,
)


def samples_of(frame: pd.DataFrame, texts: list[str], goal: Goal, **rest: object) -> Samples:
    """Make samples from a table by hand: ``texts`` are the categorical columns."""
    columns, categories = [], {}
    for name in frame:
        if name in texts:
            categories[str(name)] = tuple(frame[name].astype(str).value_counts().index)
            values = pd.Categorical(frame[name].astype(str), categories=categories[str(name)]).codes
        else:
            values = frame[name]
        columns.append(np.asarray(values, dtype=np.float32))
    n = len(frame)
    fields: dict[str, object] = {
        "y": None,
        "revenue": None,
        "time": np.full(n, "NaT", dtype="datetime64[us]"),
        "session": np.arange(n),
        "visitor": np.arange(n),
        **rest,
    }
    return Samples(
        X=np.column_stack(columns),
        names=tuple(map(str, frame.columns)),
        k=np.ones(n, dtype=np.int32),
        unit="click",
        goal=goal,
        source_row=np.arange(n),
        categories=categories,
        **fields,
    )


@pytest.fixture(scope="module")
def clicks(real_data: Path) -> tuple[Samples, Samples]:
    """The usual train and test files of the e-shop, all columns but the targets."""
    parts = [pd.read_csv(real_data / "uci_eshop" / f"{part}_data.csv.gz") for part in ("train", "test")]
    rows = pd.concat(parts, ignore_index=True)
    rows["page1_main_category"] = rows["page1_main_category"].map(PAGES)
    texts = ["country", "page1_main_category", "page2_clothing_model", "colour", "location"]
    samples = samples_of(
        rows.drop(columns=["session_id", "price_2"]),
        texts,
        DEAR,
        y=(rows.price_2 == 1).to_numpy(np.int8),
        revenue=rows.price.to_numpy(np.float64),
        time=pd.to_datetime(rows[["year", "month", "day"]]).to_numpy("datetime64[us]"),
        session=rows.session_id.to_numpy(np.int64),
        visitor=rows.session_id.to_numpy(np.int64),
    )
    cut = len(parts[0])
    return samples.subset(np.arange(len(rows)) < cut), samples.subset(np.arange(len(rows)) >= cut)


def test_price_2_is_named_as_a_threshold_per_category(clicks: tuple[Samples, Samples]) -> None:
    found = {f.columns: f for f in audit(*clicks, target="y") if f.verdict == "tautology"}
    rule = found["price", "page1_main_category"].detail
    assert rule.startswith(
        "`price_2` is 1 exactly when `price` ≥ 43 in blouses, ≥ 38 in sale, ≥ 52 in skirts, ≥ 48 in trousers:"
    )
    assert "`page2_clothing_model` alone fixes `price_2`" in found["page2_clothing_model",].detail


def test_the_item_fixes_the_price(clicks: tuple[Samples, Samples]) -> None:
    train, test = (part.drop(["price"]) for part in clicks)
    found = [f for f in audit(train, test, target="revenue") if f.verdict == "tautology"]
    assert [f.columns for f in found] == [("page2_clothing_model",)]
    assert "alone fixes `price` (216 values, one value each: " in found[0].detail


def test_the_usual_files_tear_sessions_apart(clicks: tuple[Samples, Samples]) -> None:
    findings = {f.check: f for f in audit(*clicks, target="y")}
    sessions = findings["sessions_in_both"]
    assert sessions.verdict == "leak"
    assert sessions.detail.startswith("12,918 sessions stand in both train and test: 96 % of the test rows")
    assert findings["future"].verdict == "leak"
    assert findings["equal_rows"].verdict == "ok"


def test_without_item_and_price_nothing_is_a_tautology(clicks: tuple[Samples, Samples]) -> None:
    train, test = (part.drop(["price", "page2_clothing_model"]) for part in clicks)
    for target in ("y", "revenue"):
        bad = {f.check for f in audit(train, test, target=target) if f.verdict != "ok"}
        assert bad == {"sessions_in_both", "future"}


def test_page_values_are_known_too_late(real_data: Path) -> None:
    visits = pd.read_csv(real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz")
    texts = ["Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType"]
    known: dict[str, Known] = {"PageValues": "end"}
    y = visits.Revenue.to_numpy(np.int8)
    features = visits.drop(columns="Revenue").astype({"Weekend": int})
    samples = samples_of(features, texts, BOUGHT, y=y, known=known)
    test = np.random.default_rng(0).random(len(samples)) < 0.2
    findings = audit(samples.subset(~test), samples.subset(test), target="y")
    assert [(f.check, f.columns) for f in findings if f.verdict == "leak"] == [
        ("known_too_late", ("PageValues",))
    ]
    assert "computed from the transactions of the visit" in findings[0].detail
