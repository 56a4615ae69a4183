"""A dozen of the fold's features as pandas, Polars and DuckDB compute them, each in its fastest forms.

All read ``flat``: sorted rows with integer keys, sessions in one piece. Every form of a peer is timed, and
the fastest is what the fold is held against. The running sums use what a library does not know by itself:
that rows are sorted, so that a sum within a session is the sum over all rows less what it was before it.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions

DOZEN = (
    "n_events", "n_page_view", "n_search", "n_view_item", "n_add_to_cart", "price_sum", "price_mean",
    "price_min", "price_max", "seconds_since_start", "gap_last", "gap_max", "distinct_items",
)  # fmt: skip
COUNTED = ("page_view", "search", "view_item", "add_to_cart")

Floats = npt.NDArray[np.float64]


def flat_table(events: pa.Table) -> pa.Table:
    """Return plain columns with integer keys: what the peers are fastest with."""
    where = sessions.layout(events)
    name = ev.codes_of_names(events)
    viewed = np.isin(name, [ev.EVENT_CODES["view_item"], ev.EVENT_CODES["select_item"]])
    item = sessions.codes(events.column("item_id"))
    session = where.session_of_row()
    return pa.table(
        {
            "row": np.arange(events.num_rows),
            "session": session,
            "seconds": sessions.times(events) / 1e6,
            "item": item,
            "session_item": session * (item.max() + 2) + item,
            "price": pa.array(np.where(viewed, events.column("price").to_numpy(), np.nan), from_pandas=True),
            **{f"is_{e}": (name == ev.EVENT_CODES[e]).astype(np.int32) for e in COUNTED},
        }
    )


def pandas_groupby(frame: pd.DataFrame) -> pd.DataFrame:
    """One groupby; each of its cumulative calls takes all the columns it can."""
    gap = frame["seconds"].diff().where(frame["session"].diff() == 0)
    ready = frame.assign(
        one=1,
        known=frame["price"].notna(),
        paid=frame["price"].fillna(0.0),
        low=frame["price"].fillna(np.inf),
        high=frame["price"].fillna(-np.inf),
        pause=gap.fillna(-np.inf),
        new=~frame["session_item"].duplicated() & (frame["item"] >= 0),
    )
    by = ready.groupby("session", sort=False)
    sums = by[["one", *(f"is_{e}" for e in COUNTED), "known", "paid", "new"]].cumsum()
    most = by[["high", "pause"]].cummax()
    seen = sums["known"] > 0
    return pd.DataFrame(
        {
            "n_events": sums["one"],
            **{f"n_{e}": sums[f"is_{e}"] for e in COUNTED},
            "price_sum": sums["paid"],
            "price_mean": sums["paid"] / sums["known"],
            "price_min": by["low"].cummin().where(seen),
            "price_max": most["high"].where(seen),
            "seconds_since_start": frame["seconds"] - by["seconds"].transform("first"),
            "gap_last": gap,
            "gap_max": most["pause"].where(most["pause"] >= 0),
            "distinct_items": sums["new"],
        }
    )


def pandas_running(frame: pd.DataFrame) -> pd.DataFrame:
    """Running sums and extremes over all rows, in NumPy; each session's lifted above those before it."""
    column = {name: frame[name].to_numpy() for name in frame}
    starts = np.flatnonzero(np.diff(column["session"], prepend=-1))
    sizes = np.diff(np.append(starts, len(frame)))
    rank = np.repeat(np.arange(len(starts), dtype=np.float64), sizes)

    def total(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        running = np.cumsum(values)
        return running - np.repeat(running[starts] - values[starts], sizes)

    def highest(values: Floats, known: npt.NDArray[np.bool_], span: float) -> Floats:
        floor = rank * span
        return np.maximum.accumulate(np.where(known, values + floor, floor)) - floor

    price, seconds = column["price"], column["seconds"]
    known = ~np.isnan(price)
    span = 2 * np.nanmax(price) + 1
    count = total(known.astype(np.int32))
    seen = count > 0
    paid = total(np.where(known, price, 0.0))
    gap = np.diff(seconds, prepend=0.0)
    gap[starts] = np.nan
    longest = highest(gap, ~np.isnan(gap), np.nanmax(gap) + 1)
    longest[starts] = np.nan
    new = ~frame["session_item"].duplicated().to_numpy() & (column["item"] >= 0)
    return pd.DataFrame(
        {
            "n_events": np.arange(len(frame)) - np.repeat(starts, sizes) + 1,
            **{f"n_{e}": total(column[f"is_{e}"]) for e in COUNTED},
            "price_sum": paid,
            "price_mean": paid / np.where(seen, count, np.nan),
            "price_min": np.where(seen, span / 2 - highest(span / 2 - price, known, span), np.nan),
            "price_max": np.where(seen, highest(price, known, span), np.nan),
            "seconds_since_start": seconds - np.repeat(seconds[starts], sizes),
            "gap_last": gap,
            "gap_max": longest,
            "distinct_items": total(new.astype(np.int32)),
        },
        copy=False,
    )


def polars_windows(frame: pl.DataFrame) -> pl.DataFrame:
    """Expressions over sessions, the key marked as sorted."""
    price, gap = pl.col("price"), pl.col("seconds").diff()
    within = {
        "n_events": pl.int_range(1, pl.len() + 1),
        **{f"n_{e}": pl.col(f"is_{e}").cum_sum() for e in COUNTED},
        "price_sum": price.fill_null(0).cum_sum(),
        "price_mean": price.fill_null(0).cum_sum() / price.is_not_null().cum_sum(),
        "price_min": price.cum_min().forward_fill(),
        "price_max": price.cum_max().forward_fill(),
        "seconds_since_start": pl.col("seconds") - pl.col("seconds").first(),
        "gap_last": gap,
        "gap_max": gap.cum_max(),
        "distinct_items": pl.col("new").cum_sum(),
    }
    marked = frame.lazy().with_columns(pl.col("session").set_sorted(), new=_new_item())
    return marked.select(**{name: e.over("session") for name, e in within.items()}).collect()


def polars_running(frame: pl.DataFrame) -> pl.DataFrame:
    """Running sums and extremes over all rows, as ``pandas_running`` has them, in Polars' expressions."""
    first, row = pl.col("first"), pl.int_range(pl.len())
    price, seconds, rank = pl.col("price"), pl.col("seconds"), pl.col("session").cast(pl.Float64)
    most = frame["price"].max()
    assert isinstance(most, float)
    span = 2 * most + 1
    longest = pl.col("gap").max() + 1

    def total(values: pl.Expr) -> pl.Expr:
        return values.cum_sum() - pl.when(first).then(values.cum_sum() - values).forward_fill()

    def highest(values: pl.Expr, span: float | pl.Expr) -> pl.Expr:
        return pl.coalesce(values + rank * span, rank * span).cum_max() - rank * span

    count, paid = total(price.is_not_null().cast(pl.Int32)), total(price.fill_null(0.0))
    return (
        frame.lazy()
        .with_columns(
            first=(pl.col("session") != pl.col("session").shift(1)).fill_null(True), new=_new_item()
        )
        .with_columns(gap=pl.when(~first).then(seconds - seconds.shift(1)))
        .select(
            n_events=row - pl.when(first).then(row).forward_fill() + 1,
            **{f"n_{e}": total(pl.col(f"is_{e}")) for e in COUNTED},
            price_sum=paid,
            price_mean=paid / count,
            price_min=pl.when(count > 0).then(span / 2 - highest(span / 2 - price, span)),
            price_max=pl.when(count > 0).then(highest(price, span)),
            seconds_since_start=seconds - pl.when(first).then(seconds).forward_fill(),
            gap_last=pl.col("gap"),
            gap_max=pl.when(~first).then(highest(pl.col("gap"), longest)),
            distinct_items=total(pl.col("new")),
        )
        .collect()
    )


def _new_item() -> pl.Expr:
    return (pl.col("session_item").is_first_distinct() & (pl.col("item") >= 0)).cast(pl.Int32)


def duckdb_windows(flat: pa.Table) -> pa.Table:
    """One window by rows; the order of the answer is left to DuckDB, which saves it a sort."""
    counts = ", ".join(f"sum(is_{e}) OVER s AS n_{e}" for e in COUNTED)
    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    connection.register("flat", flat)
    return connection.sql(f"""
        WITH fresh AS (SELECT min(row) AS row FROM flat WHERE item >= 0 GROUP BY session_item)
        SELECT row, count(*) OVER s AS n_events, {counts},
               coalesce(sum(price) OVER s, 0) AS price_sum, avg(price) OVER s AS price_mean,
               min(price) OVER s AS price_min, max(price) OVER s AS price_max,
               seconds - first_value(seconds) OVER s AS seconds_since_start,
               gap AS gap_last, max(gap) OVER s AS gap_max, sum(is_new) OVER s AS distinct_items
        FROM (SELECT flat.*, (fresh.row IS NOT NULL)::INT AS is_new,
                     seconds - lag(seconds) OVER (PARTITION BY session ORDER BY flat.row) AS gap
              FROM flat LEFT JOIN fresh ON flat.row = fresh.row)
        WINDOW s AS (PARTITION BY session ORDER BY row ROWS UNBOUNDED PRECEDING)
    """).to_arrow_table()


def contenders(flat: pa.Table) -> dict[str, dict[str, Callable[[], object]]]:
    """Return each peer's forms, ready to be called on ``flat``."""
    frame, polar = flat.to_pandas(), pl.DataFrame(flat).rechunk()
    return {
        "pandas": {"groupby": lambda: pandas_groupby(frame), "running": lambda: pandas_running(frame)},
        "polars": {"windows": lambda: polars_windows(polar), "running": lambda: polars_running(polar)},
        "duckdb-windows": {"windows": lambda: duckdb_windows(flat)},
    }


def check_equal(dozen: npt.NDArray[np.float32], answer: object, peer: str) -> None:
    """Assert that ``answer`` holds the features that the fold has written, (n, 13) as in ``DOZEN``."""
    if isinstance(answer, pa.Table):
        answer = answer.sort_by("row").to_pandas()
    if isinstance(answer, pl.DataFrame):
        answer = answer.to_pandas()
    assert isinstance(answer, pd.DataFrame)
    for column, name in enumerate(DOZEN):
        theirs = answer[name].to_numpy(dtype=np.float64, na_value=np.nan)
        np.testing.assert_allclose(
            dozen[:, column], theirs, rtol=2e-5, atol=2e-3, err_msg=f"{name} by {peer}"
        )
