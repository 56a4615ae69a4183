"""Retraining: the first model, a better one, a run that is repeated, interrupted or fed with rubbish."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from buysignal import bundle as bundles
from buysignal.cli import app
from buysignal.errors import BundleError, InputError
from buysignal.registry import Registry
from buysignal.retrain import Rule, retrain
from buysignal.retrain.judge import judge
from buysignal.sources.demo import simulate
from buysignal.training import Options
from shop import Shop

FAST = Options(fast=True, imbalance="none", seed=1)


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with early.parquet (four weeks) and all.parquet (six)."""
    folder = tmp_path_factory.mktemp("months")
    events = simulate(4_000, 42, seed=21).events
    time = events.column("event_time")
    cut = pa.scalar(pc.min(time).as_py() + timedelta(days=28), time.type)
    pq.write_table(events.filter(pc.less(time, cut)), folder / "early.parquet")
    pq.write_table(events, folder / "all.parquet")
    return folder


@pytest.fixture(scope="module")
def begun(months: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry whose champion was trained on the first four weeks."""
    registry = Registry(tmp_path_factory.mktemp("registry") / "models")
    first = retrain(registry, [months / "early.parquet"], options=FAST)
    assert first.promoted
    assert registry.state.champion == first.version
    return registry


def test_a_challenger_is_judged_once(begun: Registry, months: Path) -> None:
    champion = begun.state.champion
    done = retrain(begun, [months / "all.parquet"], options=FAST, rule=Rule(when="not-worse", margin=0.5))
    assert done.judged is not None
    assert done.judged.low <= done.judged.gain <= done.judged.high
    assert 0.5 < done.judged.challenger["roc_auc"] < 1
    assert done.promoted == (done.judged.low > -done.judged.margin)
    assert (begun.state.champion == done.version) == done.promoted
    served = bundles.load(begun.champion_folder).version
    assert served == begun.state.champion
    assert not list((begun.folder / "under-way").iterdir())

    history = len(begun.state.history)
    again = retrain(begun, [months / "all.parquet"], options=FAST, rule=Rule("not-worse", 0.5))
    assert again.again
    assert (again.version, again.promoted) == (done.version, done.promoted)
    assert len(begun.state.history) == history
    if done.promoted:
        assert begun.roll_back(why="a test") == champion


def _copied_from(registry: Registry):  # type: ignore[no-untyped-def]
    """A training that was done before: the first run's bundle, put where a new one would be."""
    import shutil

    source = registry.path(registry.versions()[0])
    return lambda loaded, *, out, options, progress: shutil.copytree(source, out)


def test_an_interrupted_run_goes_on(
    begun: Registry, months: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the training, before the decision: the second run trains nothing."""
    registry = Registry(tmp_path / "models")
    monkeypatch.setattr("buysignal.retrain.train_loaded", _copied_from(begun))

    def stop(*_args: object, **_named: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as only_now:
        only_now.setattr(Registry, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(registry, [months / "early.parquet"], options=FAST)
    assert registry.state.champion is None
    monkeypatch.setattr("buysignal.retrain.train_loaded", stop)
    assert retrain(registry, [months / "early.parquet"], options=FAST).promoted


def test_data_that_the_champion_has_learned_from_does_not_judge_it(begun: Registry, months: Path) -> None:
    with pytest.raises(InputError, match="learned from events up to"):
        retrain(begun, [months / "early.parquet"], options=FAST, rule=Rule(sealed="20d"))
    assert bundles.load(begun.champion_folder).version == begun.state.champion


def test_a_broken_export_is_refused(begun: Registry, tmp_path: Path) -> None:
    rows = ["visitor_id,event_time,event_name"]
    rows += [f"v{i},{'soon' if i % 2 else '2025-04-01T10:00:00Z'},view_item" for i in range(100)]
    (tmp_path / "events.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="cannot be read"):
        retrain(begun, [tmp_path / "events.csv"], options=FAST)


def test_another_goal_is_refused(shop: Shop, proxied: Path) -> None:
    events = pq.read_table(shop.events)
    with pytest.raises(BundleError, match="another goal"):
        judge(shop.bundle, bundles.load(proxied / "bundle"), events, sealed_from=np.datetime64("2025-03-20"))


def test_a_model_is_not_told_apart_from_itself(shop: Shop) -> None:
    events = pq.read_table(shop.events)
    same = judge(shop.bundle, shop.bundle, events, sealed_from=np.datetime64("2025-03-24"))
    assert (same.gain, same.low, same.high) == (0, 0, 0)
    assert not same.promotes("better")
    assert same.promotes("not-worse")
    assert "not told apart" in same.sentence


def test_the_commands(begun: Registry) -> None:
    listed = CliRunner().invoke(app, ["models", "--registry", str(begun.folder), "--json"])
    assert listed.exit_code == 0
    assert json.loads(listed.stdout)["champion"] == begun.state.champion
    version = begun.versions()[0]
    done = CliRunner().invoke(app, ["promote", version, "--registry", str(begun.folder)])
    assert done.exit_code == 0, done.output
    assert begun.state.champion == version
