"""The fold against the same features in pandas, Polars and DuckDB window functions.

All start from the same sorted events in memory. The peers compute a dozen features, checked to be equal
to ours; the fold computes its whole catalogue. Run: ``python benchmarks/fold.py [visitors]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from _results import Row, write_results
from buysignal import events as ev
from buysignal import features, sessions
from buysignal.features.encode import encode
from buysignal.features.kernel import fold_all
from buysignal.sources.demo import simulate

VISITORS = 200_000
REPEATS = 3
DOZEN = (
    "n_events", "n_page_view", "n_search", "n_view_item", "n_add_to_cart", "price_sum", "price_mean",
    "price_min", "price_max", "seconds_since_start", "gap_last", "gap_max", "distinct_items",
)  # fmt: skip
COUNTED = ("page_view", "search", "view_item", "add_to_cart")


def main(visitors: int = VISITORS) -> None:
    events = sessions.assign(simulate(visitors=visitors, days=28, seed=0).events)
    n = events.num_rows
    print(f"{n:,} events of {visitors:,} visitors, {len(features.NAMES)} features")
    vocabulary = features.fit_vocabulary(events)
    ours, X = _kernel(events, vocabulary)
    whole, _ = _best(lambda: features.fold(events, vocabulary))
    flat = _flat(events)
    frame, polar = flat.to_pandas(), pl.from_arrow(flat)
    rows = [
        Row(benchmark="fold", metric="events_per_s", value=n / ours, n=n, case="kernel, all features"),
        Row(benchmark="fold", metric="events_per_s", value=n / whole, n=n, case="with encoding and memory"),
    ]
    peers: dict[str, Callable[[], Any]] = {
        "pandas": lambda: _pandas(frame),
        "polars": lambda: _polars(polar),
        "duckdb-windows": lambda: _duckdb(flat),
    }
    for peer, run in peers.items():
        seconds, table = _best(run)
        _check_equal(X, table, peer)
        print(f"{peer}: {seconds:.2f} s; the fold is {seconds / ours:.1f} times as fast")
        rows.append(
            Row(
                benchmark="fold", metric="events_per_s", value=n / ours, n=n,
                peer=peer, peer_value=n / seconds,
                case=f"{len(features.NAMES)} features against {len(DOZEN)}",
            )
        )  # fmt: skip
    print(f"the fold: {n / ours / 1e6:.1f} million events/s, {n / whole / 1e6:.1f} with encoding and memory")
    write_results("fold", rows)


def _kernel(events: pa.Table, vocabulary: features.Vocabulary) -> tuple[float, np.ndarray]:
    """Time the compiled walk alone, into memory that is there already."""
    where = sessions.layout(events)
    arrays = encode(events, vocabulary)
    out = np.zeros((events.num_rows, len(features.NAMES)), np.float32)
    seconds, _ = _best(
        lambda: fold_all(
            arrays, where.session_starts, where.visitor_starts, np.zeros(where.sessions, np.int8),
            vocabulary.item_priors[None], vocabulary.category_priors[None],
            features.even_chunks(where), out,
        )
    )  # fmt: skip
    return seconds, out


def _best(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least of several times, the first (with compilation) not counted, and the result."""
    result = run()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def _flat(events: pa.Table) -> pa.Table:
    """Return plain columns with integer keys: what the peers are fastest with."""
    where = sessions.layout(events)
    name = ev.codes_of_names(events)
    viewed = np.isin(name, [ev.EVENT_CODES["view_item"], ev.EVENT_CODES["select_item"]])
    price = events.column("price").to_numpy()
    return pa.table(
        {
            "row": np.arange(events.num_rows),
            "session": where.session_of_row(),
            "seconds": sessions.times(events) / 1e6,
            "item": sessions.codes(events.column("item_id")),
            "price": pa.array(np.where(viewed, price, np.nan), from_pandas=True),
            **{f"is_{e}": (name == ev.EVENT_CODES[e]).astype(np.int32) for e in COUNTED},
        }
    )


def _pandas(frame: pd.DataFrame) -> pd.DataFrame:
    by = frame.groupby("session", sort=False)
    price = frame["price"]
    known = price.notna()
    keys = frame["session"]
    gap = by["seconds"].diff()
    first = ~frame.duplicated(["session", "item"]) & (frame["item"] >= 0)
    sums = price.fillna(0.0).groupby(keys, sort=False).cumsum()
    count = known.groupby(keys, sort=False).cumsum()
    return pd.DataFrame(
        {
            "n_events": by.cumcount() + 1,
            **{f"n_{e}": by[f"is_{e}"].cumsum() for e in COUNTED},
            "price_sum": sums,
            "price_mean": sums / count,
            "price_min": by["price"].cummin().groupby(keys, sort=False).ffill(),
            "price_max": by["price"].cummax().groupby(keys, sort=False).ffill(),
            "seconds_since_start": frame["seconds"] - by["seconds"].transform("first"),
            "gap_last": gap,
            "gap_max": gap.groupby(keys, sort=False).cummax(),
            "distinct_items": first.groupby(keys, sort=False).cumsum(),
        }
    )


def _polars(frame: pl.DataFrame) -> pd.DataFrame:
    price = pl.col("price")
    gap = pl.col("seconds").diff()
    new_item = pl.struct("session", "item").is_first_distinct() & (pl.col("item") >= 0)
    table = (
        frame.lazy()
        .with_columns(new_item.cast(pl.Int32).alias("new_item"))
        .select(
            (pl.int_range(pl.len()).over("session") + 1).alias("n_events"),
            *(pl.col(f"is_{e}").cum_sum().over("session").alias(f"n_{e}") for e in COUNTED),
            price.fill_null(0).cum_sum().over("session").alias("price_sum"),
            (price.fill_null(0).cum_sum() / price.is_not_null().cum_sum())
            .over("session")
            .alias("price_mean"),
            price.cum_min().forward_fill().over("session").alias("price_min"),
            price.cum_max().forward_fill().over("session").alias("price_max"),
            (pl.col("seconds") - pl.col("seconds").first()).over("session").alias("seconds_since_start"),
            gap.over("session").alias("gap_last"),
            gap.cum_max().over("session").alias("gap_max"),
            pl.col("new_item").cum_sum().over("session").alias("distinct_items"),
        )
        .collect()
    )
    return table.to_pandas()


def _duckdb(flat: pa.Table) -> pd.DataFrame:
    counts = ", ".join(f"sum(is_{e}) OVER s AS n_{e}" for e in COUNTED)
    query = f"""
        SELECT * EXCLUDE (row, gap, first_time), max(gap) OVER s2 AS gap_max FROM (
          SELECT row, session, count(*) OVER s AS n_events, {counts},
                 coalesce(sum(price) OVER s, 0) AS price_sum, avg(price) OVER s AS price_mean,
                 min(price) OVER s AS price_min, max(price) OVER s AS price_max,
                 first_value(seconds) OVER s AS first_time, seconds - first_time AS seconds_since_start,
                 seconds - lag(seconds) OVER s AS gap, gap AS gap_last,
                 sum(is_new) OVER s AS distinct_items
          FROM (SELECT *, (item >= 0 AND row_number() OVER (PARTITION BY session, item ORDER BY row) = 1)::INT
                          AS is_new FROM flat)
          WINDOW s AS (PARTITION BY session ORDER BY row))
        WINDOW s2 AS (PARTITION BY session ORDER BY row) ORDER BY row
    """
    connection = duckdb.connect(config={"threads": 2})
    connection.register("flat", flat)
    return connection.sql(query).df()


def _check_equal(X: np.ndarray, table: pd.DataFrame, peer: str) -> None:
    for name in DOZEN:
        ours = X[:, features.NAMES.index(name)]
        theirs = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        if name == "gap_max":  # before the first pause there is none: ours and theirs both say so
            theirs = np.where(np.isnan(ours), np.nan, theirs)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-3, err_msg=f"{name} by {peer}")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
