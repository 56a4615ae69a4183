"""The page Live as a person would use it, without a browser."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alerts.receiver import receiving
from buysignal.app import live_alerts
from buysignal.app.live_feed import Feed
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload, with_shop

SECRET = "a long random text of our own"


def feed_of(app: AppTest) -> Feed:
    found: Feed = app.session_state["live_feed"]
    return found


def playing(app: AppTest, pace: str = "Fastest") -> AppTest:
    """Open the page and start a replay of the data in use."""
    opened(app, "watch")
    app.segmented_control(key="live_pace").set_value(pace).run()
    app.button(key="live_start").click().run()
    assert not app.exception
    return app


def scored(app: AppTest, events: int = 200) -> AppTest:
    """Wait for some scores, and draw them."""
    until = time.monotonic() + 60
    while feed_of(app).events < events and time.monotonic() < until:
        time.sleep(0.05)
    assert not app.run().exception
    return app


def ended(app: AppTest) -> AppTest:
    feed_of(app).wait(120)
    assert not app.run().exception
    return app


@pytest.mark.usefixtures("models")
def test_a_replay_is_started_paused_looked_into_and_stopped(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "watch")
    assert "Nothing is open yet" in texts(app)
    app = scored(playing(app, "1000×"), 30)
    assert "Simulated data" in texts(app)
    assert int(metric(app, "Visits open")) > 0
    assert metric(app, "Bought").endswith(f" {shop.bundle.goal.currency}")
    assert "Pause to look at one of them" in texts(app)
    app.button(key="live_pause").click().run()
    until = time.monotonic() + 20
    while feed_of(app).status != "paused" and time.monotonic() < until:
        time.sleep(0.05)
    app.run()
    assert "**Paused.**" in texts(app)
    assert "Tick a visit to see it" in texts(app)
    events = feed_of(app).events
    app.segmented_control(key="live_pace_now").set_value("Fastest").run()
    app.button(key="live_resume").click().run()
    assert feed_of(scored(app, events + 1)).events > events
    app.button(key="live_stop").click().run()
    assert not app.exception
    assert "**Stopped.**" in texts(app)
    assert app.button(key="live_start")


@pytest.mark.usefixtures("models")
def test_played_to_the_end_the_figures_are_the_feeds(shop: Shop) -> None:
    app = ended(playing(with_shop(started(), shop)))
    visits = feed_of(app).watch.visits
    assert "**Played to the end.**" in texts(app)
    assert metric(app, "Visits that bought") == f"{visits.buyers:,}"
    assert metric(app, "Visits open") == f"{len(visits.open()):,}"
    assert visits.buyers > 0
    assert "they need not meet" in texts(app)


@pytest.mark.usefixtures("models")
def test_alerts_go_to_the_webhook_and_the_page_counts_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(live_alerts.SECRET, SECRET)
    monkeypatch.setenv(live_alerts.PRIVATE, "1")
    with receiving(204) as receiver:
        app = playing(with_shop(started(), shop), "10×")
        app.text_input(key="alert_url").set_value(receiver.url).run()
        app.button(key="test_alert").click().run()
        assert "The webhook took the test." in str(app.success[0].value)
        assert receiver.alerts[0]["rule"] == "test"
        app.number_input(key="alert_least").set_value(1.0).run()
        app.button(key="start_alerts").click().run()
        assert not app.error
        app.segmented_control(key="live_pace_now").set_value("Fastest").run()
        app = ended(app)
        taken = [alert for alert in receiver.alerts if alert["rule"] == "cart_at_risk"]
    assert taken
    assert all(alert["replayed"] for alert in taken)
    assert f"**{len(taken):,}** taken by the webhook" in texts(app)
    assert SECRET not in texts(app)


@pytest.mark.usefixtures("models")
def test_a_webhook_that_may_not_be_is_refused_in_a_sentence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(live_alerts.SECRET, SECRET)
    monkeypatch.setenv("OTHER_SECRET", SECRET)
    monkeypatch.delenv(live_alerts.PRIVATE, raising=False)
    app = playing(with_shop(started(), shop), "10×")
    for url, variable, said in (
        ("http://127.0.0.1:9/", live_alerts.SECRET, "lies inside the own network"),
        ("http://127.0.0.1:9/", "OTHER_SECRET", "does not read the environment variable"),
        ("http://127.0.0.1:9/", "BUYSIGNAL_UNSET", "is empty"),
        ("ftp://shop.example/", live_alerts.SECRET, "no webhook's address"),
    ):
        app.text_input(key="alert_url").set_value(url)
        app.text_input(key="alert_secret").set_value(variable).run()
        app.button(key="start_alerts").click().run()
        assert said in str(app.error[0].value).replace("\\", "")
        assert feed_of(app).box is None
    feed_of(app).stop()


@pytest.mark.usefixtures("models")
def test_doors_that_do_not_answer_are_said(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "watch")
    app.segmented_control(key="live_source").set_value("Kafka").run()
    app.selectbox(key="live_protocol").set_value("SASL_SSL").run()
    assert app.text_input(key="live_password")
    app.selectbox(key="live_protocol").set_value("PLAINTEXT").run()
    app.text_input(key="live_bootstrap").set_value("127.0.0.1:1").run()
    app.button(key="live_start").click().run()
    feed_of(app).wait(60)
    app.run()
    assert "no Kafka broker answers" in str(app.error[0].value)
    app.segmented_control(key="live_source").set_value("REST server").run()
    app.text_input(key="live_url").set_value("localhost").run()
    app.button(key="live_start").click().run()
    assert "no server's address" in str(app.error[0].value).replace("\\", "")
    app.text_input(key="live_url").set_value("http://127.0.0.1:1").run()
    app.button(key="live_start").click().run()
    until = time.monotonic() + 20
    while feed_of(app).status != "lost" and time.monotonic() < until:
        time.sleep(0.05)
    app.run()
    assert "Connection lost, trying again" in str(app.warning[0].value)
    feed_of(app).stop()


def test_a_proxy_is_named_and_no_cart_is_called_at_risk(models: Path, proxied: Path, shop: Shop) -> None:
    shutil.rmtree(models / "demo")
    shutil.copytree(proxied / "bundle", models / "demo")
    app = scored(playing(with_shop(started(), shop), "1000×"), 30)
    said = texts(app)
    feed_of(app).stop()
    assert "proxy: add_to_cart_later — not conversion" in said
    assert "Open carts" in said
    assert "Carts at risk now" not in said
    assert "onversion" not in said.replace("not conversion", "")


def test_a_model_of_session_rows_is_refused_with_a_way_onward(
    session_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from buysignal.app.bundles import MODELS

    shutil.copytree(session_rows / "bundle", tmp_path / "models" / "demo")
    monkeypatch.setenv(MODELS, str(tmp_path / "models"))
    file = session_rows / "online_shoppers_intention.csv"
    app = opened(upload(started(), file.name, file.read_bytes()), "watch")
    assert "reads a row per visit" in str(app.error[0].value)
    assert any(button.label == "Train a model" for button in app.button)
