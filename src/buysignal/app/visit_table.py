"""The table of visits: as many rows as a person can use, one of which can be picked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from buysignal.app import visit_filters, words
from buysignal.app.state import Model

MOST_ROWS = 1_000
"""Rows that go to the browser; nobody scrolls further, and the download has all."""

SHOWN = ("session_id", "row", "probability", "percentile", "expected_revenue", "revenue_low", "revenue_high",
         "segment", "cart_items", "cart_value", "clicks", "last_seen", "visitor_id", "already_bought",
         "suspected_bot")  # fmt: skip


def pick(used: Model, shown: pd.DataFrame, currency: str | None) -> dict[str, Any] | None:
    """Show the visits and return the row that was picked."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        table, order = visit_filters.ordered(shown)
        st.caption(_said(len(shown), order))
    table = table.head(MOST_ROWS)
    event = st.dataframe(
        table,
        hide_index=True,
        height=420,
        column_order=_order(table),
        column_config={**_columns(used, currency), **_choices(table)},
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}},
        key="visits",
    )
    rows = event["selection"]["rows"]
    return table.iloc[rows[0]].to_dict() if rows and rows[0] < len(table) else None


def _said(number: int, order: str) -> str:
    many = f"The first {MOST_ROWS:,} of {number:,} by {order}; the download has all. "
    hint = "Tick a visit on the left to see it click by click below."
    return (many if number > MOST_ROWS else "") + hint


def _order(table: pd.DataFrame) -> list[str]:
    shown = [name for name in SHOWN if name in table]
    place = shown.index("visitor_id") if "visitor_id" in shown else len(shown)
    return [*shown[:place], *visit_filters.choices(table), *shown[place:]]


def _choices(table: pd.DataFrame) -> dict[str, Any]:
    named = visit_filters.choices(table)
    return {name: st.column_config.TextColumn(words.column(name)) for name in named}


def _columns(used: Model, currency: str | None) -> dict[str, Any]:
    config, goal = st.column_config, used.bundle.goal
    amount = words.money_format(currency)
    unit = f" ({currency})" if currency and amount == "localized" else ""
    return {
        "session_id": config.TextColumn("Visit", width="medium"),
        "row": config.NumberColumn("Row", format="localized", width="small"),
        "visitor_id": config.TextColumn("Visitor", width="medium"),
        "probability": config.ProgressColumn(
            words.short_chance(goal),
            format="percent",
            min_value=0,
            max_value=1,
            help=words.HELP["probability"],
        ),
        "percentile": config.NumberColumn("Percentile", format="%.0f", help=words.HELP["percentile"]),
        "expected_revenue": config.NumberColumn(
            words.short_amount(goal) + unit, format=amount, help=words.HELP["expected_revenue"]
        ),
        "revenue_low": config.NumberColumn("From" + unit, format=amount, help=words.HELP["interval"]),
        "revenue_high": config.NumberColumn("To" + unit, format=amount, help=words.HELP["interval"]),
        "segment": config.TextColumn("Segment", help=words.HELP["segment"]),
        "cart_items": config.NumberColumn(
            "In the cart", format="localized", help="Pieces in the cart at the last click."
        ),
        "cart_value": config.NumberColumn("Cart value" + unit, format=amount),
        "clicks": config.NumberColumn("Clicks", format="localized"),
        "last_seen": config.DatetimeColumn("Last seen (UTC)", format="YYYY-MM-DD HH:mm"),
        "already_bought": config.CheckboxColumn("Has bought"),
        "suspected_bot": config.CheckboxColumn("Suspected bot", help=words.HELP["bots"]),
    }
