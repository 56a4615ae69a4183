"""The bill of materials lists what the lock pins, with its hashes, by the schema, the same every time."""

from __future__ import annotations

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-serve.txt"


def test_the_bill_is_the_lock(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx_py", reason="the development tools are not installed")
    found = spec_from_file_location("sbom", ROOT / "scripts" / "sbom.py")
    assert found is not None
    assert found.loader is not None
    sbom = module_from_spec(found)
    found.loader.exec_module(sbom)
    sbom.main(LOCK, tmp_path / "sbom.json")
    text = (tmp_path / "sbom.json").read_text()
    bill = json.loads(text)
    lock = LOCK.read_text()
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", lock, re.MULTILINE)
    assert sorted((c["name"], c["version"]) for c in bill["components"]) == sorted(pinned)
    hashes = [h["content"] for c in bill["components"] for r in c["externalReferences"] for h in r["hashes"]]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert "://" not in re.sub(r'"\$schema": "[^"]+"', "", text)
    bill["components"] = bill["components"][:1]
    bill["components"][0]["type"] = "no such type"
    assert "no such type" in sbom.problem_of(json.dumps(bill))
