"""The app's entry: settings, pages, and what is in use. Run by ``streamlit run app.py``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from buysignal import __version__
from buysignal.app import bundles, state, words
from buysignal.app.page import VIEWS
from buysignal.errors import BuysignalError

WORDMARK = Path(__file__).with_name("wordmark.svg")

PAGES = {
    "Start": (
        ("data", "Data", "database"),
        ("explore", "Explore", "query_stats"),
    ),
    "Models": (
        ("train", "Train", "model_training"),
        ("models", "Models", "leaderboard"),
        ("monitoring", "Monitoring", "monitor_heart"),
    ),
    "Predict": (
        ("visits", "Visits", "groups"),
        ("live", "Live visit", "touch_app"),
        ("watch", "Live", "sensors"),
        ("revenue", "Revenue", "payments"),
        ("price", "Price what-if", "sell"),
    ),
    "Understand": (("segments", "Segments", "bubble_chart"),),
    "Act": (
        ("target", "Whom to target", "ads_click"),
        ("carts", "Carts at risk", "shopping_cart"),
        ("uplift", "Uplift", "science"),
    ),
}


def main() -> None:
    """Draw the app for one run of a session."""
    st.set_page_config(
        page_title="buysignal",
        page_icon=":material/shopping_cart_checkout:",
        layout="wide",
        menu_items={"About": f"buysignal {__version__}. Clickstream in; conversion, revenue, segments out."},
    )
    st.logo(str(WORDMARK), size="large")
    page = st.navigation(
        {
            section: [
                st.Page(VIEWS / f"{name}.py", title=title, icon=f":material/{icon}:", default=name == "data")
                for name, title, icon in pages
            ]
            for section, pages in PAGES.items()
        },
        expanded=True,
    )
    _first_model()
    page.run()
    with st.sidebar:
        _in_use()


def _first_model() -> None:
    """Open a bundle that lies on this machine, once a session, so that the app is useful at once."""
    if state.model() is not None or "looked_for_models" in st.session_state:
        return
    st.session_state["looked_for_models"] = True
    for path in bundles.found()[:1]:
        try:
            state.use_model(bundles.opened(path))
        except BuysignalError as error:
            st.warning(f"The bundle '{path.name}' was not opened: {error}", icon=":material/warning:")


def _in_use() -> None:
    """Say in the sidebar which data and which model the pages speak of."""
    data, used = state.source(), state.model()
    with st.container(border=True, gap="xsmall"):
        st.caption("DATA")
        if data is None:
            st.markdown("None yet")
        else:
            st.markdown(f"**{words.plain(data.label)}**")
            st.caption(words.count(data.check.sessions, "visit") + (", simulated" if data.simulated else ""))
        st.caption("MODEL")
        if used is None:
            st.markdown("None yet")
        else:
            goal = used.bundle.goal
            kind = words.proxy_label(goal) or "conversion: a purchase"
            st.markdown(f"**{words.plain(used.label)}**")
            st.caption(kind + (", learned from simulated data" if used.simulated else ""))


if __name__ == "__main__":
    main()
