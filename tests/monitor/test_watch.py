"""Monitoring a trained shop: quiet weeks are quiet, planted changes alarm, and each change is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from buysignal import bundle as bundles
from buysignal.cli import app
from buysignal.monitor import Watch, watch
from buysignal.monitor.page import card_of, prometheus
from buysignal.report_html.cards import render_html
from buysignal.sources.demo import simulate
from buysignal.sources.read import load
from shop import Shop

SINCE = "2025-03-31"
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def events() -> pa.Table:
    """Five weeks of a shop by the same rules."""
    return simulate(8_000, 35, seed=11).events


def seen(shop: Shop, events: pa.Table, folder: Path, change: Change | None = None) -> Watch:
    """Return what monitoring says of the fifth week, in which ``change`` was made."""
    if change is not None:
        late = pc.greater_equal(events.column("event_time"), pa.scalar(np.datetime64(SINCE, "us")).cast(
            events.schema.field("event_time").type
        ))  # fmt: skip
        events = pa.concat_tables([events.filter(pc.invert(late)), change(events.filter(late))])
    pq.write_table(events, folder / "weeks.parquet")
    return watch(shop.bundle, load(folder / "weeks.parquet"), since=SINCE)


def replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, values.cast(field.type))


def dearer(table: pa.Table) -> pa.Table:
    return replaced(table, "price", pc.multiply(table.column("price"), 1.6))


def from_one_channel(table: pa.Table) -> pa.Table:
    """Six visitors of ten come by e-mail."""
    drawn = np.array([hash_of(v) % 10 < 6 for v in table.column("visitor_id").to_pylist()])
    channel = pc.if_else(pa.array(drawn), "email", table.column("channel").cast(pa.string()))
    return replaced(table, "channel", channel)


def without_intent(table: pa.Table) -> pa.Table:
    """Seven visitors of ten only look: nothing they do after their third event is left."""
    drawn = np.array([hash_of(v) % 10 < 7 for v in table.column("visitor_id").to_pylist()])
    later = pc.greater(table.column("event_seq"), 3).to_numpy()
    return table.filter(pa.array(~(drawn & later)))


def hash_of(visitor: str) -> int:
    return int(visitor.lstrip("v") or 0) * 2_654_435_761 >> 8


def test_a_quiet_week_is_quiet(shop: Shop, events: pa.Table, tmp_path: Path) -> None:
    found = seen(shop, events, tmp_path)
    assert not found.alarms, found.alarms
    assert found.sentence.startswith("Quiet")
    assert found.simulated
    checks = {one.check: one.verdict for one in found.findings}
    assert checks.keys() >= {"features", "scores", "volume", "rejects"}


@pytest.mark.parametrize(
    ("change", "named"),
    [(dearer, "price_mean"), (from_one_channel, "channel"), (without_intent, "n_events")],
)
def test_planted_changes_alarm_and_are_named(
    shop: Shop, events: pa.Table, tmp_path: Path, change: Change, named: str
) -> None:
    found = seen(shop, events, tmp_path, change)
    assert "features" in {one.check for one in found.alarms}
    assert named in {one.name for one in found.shifts if one.drifted}
    assert found.sentence.startswith("Alarm")


def test_outcomes_that_the_scores_did_not_foretell_alarm(
    shop: Shop, events: pa.Table, tmp_path: Path
) -> None:
    """The same visits, in which hardly anybody buys any more."""

    def nobody_buys(table: pa.Table) -> pa.Table:
        kept = pc.not_equal(table.column("event_name").cast(pa.string()), "purchase")
        lucky = np.array([hash_of(v) % 10 < 3 for v in table.column("visitor_id").to_pylist()])
        return table.filter(pc.or_(kept, pa.array(lucky)))

    found = seen(shop, events, tmp_path, nobody_buys)
    checks = {one.check: one for one in found.findings}
    assert checks["calibration"].verdict == "alarm", checks
    assert checks["calibration"].value is not None
    assert checks["calibration"].value < 1


def test_without_a_past_its_features_are_left_out(shop: Shop, events: pa.Table, tmp_path: Path) -> None:
    late = pc.greater_equal(
        events.column("event_time"),
        pa.scalar(np.datetime64(SINCE, "us")).cast(events.schema.field("event_time").type),
    )
    pq.write_table(events.filter(late), tmp_path / "week.parquet")
    found = watch(shop.bundle, load(tmp_path / "week.parquet"))
    assert "past_sessions" not in {one.name for one in found.shifts}
    assert "past" in found.notes[0]


def test_the_reference_comes_back_as_it_was(shop: Shop) -> None:
    reference = shop.bundle.reference
    assert reference is not None
    again = type(reference).from_arrays(reference.to_arrays())
    assert again.columns.keys() == reference.columns.keys()
    assert all((again.columns[name].counts == one.counts).all() for name, one in reference.columns.items())
    assert (again.visitors, again.lead_days, again.outcome) == (
        reference.visitors, reference.lead_days, reference.outcome,
    )  # fmt: skip
    assert "hour" not in reference.columns


def test_session_rows_are_watched_too(session_rows: Path) -> None:
    used = bundles.load(session_rows / "bundle")
    found = watch(used, load(session_rows / "online_shoppers_intention.csv"))
    assert not found.alarms, found.alarms


def test_the_command_tells_a_scheduler(shop: Shop, events: pa.Table, tmp_path: Path) -> None:
    seen(shop, events, tmp_path, dearer)
    command = [
        "monitor", str(shop.folder), str(tmp_path / "weeks.parquet"), "--since", SINCE, "--json",
        "--out", str(tmp_path / "page.html"), "--prometheus", str(tmp_path / "figures.prom"),
    ]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 3, done.output
    assert json.loads(done.stdout)["alarm"] is True
    assert "price_mean" in (tmp_path / "page.html").read_text()
    assert 'buysignal_monitor_alarm{check="features"} 1' in (tmp_path / "figures.prom").read_text()


def test_the_page_says_proxy_and_simulated(shop: Shop, events: pa.Table, tmp_path: Path) -> None:
    found = seen(shop, events, tmp_path)
    page = render_html(card_of(found, "<shop>"))
    assert "&lt;shop&gt;" in page
    assert "simulated" in page
    assert prometheus(found).endswith("\n")
