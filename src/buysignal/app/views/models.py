"""Page: judge a trained model, compare two runs, choose the champion, take the model card along."""

from __future__ import annotations

import streamlit as st

from buysignal.app import bundles, champions, comparing, page, results, state, words
from buysignal.app.state import Model
from buysignal.model_card import model_card
from buysignal.report import Report
from buysignal.report_html import render_report_html
from buysignal.report_html.cards import render_html, render_markdown

WAYS = ("Judge", "Compare", "Champion")


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Models",
        "How good is the model, and what is it good for? Its figures on visits it had not seen, what the "
        "audit says of them, and how it stands beside other runs.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None:
        return
    made = used.bundle.manifest.created[:16].replace("T", " ")
    st.markdown(f"Model in use: **{words.plain(used.label)}**, trained {made} UTC")
    way = st.segmented_control(
        "What", WAYS, default=WAYS[0], required=True, key="models_way", label_visibility="collapsed"
    )
    {WAYS[0]: _judge, WAYS[1]: comparing.show, WAYS[2]: champions.show}[str(way)](used)


def _judge(used: Model) -> None:
    _downloads(used)
    results.show(used)


def _downloads(used: Model) -> None:
    report = used.report
    with st.container(horizontal=True):
        st.download_button(
            "Model card (HTML)", data=lambda: _card(used, ".html"), file_name=f"{used.label}-card.html",
            mime="text/html", icon=":material/badge:", on_click="ignore", key="card_html",
            help="One page on what the model predicts, for what, how well, and where its limits are.",
        )  # fmt: skip
        st.download_button(
            "Model card (Markdown)", data=lambda: _card(used, ".md"), file_name=f"{used.label}-card.md",
            mime="text/markdown", icon=":material/markdown:", on_click="ignore", key="card_md",
        )  # fmt: skip
        if report is not None:
            st.download_button(
                "Report (HTML)", data=lambda: _report(used, report),
                file_name=f"{used.label}-report.html", mime="text/html", icon=":material/description:",
                on_click="ignore", key="report_download",
            )  # fmt: skip
        st.download_button(
            "Bundle (zip)", data=lambda: bundles.zipped_model(used), file_name=f"{used.label}.zip",
            mime="application/zip", icon=":material/folder_zip:", on_click="ignore", key="bundle_download",
            help="The trained model with its report: keep it, move it, open it here again.",
        )  # fmt: skip


def _report(used: Model, report: Report) -> str | bytes:
    """Return the page stored with the bundle; where its segments were renamed since, a new one."""
    stored = used.bundle.path / "report.html"
    if stored.is_file() and not bundles.renamed_since(used):
        return stored.read_bytes()
    return render_report_html(report)


def _card(used: Model, form: str) -> str:
    card = model_card(used.bundle.manifest, used.report, used.label)
    return render_html(card) if form == ".html" else render_markdown(card)


if __name__ == "__main__":
    page.show(body)
