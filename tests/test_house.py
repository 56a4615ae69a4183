"""The house rules a machine can check: what the repository holds, and what the README promises."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

import buysignal
from buysignal.sources.profile import builtin_profiles, load_profile
from buysignal.sources.read import MENDED
from buysignal.sources.rejects import HINTS

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "buysignal").rglob("*.py"))

# Spelled in parts, so that this file does not hold what it forbids.
REGISTRIES = [
    "py" + "pi.org", "python" + "hosted", "npm" + "js.", "crates" + ".io", "deb." + "debian.org",
    "proxy." + "golang.org", "repo1." + "maven", "maven" + ".org",
]  # fmt: skip
MACHINE_PATHS = "|".join(["wo" + "rk", "fa" + "rm", "ho" + "me/[a-z]+", "Us" + "ers/[A-Za-z]+", "ro" + "ot"])
FORBIDDEN = re.compile("|".join(map(re.escape, REGISTRIES)) + rf"|(?<![\w./}}:-])/(?:{MACHINE_PATHS})/")
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone: which files belong to the repository is not known")
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    files = [ROOT / name for name in listing.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def text_of(file: Path) -> str:
    content = file.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in tracked_files()
        if (match := FORBIDDEN.search(text_of(file)))
    }
    assert not found


def test_the_search_for_hosts_and_paths_finds_them() -> None:
    assert FORBIDDEN.search("index = https://" + REGISTRIES[0] + "/simple")
    assert FORBIDDEN.search("cd /ho" + "me/anna/shop")
    assert not FORBIDDEN.search("https://example.org/wo" + "rk/list")


def test_nothing_is_left_unfinished() -> None:
    watched = [
        f for f in tracked_files() if f.suffix in {".py", ".toml", ".md", ".yml"} or f.name == "Makefile"
    ]
    found = {str(f.relative_to(ROOT)) for f in watched if UNFINISHED.search(text_of(f))}
    assert not found


def test_no_tracked_file_is_large() -> None:
    large = {
        str(f.relative_to(ROOT)): f.stat().st_size for f in tracked_files() if f.stat().st_size > 1_000_000
    }
    assert not large


ONE_LONG_LOOP = ROOT / "src" / "buysignal" / "features" / "kernel.py"


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT / "src")))
def test_a_module_is_one_idea_and_says_which(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert source.count("\n") < 400 or file == ONE_LONG_LOOP
    is_empty_package = file.name == "__init__.py" and not source.strip()
    assert is_empty_package or ast.get_docstring(ast.parse(source))


HEAVY = {"tensorflow", "keras", "mlflow", "shap", "streamlit", "xgboost", "pyspark", "torch"}


@pytest.mark.parametrize("module", ["buysignal", "buysignal.cli"])
def test_heavy_libraries_stay_out_of_start_up(module: str) -> None:
    if not find_spec(module):
        pytest.skip(f"{module} does not exist")
    program = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


NOT_YET = {
    "buysignal": {"numpy"},
    "buysignal.cli": {"rich", "numpy", "pydantic", "pyarrow", "duckdb", "pandas"},
    "buysignal.check": {"matplotlib", "pandas", "scipy", "sklearn", "numba"},
    "buysignal.console": {"matplotlib", "numpy", "pandas"},
    "buysignal.scoring": {"matplotlib", "scipy", "sklearn", "numba", "onnx"},
}
"""What a first answer does not wait for, by the module it comes from."""


@pytest.mark.parametrize("module", NOT_YET)
def test_a_first_answer_waits_for_nothing_it_does_not_need(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({NOT_YET[module]!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_help_is_drawn_with_nothing_but_what_reads_the_arguments() -> None:
    program = (
        "import sys\n"
        "from buysignal.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print('brought:', *sorted({'rich', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[0].startswith("Usage: ")
    assert result.stdout.splitlines()[-1].strip() == "brought:"


def test_the_changelog_heads_with_this_version() -> None:
    changelog = read("CHANGELOG.md")
    versions = re.findall(r"^## \[(\d[^\]]*)\]", changelog, flags=re.MULTILINE)
    assert versions[0] == buysignal.__version__


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_every_make_target_a_document_names_exists(document: str) -> None:
    text = read(document)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    assert named
    assert named <= targets


def commands_of_makefile() -> list[str]:
    return [
        line.replace("$(DEMO)", "models/demo")
        for line in re.findall(r"^\t\$\(RUN\) (.*)", read("Makefile"), re.M)
    ]


@pytest.mark.skipif(not find_spec("buysignal.cli"), reason="buysignal.cli does not exist")
@pytest.mark.parametrize("line", commands_of_makefile())
def test_the_command_line_accepts_what_the_makefile_calls(line: str) -> None:
    command = typer.main.get_command(importlib.import_module("buysignal.cli").app)
    words = line.split()
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), "no such command"
    command.make_context(str(command.name), words)  # parses, and refuses what it does not know


def script(path: str) -> ModuleType:
    """Return a script of the repository as a module."""
    spec = spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("writer", "page"),
    [("scripts/cli_docs.py", "docs/cli.md"), ("scripts/feature_docs.py", "docs/features.md")],
)
def test_a_generated_page_is_current(writer: str, page: str) -> None:
    assert read(page) == script(writer).render(), f"run: python {writer}"


def test_the_page_of_the_command_line_names_every_option_as_it_is_called() -> None:
    page = read("docs/cli.md")
    command = typer.main.get_command(importlib.import_module("buysignal.cli").app)
    for name, inner in command.commands.items():  # type: ignore[attr-defined]
        group = getattr(inner, "commands", None)
        leaves = {name: inner} if group is None else {f"{name} {own}": leaf for own, leaf in group.items()}
        for whole, leaf in leaves.items():
            section = page.split(f"## `buysignal {whole}", 1)[1].split("\n## ")[0]
            named = set(re.findall(r"`(--[\w-]+)", section))
            options = {o for p in leaf.params for o in (*p.opts, *p.secondary_opts) if o.startswith("--")}
            assert options - {"--help"} == named


def table_of(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below ``heading``, backticks removed."""
    section = read(document).split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \|$", section, flags=re.MULTILINE)
    return [[cell.strip().strip("`") for cell in row.split(" | ")] for row in rows]


def test_the_data_page_lists_every_profile() -> None:
    words = {"event": "an event", "session": "a session"}
    told = [[p.name, p.title, words[p.level]] for p in builtin_profiles().values()]
    assert table_of("docs/data.md", "Profiles") == told


def test_the_data_page_lists_every_reason_and_what_is_mended() -> None:
    assert [reason for reason, _ in table_of("docs/data.md", "What is rejected")] == list(HINTS)
    section = read("docs/data.md").split("\n## What is mended\n")[1].split("\n## ")[0]
    assert re.findall(r"`(\w+)`", section) == list(MENDED)


def test_the_profiles_of_the_data_page_load(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", read("docs/data.md"), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.toml").write_text(block, encoding="utf-8")
    events, visits = (load_profile(tmp_path / f"{number}.toml") for number in range(2))
    assert (events.level, events.rates, visits.known) == (
        "event", {"USD": 0.92}, {"source": "start", "pages": "end"}
    )  # fmt: skip


def test_the_figures_of_the_readme_are_those_of_the_results() -> None:
    writer = script("benchmarks/_readme.py")
    text = read("README.md")
    assert writer.put_into(text, writer.render()) == text, "run: python benchmarks/_readme.py"


def test_without_results_the_readme_says_how_to_get_them(tmp_path: Path) -> None:
    assert "make bench" in script("benchmarks/_readme.py").render(tmp_path)


def test_every_figure_on_file_stands_in_the_readme_with_its_verdict(tmp_path: Path) -> None:
    """A leak's figure must never stand there without the word."""
    results = script("benchmarks/_results.py")
    late = "a shop: late [leak, warning]"
    rows = [
        results.Row(benchmark="conversion", metric="roc_auc", value=0.987, n=12, case=late),
        results.Row(benchmark="conversion", metric="ece", value=0.004, n=12, case=late),
        results.Row(
            benchmark="conversion", metric="roc_auc", value=0.81, n=9, case="demo",
            peer="ceiling", peer_value=0.84,
        ),
    ]  # fmt: skip
    results.write_results("conversion", rows, tmp_path)
    rendered = script("benchmarks/_readme.py").render(tmp_path)
    assert "| a shop: late | 0.987 | 0.004 | 12 | leak, warning |" in rendered
    assert "| demo | 0.810 (ceiling 0.840) |  | 9 |  |" in rendered


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_every_link_and_picture_of_a_document_is_there(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(document))
    here = (ROOT / document).parent
    lost = {t for t in targets if "://" not in t and not (here / t).exists()}
    assert not lost


def test_every_page_of_the_app_stands_in_the_readme_as_the_script_makes_it() -> None:
    named = set(re.findall(r"docs/images/([\w-]+)\.png", read("README.md")))
    assert named == set(script("scripts/screenshots.py").PAGES)


LOCKS = ("requirements.txt", "requirements-dev.txt")
EXTRAS = r"(?:\[[\w,-]+\])?"
PIN = re.compile(rf"^([a-z0-9][\w.-]*){EXTRAS}==([^ \n]+)", re.MULTILINE)
HASH = r" {4}--hash=sha256:[0-9a-f]{64}"
LOCKED = re.compile(rf"[a-z0-9][\w.-]*{EXTRAS}==[^\n]+ \\\n(?:{HASH} \\\n)*{HASH}\n")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    assert LOCKED.sub("", read(lock)) == ""


def test_the_development_lock_contains_the_run_time_lock() -> None:
    run_time, development = PIN.findall(read("requirements.txt")), PIN.findall(read("requirements-dev.txt"))
    assert set(run_time) <= set(development)


def test_the_locks_pin_every_declared_dependency() -> None:
    settings = tomllib.loads(read("pyproject.toml"))
    extras = settings["project"]["optional-dependencies"]
    locked = {lock: {name for name, _ in PIN.findall(read(lock))} for lock in LOCKS}

    def missing(declared: list[str], lock: str) -> set[str]:
        names = {re.split(r"[^\w.-]", line)[0].lower() for line in declared} - {"buysignal"}
        return names - locked[lock]

    assert not missing(settings["project"]["dependencies"] + extras["app"], "requirements.txt")
    assert not missing([line for extra in extras.values() for line in extra], "requirements-dev.txt")
    assert not missing(settings["dependency-groups"]["dev"], "requirements-dev.txt")


def imported_modules(sources: list[Path]) -> set[str]:
    """Return the top names of everything the files import, inside functions too."""
    names: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"buysignal"}


def undeclared(modules: set[str], lines: list[str]) -> set[str]:
    """Return the modules that come from none of the distributions in ``lines``."""
    declared = {re.split(r"[^\w.-]", line)[0].lower() for line in lines}
    distributions = packages_distributions()
    return {
        name
        for name in modules
        if not {distribution.lower().replace("_", "-") for distribution in distributions.get(name, [])}
        & declared
    }


def declared_to_run() -> list[str]:
    settings = tomllib.loads(read("pyproject.toml"))["project"]
    extras = [line for extra in settings["optional-dependencies"].values() for line in extra]
    return [*settings["dependencies"], *extras]


def test_the_package_declares_all_that_it_imports() -> None:
    assert undeclared(imported_modules(SOURCES), declared_to_run()) == set()


def test_development_declares_all_that_tests_benchmarks_and_scripts_import() -> None:
    folders = ("tests", "benchmarks", "scripts", "examples")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    own = {file.stem for file in files} | {"tests"}
    own |= {file.parent.name for file in files}
    lines = declared_to_run() + tomllib.loads(read("pyproject.toml"))["dependency-groups"]["dev"]
    assert undeclared(imported_modules(files) - own, lines) == set()


def test_the_wheel_carries_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {file.relative_to(ROOT).as_posix() for file in tracked_files() if ROOT / "src" in file.parents}
    assert "src/buysignal/py.typed" in package
    assert {name.removeprefix("src/") for name in package} <= held


def named_in_architecture() -> set[str]:
    """Return the modules in the tables' first column; ``a/b`, `c`` means a/b and a/c."""
    rows = re.findall(r"^\| ((?:`[\w/]+`(?:, )?)+) \|", read("docs/architecture.md"), flags=re.MULTILINE)
    named = set()
    for row in rows:
        first, *others = re.findall(r"`([\w/]+)`", row)
        folder = first.rpartition("/")[0]
        named |= {first, *(f"{folder}/{other}" for other in others)}
    return named


def test_the_architecture_names_every_module() -> None:
    package = ROOT / "src" / "buysignal"
    top = {path.stem for path in package.iterdir() if path.suffix in {".py", ""}}
    inner = {
        source.relative_to(package).with_suffix("").as_posix()
        for source in SOURCES
        if source.parent != package and package / "app" not in source.parents
        and package / "plots" not in source.parents and package / "report_html" not in source.parents
    }  # fmt: skip
    modules = {name for name in top | inner if not Path(name).name.startswith("_")}
    named = named_in_architecture()
    assert modules - named == set()
    assert {name for name in named if not (package / name).exists()} - modules == set()


def documented_signatures() -> list[tuple[str, str]]:
    (block,) = re.findall(
        r"^## Signatures.*?^```python\n(.*?)^```", read("docs/architecture.md"), re.M | re.S
    )
    calls = re.findall(r"^([\w.]+)\((.*?)\)(?:\.(\w+)\((.*?)\))?(?: ->|\s*#|$)", block, flags=re.MULTILINE)
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    assert len(calls) == len(lines)
    found = [(path, params) for path, params, _, _ in calls]
    return found + [(f"{path}.{method}", f"self, {params}") for path, _, method, params in calls if method]


@pytest.mark.parametrize(("path", "params"), documented_signatures())
def test_the_architecture_gives_signatures_as_they_are(path: str, params: str) -> None:
    parts = path.split(".")
    found: object = importlib.import_module("buysignal")
    for depth, part in enumerate(parts, start=1):
        if not hasattr(found, part):
            importlib.import_module(".".join(["buysignal", *parts[:depth]]))
        found = getattr(found, part)
    said: dict[str, object] = {}
    exec(f"def said({params}): ...", said)
    ours = inspect.signature(said["said"]).parameters  # type: ignore[arg-type]
    theirs = inspect.signature(found).parameters  # type: ignore[arg-type]
    assert [(p.name, p.kind) for p in ours.values()] == [(p.name, p.kind) for p in theirs.values()]
    for parameter in ours.values():
        if parameter.default is not ...:
            assert parameter.default == theirs[parameter.name].default
