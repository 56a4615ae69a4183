"""Alert rules and the dashboard ask for figures that the code gives, by the labels that it gives them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from buysignal.monitor import watch
from buysignal.monitor.page import prometheus
from buysignal.serve.app import make_app
from buysignal.serve.settings import Settings
from buysignal.sources.read import load
from buysignal.stream.figures import Figures
from buysignal.stream.worker import Done
from shop import Shop

from .reading import DEPLOY, ROOT, run, tool

RULES = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD = DEPLOY / "grafana" / "buysignal.json"
FOREIGN = {"push_time_seconds"}
"""Of the Pushgateway."""


def alerts() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def questions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [rule["expr"] for rule in alerts()] + [t["expr"] for panel in panels for t in panel["targets"]]


async def figures_after(shop: Shop, click: dict[str, object]) -> str:
    transport = httpx.ASGITransport(make_app(shop.folder, Settings(watch=False)))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as server:
        assert (await server.post("/v1/score", json=click)).status_code == 200
        return (await server.get("/metrics")).text


@pytest.fixture(scope="module")
def given(shop: Shop) -> dict[str, set[str]]:
    """Names of series and their labels, as the server, a worker and monitor really write them."""
    click = {"event": {"visitor_id": "v", "event_name": "page_view"}}
    answers = asyncio.run(figures_after(shop, click))
    worker = Figures()
    worker.committed(Done(), Done(), 0.01)
    worker.swapped(well=True)
    worker.uses("v")
    found = watch(shop.bundle, load([shop.events]))
    series: dict[str, set[str]] = {}
    for text in (answers, worker.text().decode(), prometheus(found)):
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                series.setdefault(sample.name, set()).update(sample.labels)
    return series


def test_every_figure_that_is_asked_for_is_given(given: dict[str, set[str]]) -> None:
    asked = {name for text in questions() for name in re.findall(r"\b(?:buysignal|push)_\w+", text)}
    assert len(asked) > 10
    assert asked - set(given) - FOREIGN == set()


def test_every_label_that_is_asked_for_is_given(given: dict[str, set[str]]) -> None:
    for text in questions():
        for name, labels in re.findall(r"(buysignal_\w+)\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)=", labels)) <= given[name] | {"job"}, text


def test_every_figure_of_the_code_is_looked_at_by_someone(given: dict[str, set[str]]) -> None:
    told = "\n".join(questions()) + (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    own = {name for name in given if not name.endswith(("_created", "_sum", "_count"))}
    assert {name for name in own if name not in told} == set()


def test_the_run_book_says_what_to_do_on_each_alarm() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))
    assert {rule["alert"] for rule in alerts()} <= told


def test_prometheus_reads_the_rules_and_raises_them(tmp_path: Path) -> None:
    promtool, folder = tool("promtool"), RULES.parent
    done = run(promtool, "test", "rules", folder / "alerts_test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "key").write_text("k")
    config = (folder / "prometheus.yaml").read_text(encoding="utf-8")
    config = re.sub(r"credentials_file: \S+", f"credentials_file: {tmp_path / 'key'}", config)
    (tmp_path / "prometheus.yaml").write_text(config)
    (tmp_path / "alerts.yaml").write_text(RULES.read_text())
    done = run(promtool, "check", "config", tmp_path / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_asks_the_pods_by_labels_that_they_have() -> None:
    config = (RULES.parent / "prometheus.yaml").read_text(encoding="utf-8")
    manifests = (DEPLOY / "kubernetes" / "buysignal.yaml").read_text(encoding="utf-8")
    asked = re.findall(r"regex: (\w+);(\d+)", config)
    assert asked
    for component, port in asked:
        assert f"app.kubernetes.io/component: {component}" in manifests
        assert f"containerPort: {port}" in manifests
