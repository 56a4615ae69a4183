"""Page: which kinds of visit there are."""

from __future__ import annotations

import streamlit as st

from buysignal.app import exports, page, renaming, segment_cards, segment_charts, state, words
from buysignal.app.charts import draw
from buysignal.app.state import Model, Source
from buysignal.report import SegmentProfile, Table
from buysignal.scoring import membership, segment_counts
from buysignal.segment_methods import METHOD_NAMES


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Customer segmentation visualization",
        "Kinds of visit, found by what visitors do and without looking at purchases, and named by what sets "
        "each apart.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None:
        return
    profiles = used.bundle.segment_profiles
    if not profiles:
        st.info(
            "This model has no segments: too few visits to find stable ones. Train on more visits.",
            icon=":material/bubble_chart:",
        )
        return
    tables = [t for t in used.report.tables if t.task == "segments"] if used.report is not None else []
    if tables:
        _quality(tables[0])
        _map(used, tables)
    st.header("The segments, and what could be done", divider="gray")
    segment_cards.show(used)
    segment_cards.evidence(used)
    _apart(used, profiles)
    st.header("Names of your own", divider="gray")
    renaming.show(used)
    _members(used)
    if tables:
        st.header("Ways of finding segments", divider="gray")
        segment_cards.methods(tables[0], used.simulated)


def _quality(table: Table) -> None:
    row = next((r for r in table.rows if r.champion), None)
    if row is None:
        return
    with st.container(horizontal=True):
        st.metric("Segments", str(row.params.get("segments", len(table.segments))), border=True, width=160)
        for name, label in (("silhouette", "Silhouette"), ("stability", "Stability"),
                            ("davies_bouldin", "Davies–Bouldin")):  # fmt: skip
            value = row.metrics.get(name)
            if value is not None:
                st.metric(label, f"{value:.2f}", border=True, help=words.HELP[name], width=160)
    st.caption(
        f"Found by {METHOD_NAMES.get(row.model, row.model)} on {table.n_train:,} visits; how it "
        "compares with other ways stands further down."
    )


def _map(used: Model, tables: list[Table]) -> None:
    st.header("The map", divider="gray")
    names = {"segments": "All segments", "engagement": "High and low engagement"}
    table = tables[0]
    if len(tables) > 1:
        picked = st.segmented_control(
            "View", range(len(tables)), default=0, required=True, key="segment_view",
            format_func=lambda i: names.get(tables[i].name, tables[i].name), label_visibility="collapsed",
        )  # fmt: skip
        table = tables[picked or 0]
    draw(segment_charts.scatter(table), "segment_map", "Visits in two dimensions, by segment")
    page.caption(
        f"Each point is one visit ({len(table.pictures.segment_map):,} drawn). Near points behave alike. The "
        "axes are the two directions in which visits differ most, mixed from all columns. A click on a name "
        "hides it.",
        used.bundle.goal,
        used.simulated,
    )


def _apart(used: Model, profiles: list[SegmentProfile]) -> None:
    st.subheader("What sets a segment apart")
    position = st.selectbox(
        "Segment", range(len(profiles)), format_func=lambda i: profiles[i].name, key="segment_picked"
    )
    draw(
        segment_charts.against_average(profiles[position], profiles),
        "segment_means",
        "Means of the segment against all visits",
    )
    page.caption(
        "Means of this segment's visits as a multiple of the mean over all visits; 1 is no difference.",
        used.bundle.goal,
        used.simulated,
    )


def _members(used: Model) -> None:
    st.header("Who belongs where", divider="gray")
    data = state.source()
    if data is None:
        st.markdown("Open data to see which of its visits belong to which segment, and to export them.")
        page.go("data", "Choose data", "database")
        return
    _export(used, data)


def _export(used: Model, data: Source) -> None:
    scored = page.scores(data, used)
    if scored is None:
        return
    table = scored.table
    goal = used.bundle.goal
    st.markdown(f"Visits of **{words.plain(data.label)}**, each put into the segment it is most like.")
    counts = segment_counts(used.bundle, table)
    draw(segment_charts.sizes(counts), "segment_sizes", "Visits in each segment")
    page.caption("How many of these visits belong to each segment.", None, data.simulated)
    picked = st.multiselect(
        "Export only", list(counts["segment"]), placeholder="All segments", key="export_segments"
    )
    chosen = table[table["segment"].isin(picked)] if picked else table
    st.download_button(
        f"Download {len(chosen):,} members (CSV)",
        data=lambda: exports.scores_csv(membership(chosen)),
        file_name="segment-members.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="members_download",
    )
    if goal.proxy:
        st.caption(words.proxy_label(goal).capitalize())


if __name__ == "__main__":
    page.show(body)
