from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import BundleError, SourceError
from buysignal.model_card import card_of, model_card
from buysignal.report_html import words
from buysignal.report_html.cards import render_html, render_markdown, write_card
from shop import Shop

HEADINGS = ["Model details", "Intended use", "Training data", "Evaluation data", "Metrics: Who",
            "Metrics: How much", "Suggestions", "Figures by group", "Audit", "Limits and advice",
            "Versions"]  # fmt: skip


def test_the_card_has_every_section_and_the_reports_figures(shop: Shop) -> None:
    card = card_of(shop.folder)
    assert [section.title for section in card.sections] == HEADINGS
    assert card.labels[0] == "conversion: purchase"
    text = render_markdown(card)
    row = next(r for r in shop.report.table("prefix: purchase").rows if r.champion)
    for metric in ("roc_auc", "log_loss", "ece", "lift_at_10pct"):
        cell = words.cell(metric, row.metrics, row.intervals)
        assert f"| {words.metric_name(metric)} | {cell.value} | {cell.interval} |" in text
    assert "5 clicks" in text
    assert "With cart" in text
    assert "simulated" in text.lower()
    assert re.search(r"[\d,]+ events of visitors who refused consent were left out", text)
    for profile in shop.bundle.segment_profiles:
        assert profile.name in text


def test_the_page_says_what_the_text_says(shop: Shop) -> None:
    page = render_html(card_of(shop.folder))
    for heading in HEADINGS:
        assert f"<h2>{heading}</h2>" in page
    assert "<script" not in page
    assert "http" not in page.split("</style>")[1]


def test_a_proxy_is_never_called_conversion(shop: Shop) -> None:
    manifest = shop.bundle.manifest
    goal = manifest.goal.model_copy(update={"name": "cart_later", "proxy": True})
    report = shop.report.model_copy(deep=True)
    report.goal.proxy = True
    text = render_markdown(model_card(manifest.model_copy(update={"goal": goal}), report, "a"))
    assert "proxy: cart\\_later — not conversion" in text
    assert "conversion" not in text.replace("not conversion", "").lower()
    assert "Bought" not in text


def test_a_champion_chosen_by_hand_is_said(shop: Shop) -> None:
    report = shop.report.model_copy(deep=True)
    report.table("prefix: purchase").validation_choice = "random_forest"
    text = render_markdown(model_card(shop.bundle.manifest, report, "a"))
    assert "(chosen by you; the validation slice would have chosen Random forest)" in text


def test_without_a_report_the_card_says_what_is_missing(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "bare")
    (tmp_path / "bare" / "report.json").unlink()
    text = render_markdown(card_of(tmp_path / "bare"))
    assert "The report of the training is missing" in text
    assert "Metrics: Who" not in text


def test_text_of_the_data_is_shown_as_it_is(shop: Shop) -> None:
    manifest = shop.bundle.manifest.model_copy(deep=True)
    manifest.dataset.name = "<b>a*b*_c_|d</b>"
    card = model_card(manifest, None, "x|y")
    assert "<b>a" not in render_html(card)
    assert "\\<b>a\\*b\\*\\_c\\_|d" in render_markdown(card)


def test_the_command_writes_either_form_and_refuses_others(shop: Shop, tmp_path: Path) -> None:
    runner = CliRunner()
    for name, start in (("card.html", "<!doctype html>"), ("card.md", "# Model card: bundle")):
        assert runner.invoke(app, ["card", str(shop.folder), "--out", str(tmp_path / name)]).exit_code == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    with pytest.raises(SourceError, match=r"ending in \.html or \.md"):
        write_card(card_of(shop.folder), tmp_path / "card.pdf")
    with pytest.raises(BundleError, match="is no bundle"):
        card_of(tmp_path)
