"""A small report made with real models on scikit-learn's breast cancer and diabetes data."""

from __future__ import annotations

from functools import cache

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from buysignal import curves
from buysignal.metrics import conversion_metrics, revenue_metrics
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.report import (
    AuditLine,
    Curve,
    Dataset,
    GoalNote,
    Importance,
    Pictures,
    Point,
    Report,
    Row,
    SegmentProfile,
    SliceRow,
    Table,
    TotalForecast,
)

PROXY = GoalNote(
    name="dear_click",
    sentence="the next click is on a dear product <b>&</b> so on",
    proxy=True,
    value_sentence="value still to be viewed",
    currency="USD",
)
EVIL = "<script>alert('x')</script> & \"quotes\""


@cache
def report() -> Report:
    """Three tables: a tautology with scores, amounts, and segments."""
    return Report(
        dataset=Dataset(
            name=f"clicks {EVIL}.csv",
            rows_in=1_000,
            rows_kept=990,
            rows_rejected=10,
            purchases=0,
            start="2024-01-01",
            end="2024-02-01",
            files=[EVIL],
        ),
        goal=PROXY,
        tables=[_scores(), _amounts(), _segments(), _next_item()],
        notes=[EVIL],
        created="2024-03-01T10:00:00",
        version="0.0",
    )


def _scores() -> Table:
    X, y = load_breast_cancer(return_X_y=True)
    train, test = np.arange(300), np.arange(300, len(y))
    models = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "random_forest": RandomForestClassifier(20, random_state=0),
    }
    drawn, rows = Pictures(importance_unit="rise of 1 - ROC-AUC when shuffled"), []
    for name, model in models.items():
        p = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
        metrics = conversion_metrics(y[test], p)
        interval = {"roc_auc": (metrics["roc_auc"] - 0.01, metrics["roc_auc"] + 0.005)}
        rows.append(
            Row(
                model=name,
                imbalance="none",
                metrics=metrics,
                intervals=interval,
                champion=name == "random_forest",
            )
        )
        curves.draw_scores(drawn, name, y[test], p)
        drawn.confusion = curves.confusion(y[test], p, 0.5)
    drawn.importance = [Importance(feature=f"column_{i}", value=0.1 / (i + 1)) for i in range(20)]
    return Table(
        name="Per click",
        unit="prefix",
        task="conversion",
        split="sessions before 2024-01-20 / after",
        n_train=300,
        n_test=len(test),
        base_rate=float(y[test].mean()),
        goal=PROXY,
        rows=rows,
        champion="random_forest",
        per_k=[
            SliceRow(
                slice=f"k={k}",
                n=80,
                base_rate=0.5,
                metrics={"roc_auc": 0.6 + k / 50},
                intervals={"roc_auc": (0.5, 0.9)},
            )
            for k in (1, 2, 3, 5, 10)
        ],
        audit=[
            AuditLine(
                check="function_of_columns",
                verdict="tautology",
                detail="`price` alone fixes `price_2`.",
                column="price",
            ),
            AuditLine(check="future", verdict="warning", detail=EVIL),
            AuditLine(check="equal_rows", verdict="ok", detail="No test row is equal to a train row."),
        ],
        notes=["Small sample: read the intervals."],
        pictures=drawn,
    )


def _amounts() -> Table:
    X, r = load_diabetes(return_X_y=True)
    forecast = Ridge().fit(X[:300], r[:300]).predict(X[300:])
    actual = r[300:]
    return Table(
        name="Amounts",
        unit="session",
        task="revenue",
        split="the first 300 / the rest",
        n_train=300,
        n_test=len(actual),
        base_rate=1.0,
        goal=PROXY,
        rows=[Row(model="ridge", metrics=revenue_metrics(actual, forecast), champion=True)],
        champion="ridge",
        total=TotalForecast(
            forecast=float(forecast.sum()),
            low=20_000,
            high=23_000,
            level=0.9,
            actual=float(actual.sum()),
            method="sum of forecasts",
        ),
        pictures=Pictures(
            residuals={"ridge": curves.cloud(forecast, actual - forecast)},
            predicted_actual={"ridge": curves.cloud(forecast, actual)},
        ),
    )


def _next_item() -> Table:
    """Two recommenders on a shop where item i is followed by item i + 1."""
    wanted = np.arange(1, 41, dtype=np.int32) % 40
    shown = {
        "popularity": np.tile(np.arange(40, 0, -1, dtype=np.float32), (40, 1)),
        "markov": np.eye(40, dtype=np.float32)[wanted],
    }
    figures = {name: ranking_metrics(ranks(scores, wanted)) for name, scores in shown.items()}
    rows = [
        Row(model=name, metrics={k: float(v[0]) for k, v in found.items()}, champion=name == "markov")
        for name, found in figures.items()
    ]
    return Table(
        name="next item",
        unit="click",
        task="next_item",
        split="the first days / the last",
        n_train=400,
        n_test=40,
        rows=rows,
        champion="markov",
        per_k=[
            SliceRow(slice=f"k={k}", n=20, base_rate=None, metrics={"mrr_at_20": 0.5 + k / 10})
            for k in (1, 2)
        ],
    )


def _segments() -> Table:
    X = StandardScaler().fit_transform(load_diabetes(return_X_y=True)[0])
    labels = KMeans(3, n_init=2, random_state=0).fit_predict(X)
    silhouettes, xy = silhouette_samples(X, labels), PCA(2).fit_transform(X)
    names = [f"Kind {i}" for i in range(3)]
    return Table(
        name="Segments",
        unit="session",
        task="segments",
        split="all visits",
        n_train=len(X),
        n_test=len(X),
        rows=[Row(model="kmeans", metrics={"silhouette": float(silhouettes.mean())}, champion=True)],
        segments=[
            SegmentProfile(
                segment=i, name=names[i], n=int((labels == i).sum()), share=1 / 3, means={"clicks": 3.456}
            )
            for i in range(3)
        ],
        pictures=Pictures(
            segment_map=[
                Point(x=float(x), y=float(y), segment=int(s)) for (x, y), s in zip(xy, labels, strict=True)
            ],
            silhouette={
                name: Curve(
                    x=list(range(int((labels == i).sum()))), y=np.sort(silhouettes[labels == i]).tolist()
                )
                for i, name in enumerate(names)
            },
        ),
    )
