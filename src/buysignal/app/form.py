"""Manual input for models of session tables: one input a column, and what the model says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from buysignal.app import charts, page, state, words
from buysignal.app.state import Model
from buysignal.bundle import Bundle
from buysignal.scoring import reasons_for, score_rows
from buysignal.sources.read import Loaded

Row = npt.NDArray[np.float32]
UNKNOWN = "unknown"
SWEEP_STEPS = 60
_WEEKDAY, _HOUR = "weekday", "hour"


def body(used: Model) -> None:
    """Draw the form and the answer to it."""
    data = state.source()
    loaded = data.loaded if data is not None and data.check.profile == used.bundle.profile.name else None
    board = st.container()
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.subheader("The visit")
        row = _inputs(used.bundle, loaded)
    _answer(used, row, board, right)
    _what_if(used, row, loaded)


def _inputs(bundle: Bundle, loaded: Loaded | None) -> Row:
    st.caption("Starts from a typical visit. Every change counts at once.")
    columns = st.columns(2)
    values = [
        _input(columns[i % 2], bundle, name, float(bundle.typical[i]), loaded)
        for i, name in enumerate(bundle.names)
    ]
    return np.array(values, np.float32)


def _input(place: DeltaGenerator, bundle: Bundle, name: str, typical: float, loaded: Loaded | None) -> float:
    label, key = words.column(name), f"form_{bundle.version}_{name}"
    if name in bundle.categories:
        options = [UNKNOWN, *bundle.categories[name]]
        start = 0 if np.isnan(typical) else int(typical) + 1
        chosen = place.selectbox(label, options, index=start, key=key)
        return float("nan") if chosen == UNKNOWN else float(options.index(chosen) - 1)
    if name == _WEEKDAY and bundle.profile.roles.time:
        day = place.selectbox(label, words.WEEKDAYS, index=_whole(typical), key=key)
        return float(words.WEEKDAYS.index(day))
    if name == _HOUR and bundle.profile.roles.time:
        return float(place.slider("Hour of the day (UTC)", 0, 23, _whole(typical), key=key))
    if _is_flag(name, loaded):
        return float(place.toggle(label, value=typical == 1.0, key=key))
    return _number(place, label, key, typical, limits(name, typical, loaded))


def _whole(typical: float) -> int:
    return 0 if np.isnan(typical) else round(typical)


def _is_flag(name: str, loaded: Loaded | None) -> bool:
    if loaded is None or name not in loaded.table.column_names:
        return name.lower() in ("weekend", "bounced")
    values = loaded.table.column(name).unique().to_pylist()
    return {v for v in values if v is not None} <= {0, 1}


def _number(
    place: DeltaGenerator,
    label: str,
    key: str,
    typical: float,
    bounds: tuple[float, float],
) -> float:
    low, high = bounds
    step = 1.0 if high - low > 20 else max(round((high - low) / 50, 4), 0.0001)
    value = place.number_input(
        label,
        min_value=min(low, 0.0),
        value=None if np.isnan(typical) else round(typical, 4),
        step=step,
        format="%.4g" if step < 1 else "%.0f" if float(typical).is_integer() else "%.1f",
        placeholder="unknown",
        help=f"Usual values lie between {low:,.4g} and {high:,.4g}.",
        key=key,
    )
    return float("nan") if value is None else float(value)


def limits(name: str, typical: float, loaded: Loaded | None) -> tuple[float, float]:
    """Return the usual range of a column: 1st to 99th percentile of the data, or around the typical."""
    if loaded is not None and name in loaded.table.column_names:
        values = loaded.table.column(name).cast("double").drop_null().to_numpy()
        if len(values):
            low, high = np.percentile(values, [1, 99])
            return float(low), float(high if high > low else low + 1)
    top = 10.0 if np.isnan(typical) or typical == 0 else 4 * abs(typical)
    return 0.0, float(top)


def _answer(used: Model, row: Row, board: DeltaGenerator, right: DeltaGenerator) -> None:
    goal, currency = used.bundle.goal, state.currency()
    scores = score_rows(used.bundle, row[None]).iloc[0]
    typical = float(used.bundle.probability(used.bundle.typical[None])[0])
    change = float(scores["probability"]) - typical
    with board:
        metrics(used, scores, change, "against a typical visit", currency)
    with right:
        st.subheader("Why?")
        found = reasons_for(used.bundle, row, count=6)
        if not found:
            st.info("This is the typical visit. Change a value to see what it does.", icon=":material/tune:")
            return
        charts.draw(charts.reasons(found, currency), "form_reasons", "What moves the score")
        page.caption(
            f"Against a typical visit's {words.percent(typical)}: blue raises it, orange lowers it.",
            goal,
            used.simulated,
        )


def metrics(used: Model, scores: pd.Series, change: float, than: str, currency: str | None) -> None:
    """Write probability, expected amount with its interval, and segment."""
    goal = used.bundle.goal
    places = iter(st.columns(1 + ("expected_revenue" in scores) + ("segment" in scores)))
    with next(places):
        st.metric(
            words.short_chance(goal),
            words.percent(float(scores["probability"])),
            f"{words.points(change)} {than}",
            border=True,
            help=words.HELP["probability"],
        )
    if "expected_revenue" in scores:
        with next(places):
            interval = None
            if "revenue_low" in scores:
                low, high = scores["revenue_low"], scores["revenue_high"]
                interval = f"9 of 10: {words.money(low, None)} to {words.money(high, currency)}"
            st.metric(
                words.short_amount(goal),
                words.money(float(scores["expected_revenue"]), currency),
                interval,
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=f"{words.HELP['expected_revenue']} {words.HELP['interval']}",
            )
    if "segment" in scores:
        with next(places).container(border=True, height="stretch"):
            st.caption("Segment", help=words.HELP["segment"])
            st.markdown(f"**{words.plain(str(scores['segment']))}**")


def _what_if(used: Model, row: Row, loaded: Loaded | None) -> None:
    """Draw the probability while one column moves and all others stay."""
    bundle, goal = used.bundle, used.bundle.goal
    st.subheader("What if only one thing were different?")
    name = st.selectbox("Change", bundle.names, format_func=words.column, key="what_if")
    position = bundle.names.index(name)
    if name in bundle.categories:
        codes = np.arange(min(len(bundle.categories[name]), 12), dtype=np.float32)
        shown: list[str] | list[float] = [str(v) for v in bundle.categories[name][: len(codes)]]
        here = -1 if np.isnan(row[position]) else int(row[position])
    else:
        low, high = limits(name, float(bundle.typical[position]), loaded)
        own = float(np.nan_to_num(row[position], nan=low))
        codes = np.unique(np.append(np.linspace(min(low, own), max(high, own), SWEEP_STEPS), own))
        here = int(np.flatnonzero(codes == own)[0])
        codes = codes.astype(np.float32)
        shown = [float(v) for v in codes]
    rows = np.repeat(row[None], len(codes), axis=0)
    rows[:, position] = codes
    figure = charts.sweep(
        shown, bundle.probability(rows), here, axis=words.column(name), answer=words.chance(goal)
    )
    charts.draw(figure, "what_if_chart", "Probability as one value changes")
    page.caption(
        "The model's answer as this one value changes and all others stay: what goes together in the data, "
        "not what would follow from changing it.",
        goal,
        used.simulated,
    )
