"""A vocabulary as plain arrays, and as a file of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.features.vocabulary import Vocabulary


def vocabulary_arrays(vocabulary: Vocabulary) -> dict[str, npt.NDArray[Any]]:
    """Return arrays of numbers; texts are JSON as bytes, so that no object is stored."""
    texts = {
        "levels": vocabulary.levels,
        "items": vocabulary.items,
        "categories": vocabulary.categories,
    }
    return {
        "item_priors": vocabulary.item_priors,
        "category_priors": vocabulary.category_priors,
        "texts": np.frombuffer(json.dumps(texts).encode(), np.uint8),
    }


def vocabulary_from(arrays: dict[str, npt.NDArray[Any]]) -> Vocabulary:
    """Return the vocabulary that ``vocabulary_arrays`` took apart."""
    texts = json.loads(arrays["texts"].tobytes())
    return Vocabulary(
        levels={name: tuple(levels) for name, levels in texts["levels"].items()},
        items=tuple(texts["items"]),
        item_priors=arrays["item_priors"],
        categories=tuple(texts["categories"]),
        category_priors=arrays["category_priors"],
    )


def write_vocabulary(place: Path, vocabulary: Vocabulary) -> None:
    """Write it to a file, whole or not at all."""
    beside = place.with_name(f".{place.name}")
    with beside.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **vocabulary_arrays(vocabulary))
    beside.replace(place)


def read_vocabulary(place: Path) -> Vocabulary:
    """Read what ``write_vocabulary`` wrote."""
    with np.load(place, allow_pickle=False) as arrays:
        return vocabulary_from({name: arrays[name] for name in arrays.files})
