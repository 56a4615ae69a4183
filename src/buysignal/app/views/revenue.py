"""Page: what the coming days bring, and how earlier forecasts came out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from buysignal.app import earning, exports, page, revenue_charts, state, words
from buysignal.app.charts import draw
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.decisions.daily import LEAST_DAYS
from buysignal.decisions.forecast import MOST_DAYS, Amount, Forecast
from buysignal.decisions.hindsight import LEARNED, compare
from buysignal.errors import BuysignalError
from buysignal.outlook import MOMENTS, Ahead, came_true

AS_OF = {0: "The end of the data", 7: "One week earlier", 14: "Two weeks earlier"}
GROUPS = {
    "channel": "Channel",
    "category": "Category",
    "segment": "Segment",
    "device": "Device",
    "day": "Day",
}
INTERVAL = (
    "Nine of ten such forecasts see the actual total inside these bounds, as long as the shop keeps its ways."
)


def body() -> None:
    """Draw the page."""
    used, data = state.model(), state.source()
    goal = used.bundle.goal if used is not None else None
    simulated = (data is not None and data.simulated) or (used is not None and used.simulated)
    page.heading(
        "Estimation of amounts" if goal is not None and goal.proxy else "Revenue estimation",
        "What the coming days will bring, from the visits under way and those to come; and how such "
        "forecasts came out before.",
        goal=goal,
        simulated=simulated,
    )
    used = page.need_model()
    if used is None:
        return
    data = earning.need_data(
        "Which history?",
        "A forecast stands on the days before it. Open the demo shop, or bring two weeks or more of visits.",
        offer_demo=used.bundle.reads_events,
    )
    if data is None:
        return
    _ahead(used, data)
    _back(used, data)


def _ahead(used: Model, data: Source) -> None:
    st.header("The coming days", divider="gray")
    try:
        latest = earning.ahead(data, used)
        days, back = _asked(latest)
        asked = latest
        if back:
            moment = latest.now - np.timedelta64(back, "D")
            asked = earning.ahead(data, used, str(moment))
        about = (data.token, used.bundle.version, str(asked.now), days)
        found = held("forecast", about, lambda: asked.forecast(days))
    except BuysignalError as error:
        _refused(error)
        return
    came = came_true(asked, latest, days)
    _figures(used, found, came)
    currency = state.currency()
    axis = f"{_amount_word(used)} a day" + (f" ({currency})" if currency else "")
    draw(revenue_charts.days_ahead(found, axis, currency), "days_ahead", "Past days and the coming days")
    hour = pd.Timestamp(found.now).strftime("%H:%M")
    page.caption(
        f"Each day is the 24 hours that end at {hour} UTC, the time of asking. Bars are what visits that "
        "began that day brought; the line is expected of visits to come, the band holds 9 of 10 such days.",
        used.bundle.goal,
        data.simulated,
    )
    _download(_labelled(found.daily, used), "forecast.csv", "Download the forecast (CSV)", "forecast")
    _backtest(found, currency)


def _refused(error: BuysignalError) -> None:
    page.refuse(error)
    with st.container(horizontal=True):
        page.go("data", "Choose other data", "database", primary=True)
        page.go("train", "Train a model on this data", "model_training")


def _asked(latest: Ahead) -> tuple[int, int]:
    """Ask how many days, and from which moment."""
    reach = int((latest.now - latest.first) / np.timedelta64(1, "D"))
    offered = [back for back in AS_OF if reach - back >= LEAST_DAYS]
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        days = st.slider("Days ahead", 1, MOST_DAYS, 7, key="days_ahead_slider", width=320)
        if len(offered) < 2:
            return days, 0
        back = st.segmented_control(
            "Asked at", offered, default=0, required=True, format_func=AS_OF.__getitem__, key="asked_at",
            help="Asked earlier, the forecast uses nothing that came after that moment, and what did come is "
            "shown beside it.",
        )  # fmt: skip
    return days, int(back or 0)


def _figures(used: Model, found: Forecast, came: float | None) -> None:
    currency, word = state.currency(), _amount_word(used)
    asked = pd.Timestamp(found.now).strftime("%Y-%m-%d %H:%M")
    days = words.count(found.days, "day")
    st.markdown(f"Asked at **{asked} UTC** for the **{days}** that follow.")
    with st.container(horizontal=True):
        _metric(f"Expected {_lower(word)}", found.total, INTERVAL, 250)
        _metric(
            f"Visits under way ({found.open_visits:,})",
            found.under_way,
            "Visits whose last click is at most half an hour ago: what the model still expects of them, less "
            "what visits that idle like this have brought short of it in the past.",
            235,
        )
        _metric(
            "Visits to come",
            found.to_come,
            "Visits of a usual day × the pattern of the weekdays × the amount per visit, or what did better "
            "in the test below.",
            250,
        )
        if came is not None:
            inside = (found.total.low or 0) <= came <= (found.total.high or np.inf)
            st.metric(
                "What came", words.money(came, currency),
                "inside the interval" if inside else "outside the interval",
                delta_color="off", delta_arrow="off", border=True, width=220,
            )  # fmt: skip


def _metric(label: str, amount: Amount, text: str, width: int) -> None:
    currency = state.currency()
    st.metric(
        label, words.money(amount.expected, currency), _range(amount, currency), delta_color="off",
        delta_arrow="off", border=True, width=width, help=f"{text} Below it: the 90 % interval.",
    )  # fmt: skip


def _range(amount: Amount, currency: str | None) -> str:
    if amount.low is None or amount.high is None:
        return "too few such visits before"
    low = words.money(amount.low, None)
    return f"{low} to {words.money(amount.high, currency)}"


def _backtest(found: Forecast, currency: str | None) -> None:
    table = found.backtest.sort_values("error").reset_index(drop=True)
    chosen = table[table["chosen"]].iloc[0]
    tested, origins = int(chosen["days"]), int(chosen["origins"])
    st.subheader("How far off such forecasts were")
    st.markdown(
        f"Forecasts of {words.count(tested, 'day')} from {words.count(origins, 'past day')}, each by what "
        f"was known then, missed the total by **{words.percent(float(chosen['error_share']))}** on average."
    )
    unit = f" ({currency})" if currency else ""
    st.dataframe(
        table,
        hide_index=True,
        column_order=["title", "error_share", "chosen", "error", "bias"],
        column_config={
            "title": st.column_config.TextColumn("Way to continue the history", width=225),
            "error_share": st.column_config.NumberColumn(
                "Mean error", format="percent", help="Mean distance from the actual total, of it."
            ),
            "error": st.column_config.NumberColumn(
                "Mean error" + unit, help="The same as an amount.", format=words.money_format(currency)
            ),
            "bias": st.column_config.NumberColumn(
                "Tendency" + unit, format=words.money_format(currency),
                help="How much too high forecasts were on average; below 0: too low.",
            ),
            "chosen": st.column_config.CheckboxColumn("Used", width=60),
        },
    )  # fmt: skip
    st.caption(
        "Every way was asked on each past day. The plain ones, the mean of all days and the same weekday "
        "last week, are used only where they beat the others by a fifth."
    )


def _back(used: Model, data: Source) -> None:
    st.header("Predicted against actual", divider="gray")
    try:
        rows = earning.back(data, used)
    except BuysignalError as error:
        page.refuse(error)
        return
    rows, about = _chosen_rows(rows)
    present = [name for name in GROUPS if name in rows and rows[name].notna().any()]
    by = st.segmented_control("By", present, default=present[0], format_func=GROUPS.__getitem__,
                              required=True, key="back_by") if present else None  # fmt: skip
    key = (data.token, used.bundle.version, *about)
    total = held("back_total", key, lambda: compare(rows)).iloc[0] if len(rows) else None
    if total is None:
        st.info("No such visit made it that far. Choose an earlier moment.")
        return
    currency, word = state.currency(), _amount_word(used)
    with st.container(horizontal=True):
        st.metric("Visits", f"{total['visits']:,}", border=True, width=150)
        st.metric("Predicted", words.money(total["predicted"], currency),
                  f"{words.money(total['low'], None)} to {words.money(total['high'], currency)}",
                  delta_color="off", delta_arrow="off", border=True, width=290)  # fmt: skip
        st.metric(
            "Actual", words.money(total["actual"], currency),
            "inside the interval" if total["inside"] else "outside the interval",
            delta_color="off", delta_arrow="off", border=True, width=220,
        )  # fmt: skip
    table = held("back_table", (*key, by), lambda: compare(rows, by))
    axis = f"{word} after that moment" + (f" ({currency})" if currency else "")
    chart = revenue_charts.predicted_by_day if by == "day" else revenue_charts.predicted_and_actual
    draw(chart(table, axis, currency), "predicted_actual", "Predicted and actual totals by group")
    inside = int(table["inside"].sum())
    page.caption(
        f"What the model expected of the visits in sum, and what they brought after that moment. "
        f"{inside} of {len(table)} actual totals lie within their 90 % interval.",
        used.bundle.goal,
        data.simulated,
    )
    _download(_labelled(table, used), "predicted-actual.csv", "Download the table (CSV)", "back")


def _chosen_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, str]]:
    """Ask at which moment and of which visits, and return these rows and what was chosen."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        moments = [name for name in MOMENTS if (rows["moment"] == name).any()]
        moment = st.selectbox(
            "Expected at the moment", moments, index=min(1, len(moments) - 1), key="back_moment", width=330,
            format_func=MOMENTS.__getitem__,
            help="Only moments that show themselves as they come: no visit tells of its last click that it "
            "is the last.",
        )  # fmt: skip
        kinds = [kind for kind in LEARNED if (rows["learned"] == kind).any()]
        kind = st.selectbox(
            "Visits", kinds, key="back_learned", width=430, format_func=lambda k: _sentence(LEARNED[k])
        )
    if kind != "no":
        st.warning(
            _sentence(LEARNED[str(kind)]) + ": forecasts look better here than they will be. "
            + ("Known by the model's manifest, which names this very data and its cut."
               if kind == "yes" else "This is other data than the manifest names, but of the same days."),
            icon=":material/school:",
        )  # fmt: skip
    return rows[(rows["moment"] == moment) & (rows["learned"] == kind)], (str(moment), str(kind))


def _labelled(table: pd.DataFrame, used: Model) -> pd.DataFrame:
    """Return the table with what its amounts are of, so that the label travels with the file."""
    goal = used.bundle.goal
    return table.assign(goal=goal.name, proxy=goal.proxy, simulated=used.simulated)


def _amount_word(used: Model) -> str:
    """Return what the amount is called: revenue only where it is money that was paid."""
    goal = used.bundle.goal
    return f"Amount (proxy: {goal.name})" if goal.proxy else "Revenue"


def _lower(word: str) -> str:
    return word[:1].lower() + word[1:]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _download(table: pd.DataFrame, name: str, label: str, key: str) -> None:
    st.download_button(
        label, data=lambda: exports.scores_csv(table), file_name=name, mime="text/csv",
        icon=":material/download:", on_click="ignore", key=f"{key}_download",
    )  # fmt: skip


if __name__ == "__main__":
    page.show(body)
