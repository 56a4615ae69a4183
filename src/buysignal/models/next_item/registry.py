"""Every recommender by its name, and back from what was stored."""

from __future__ import annotations

from collections.abc import Callable

from buysignal.errors import BundleError
from buysignal.models.next_item.base import NextItem, Stored
from buysignal.sequences import Catalog


def _popularity() -> type[NextItem]:
    from buysignal.models.next_item.popularity import Popularity

    return Popularity


def _markov() -> type[NextItem]:
    from buysignal.models.next_item.markov import Markov

    return Markov


def _item_to_item() -> type[NextItem]:
    from buysignal.models.next_item.item_to_item import ItemToItem

    return ItemToItem


def _vmis_knn() -> type[NextItem]:
    from buysignal.models.next_item.vmis_knn import VMISkNN

    return VMISkNN


def _ranked() -> type[NextItem]:
    from buysignal.models.next_item.ranked import Ranked

    return Ranked


def _blend() -> type[NextItem]:
    from buysignal.models.next_item.blend import Blend

    return Blend


def _gru() -> type[NextItem]:
    from buysignal.models.next_item.networks import GRUNextItem

    return GRUNextItem


def _transformer() -> type[NextItem]:
    from buysignal.models.next_item.networks import TransformerNextItem

    return TransformerNextItem


# Imported when asked for: some bring compiled code, some a library of their own.
KINDS: dict[str, Callable[[], type[NextItem]]] = {
    "popularity": _popularity,
    "markov": _markov,
    "item_to_item": _item_to_item,
    "vmis_knn": _vmis_knn,
    "ranked": _ranked,
    "blend": _blend,
    "gru": _gru,
    "transformer": _transformer,
}


def restore(stored: Stored, catalog: Catalog) -> NextItem:
    """Return the recommender that ``stored`` was made of.

    Raises:
        BundleError: it is of a kind that this version does not know.
    """
    if stored.kind not in KINDS:
        raise BundleError(
            f"this bundle recommends with '{stored.kind}'", allowed=", ".join(KINDS), todo="update buysignal"
        )
    return KINDS[stored.kind]().restored(stored, catalog)
