"""The reference of the Python modules, and the list of decisions: pages that follow what is there.

MkDocs calls the functions below (``hooks`` in ``mkdocs.yml``). Which modules there are, in which order, and
what each is for is read from the tables of ``docs/architecture.md``, which a test holds against the code;
what stands on each page comes from the docstrings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "buysignal"
ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
SIGNATURE = re.compile(r"^([\w.]+)\(", re.MULTILINE)
MARK = "<!-- the modules -->"


def modules() -> dict[str, str]:
    """Return what each top-level module is for, from the bottom up."""
    table = _architecture().split("\n## Modules\n")[1].split("\nInside the larger packages:")[0]
    return dict(ROW.findall(table))


def parts(module: str) -> list[str]:
    """Return a module and those within it whose functions others may rely on, dotted."""
    signatures = _architecture().split("\n## Signatures\n")[1].split("\n## ")[0]
    found = {_module_of(path) for path in SIGNATURE.findall(signatures)}
    return [module, *sorted(name for name in found if name.startswith(f"{module}."))]


def on_config(config: Any) -> Any:
    """Fill the two entries of the navigation that stand for pages made or found here."""
    pages = [{name: f"reference/{name}.md"} for name in modules()]
    records = [f"adr/{page.name}" for page in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    for section in config.nav:
        for title, entries in section.items():
            if entries == "adr":
                section[title] = records
            else:
                section[title] = [
                    {"Python": ["reference/index.md", *pages]} if entry == {"Python": "reference"} else entry
                    for entry in entries
                ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each module."""
    for name, sentence in modules().items():
        heads = "\n\n".join(f"::: buysignal.{part}" for part in parts(name))
        content = f"# {name}\n\n{_from_reference(sentence)}\n\n{heads}\n"
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put the table of modules where the page of the reference asks for it."""
    if page.file.src_uri != "reference/index.md":
        return markdown
    rows = [f"| [{name}]({name}.md) | {_from_reference(text)} |" for name, text in modules().items()]
    return markdown.replace(MARK, "\n".join(["| module | its one responsibility |", "| --- | --- |", *rows]))


def _architecture() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def _from_reference(sentence: str) -> str:
    """Return a sentence with its links as they lead from within ``reference/``."""
    return re.sub(r"\]\((?!\w+:)", "](../", sentence)


def _module_of(path: str) -> str:
    """Return the module in a dotted path such as ``models.onnx.export_revenue``."""
    names = path.split(".")
    while names and not (
        PACKAGE.joinpath(*names).is_dir() or PACKAGE.joinpath(*names).with_suffix(".py").is_file()
    ):
        names.pop()
    return ".".join(names)
