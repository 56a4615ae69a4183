"""Which of the scored visits are listed, and in which order."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import state, words
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.visit_facts import facts_of, visit_facts

ANY_CART, WITH_CART, NO_CART = "All", "With a cart", "No cart"
MOST_CHOICES = 50
ORDERS = {
    "probability": "probability",
    "expected_revenue": "expected amount",
    "cart_value": "value in the cart",
    "clicks": "clicks",
    "last_seen": "last seen",
}


def with_facts(used: Model, data: Source, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with what is plain to see of each visit beside them, row by row the same."""
    key = (data.token, used.bundle.version)
    return pd.concat([scores, held("visit_facts", key, lambda: _facts(used, data, scores))], axis=1)


def _facts(used: Model, data: Source, scores: pd.DataFrame) -> pd.DataFrame:
    table = data.loaded.table
    if used.bundle.reads_events:
        folded = state.folded(data, used)
        facts = visit_facts(table, used.bundle.session_gap) if folded is None else facts_of(folded.events)
        return facts.drop(columns="session_id")
    named = [name for name in used.bundle.categories if name in table.column_names and name not in scores]
    return pd.DataFrame({name: table.column(name).to_pandas().astype("category") for name in named})


def choices(table: pd.DataFrame) -> list[str]:
    """Return the columns of which values can be chosen: where a visit came from, or words of its row."""
    return [str(name) for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]


def filtered(table: pd.DataFrame) -> pd.DataFrame:
    """Ask which visits are wanted; return them in the order they came."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        low, high = st.slider(
            "Probability", 0, 100, (0, 100), format="%d %%", key="probability_range", width=250
        )
        keep = table["probability"].between(low / 100, high / 100)
        if "segment" in table:
            segments = st.multiselect(
                "Segments", sorted(table["segment"].unique()), placeholder="All", key="segments", width=250
            )
            keep &= table["segment"].isin(segments) if segments else True
        if "cart_items" in table and table["cart_items"].any():
            cart = st.segmented_control("Cart at the end", (ANY_CART, WITH_CART, NO_CART), default=ANY_CART,
                                        required=True, key="cart_filter")  # fmt: skip
            keep &= (table["cart_items"] > 0) == (cart == WITH_CART) if cart != ANY_CART else True
        for name in choices(table):
            keep &= _chosen(table[name], name)
        keep &= _hidden(table, "already_bought", "Hide visits that have bought", None)
        keep &= _hidden(table, "suspected_bot", "Hide suspected bots", words.HELP["bots"])
    return table[keep]


def _chosen(column: pd.Series, name: str) -> pd.Series | bool:
    """Ask for values of a column; the most frequent ones are offered."""
    offered = list(column.value_counts().head(MOST_CHOICES).index)
    picked = st.multiselect(
        words.column(name), offered, placeholder="All", key=f"filter_{name}", width=175,
        format_func=lambda value: str(value).replace("_", " "),
    )  # fmt: skip
    return column.isin(picked) if picked else True


def _hidden(table: pd.DataFrame, name: str, label: str, hint: str | None) -> pd.Series | bool:
    if name not in table or not table[name].any():
        return True
    return ~table[name] if st.toggle(label, value=True, key=f"hide_{name}", help=hint) else True


def ordered(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Ask for the order; return the visits in it, highest first, and what it is called."""
    offered = [name for name in ORDERS if name in table and table[name].notna().any()]
    by = st.selectbox("Highest first by", offered, format_func=ORDERS.__getitem__, key="order_by", width=220)
    return table.sort_values(by, ascending=False, kind="stable"), ORDERS[by]
