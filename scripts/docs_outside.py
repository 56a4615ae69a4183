"""Links of the site that leave ``docs/``: what they lead to comes along, so that none is dead.

MkDocs calls the functions below (``hooks`` in ``mkdocs.yml``). A page may link a file of the repository as
it does when it is read there, ``../README.md`` say. Such a file is put under ``repository/`` in the site,
a Markdown file as a page, with what that one links in turn, and the links are written anew to match.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
FOLDER = "repository"
ALWAYS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
HIDDEN = "dot-"  # MkDocs leaves out what begins with a dot
LINK = re.compile(r"(?P<label>!?\[[^\]\n]*\])\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add every file outside ``docs/`` that a page leads to."""
    waiting = [*ALWAYS, *(t for file in files.documentation_pages() for t in _led_to(file, config))]
    while waiting:
        path = waiting.pop()
        if path.startswith("docs/") or not (ROOT / path).is_file() or files.get_file_from_path(_uri(path)):
            continue
        added = File.generated(config, _uri(path), abs_src_path=str(ROOT / path))
        files.append(added)
        if path.endswith(".md"):
            waiting += _led_to(added, config)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write the links anew that lead from or to a file outside ``docs/``."""
    here = page.file.src_uri

    def written(link: re.Match[str]) -> str:
        path = _path(here, link["target"])
        if path is None or (_inside(path) and not here.startswith(f"{FOLDER}/")):
            return link[0]
        if (ROOT / path).is_dir():
            return link["label"].strip("![]")
        uri = posixpath.relpath(_uri(path), posixpath.dirname(here) or ".")
        return f"{link['label']}({uri}{link['anchor'] or ''})"

    return LINK.sub(written, markdown)


def _led_to(file: Any, config: Any) -> list[str]:
    if file.generated_by and file.abs_src_path is None:
        return []
    text = Path(file.abs_src_path).read_text(encoding="utf-8")
    found = (_path(file.src_uri, link["target"]) for link in LINK.finditer(text))
    return [path for path in found if path is not None]


def _inside(path: str) -> bool:
    return path.startswith("docs/")


def _path(here: str, target: str) -> str | None:
    """Return where in the repository a link of a page leads, None where it leads into the world."""
    if ":" in target or target.startswith("/"):
        return None
    outside = here.startswith(f"{FOLDER}/")
    source = here.removeprefix(f"{FOLDER}/").replace(HIDDEN, ".") if outside else f"docs/{here}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _uri(path: str) -> str:
    """Return what the site calls a file of the repository."""
    if _inside(path):
        return path.removeprefix("docs/")
    return f"{FOLDER}/{HIDDEN + path[1:] if path.startswith('.') else path}"
