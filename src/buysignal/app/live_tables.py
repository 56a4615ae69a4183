"""The tables of the live page: carts at risk now, and the likeliest visits."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from buysignal.alerts.visits import Labels, OpenVisit
from buysignal.app import words

SHOWN = 10


def table_of(visits: list[OpenVisit], now: int) -> pd.DataFrame:
    """Return a row a visit, as its latest score tells of it.

    ``at_risk`` is the cart's value times the chance that nothing is bought.
    """
    rows = [
        {
            "visit": visit.session_id,
            "visitor_id": visit.visitor_id,
            "idle_minutes": max(now - visit.last, 0) / 60e6,
            "clicks": visit.clicks,
            "probability": visit.probability,
            "expected": visit.expected,
            "segment": visit.segment,
            "cart_items": visit.cart_items,
            "cart_value": visit.cart_value,
            "at_risk": visit.cart_value * (1 - visit.probability),
        }
        for visit in visits
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = ["visit", "visitor_id", "idle_minutes", "clicks", "probability", "expected", "segment",
           "cart_items", "cart_value", "at_risk"]  # fmt: skip


def carts(table: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return the visits with something in the cart; of a proxy no risk can be told, so by value."""
    filled = table[table["cart_items"] > 0]
    return filled.sort_values("cart_value" if labels.proxy else "at_risk", ascending=False, kind="stable")


def likeliest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the visits, highest probability first."""
    return table.sort_values("probability", ascending=False, kind="stable")


def show(
    table: pd.DataFrame,
    columns: tuple[str, ...],
    labels: Labels,
    currency: str | None,
    key: str,
    *,
    pick: bool,
) -> int | None:
    """Show the first rows; returns the place of the row that was picked, where one can be."""
    shown = table.head(SHOWN)
    options: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-row"} if pick else {}
    event = st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        height=38 + 35 * SHOWN,
        column_order=[name for name in columns if shown[name].notna().any() or shown.empty],
        column_config=_columns(labels, currency, bars="expected" in columns),
        key=f"{key}_{'pick' if pick else 'move'}",
        **options,
    )
    rows = event["selection"]["rows"] if pick else []
    return rows[0] if rows and rows[0] < len(shown) else None


def _columns(labels: Labels, currency: str | None, *, bars: bool) -> dict[str, Any]:
    config, amount = st.column_config, words.money_format(currency)
    unit = f" ({currency})" if currency and amount == "localized" else ""
    chance = "Probability (proxy)" if labels.proxy else "Probability"
    meant = words.HELP["probability"]
    return {
        "visit": config.TextColumn("Visit"),
        "idle_minutes": config.NumberColumn("Idle (min)", format="%.1f", width="small",
                                            help="Minutes since the latest click, by the shop's time."),
        "clicks": config.NumberColumn("Clicks", format="localized", width="small"),
        "probability": (
            config.ProgressColumn(chance, format="percent", min_value=0, max_value=1, help=meant)
            if bars
            else config.NumberColumn(chance, format="percent", help=meant)
        ),
        "expected": config.NumberColumn(("Expected amount" if labels.proxy else "Expected") + unit,
                                        format=amount, help=words.HELP["expected_revenue"]),
        "segment": config.TextColumn("Segment", help=words.HELP["segment"]),
        "cart_value": config.NumberColumn("Cart" + unit, format=amount),
        "at_risk": config.NumberColumn("At risk" + unit, format=amount,
                                       help="What lies in the cart times the chance that nothing is bought, "
                                       "as of the visit's last click."),
    }  # fmt: skip
