"""One side of ``recommend.py`` as a process of its own, so that its memory is its own.

Run: ``python _recommend.py ours|wsknn VISITS``. Prints looks indexed a second, the seconds of every call
and the first lists as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from buysignal.models.next_item.vmis_knn import VMISkNN
from buysignal.sequences import Catalog, Sequences

COUNT, NEIGHBOURS, RECENT = 20, 500, 2_500
QUESTIONS = 5_000
LISTS = 300
PATIENCE_S, BUILD_PATIENCE_S = 60.0, 20.0
REPEATS = 3

Answer = Callable[[np.ndarray], list[int]]


def main(side: str, path: Path) -> None:
    visits = read(path)
    build = {"ours": ours, "wsknn": wsknn_peer}[side]
    build(visits.only(np.arange(visits.visits) < 500))  # warm
    took: list[float] = []
    while len(took) < REPEATS and (not took or took[0] < BUILD_PATIENCE_S):
        answer, seconds = build(visits)
        took.append(seconds)
    found: dict[str, Any] = {"rate": len(visits.items) / statistics.median(took), "looks": len(visits.items)}
    found["seconds"], found["lists"] = asked(answer, histories(visits))
    print(json.dumps(found))


def read(path: Path) -> Sequences:
    with np.load(path) as stored:
        catalog = Catalog(tuple(f"I{k}" for k in range(int(stored["size"]))))
        return Sequences(stored["items"], stored["starts"], stored["day"], catalog)


def histories(visits: Sequences) -> list[np.ndarray]:
    """Return visits as far as they had come at looks drawn evenly."""
    views = np.random.default_rng(1).choice(visits.questions(), QUESTIONS)
    first = visits.starts[np.searchsorted(visits.starts, views, side="right") - 1]
    return [visits.items[a:b] for a, b in zip(first, views, strict=True)]


def asked(answer: Answer, questions: list[np.ndarray]) -> tuple[list[float], list[list[int]]]:
    """Return the seconds of every call until patience ends, and the first lists."""
    answer(questions[0])
    took, lists, until = [], [], time.perf_counter() + PATIENCE_S
    for history in questions:
        start = time.perf_counter()
        found = answer(history)
        end = time.perf_counter()
        took.append(end - start)
        if len(lists) < LISTS:
            lists.append(found)
        if end > until:
            break
    return took, lists


def ours(visits: Sequences) -> tuple[Answer, float]:
    start = time.perf_counter()
    model = VMISkNN(NEIGHBOURS, RECENT).fit(visits)
    seconds = time.perf_counter() - start
    return lambda history: model.top(history, COUNT)[0].tolist(), seconds


def wsknn_peer(visits: Sequences) -> tuple[Answer, float]:
    from wsknn import fit, predict

    sessions = as_dictionary(visits)
    start = time.perf_counter()
    model = fit(
        sessions, number_of_recommendations=COUNT, number_of_neighbors=NEIGHBOURS,
        sampling_strategy="recent", sample_size=RECENT,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    return lambda history: [
        item for item, _ in predict(model, [history.tolist(), [0] * len(history)])
    ], seconds


def as_dictionary(visits: Sequences) -> dict[int, tuple[list[int], list[float]]]:
    bounds, items, day = visits.starts.tolist(), visits.items.tolist(), visits.day.tolist()
    return {
        v: (items[bounds[v] : bounds[v + 1]], [day[v]] * (bounds[v + 1] - bounds[v]))
        for v in range(visits.visits)
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
