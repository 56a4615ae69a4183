"""The page Monitoring as a person would use it, without a browser."""

from __future__ import annotations

import io
import shutil
from datetime import UTC, date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from buysignal.app import monitor_charts, words
from buysignal.monitor import Watch, watch
from buysignal.monitor.pictures import Group
from buysignal.sources import load
from shop import Shop

from .conftest import metric, opened, started, texts
from .test_pages import upload, with_shop

SINCE = date(2025, 3, 26)


@pytest.fixture(scope="module")
def changed(shop: Shop) -> bytes:
    """The shop's events; in the last week everybody comes by e-mail, and prices are half as high again."""
    table = pq.read_table(shop.events)
    begin = pa.scalar(datetime.combine(SINCE, time(), UTC), table.schema.field("event_time").type)
    late = pc.greater_equal(table.column("event_time"), begin)
    for name, value in (
        ("channel", pa.scalar("email")), ("price", pc.multiply(table.column("price"), 1.5)),
    ):  # fmt: skip
        field = table.schema.field(name)
        plain = table.column(name).cast(pa.string()) if name == "channel" else table.column(name)
        moved = pc.if_else(late, value, plain).cast(field.type)
        table = table.set_column(table.schema.get_field_index(name), field, moved)
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def found(shop: Shop) -> Watch:
    return watch(shop.bundle, load(shop.events), since=SINCE.isoformat())


@pytest.mark.usefixtures("models")
def test_a_quiet_week_is_told_with_the_librarys_figures(shop: Shop, found: Watch) -> None:
    app = opened(with_shop(started(), shop), "monitoring")
    assert not app.error
    app.segmented_control(key="monitor_way").set_value("From a day on").run()
    app.date_input(key="monitor_day").set_value(SINCE).run()
    assert not app.exception
    said = texts(app)
    assert not found.alarms
    assert "All quiet." in str(app.success[0].value)
    assert metric(app, "Visits") == f"{found.visits:,}"
    assert metric(app, "Columns that moved") == f"0 of {len(found.shifts)}"
    by = {one.check: one for one in found.findings}
    assert words.prose(by["volume"].sentence) in said
    if by.get("ranking"):
        assert metric(app, "Ranking (ROC-AUC)") == f"{by['ranking'].value:.3f}"
    assert "Simulated data" in said
    assert "learned from a part" not in said
    app.segmented_control(key="monitor_way").set_value("All of it").run()
    assert "learned from a part" in texts(app)


@pytest.mark.usefixtures("models")
def test_a_changed_week_alarms_and_names_what_moved(shop: Shop, changed: bytes) -> None:
    app = opened(upload(started(), "events.parquet", changed), "monitoring")
    assert not app.error
    assert "Something has changed." in str(app.warning[0].value)
    assert not metric(app, "Columns that moved").startswith("0 ")
    assert words.column("channel") in texts(app)
    assert app.selectbox(key="monitor_column").options
    assert any(button.label == "Download this report (HTML)" for button in app.get("download_button"))
    assert any(button.label == "Train again" for button in app.button)


@pytest.mark.usefixtures("no_models")
def test_without_a_model_the_page_says_what_to_do() -> None:
    app = opened(started(), "monitoring")
    assert not app.error
    assert app.button


def test_a_proxy_is_named(models: Path, proxied: Path) -> None:
    shutil.rmtree(models / "demo")
    shutil.copytree(proxied / "bundle", models / "demo")
    app = opened(upload(started(), "events.parquet", (proxied / "events.parquet").read_bytes()), "monitoring")
    said = texts(app)
    assert not app.error
    assert "proxy: add_to_cart_later — not conversion" in said
    assert "onversion" not in said.replace("not conversion", "")
    assert "bought" not in said


def test_session_rows_are_looked_at_too_and_events_are_refused(
    session_rows: Path, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from buysignal.app.bundles import MODELS

    shutil.copytree(session_rows / "bundle", tmp_path / "models" / "demo")
    monkeypatch.setenv(MODELS, str(tmp_path / "models"))
    file = session_rows / "online_shoppers_intention.csv"
    app = opened(upload(started(), file.name, file.read_bytes()), "monitoring")
    assert not app.error
    assert metric(app, "Visits") == "300"
    app = opened(with_shop(app, shop), "monitoring")
    assert app.error
    assert "Something went wrong" not in str(app.error[0].value)
    assert any(button.label == "Choose other data" for button in app.button)


def test_charts_hold_what_they_are_drawn_from(found: Watch) -> None:
    moved = monitor_charts.moved(found.shifts)
    bars = [value for trace in moved.data for value in trace.x if value is not None]
    assert sorted(bars, reverse=True) == pytest.approx([one.times_limit for one in found.shifts[:12]])
    assert found.pictures is not None
    groups = found.pictures.columns["channel"]
    then, now = monitor_charts.then_and_now("channel", groups, None).data[::-1]
    assert sum(then.x) == pytest.approx(1)
    assert sum(now.x) == pytest.approx(1)
    assert list(now.y)[::-1] == [monitor_charts.label("channel", one, None) for one in groups]
    days = monitor_charts.visits_a_day(found.pictures)
    assert list(days.data[0].y) == list(found.pictures.daily_now)
    said, came = monitor_charts.came_true(found.pictures.fifths, "Share that bought").data
    assert list(said.y) == [one.said for one in found.pictures.fifths]
    assert list(came.y) == [one.came for one in found.pictures.fifths]


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (Group("range", 0.5, 0.5, high=0.02), "up to 2.0\u00a0%"),
        (Group("range", 0.5, 0.5, low=0.5), "over 50\u00a0%"),
        (Group("range", 1.0, 1.0), "any"),
        (Group("rare", 0.1, 0.1), "others"),
        (Group("missing", 0.1, 0.1), "not known"),
    ],
)
def test_groups_have_words(group: Group, said: str) -> None:
    assert monitor_charts.label("probability", group, None) == said
