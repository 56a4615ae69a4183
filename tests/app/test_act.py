"""The pages of acting say what the library says, and a campaign file finds its way back."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from buysignal import acting, scoring
from buysignal.app import act_charts, campaigns, exports, words
from buysignal.decisions import holdout, uplift
from buysignal.decisions.carts import Carts
from buysignal.decisions.economics import Economics
from buysignal.decisions.targeting import TargetingPlan
from buysignal.errors import SourceError
from buysignal.sources import load
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import with_shop

ECONOMICS = Economics(margin=0.3, contact_cost=0.05, effect=0.1)


@pytest.fixture(scope="module")
def plan(shop: Shop) -> TargetingPlan:
    return acting.target(shop.bundle, load(shop.events), ECONOMICS, click=3)


@pytest.fixture(scope="module")
def carts(shop: Shop) -> Carts:
    return acting.carts_at_risk(shop.bundle, load(shop.events), reasons=25)


@pytest.fixture(scope="module")
def drawn(shop: Shop, plan: TargetingPlan) -> holdout.CampaignList:
    return acting.hold_out(shop.bundle, plan, campaign="spring", share=0.2)


def said(app: AppTest) -> str:
    """Return what stands in the box of the answer, Markdown undone."""
    return str(app.info[0].value).replace("\\", "")


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize("page", ["target", "carts", "uplift"])
def test_a_page_without_anything_says_what_to_do_next(page: str) -> None:
    app = opened(started(), page)
    assert not app.error
    assert app.button


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("page", ["target", "carts"])
def test_without_data_the_demo_shop_is_offered(page: str) -> None:
    app = opened(started(), page)
    assert any(b.label == "Open the demo shop" for b in app.button)


@pytest.mark.usefixtures("models")
def test_targeting_is_the_librarys_answer_and_calls_the_effect_an_assumption(
    shop: Shop, plan: TargetingPlan
) -> None:
    app = opened(with_shop(started(), shop), "target")
    assert not app.error
    assert said(app) == plan.sentence
    assert "95 % interval" in plan.sentence
    assert "assum" in said(app).lower()
    assert metric(app, "Visits to contact") == f"{plan.visits:,}"
    assert metric(app, "Expected profit") == words.money(plan.profit, plan.currency)
    assert list(app.dataframe[0].value["visitor_id"]) == list(plan.visits_listed["visitor_id"][:1_000])
    assert "Simulated data" in texts(app)


@pytest.mark.usefixtures("models")
def test_every_figure_of_the_campaign_counts(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "target")
    app.number_input(key="margin").set_value(40.0)
    app.number_input(key="contact_cost").set_value(0.2)
    app.number_input(key="incentive").set_value(0.5)
    app.number_input(key="budget").set_value(10.0)
    app.number_input(key="effect").set_value(25.0)
    app.toggle(key="effect_on_odds").set_value(True)
    app.toggle(key="effect_measured").set_value(True)
    app.number_input(key="target_click").set_value(4).run()
    figures = Economics(
        margin=0.4, contact_cost=0.2, incentive=0.5, budget=10.0, effect=0.25, effect_on="odds", measured=True
    )
    expected = acting.target(shop.bundle, load(shop.events), figures, click=4)
    assert said(app) == expected.sentence
    assert "assumption" not in said(app)


@pytest.mark.usefixtures("models")
def test_visits_under_way_at_a_moment(shop: Shop) -> None:
    from datetime import date, time

    app = opened(with_shop(started(), shop), "target")
    app.segmented_control(key="target_way").set_value("Visits under way").run()
    app.segmented_control(key="target_moment").set_value("Another moment").run()
    app.date_input(key="target_day").set_value(date(2025, 3, 29))
    app.time_input(key="target_time").set_value(time(19, 30)).run()
    expected = acting.target(shop.bundle, load(shop.events), ECONOMICS, now="2025-03-29 19:30")
    assert said(app) == expected.sentence


@pytest.mark.usefixtures("models")
def test_a_campaign_without_a_name_is_one_sentence(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "target")
    app.text_input(key="campaign_name").set_value(" ").run()
    assert "has no name" in str(app.error[0].value)
    assert app.dataframe


@pytest.mark.usefixtures("models")
def test_carts_are_the_librarys_most_at_risk_first(shop: Shop, carts: Carts) -> None:
    app = opened(with_shop(started(), shop), "carts")
    assert not app.error
    assert said(app) == carts.sentence
    assert metric(app, "All open carts") == f"{len(carts.open):,}"
    recent, shown = carts.narrowed(idle="3d"), app.dataframe[0].value
    assert 0 < len(recent.open) < len(carts.open)
    assert list(shown["at_risk"]) == pytest.approx(list(recent.open["at_risk"]))
    assert shown["reasons"].iloc[0] == recent.open["reasons"].iloc[0] != ""
    assert words.money(recent.at_risk, recent.currency) in texts(app)
    app.selectbox(key="carts_idle").set_value("Any time ago").run()
    assert list(app.dataframe[0].value["at_risk"]) == pytest.approx(list(carts.open["at_risk"][:1_000]))
    assert app.dataframe[0].value["reasons"].iloc[0] == carts.open["reasons"].iloc[0] != ""
    assert len(app.dataframe[1].value) == min(len(carts.recovered), 1_000)
    app.selectbox(key="carts_idle").set_value("1 day").run()
    day = carts.open[carts.open["idle_minutes"] <= 1_440]
    assert list(app.dataframe[0].value["session_id"]) == list(day["session_id"])
    assert any(f"{len(day):,} open carts (CSV)" in str(b.label) for b in app.get("download_button"))


@pytest.mark.parametrize("page", ["target", "carts"])
def test_a_proxy_is_refused_in_the_librarys_words(models: Path, shop: Shop, page: str) -> None:
    manifest = models / "demo" / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["goal"] |= {"name": "add_to_cart_later", "proxy": True, "event": "add_to_cart", "value": None}
    manifest.write_text(json.dumps(content), encoding="utf-8")
    app = opened(with_shop(started(), shop), page)
    assert "no profit can be counted" in str(app.error[0].value)
    assert not app.metric
    assert any("Train" in str(b.label) for b in app.button)


@pytest.mark.usefixtures("models")
def test_a_campaign_file_is_read_back_and_measured(shop: Shop, drawn: holdout.CampaignList) -> None:
    app = opened(with_shop(started(), shop), "uplift")
    zipped = campaigns.zipped(drawn)
    app.file_uploader(key="campaign_files").set_value([("spring.zip", zipped, "application/zip")]).run()
    assert not app.exception
    assert not app.error
    app.selectbox(key="uplift_horizon").set_value("1d").run()
    expected = uplift.measure(drawn, load(shop.events).table, horizon="1d", wanted=0.1)
    assert said(app) == expected.sentence
    groups = app.dataframe[0].value
    assert list(groups["buyers"]) == [expected.contact.buyers, expected.holdout.buyers]
    assert "nobody is contacted" in texts(app)


@pytest.mark.usefixtures("models")
def test_the_campaign_planned_here_can_be_taken_at_once(shop: Shop) -> None:
    app = opened(opened(with_shop(started(), shop), "target"), "uplift")
    app.button(key="use_planned").click().run()
    assert not app.exception
    assert "spring" in texts(app)
    assert app.info


@pytest.mark.usefixtures("models")
def test_a_file_that_is_no_campaign_is_one_sentence(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "uplift")
    app.file_uploader(key="campaign_files").set_value([("a.zip", b"no zip", "application/zip")]).run()
    assert not app.exception
    assert "cannot be unpacked" in str(app.error[0].value)


class File(io.BytesIO):
    """A file as the browser gives it."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


def test_a_campaign_comes_back_as_zip_or_as_its_two_files(
    drawn: holdout.CampaignList, tmp_path: Path
) -> None:
    zipped = campaigns.zipped(drawn)
    paths = holdout.write_campaign(drawn, tmp_path / "spring.csv")
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {p.name: p.read_bytes() for p in paths}
    whole = campaigns.uploaded([File("spring.zip", zipped)])
    parts = campaigns.uploaded([File(p.name, p.read_bytes()) for p in paths])
    assert whole.campaign == parts.campaign == drawn.campaign
    pd.testing.assert_frame_equal(whole.table, parts.table)
    assert list(whole.table["group"]) == list(drawn.table["group"])
    assert whole.table["simulated"].dtype == bool
    assert whole.table["simulated"].all()


@pytest.mark.parametrize(
    ("files", "came"),
    [
        ({"spring.csv": b"visitor_id,group\nv,contact\n"}, "JSON file is missing"),
        ({"spring.zip": b"PK"}, "cannot be unpacked"),
        ({"spring.json": b"{}"}, "CSV file is missing"),
    ],
)
def test_what_is_missing_of_a_campaign_is_named(files: dict[str, bytes], came: str) -> None:
    with pytest.raises(SourceError, match=came):
        campaigns.uploaded([File(name, content) for name, content in files.items()])


def test_a_zip_with_other_files_is_no_campaign() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.csv", "a")
        archive.writestr("more.csv", "b")
    with pytest.raises(SourceError, match="no campaign file"):
        campaigns.uploaded([File("evil.zip", buffer.getvalue())])


def test_the_curve_shows_the_list_where_it_ends(plan: TargetingPlan) -> None:
    figure = act_charts.profit_curve(plan)
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["The list"].x) == [plan.visits]
    assert list(traces["Expected profit"].y) == list(plan.curve["profit"])
    assert "EUR" in figure.layout.yaxis.title.text


def test_bars_of_carts_hold_all_of_them(carts: Carts) -> None:
    by_day = act_charts.carts_by_day(carts.by_day)
    assert sum(int(np.sum(trace.y)) for trace in by_day.data) == carts.left
    idle = act_charts.risk_by_idle(carts.open, carts.currency)
    assert sum(idle.data[0].y) == pytest.approx(carts.at_risk)


def test_downloads_are_what_the_library_writes(plan: TargetingPlan, tmp_path: Path) -> None:
    scoring.write_scores(plan.export(), tmp_path / "list.csv")
    assert exports.scores_csv(plan.export()) == (tmp_path / "list.csv").read_bytes()
