"""Page: what visits do, as charts that each say in a sentence what they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import streamlit as st

from buysignal.app import bringing, charts, explore_filters, exploring, page, state, words
from buysignal.app.explore_charts import figure_of, is_wide
from buysignal.app.state import Source
from buysignal.errors import SamplesError
from buysignal.explore import Chart, Exploration, Filters, Section, draw
from buysignal.explore.export import chart_csv
from buysignal.explore.page import render_explore_html

FULL_DEMO = 20_000
GLANCE = "At a glance"
SECTION = "explore_section"
# What a first look shows, where the data has it.
FIRST_CHARTS = ("funnel-steps", "time-visits")


def body() -> None:
    """Draw the page."""
    data = state.source()
    page.heading(
        "Explore: Interactive charts and insights",
        "What visitors do, when they come, which way they take and where they stop. Filters apply to "
        "everything on this page.",
        simulated=data is not None and data.simulated,
    )
    if data is None:
        _need_data()
        return
    offered = exploring.choices(data)
    find = (lambda: _score(data)) if exploring.could_find_segments(data) else None
    filters = explore_filters.chosen(data, offered, find)
    line = st.container(horizontal=True, vertical_alignment="center")
    try:
        found = exploring.exploration(data, filters)
    except SamplesError as error:
        st.warning(words.prose(_capital(str(error))), icon=":material/filter_alt_off:")
        with line:
            _reset()
        return
    with line:
        _counted(found, filters)
        _report(found, _title(data, filters))
    _sections(found)


def _need_data() -> None:
    with st.container(border=True):
        st.subheader("Which visits?")
        st.markdown(
            "There is no data yet. Bring your own on the **Data** page, or look around in the demo shop."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Open the demo shop", type="primary", icon=":material/storefront:"):
                with st.spinner("Simulating visitors"):
                    state.use_source(bringing.demo_shop(FULL_DEMO))
                st.rerun()
            page.go("data", "Upload CSV", "upload_file")


def _score(data: Source) -> None:
    used = state.model()
    if used is not None:
        page.scores(data, used)


def _counted(found: Exploration, filters: Filters) -> None:
    facts = found.facts
    if filters.empty:
        st.markdown(f"**{words.count(facts.visits_of, 'visit')}**, no filter in use", width="content")
        return
    chosen = words.plain(explore_filters.in_words(filters))
    st.markdown(f"**{facts.visits:,} of {facts.visits_of:,} visits** · {chosen}", width="content")
    _reset()


def _title(data: Source, filters: Filters) -> str:
    """Return the report's title: the data's name, and what was filtered."""
    return data.label if filters.empty else f"{data.label} ({explore_filters.in_words(filters)})"


def _report(found: Exploration, title: str) -> None:
    st.download_button(
        "Download the report (HTML)", data=lambda: render_explore_html(found, title=title).encode(),
        file_name="explore.html", mime="text/html", icon=":material/description:", on_click="ignore",
        key="explore_report", help="All sections as one page that opens without this app.",
    )  # fmt: skip


def _reset() -> None:
    st.button(
        "Reset filters", icon=":material/filter_alt_off:", on_click=explore_filters.reset,
        key="reset_filters",
    )  # fmt: skip


def _sections(found: Exploration) -> None:
    names = {"glance": GLANCE, **{section.key: section.title for section in found.sections}}
    if st.session_state.get(SECTION) not in names:
        st.session_state[SECTION] = "glance"
    picked = st.pills(
        "Look at", list(names), format_func=names.__getitem__, key=SECTION, required=True,
        persist_state="session",
    )  # fmt: skip
    if picked == "glance":
        _glance(found)
    else:
        _section(found.section(str(picked)))


def _glance(found: Exploration) -> None:
    """The facts, and from each section the sentence that comes first."""
    facts = found.facts
    with st.container(horizontal=True):
        for name, text in facts.lines():
            if name != "Days":
                st.metric(_capital(name), text, border=True, width="content")
    days = f"From {facts.first} to {facts.last}. " if facts.first is not None else ""
    left_out = f"Left out: {'; '.join(facts.left_out)}." if facts.left_out else ""
    page.caption(f"{days}{left_out}", None, facts.simulated)
    shown = {chart.key: chart for chart in found.charts}
    for key in FIRST_CHARTS:
        if key in shown:
            _chart(shown[key])
    st.header("What stands out", divider="gray")
    st.markdown("\n".join(f"- **{words.plain(s.title)}.** {_first(s)}" for s in found.sections if s.charts))
    missing = [sentence for section in found.sections for sentence in section.missing]
    if missing:
        with st.expander("What this data cannot show"):
            st.markdown("\n".join(f"- {words.prose(sentence)}" for sentence in missing))


def _first(section: Section) -> str:
    chart = section.charts[0]
    return _sentence(replace(chart, simulated=False))


def _section(section: Section) -> None:
    narrow: list[Chart] = []
    for chart in section.charts:
        if not is_wide(chart):
            narrow.append(chart)
        if is_wide(chart) or len(narrow) == 2:
            _row(narrow)
            narrow = []
        if is_wide(chart):
            _chart(chart)
    _row(narrow)
    for sentence in section.missing:
        st.info(words.prose(sentence), icon=":material/info:")
    if not section.charts:
        page.go("data", "What this data can answer", "database")


def _row(pair: list[Chart]) -> None:
    """Two charts beside each other; a single one gets the whole width."""
    if len(pair) == 1:
        _chart(pair[0])
        return
    for place, chart in zip(st.columns(2) if pair else [], pair, strict=True):
        with place:
            _chart(chart, "stretch")


def _chart(chart: Chart, height: Literal["content", "stretch"] = "content") -> None:
    with st.container(border=True, height=height, gap="xsmall"):
        st.subheader(words.plain(chart.title))
        charts.draw(figure_of(chart), f"explore_{chart.key}", chart.title)
        st.caption(_sentence(chart))
        _downloads(chart)


def _downloads(chart: Chart) -> None:
    """Buttons for the chart's data and its picture; both are made when they are asked for."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Data (CSV)", data=lambda: chart_csv(chart), file_name=f"{chart.key}.csv", mime="text/csv",
            icon=":material/table_view:", on_click="ignore", type="tertiary", key=f"csv_{chart.key}",
        )  # fmt: skip
        st.download_button(
            "Picture (PNG)", data=lambda: draw.png(chart), file_name=f"{chart.key}.png", mime="image/png",
            icon=":material/image:", on_click="ignore", type="tertiary", key=f"png_{chart.key}",
        )  # fmt: skip


def _sentence(chart: Chart) -> str:
    """Return the sentence with its labels in front."""
    front = [
        f"{_capital(mark)}{' — not conversion' if mark.startswith('proxy') else ''}." for mark in chart.marks
    ]
    return words.prose(" ".join([*front, chart.sentence]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    page.show(body)
