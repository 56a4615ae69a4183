"""The fenced blocks of the documents, and what their authors say of how they run.

Directly above a block that cannot run in the tests stands why, and above one that another test runs, which:

    <!-- not run: needs a container engine -->
    <!-- run by: tests/serve/test_rest_page.py -->
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELL = ("sh", "bash", "console")
FENCE = re.compile(r"^(?P<pad> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
MARK = re.compile(r"^ *<!-- (?P<kind>not run|run by): (?P<reason>.+) -->$")

FRONT_PAGE = {
    "pip install -r requirements.txt": "installs from the network, and the app stays up",
    "make app": "installs from the network, and the app stays up",
    "buysignal data get uci-eshop --to data": "fetches a data set from its publisher",
    "buysignal check events.csv --map": "an edit by hand stands between its lines; docs/data.md runs them",
    "export BUYSIGNAL_DATA=FOLDER": "needs the real data sets and hours",
    "make test": "is this very run",
}
"""Why blocks of the README that begin so are not run: the front page itself stays free of marks."""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the document, from the repository's root.
        line: of the opening fence, from 1.
        language: the first word behind the fence; empty where there is none.
        text: what stands inside, without the fence's own indent.
        not_run: why it is not run; None where it is.
        run_by: the test that runs it instead; None where there is none.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    run_by: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def runs_here(self) -> bool:
        return self.not_run is None and self.run_by is None


def pages() -> list[str]:
    """Return the documents whose blocks are promised to work, from the repository's root."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md")]
    found += sorted((ROOT / "docs").rglob("*.md"))
    return list(dict.fromkeys(page.relative_to(ROOT).as_posix() for page in found))


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a document in their order."""
    return list(parsed(page, (ROOT / page).read_text(encoding="utf-8")))


def parsed(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a text.

    Raises:
        ValueError: a block is opened and never closed.
    """
    lines = text.splitlines()
    numbers = iter(range(len(lines)))
    for number in numbers:
        opened = FENCE.match(lines[number])
        if opened is None:
            continue
        pad, fence = len(opened["pad"]), opened["fence"]
        ends = (end for end in numbers if lines[end].strip() == fence)
        end = next(ends, None)
        if end is None:
            raise ValueError(f"{page}:{number + 1}: the block is not closed")
        body = "".join(f"{line[pad:]}\n" for line in lines[number + 1 : end])
        marked = MARK.match(lines[number - 1]) if number else None
        said = {marked["kind"].replace(" ", "_"): marked["reason"]} if marked else _front_page(page, body)
        yield Block(page, number + 1, opened["info"].strip(), body, **said)


def _front_page(page: str, body: str) -> dict[str, str]:
    if page != "README.md":
        return {}
    return next(({"not_run": why} for begin, why in FRONT_PAGE.items() if body.startswith(begin)), {})


def commands(block: Block) -> list[str]:
    """Return the commands of a shell block, each whole: continued lines, quotes and here-documents closed.

    Of ``console`` only lines that begin with ``$ `` are commands; the others are what they print.
    """
    lines = block.text.splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    found, so_far = [], ""
    for line in lines:
        so_far = f"{so_far}\n{line}" if so_far else line
        if not line.endswith("\\") and _is_whole(so_far):
            found.append(so_far.strip())
            so_far = ""
    if so_far:
        raise ValueError(f"{block.place}: {so_far!r} is no whole command")
    return [command for command in found if command and not command.startswith("#")]


def words_of(command: str) -> list[str]:
    """Return the words of a command, comments left out.

    >>> words_of("buysignal check a.csv --conf file#name  # and why")
    ['buysignal', 'check', 'a.csv', '--conf', 'file#name']
    """
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in command.replace("\\\n", " ").splitlines())
    return shlex.split("\n".join(lines))


def _is_whole(command: str) -> bool:
    """Whether bash finds nothing missing; of an open here-document it only warns."""
    if not any(sign in command for sign in ("'", '"', "<<", "`", "(", "{", "do", "then", "case")):
        return True
    told = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
    return told.returncode == 0 and not told.stderr
