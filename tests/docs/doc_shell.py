"""A document's shell blocks, run in a folder of their own beside a small demo shop.

Commands of buysignal run within this process, since starting one takes longer than most of them. What takes
minutes at the size that a document shows is made smaller: fewer visitors, the quick training.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
from doc_blocks import SHELL, Block, blocks_of, commands, words_of
from typer.testing import CliRunner

from app.conftest import served
from buysignal.cli import app
from serve.conftest import Server, started
from shop import Shop

MOST_VISITORS = 600
QUICK = {"train": ("--fast", "--imbalance=none"), "retrain": ("--fast",)}
TRACKED = "docs/tracking.md"
"""The page whose trainings are logged; elsewhere that would take longer than what the page is about."""
ALARM = {"monitor": 3}
"""Exit codes that are an answer and no mistake."""
SHELL_SIGNS = re.compile(r"[|&;<>`*]|\$\(|^\w+=")
ADDRESS = re.compile(r"http://(?:127\.0\.0\.1|localhost):(\d+)")
WORDS = {"view_item": "view", "add_to_cart": "cart", "purchase": "order"}


@dataclass
class Scratch:
    """Where a document's commands run, and what they have left there besides files."""

    folder: Path
    environment: dict[str, str]
    ending: contextlib.ExitStack
    servers: dict[str, Server] = field(default_factory=dict)

    def shell(self, block: Block) -> None:
        """Run the commands of a shell block in their order; any that fails ends the test."""
        for command in commands(block):
            self._run_one(command, f"{block.place}: {command}")

    def python(self, block: Block, names: dict[str, object]) -> None:
        """Run a Python block; what it names is there for the page's next one."""
        with self._here():
            exec(compile(self._addressed(block.text), block.place, "exec"), names)
        if "mlflow" in names:
            names["mlflow"].set_tracking_uri(None)  # type: ignore[attr-defined]  # else later tests log there

    def _run_one(self, command: str, place: str) -> None:
        if command.startswith("buysignal serve "):
            self._serve(words_of(command.removesuffix("&"))[2:])
        elif command == "buysignal app":
            with served(self.folder / "models"):
                pass  # it has answered, and ends
        elif command.startswith("pip install "):
            pass  # from the network; that the extras exist is checked with every block
        elif command.startswith("buysignal ") and not SHELL_SIGNS.search(command.partition(" #")[0]):
            self._buysignal(command, place)
        else:
            self._bash(self._addressed(command), place)

    def _buysignal(self, command: str, place: str) -> None:
        with self._here():
            words = words_of(os.path.expandvars(command))[1:]
            if words[0] == "train" and not place.startswith(TRACKED):
                words.append("--no-track")
            done = CliRunner().invoke(app, smaller(words))
        allowed = {0, ALARM.get(words[0], 0)}
        assert done.exit_code in allowed, f"{place}\n{done.output}\n{done.exception!r}"

    def _bash(self, command: str, place: str) -> None:
        program = f"set -euo pipefail\n{command}\nexport -p > .exported"
        done = subprocess.run(
            ["bash", "-c", program], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{place}\n{done.stdout}\n{done.stderr}"
        if command.startswith("curl ") and done.stdout.startswith("{"):
            assert "error" not in json.loads(done.stdout), f"{place}\n{done.stdout}"
        exported = re.findall(r'^declare -x (\w+)="(.*)"$', (self.folder / ".exported").read_text(), re.M)
        self.environment.update(exported)

    def _serve(self, words: list[str]) -> None:
        """Start a server on a free port; calls of the document to the port that it names go there."""
        port = words[words.index("--port") + 1] if "--port" in words else "8000"
        bundle, *options = words
        log = self.folder / f"served-{port}.log"
        if port not in self.servers:
            serving = started(
                self.folder / bundle, log, *_without_port(options), environment=self.environment
            )
            self.servers[port] = self.ending.enter_context(serving)

    def _addressed(self, text: str) -> str:
        def moved(address: re.Match[str]) -> str:
            return self.servers[address[1]].url if address[1] in self.servers else address[0]

        return ADDRESS.sub(moved, text)

    @contextlib.contextmanager
    def _here(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            with contextlib.chdir(self.folder):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def smaller(words: list[str]) -> list[str]:
    """Return a command as a document has it, at a size that is quickly done.

    >>> smaller(["demo", "--visitors", "20000", "--out", "demo"])
    ['demo', '--visitors', '600', '--out', 'demo']
    """
    if words[0] == "demo" and "--visitors" in words:
        at = words.index("--visitors") + 1
        words = [*words[:at], str(min(int(words[at]), MOST_VISITORS)), *words[at + 1 :]]
    return [*words, *QUICK.get(words[0], ())]


def run_page(page: str, shop: Shop, folder: Path) -> dict[str, object]:
    """Run every block of a document that is run here, in their order, in one folder.

    Returns what its Python blocks have named.
    """
    furnish(folder, shop)
    bin_folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    names: dict[str, object] = {}
    with contextlib.ExitStack() as ending:
        scratch = Scratch(folder, environment, ending)
        for block in blocks_of(page):
            if not block.runs_here:
                continue
            if block.language in SHELL:
                scratch.shell(block)
            elif block.language == "python":
                scratch.python(block, names)
            elif block.language == "toml" and block.text.startswith('name = "'):
                name = re.match(r'name = "([\w-]+)"', block.text)
                assert name is not None
                (folder / f"{name[1]}.toml").write_text(block.text, encoding="utf-8")
    return names


def furnish(folder: Path, shop: Shop) -> None:
    """Lay out what documents take for granted: the demo shop, a model of it, and exports of one's own."""
    shutil.copy(shop.events, folder / "events.parquet")
    for name in ("demo", "shop"):
        shutil.copytree(shop.folder, folder / "models" / name)
    table = pq.read_table(shop.events)
    few = table.filter(pc.less(table["visitor_id"], f"v{MOST_VISITORS:09d}"))
    for name in ("demo/events.parquet", "events/2025-03.parquet", "exports/2025-03.parquet"):
        (folder / name).parent.mkdir()
        pq.write_table(few, folder / name)
    own_words(few.to_pandas()).to_csv(folder / "events.csv", index=False, float_format="%.2f")
    profile = next(block.text for block in blocks_of("docs/data.md") if block.language == "toml")
    (folder / "my-shop.toml").write_text(profile, encoding="utf-8")


def own_words(events: pd.DataFrame) -> pd.DataFrame:
    """Return events as a shop with words of its own exports them, one with a price that is none."""
    own = pd.DataFrame(
        {
            "uid": events["visitor_id"],
            "when": events["event_time"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "action": events["event_name"].astype(str).replace(WORDS),
            "sku": events["item_id"],
            "amount": events["price"],
            "cur": events["currency"],
            "brand": "own",
        }
    )
    minus = {
        "uid": "v-minus",
        "when": "2025-03-20 12:00:00",
        "action": "view",
        "sku": "GAR-004",
        "amount": -9.9,
    }
    return pd.concat([own, pd.DataFrame([minus | {"cur": "EUR", "brand": "own"}])])


def _without_port(options: list[str]) -> list[str]:
    if "--port" not in options:
        return options
    at = options.index("--port")
    return [*options[:at], *options[at + 2 :]]
