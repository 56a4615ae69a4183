"""Page: does the shop still look as it did when the model was made?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow.compute as pc
import streamlit as st

from buysignal.app import charts, earning, monitor_charts, page, runs, state, words
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.errors import BuysignalError
from buysignal.monitor import Finding, Watch, watch
from buysignal.monitor.page import card_of
from buysignal.report_html.cards import render_html

WEEK, ALL, OTHER = "The last 7 days", "All of it", "From a day on"
ABOUT = {
    "features": "What visitors do, and where they come from",
    "scores": "The scores",
    "volume": "Visits a day",
    "rejects": "Rows that cannot be read",
    "ranking": "Who is likelier",
    "calibration": "Do the chances come true?",
    "outcome": "What came of the visits",
}
SIGNS = {
    "alarm": (":material/error:", "alarm"),
    "ok": (":material/check_circle:", "as it was"),
    "unknown": (":material/help:", "not known yet"),
}
HELP = {
    "visits": "Visits that began in the window and were over at its end.",
    "moved": "Of what the model looks at: how many moved further than chance and day-to-day life explain.",
    "rejects": "Rows of the files that could not be used.",
    "ranking": "How often a visit that reached the goal had a higher score than one that did not (ROC-AUC). "
    "0.5 is guessing, 1 is never wrong. Below it: when the model was tested.",
    "calibration": "How often the goal came, by how often the scores said it would. 1 is just right.",
}


def body() -> None:
    """Draw the page."""
    used, data = state.model(), state.source()
    page.heading(
        "Monitoring",
        "Does the shop still look as it did when the model was made? New visits are held against those the "
        "model was tested on; what moved further than chance explains is an alarm.",
        goal=used.bundle.goal if used is not None else None,
        simulated=(data is not None and data.simulated) or (used is not None and used.simulated),
    )
    used = page.need_model()
    if used is None:
        return
    data = earning.need_data(
        "Which visits?",
        "Bring this week's visits on the **Data** page, best together with the weeks before: then what "
        "visitors did earlier is known, too.",
        offer_demo=used.bundle.reads_events,
    )
    if data is None:
        return
    try:
        model, since = _asked(used, data)
        found = held(
            "monitor", (data.token, model.bundle.version, since),
            lambda: watch(model.bundle, data.loaded, since=since), "Holding new visits against those of then",
        )  # fmt: skip
    except BuysignalError as error:
        _refused(error)
        return
    _answer(model, found)
    _checks(found)
    _moved(model, data, found)
    _days_and_scores(model, data, found)
    _outcome(model, data, found)
    _download(model, found)


def _refused(error: BuysignalError) -> None:
    page.refuse(error)
    with st.container(horizontal=True):
        page.go("data", "Choose other data", "database", primary=True)
        page.go("train", "Train a model on this data", "model_training")


def _asked(used: Model, data: Source) -> tuple[Model, str | None]:
    """Ask which model, and from which day on."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        model = _model(used)
        moments = _moments(data)
        if moments is None:
            return model, None
        first, last = moments
        offered = [WEEK, ALL, OTHER] if last - first > timedelta(days=8) else [ALL, OTHER]
        way = st.segmented_control(
            "Which visits", offered, default=offered[0], required=True, key="monitor_way"
        )
        if way == ALL:
            return model, None
        begin = max(last - timedelta(days=7), first)
        if way == WEEK:
            return model, begin.replace(tzinfo=None).isoformat()
        day = st.date_input(
            "First day (UTC)", begin.date(), min_value=first.date(), max_value=last.date(), key="monitor_day",
            width=160,
        )  # fmt: skip
    return model, day.isoformat()


def _model(used: Model) -> Model:
    others = [run for run in runs.all_runs() if run.open is not None and not run.in_use]
    labels = [f"{used.label} (in use)", *(run.label for run in others)]
    chosen = st.selectbox("Model", labels, key="monitor_model", width=320)
    place = labels.index(str(chosen))
    if place == 0:
        return used
    opening = others[place - 1].open
    assert opening is not None
    return held("monitor_opened", labels[place], opening)


def _moments(data: Source) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment of the events; None where they have no time."""
    if "event_time" not in data.loaded.table.column_names:
        return None
    ends = pc.min_max(data.loaded.table.column("event_time"))
    if ends["min"].as_py() is None:
        return None
    return ends["min"].as_py(), ends["max"].as_py()


def _answer(model: Model, found: Watch) -> None:
    window = "" if found.since is None or found.until is None else (
        f" Visits from {found.since[:16].replace('T', ' ')} to {found.until[:16].replace('T', ' ')} UTC."
    )  # fmt: skip
    if found.alarms:
        what = ", ".join(f"“{ABOUT.get(one.check, one.check)}”" for one in found.alarms)
        st.warning(f"**Something has changed.** {what}.{window}", icon=":material/notifications_active:")
    else:
        st.success(
            f"**All quiet.** {words.count(found.visits, 'visit')} look like those the model was tested on."
            f"{window}",
            icon=":material/notifications_off:",
        )
    learned = model.bundle.manifest.test_from
    if (
        learned is not None
        and found.since is not None
        and found.since < learned.strftime("%Y-%m-%dT%H:%M:%S")
    ):
        st.caption(
            "The model has learned from a part of these visits: on them it looks better than it will on new "
            "ones."
        )
    for note in found.notes:
        st.caption(words.prose(note))
    _figures(model, found)


def _figures(model: Model, found: Watch) -> None:
    by = {one.check: one for one in found.findings}
    with st.container(horizontal=True):
        st.metric("Visits", f"{found.visits:,}", border=True, width=140, help=HELP["visits"])
        moved = sum(one.drifted for one in found.shifts)
        st.metric("Columns that moved", f"{moved} of {len(found.shifts)}", border=True, width=200,
                  help=HELP["moved"])  # fmt: skip
        st.metric("Rows not readable", words.percent(by["rejects"].value), border=True, width=180,
                  help=HELP["rejects"])  # fmt: skip
        if "ranking" in by and by["ranking"].value is not None:
            reference = model.bundle.reference
            then = reference.outcome.get("roc_auc") if reference is not None else None
            st.metric("Ranking (ROC-AUC)", f"{by['ranking'].value:.3f}",
                      None if then is None else f"{then[0]:.3f} when it was tested", delta_color="off",
                      delta_arrow="off", border=True, width=220, help=HELP["ranking"])  # fmt: skip
        if "calibration" in by and by["calibration"].value is not None:
            came = f"{by['calibration'].value:.2f} ×"
            st.metric("Came, against what was said", came, border=True, width=240, help=HELP["calibration"])


def _checks(found: Watch) -> None:
    st.subheader("What was checked")
    for one in found.findings:
        sign, verdict = SIGNS[one.verdict]
        st.markdown(f"{sign} **{ABOUT.get(one.check, one.check)}** ({verdict}). {_said(one, found)}")


def _said(one: Finding, found: Watch) -> str:
    """Return the check's sentence with the names of columns in words."""
    if one.check == "features" and one.verdict == "alarm":
        moved = [words.column(shift.name) for shift in found.shifts if shift.drifted]
        more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
        return words.plain(f"{len(moved)} of {len(found.shifts)} moved: {'; '.join(moved[:3])}{more}.")
    if one.check == "scores":
        return "They are spread differently." if one.verdict == "alarm" else "They are spread as they were."
    return words.prose(one.sentence)


def _moved(model: Model, data: Source, found: Watch) -> None:
    st.header("What moved", divider="gray")
    goal, simulated = model.bundle.goal, data.simulated or model.simulated
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How far")
        charts.draw(monitor_charts.moved(found.shifts), "monitor_moved", "How far each column moved")
        page.caption(
            "Each of the farthest columns, against its own limit (the dashed line). The limit knows how many "
            "visits there are: chance alone passes one of all limits in one look of a hundred.",
            goal, simulated,
        )  # fmt: skip
    with right:
        st.subheader("One of them, then and now")
        assert found.pictures is not None
        names = [one.name for one in found.shifts]
        name = str(st.selectbox("Column", names, format_func=words.column, key="monitor_column"))
        figure = monitor_charts.then_and_now(name, found.pictures.columns[name], state.currency())
        charts.draw(figure, "monitor_column_chart", "One column then and now")
        page.caption("Visits as they stood last, before the goal. Then: the visits the model was tested on.",
                     goal, simulated)  # fmt: skip


def _days_and_scores(model: Model, data: Source, found: Watch) -> None:
    assert found.pictures is not None
    goal, simulated = model.bundle.goal, data.simulated or model.simulated
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Visits a day")
        if len(found.pictures.daily_now):
            charts.draw(monitor_charts.visits_a_day(found.pictures), "monitor_days", "Visits a day")
            page.caption("Whole days only. The grey band holds 8 of 10 days of then.", goal, simulated)
        else:
            st.markdown("There is no whole day in these visits.")
    with right:
        st.subheader("The scores")
        figure = monitor_charts.then_and_now("probability", found.pictures.scores, None)
        charts.draw(figure, "monitor_scores", "Scores then and now")
        chance = words.short_chance(goal)
        said = f"Visits by their {chance[0].lower()}{chance[1:]} at the last click before the goal."
        page.caption(said, goal, simulated)


def _outcome(model: Model, data: Source, found: Watch) -> None:
    assert found.pictures is not None
    goal = model.bundle.goal
    st.header("What came of it", divider="gray")
    if not found.pictures.fifths:
        st.markdown("This data does not say which visits reached the goal, so the scores cannot be judged.")
        return
    answer = "Share that reached the goal" if goal.proxy else "Share that bought"
    charts.draw(monitor_charts.came_true(found.pictures.fifths, answer), "monitor_came", "Said and came")
    page.caption(
        "Every click of the visits is a moment. Moments in five groups by their score: what the scores said, "
        "and how often the goal came after.",
        goal, data.simulated or model.simulated,
    )  # fmt: skip


def _download(model: Model, found: Watch) -> None:
    st.download_button(
        "Download this report (HTML)", data=lambda: render_html(card_of(found, model.label)).encode(),
        file_name=f"{model.label}-monitoring.html", mime="text/html", icon=":material/description:",
        on_click="ignore", key="monitor_report",
    )  # fmt: skip
    if found.alarms:
        st.markdown(
            "An alarm says that the shop has changed, not that the model is worse. Train again on data that "
            "holds the change, and compare both on the **Models** page."
        )
        page.go("train", "Train again", "model_training")


if __name__ == "__main__":
    page.show(body)
