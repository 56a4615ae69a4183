"""What every benchmark hands in: rows of figures, with the machine and the commit they were made on.

A benchmark script builds its rows and calls ``write_results`` once, under the script's own name:

>>> row = Row(benchmark="fold", metric="events_per_s", value=12e6, n=5000, peer="pandas", peer_value=3e6)
>>> row.unit, round(row.ratio, 1)
('events/s', 4.0)
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

RESULTS = Path(__file__).parent / "results"

SKIPPED = 77
"""How a script ends that cannot run here; test runners know the same number."""

BENCHMARKS = (
    "demo", "fold", "pipeline", "score", "click", "rest", "kafka", "recommend", "next_item", "conversion",
    "deep", "revenue", "pages", "sessions", "startup", "spark", "monitor",
)  # fmt: skip
PEERS = (
    "pandas", "polars", "duckdb-windows", "duckdb-read-sort-write", "spark-windows", "sklearn-pipeline",
    "mlflow-serve", "wsknn", "vmis-knn", "markov", "popularity", "ceiling", "retentioneering", "xgboost",
)  # fmt: skip

UNITS = {
    "events_per_s": "events/s", "rows_per_s": "rows/s", "requests_per_s": "requests/s", "seconds": "s",
    "p50_us": "µs", "p99_us": "µs", "p90_ms": "ms", "p99_ms": "ms", "peak_rss_mb": "MB",
    "cpu_seconds": "s", "written_mb": "MB", "cost_growth": "×",
}  # fmt: skip
LARGER_IS_BETTER = (
    "events_per_s", "rows_per_s", "requests_per_s", "accuracy", "precision", "recall", "f1", "roc_auc",
    "average_precision", "lift_at_1pct", "lift_at_5pct", "lift_at_10pct", "r2", "silhouette", "stability",
    "recall_at_5", "recall_at_10", "recall_at_20", "mrr_at_20", "ndcg_at_20", "coverage",
)  # fmt: skip
SMALLER_IS_BETTER = (
    "seconds", "p50_us", "p99_us", "p90_ms", "p99_ms", "peak_rss_mb", "cpu_seconds", "written_mb",
    "cost_growth", "false_alarms",
    "log_loss", "brier", "ece", "mae", "mse", "rmse", "rmse_log1p", "total_error_pct",
    "davies_bouldin", "inertia", "popularity_bias",
)  # fmt: skip
METRICS = LARGER_IS_BETTER + SMALLER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, alone or beside a peer measured in the same run.

    Attributes:
        benchmark: one of ``BENCHMARKS``.
        metric: one of ``METRICS``, which fixes the unit and which direction is better.
        value: ours, finite.
        n: how many events, rows, requests or samples the figure stands on.
        peer: one of ``PEERS``; None where the figure stands alone.
        peer_value: the peer's figure, present exactly when ``peer`` is.
        case: what the figure is of, where one benchmark measures several things.
        low, high: 95 % interval of ``value``; beside a peer, of ``value - peer_value``.
    """

    benchmark: str
    metric: str
    value: float
    n: int
    peer: str | None = None
    peer_value: float | None = None
    case: str | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _one_of("benchmark", self.benchmark, BENCHMARKS)
        _one_of("metric", self.metric, METRICS)
        if self.peer is not None:
            _one_of("peer", self.peer, PEERS)
        if (self.peer is None) != (self.peer_value is None):
            raise ValueError("peer and peer_value come together, or neither does")
        if not all(math.isfinite(v) for v in (self.value, self.peer_value) if v is not None):
            raise ValueError(f"{self.benchmark} {self.metric} is {self.value} against {self.peer_value}")

    @property
    def unit(self) -> str:
        """The unit of the metric; empty where it has none."""
        return UNITS.get(self.metric, "")

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer we are; above 1 when we are the better one.

        None without a peer, and where a figure is zero or below and a ratio says nothing.
        """
        if self.peer_value is None or min(self.value, self.peer_value) <= 0:
            return None
        ratio = float(self.value) / float(self.peer_value)
        return ratio if self.metric in LARGER_IS_BETTER else 1 / ratio

    def as_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "benchmark": self.benchmark,
            "peer": self.peer,
            "metric": self.metric,
            "unit": self.unit,
            "value": float(self.value),
            "peer_value": None if self.peer_value is None else float(self.peer_value),
            "ratio": self.ratio,
            "n": int(self.n),
        }
        more = {"case": self.case, "low": self.low, "high": self.high}
        return row | {name: value for name, value in more.items() if value is not None}


def write_results(name: str, rows: list[Row], folder: Path = RESULTS) -> Path:
    """Write ``folder/name.json`` and return its path.

    Raises:
        ValueError: no rows, an unknown name, or a row of another benchmark.
    """
    _one_of("benchmark", name, BENCHMARKS)
    if not rows:
        raise ValueError(f"benchmark {name} measured nothing")
    strangers = {row.benchmark for row in rows} - {name}
    if strangers:
        raise ValueError(f"benchmark {name} holds rows of {', '.join(sorted(strangers))}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {"machine": machine(), "commit": commit(), "rows": [row.as_json() for row in rows]}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def skip(reason: str) -> NoReturn:
    """End the script: it cannot run here, and ``reason`` says why. Results on file stay as they are."""
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def machine() -> dict[str, Any]:
    """Describe where the figures were made: enough to judge them, nothing that names the machine."""
    libraries = ("numpy", "pandas", "pyarrow", "duckdb", "numba", "scikit-learn", "onnxruntime")
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }


def commit() -> str:
    """Return the short commit of the tree, with ``+changes`` when it was not clean."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+changes" if changed else head


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent.parent), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} {value!r} is none of {', '.join(allowed)}")
