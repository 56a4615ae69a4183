"""Threats that no other test is about; and every test that the page of threats names is there."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from buysignal import bundle as bundles
from buysignal import sources
from buysignal.bundle import MANIFEST
from buysignal.errors import BundleError
from shop import Shop

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 30
    missing = []
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8")) if (ROOT / file).is_file() else None
        functions = (
            {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} if tree else {}
        )
        if name not in functions:
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_threat_of_the_page_has_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    threats = [row for row in rows if not row.startswith(("| threat", "| ---"))]
    assert len(threats) > 20
    assert [row for row in threats if "::test_" not in row] == []


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / "events.zip"
    rows = "visitor_id,event_time,event_name\nv1,2024-05-03T07:27:00Z,page_view\n"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("../../outside.csv", f"{tmp_path}/absolute.csv", "..\\back.csv", "inside.csv"):
            packed.writestr(name, rows.replace("v1", name[-5]))
    assert sources.load(archive, profile="generic").rows_kept > 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in archive.parent.iterdir()] == ["events.zip"]


@pytest.mark.parametrize("name", ["a'b; DROP TABLE typed; --.csv", "x$(touch y).csv", "[red]a*[x]?.csv"])
def test_a_name_of_a_file_or_column_is_a_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    column = "attr_x\"'; DROP TABLE typed; --"
    quoted = column.replace('"', '""')
    file.write_text(f'visitor_id,event_time,event_name,"{quoted}"\nv1,2024-05-03T07:27:00Z,page_view,a\n')
    loaded = sources.load(file, profile="generic")
    assert loaded.table.column(column).to_pylist() == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_as_deep_as_a_well_stops_no_door(shop: Shop, tmp_path: Path) -> None:
    pytest.importorskip("orjson", reason="the extra 'api' is not installed")
    from buysignal.stream.scored import Arrived, BatchScorer

    deep = b'{"visitor_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    score = BatchScorer(shop.bundle)
    outcome = score([Arrived(0, 0, 0, None, deep)], {0: score.shelf(0)})
    assert [one.reason for one in outcome.dead] == ["broken_json"]
    lines = tmp_path / "events.ndjson"
    event = {"visitor_id": "v", "event_name": "search", "event_time": "2024-05-03T07:27:00Z"}
    lines.write_bytes(json.dumps(event).encode() + b"\n" + deep + b"\n")
    loaded = sources.load(lines, profile="generic")
    assert (loaded.rows_in, loaded.rows_kept) == (2, 1)


def forged(shop: Shop, folder: Path, node: onnx.NodeProto, weights: list[TensorProto]) -> Path:
    """A bundle of another origin: one model is exchanged, and the manifest says that it is right."""
    shutil.copytree(shop.folder, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    name = next(name for name in manifest["files"] if name.startswith("conversion-"))
    graph = onnx.load(folder / name).graph
    node.input[0], node.output[0] = graph.input[0].name, graph.output[0].name
    made = helper.make_graph([node], "forged", list(graph.input), list(graph.output), weights)
    domains = [helper.make_opsetid("", 15), helper.make_opsetid("foreign", 1)]
    content = helper.make_model(made, opset_imports=domains).SerializeToString()
    (folder / name).write_bytes(content)
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_a_model_of_another_origin_reads_no_file(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0\0\x80\x3f")
    for number, place in enumerate(["../secret", str(tmp_path / "secret"), "secret"]):
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=place)
        node = helper.make_node("Add", ["X", "w"], ["Y"])
        with pytest.raises(BundleError, match="cannot be run"):
            bundles.load(forged(shop, tmp_path / str(number), node, [weight]))


def test_a_model_of_another_origin_runs_no_operation_of_its_own(shop: Shop, tmp_path: Path) -> None:
    node = helper.make_node("Shell", ["X"], ["Y"], domain="foreign")
    with pytest.raises(BundleError, match="cannot be run"):
        bundles.load(forged(shop, tmp_path / "bundle", node, []))


def test_no_page_of_the_app_lets_markup_of_the_data_run() -> None:
    pages = sorted((ROOT / "src" / "buysignal" / "app").rglob("*.py"))
    risky = {"html", "iframe", "unsafe_allow_html", "unsafe_allow_javascript"}
    found = []
    for page in pages:
        for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in risky - {"html"}:
                found.append(f"{page.name}:{node.arg}")
            drawn = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if drawn and node.func.attr in risky and ast.unparse(node.func.value) in ("st", "components"):
                found.append(f"{page.name}:{node.func.attr}")
    assert len(pages) > 20
    assert found == []


def test_the_app_stays_on_this_machine_and_shows_no_trace() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "localhost"
    assert settings["server"]["maxUploadSize"] <= 1_100
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["browser"]["gatherUsageStats"] is False


def test_every_lock_pins_every_package_with_its_hashes() -> None:
    for lock in ("requirements.txt", "requirements-dev.txt", "requirements-serve.txt"):
        entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
        assert len(entries) > 40
        bare = [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
        assert bare == []
