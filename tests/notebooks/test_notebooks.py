"""The notebooks run on the real data and show what they say; what is stored is small and clean."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
NAMES = (
    "01_eda", "02_features", "03_classification", "04_regression", "05_clustering", "06_honest_evaluation",
)  # fmt: skip
MOST_BYTES = 250_000

# What each notebook must show: a pattern, and where it holds a figure, the range it must lie in.
SHOWN: dict[str, list[tuple[str, float | None, float | None]]] = {
    "01_eda": [
        (r"165,474 rows in = 165,474 kept \+ 0 rejected", None, None),
        (r"24,026 sessions", None, None),
        (r"this data holds no purchases, so nothing here is called conversion", None, None),
        (r"40 of 40 pairs of category and price have one value of price_2 only", None, None),
        (r"Poland: ([\d.]+)% of sessions", 80, 83),
    ],
    "02_features": [
        (r"165,474 rows × 72 columns", None, None),
        (r"price_mean +largest difference to pandas over 165,474 rows: (\S+)", 0, 1e-3),
        (r"identical = True", None, None),
        (r"proxy: next_above_average", None, None),
    ],
    "03_classification": [
        (r"ROC-AUC with all columns ([\d.]+)", 0.99, 1),
        (r"hidden ([\d.]+)", 0.58, 0.70),
        (r"TAUTOLOGY +`item_id` alone fixes `price_2`", None, None),
        (r"`price_2` is 1 exactly when `price` ≥ 43 in blouses", None, None),
        (r"proxy: stays_long; yes in ([\d.]+)%", 6, 10),
        (r"smote +impute → sample → model", None, None),
    ],
    "04_regression": [
        (r"linear +\S+ +\S+ +([\d.]+)", 0.99, 1),
        (r"TAUTOLOGY: `item_id` alone fixes `price`", None, None),
        (r"same as now +\S+ +\S+ +(-[\d.]+)", -1, 0),
        (r"proxy: value still to be viewed in the session", None, None),
    ],
    "05_clustering": [
        (r"champion: (?:kmeans|hierarchical|dbscan)", None, None),
        (r"hierarchical +[\d.]+ +([\d.]+)", 0.15, 0.6),
        (r"high engagement", None, None),
        (r"silhouette ([\d.]+)$", 0.70, 1),
    ],
    "06_honest_evaluation": [
        (r"12,918 sessions stand in both files; 96% of the test rows", None, None),
        (r"all columns +ROC-AUC ([\d.]+)", 0.999, 1),
        (r"item and price hidden ROC-AUC ([\d.]+)", 0.60, 0.67),
        (r"rule right in 100.0% of 165,474 rows", None, None),
        (r"SMOTE before the split +([\d.]+)", 0.90, 1),
        (r"SMOTE inside the training rows +([\d.]+)", 0.50, 0.75),
        (r"SMOTE ran before the split", None, None),
        (r"1\.000  0\.6\d\d  ([\d.]+)", 0.59, 0.66),
    ],
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("notebooks_script", ROOT / "scripts" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored(name: str) -> Path:
    return ROOT / "notebooks" / f"{name}.ipynb"


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def said(notebook: NotebookNode) -> str:
    """Return all that the outputs say in words."""
    found = [
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs(notebook)
    ]
    return "\n".join(found)


def assert_shown(name: str, text: str) -> None:
    for pattern, low, high in SHOWN[name]:
        found = re.search(pattern, text, flags=re.MULTILINE)
        assert found, f"{name} does not show {pattern}"
        if low is not None and high is not None:
            assert low <= float(found[1]) <= high, f"{name}: {found[0]}"


def test_every_notebook_is_looked_at(script: ModuleType) -> None:
    assert tuple(path.stem for path in script.paths()) == NAMES == tuple(SHOWN)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_on_the_real_data(
    name: str, script: ModuleType, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUYSIGNAL_DATA", str(real_data))
    notebook = script.executed(stored(name))
    warnings = [output.text for output in outputs(notebook) if output.get("name") == "stderr"]
    assert warnings == []
    assert_shown(name, said(notebook))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_shows_its_figures_and_is_small_and_clean(name: str, script: ModuleType) -> None:
    text = stored(name).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert_shown(name, said(notebook))
    assert len(text.encode()) < MOST_BYTES
    assert script.stored(script.cleaned(notebook)) == text, f"run: python scripts/notebooks.py {name}"
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "not run from top to bottom"
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    assert not re.search(r"(?<![\w.:/])/(?:tmp|usr|opt|var|home)/", said(notebook))


def test_without_the_data_a_notebook_says_what_to_do(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUYSIGNAL_DATA", str(tmp_path))
    with pytest.raises(CellExecutionError, match="buysignal data get uci-eshop"):
        script.executed(stored("01_eda"))


def test_a_picture_gets_smaller_and_stays_a_picture(script: ModuleType) -> None:
    notebook = nbformat.read(stored("01_eda"), as_version=4)
    pictures = [
        output.data["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 5
    assert all(script.fewer_colours(picture) == picture for picture in pictures), "not yet small"


def test_the_script_names_what_it_was_asked_for_and_does_not_have() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "notebooks.py"), "99_none"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "99_none" in done.stderr
    assert "Traceback" not in done.stderr
