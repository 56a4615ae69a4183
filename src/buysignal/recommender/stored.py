"""A recommender as plain parts: numbers, texts and graphs, none of which runs code when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import BundleError
from buysignal.models.next_item.base import Stored
from buysignal.models.next_item.registry import restore
from buysignal.recommender.suggest import Recommender, VisitSoFar
from buysignal.recommender.together import LookedLater
from buysignal.sequences import Catalog

TOLERANCE = 1e-4
"""Chances of the stored recommender may differ from the trained one's by this much."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Parts:
    """A recommender taken apart.

    Attributes:
        spec: what JSON holds: the kinds and settings of the model and its members.
        arrays: numbers by name; texts are JSON as bytes.
        graphs: ONNX models by name.
    """

    spec: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)
    graphs: dict[str, bytes] = field(default_factory=dict)


def take_apart(recommender: Recommender) -> Parts:
    """Return the parts of a recommender."""
    parts = Parts(spec={"stays": recommender.stays})
    parts.spec["model"] = _put(recommender.model.stored(), parts, "model")
    parts.arrays.update(_catalog_arrays(recommender.catalog))
    parts.arrays.update({f"later.{name}": a for name, a in recommender.later.arrays().items()})
    parts.arrays["seen"] = recommender.seen
    return parts


def put_together(parts: Parts) -> Recommender:
    """Return the recommender that ``take_apart`` took apart.

    Raises:
        BundleError: a part is missing, or of a kind this version does not know.
    """
    try:
        catalog = _catalog_from(parts.arrays)
        later = LookedLater.from_arrays(_under("later", parts.arrays))
        model = restore(_taken(parts.spec["model"], parts, "model"), catalog)
        return Recommender(model, later, parts.arrays["seen"], parts.spec["stays"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError("the recommender of this bundle cannot be read", todo="train again") from error


def prove(recommender: Recommender, parts: Parts, visits: Sequence[VisitSoFar]) -> None:
    """Hold the stored recommender against the trained one on real visits.

    Raises:
        BundleError: a chance differs by more than ``TOLERANCE``.
    """
    if not visits:
        return
    off = np.abs(put_together(parts).chances(visits) - recommender.chances(visits)).max(initial=0.0)
    if not off <= TOLERANCE:
        raise BundleError(f"the stored recommender differs from the trained one by {off:.2g}")


def _put(stored: Stored, parts: Parts, at: str) -> dict[str, Any]:
    parts.arrays.update({f"{at}.{name}": array for name, array in stored.arrays.items()})
    parts.graphs.update({f"{at}.{name}": graph for name, graph in stored.graphs.items()})
    members = [
        {"name": name, **_put(member, parts, f"{at}.{number}")}
        for number, (name, member) in enumerate(stored.members.items())
    ]
    return {"kind": stored.kind, "settings": stored.settings, "members": members}


def _taken(spec: Mapping[str, Any], parts: Parts, at: str) -> Stored:
    members = enumerate(spec["members"])
    return Stored(
        spec["kind"],
        dict(spec["settings"]),
        _under(at, parts.arrays),
        _under(at, parts.graphs),
        {member["name"]: _taken(member, parts, f"{at}.{number}") for number, member in members},
    )


def _under(at: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands under ``at`` itself, members apart."""
    found = {name.removeprefix(f"{at}."): value for name, value in named.items() if name.startswith(f"{at}.")}
    return {name: value for name, value in found.items() if not name.split(".")[0].isdigit()}


def _catalog_arrays(catalog: Catalog) -> Arrays:
    texts = {"names": catalog.names, "levels": catalog.levels, "attributes": list(catalog.attributes)}
    codes = {f"attribute.{i}": values for i, values in enumerate(catalog.attributes.values())}
    return {"texts": np.frombuffer(json.dumps(texts).encode(), np.uint8), "price": catalog.price, **codes}


def _catalog_from(arrays: Mapping[str, npt.NDArray[Any]]) -> Catalog:
    texts = json.loads(arrays["texts"].tobytes())
    return Catalog(
        tuple(texts["names"]),
        {name: arrays[f"attribute.{i}"] for i, name in enumerate(texts["attributes"])},
        {name: tuple(levels) for name, levels in texts["levels"].items()},
        arrays["price"],
    )
