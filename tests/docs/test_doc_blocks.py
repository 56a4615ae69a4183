"""Every fenced block of the documents: its language is known, data parses, commands exist.

Whether the commands and programs work is shown by ``test_front_pages.py`` and ``test_pages_run.py``.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib

import pytest
import typer.main
import yaml
from doc_blocks import ROOT, SHELL, Block, blocks_of, commands, pages, parsed, words_of

BLOCKS = [block for page in pages() for block in blocks_of(page)]
PLAIN = ("text", "hcl", "dockerfile", "promql", "")
"""Output, drawings, and languages that only another program could check."""

PARSERS = {
    "python": ast.parse,
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}
IN_SHELL = [block for block in BLOCKS if block.language in SHELL]

EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
)


def said(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("page", pages())
def test_every_language_is_one_that_is_run_parsed_or_shown(page: str) -> None:
    known = {*SHELL, *PARSERS, *PLAIN}
    assert [block.place for block in blocks_of(page) if block.language not in known] == []


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in PARSERS and not b.run_by], ids=said)
def test_data_and_programs_parse(block: Block) -> None:
    PARSERS[block.language](block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.run_by], ids=said)
def test_the_test_that_is_said_to_run_a_block_reads_its_page(block: Block) -> None:
    test = ROOT / str(block.run_by)
    assert test.is_file(), f"{block.place} is run by {block.run_by}, which is no file"
    assert block.page.rpartition("/")[2] in test.read_text(encoding="utf-8")


def test_only_what_could_run_is_marked() -> None:
    """A mark above plain text would promise something that nobody checks."""
    marked = [b for b in BLOCKS if not b.runs_here and b.language not in (*SHELL, *PARSERS)]
    assert [block.place for block in marked] == []


@pytest.mark.parametrize("block", IN_SHELL, ids=said)
def test_what_a_block_calls_is_there(block: Block) -> None:
    """Of blocks that are not run, too: the real command line takes every command with its options."""
    for command in commands(block):
        words = words_of(command)
        if not words:
            continue
        if words[0] == "buysignal":
            accepted(without_pipes(words[1:]), block.place)
        elif words[0] == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
            assert {word for word in words[1:] if "=" not in word} <= set(targets), block.place
        elif words[:2] == ["pip", "install"]:
            asked = {extra for group in re.findall(r"\[([\w,]+)\]", command) for extra in group.split(",")}
            assert asked <= EXTRAS, block.place
        for word in words:
            if re.fullmatch(r"(scripts|benchmarks|examples|deploy|\.ci)/[\w./-]+", word):
                assert (ROOT / word).exists(), f"{block.place}: {word}"


def accepted(words: list[str], place: str) -> None:
    """Let the real command line parse a command, without running it."""
    command = typer.main.get_command(importlib.import_module("buysignal.cli").app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), f"{place}: no such command"
    command.make_context(str(command.name), words)


def without_pipes(words: list[str]) -> list[str]:
    """Return the words up to what belongs to the shell."""
    ends = [at for at, word in enumerate(words) if word in {"|", "||", "&&", "&", ";"} or word[0] in "<>"]
    return words[: ends[0]] if ends else words


PAGE = """# A page

<!-- not run: needs a container engine -->
```sh
docker run \\
  image
```

- a list

  ```sh
  echo 'one
  two'  # and on
  cat <<END > file
  text
  END
  ```
"""


def test_blocks_are_found_with_their_marks_and_whole_commands() -> None:
    first, second = parsed("page.md", PAGE)
    assert (first.place, first.not_run) == ("page.md:4", "needs a container engine")
    assert commands(first) == ["docker run \\\n  image"]
    assert second.runs_here
    assert commands(second) == ["echo 'one\ntwo'  # and on", "cat <<END > file\ntext\nEND"]


def test_an_open_block_is_told() -> None:
    with pytest.raises(ValueError, match=r"page\.md:1"):
        list(parsed("page.md", "```sh\necho\n"))


def test_a_command_that_is_not_there_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no such command"):
        accepted(["chekc", "events.csv"], "page.md:1")
    with pytest.raises(Exception, match="No such option"):
        accepted(["check", "events.csv", "--nope"], "page.md:1")
