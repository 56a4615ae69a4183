"""Run the notebooks on the real data and store them with their output: ``python scripts/notebooks.py``.

Each runs from top to bottom in a kernel of its own, in its folder. What is stored is small and names no
machine: pictures with few colours, no timings, no paths.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image
from traitlets.config import Config

FOLDER = Path(__file__).parents[1] / "notebooks"
COLOURS = 128
TIMEOUT_SECONDS = 600


def main() -> None:
    """Run the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 01_eda; all where none is named")
    names = parser.parse_args().names or [path.stem for path in paths()]
    for name in names:
        path = FOLDER / f"{Path(name).stem}.ipynb"
        if not path.is_file():
            sys.exit(f"There is no notebook {name}. There are: {', '.join(path.stem for path in paths())}")
        start = time.perf_counter()
        try:
            notebook = cleaned(executed(path))
        except CellExecutionError as error:
            sys.exit(f"{path.name} stopped: {error.evalue}")
        path.write_text(stored(notebook), encoding="utf-8")
        seconds = time.perf_counter() - start
        print(f"{path.name}: {seconds:.0f} s, {path.stat().st_size / 1000:,.0f} KB", flush=True)


def paths() -> list[Path]:
    """Return all notebooks, in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> NotebookNode:
    """Return the notebook, run from top to bottom in a new kernel.

    Raises:
        CellExecutionError: a cell failed.
    """
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
        client = NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=TIMEOUT_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
            # By files, not by ports: nobody else on the machine can listen in.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/ipc"}}),
        )
        return client.execute()


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without what names a machine or a moment, its pictures small."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.from_dict({})
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = fewer_colours(output.data["image/png"])
    return notebook


def stored(notebook: NotebookNode) -> str:
    """Return the file's text."""
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def fewer_colours(png: str) -> str:
    """Return a picture (PNG, base64) with a palette, about a third of its size; one that has it as it is."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    out = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode("ascii")


if __name__ == "__main__":
    main()
