"""Page: what goes along with another price, within the prices seen."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import earning, exports, page, revenue_charts, words
from buysignal.app.charts import draw
from buysignal.app.state import Source
from buysignal.decisions.price import NOT_CAUSE, PER_LOOKS, Kind, PriceStudy, WhatIf
from buysignal.decisions.price_range import LEAST_DAYS, LEAST_ITEMS, LEAST_LOOKS
from buysignal.errors import BuysignalError
from buysignal.sources.demo import shop_items

KINDS: dict[Kind, str] = {"item": "One item", "category": "A whole category"}
RULE = (
    f"An answer needs an item that was looked at {LEAST_LOOKS} times, on {LEAST_DAYS} days, at two prices "
    f"or more in different weeks; a category needs {LEAST_ITEMS} such items."
)


def body() -> None:
    """Draw the page."""
    page.heading(
        "Price what-if",
        "Choose an item or a category and move its price: you see the conversion and the revenue that went "
        "along with such prices, and only within the prices this data has seen.",
    )
    data = earning.need_data(
        "Whose prices?",
        "Prices can be asked about where they changed. Open the demo shop, which has weekly offers, or bring "
        "the shop's events: looks at items with their prices, carts, purchases.",
    )
    if data is None:
        return
    if data.simulated:
        st.badge("Simulated data", icon=":material/science:", color="violet")
    try:
        study = earning.prices(data)
    except BuysignalError as error:
        page.refuse(error)
        page.go("data", "Choose other data", "database", primary=True)
        return
    if study.refusal:
        st.warning(words.prose(study.refusal), icon=":material/block:")
    kind, name = _chosen(study, data)
    why = study.refuse(kind, name)
    if why:
        _refused(study, why)
    else:
        _answer(study, kind, name, data)
    _overview(study, kind, data)


def _chosen(study: PriceStudy, data: Source) -> tuple[Kind, str]:
    """Ask for an item or category; those that can be answered come first."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        picked = st.segmented_control(
            "Change the price of", list(KINDS), default="item", required=True, format_func=KINDS.__getitem__,
            key="price_kind",
        )  # fmt: skip
        kind: Kind = "category" if picked == "category" else "item"
        table = study.items if kind == "item" else study.categories
        ordered = table.sort_values(["allowed", "looks"], ascending=False)
        titles = _titles(data) if kind == "item" else {}
        answered = set(ordered.index[ordered["allowed"]]) if not study.refusal else set()
        name = st.selectbox(
            "Item" if kind == "item" else "Category",
            list(ordered.index),
            format_func=lambda n: titles.get(n, str(n)) + ("" if n in answered else " – no answer"),
            key=f"price_{kind}",
            width=420,
            help=RULE,
        )
    return kind, str(name)


def _titles(data: Source) -> dict[str, str]:
    """Return readable names of the demo shop's items."""
    if not data.simulated:
        return {}
    items = shop_items()
    named = zip(items["item_id"], items["name"], strict=True)
    return {str(item): f"{name} ({item})" for item, name in named}


def _refused(study: PriceStudy, why: str) -> None:
    if why != study.refusal:
        st.warning(words.prose(why), icon=":material/block:")
    st.caption(RULE)
    if not (study.items["allowed"].any() and not study.refusal):
        page.go("data", "Choose other data", "database", primary=True)


def _answer(study: PriceStudy, kind: Kind, name: str, data: Source) -> None:
    price = _slider(study, kind, name)
    found = study.what_if(kind, name, price)
    st.markdown(f"**{words.plain(found.sentence)}**")
    _figures(study, found)
    _charts(study, found, data)
    st.info(NOT_CAUSE, icon=":material/info:")
    curve = found.curve.assign(kind=kind, name=name, outcome=study.outcome, association_not_cause=True,
                               simulated=data.simulated)  # fmt: skip
    st.download_button(
        "Download the curve (CSV)", data=lambda: exports.scores_csv(curve), file_name="price-what-if.csv",
        mime="text/csv", icon=":material/download:", on_click="ignore", key="price_download",
    )  # fmt: skip


def _slider(study: PriceStudy, kind: Kind, name: str) -> float:
    """Ask for a price within those seen; at first the end that lies further from the usual price."""
    table = study.items if kind == "item" else study.categories
    low, high, usual = (float(table[column].loc[name]) for column in ("low", "high", "usual"))
    if kind == "category":
        ends = round(100 * low), round(100 * high)
        first = ends[0] if 100 - ends[0] >= 5 else ends[1]
        asked = st.slider(
            "All prices of the category, in percent of the usual", ends[0], ends[1], first, format="%d %%",
            key=f"price_slider_{name}",
        )  # fmt: skip
        return min(max(asked / 100, low), high)
    unit = study.looks.currency or ""
    ends_money = round(low, 2), round(high, 2)
    start = ends_money[0] if usual - low >= high - usual else ends_money[1]
    asked_money = st.slider(
        f"Price ({unit})" if unit else "Price", *ends_money, start, step=0.01, format="%.2f",
        key=f"price_slider_{name}",
        help=f"The slider ends where the prices seen end. The usual price is {words.money(usual, unit)}.",
    )  # fmt: skip
    return min(max(asked_money, low), high)


def _figures(study: PriceStudy, found: WhatIf) -> None:
    currency = study.looks.currency
    interval = "The interval is that of the association alone: 95 of 100 such intervals hold the true one."
    leads = "Looks that lead to the cart" if study.outcome == "carted" else "Looks that lead to buying"
    value = "Revenue" if study.looks.has_purchases else "Value put into carts (no revenue)"
    with st.container(horizontal=True):
        for label, now, change in (
            (leads, words.percent(found.rate.value), found.rate_change),
            (f"{value}, {PER_LOOKS} looks", words.money(found.value.value, currency), found.value_change),
        ):
            st.metric(
                label, now, f"{_change(change.value)} ({_change(change.low)} to {_change(change.high)})",
                delta_color="off", delta_arrow="off", border=True, width=330, help=interval,
            )  # fmt: skip


def _change(share: float) -> str:
    return f"{100 * share:+.0f} %".replace("-", "−")


def _charts(study: PriceStudy, found: WhatIf, data: Source) -> None:
    currency, percent = study.looks.currency, found.kind == "category"
    unit = f" ({currency})" if currency else ""
    x = "Price, of the usual one (%)" if percent else f"Price{unit}"
    leads = "put into the cart next" if study.outcome == "carted" else "bought later in the visit"
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Conversion")
        draw(
            revenue_charts.association(
                found.curve, found.seen, (found.price, found.rate.value), x=x, percent=percent,
                y=f"Looks {leads} (%)",
            ),
            "price_conversion",
            "Conversion along the price",
        )  # fmt: skip
        page.caption(
            f"Share of looks at which the item is {leads}, along the prices seen. The band also holds what "
            "is not known of the level; circles are the prices as they were, larger with more looks.",
            None,
            data.simulated,
        )
    with right:
        st.subheader("Revenue" if study.looks.has_purchases else "Value put into carts")
        word = "Revenue" if study.looks.has_purchases else "Value in carts"
        draw(
            revenue_charts.value_along(
                found.curve, (found.price, found.value.value), x=x, percent=percent,
                y=f"{word} of {PER_LOOKS} looks{unit}",
            ),
            "price_value",
            "Revenue along the price",
        )  # fmt: skip
        bought = (
            " times the share of carts that are bought, whatever the price"
            if study.outcome == "carted" and study.looks.has_purchases
            else ""
        )
        page.caption(
            f"Price times conversion{bought}, for {PER_LOOKS} looks. How many looks a price draws is not "
            "part of it.",
            None,
            data.simulated,
        )


def _overview(study: PriceStudy, kind: Kind, data: Source) -> None:
    table = (study.items if kind == "item" else study.categories).reset_index()
    can = int(table["allowed"].sum()) if not study.refusal else 0
    with st.expander(f"What can be asked: {can:,} of {words.count(len(table), kind, _many(kind))}"):
        currency = study.looks.currency
        price = words.money_format(currency) if kind == "item" else "percent"
        shown = table.sort_values(["allowed", "looks"], ascending=False)
        if study.refusal:
            shown = shown.assign(allowed=False)
        _table(shown, kind, price)
        exported = shown.assign(simulated=data.simulated)
        st.download_button(
            "Download this list (CSV)", data=lambda: exports.scores_csv(exported), file_name="prices.csv",
            mime="text/csv", icon=":material/download:", on_click="ignore", key="prices_download",
        )  # fmt: skip


def _table(shown: pd.DataFrame, kind: Kind, price: str) -> None:
    st.dataframe(
        shown,
        hide_index=True,
        height=320,
        placeholder="",
        column_order=[kind, "looks", "usual", "low", "high", "allowed", "why"],
        column_config={
            kind: kind.capitalize(),
            "looks": st.column_config.NumberColumn("Looks", format="localized"),
            "usual": st.column_config.NumberColumn("Usual price", format=price),
            "low": st.column_config.NumberColumn("Lowest seen", format=price),
            "high": st.column_config.NumberColumn("Highest seen", format=price),
            "allowed": st.column_config.CheckboxColumn("Can be asked"),
            "why": st.column_config.TextColumn("Why not", width="large"),
        },
    )


def _many(kind: Kind) -> str:
    return "items" if kind == "item" else "categories"


if __name__ == "__main__":
    page.show(body)
