"""What a live visit has in its cart and what it has paid, in plain numbers beside its scores."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from buysignal.events import EVENT_CODES
from buysignal.features.catalogue import positions
from buysignal.features.live import Visit
from buysignal.features.packed import as_array

_ITEMS, _VALUE, _PURCHASES = positions("cart_items cart_value n_purchase")
_BUY = EVENT_CODES["purchase"]


class LiveMoney(TypedDict):
    """Pieces in the cart, their value, and what the visit's purchases cost, in the bundle's currency."""

    cart_items: int
    cart_value: float
    spent: float


def live_money(row: npt.NDArray[np.float32], visit: Visit) -> LiveMoney:
    """Return what lies in the cart after the visit's last event, and what was paid by then.

    Args:
        row: (f,) or longer, the features after that event.
        visit: the same visit; a purchase without a price counts as 0.

    Amounts are rounded to cents: the fold's cart is a float32, and a cent is what a value is known to.
    """
    spent = spent_in(visit.records) if row[_PURCHASES] > 0 else 0.0
    return {"cart_items": int(row[_ITEMS]), "cart_value": round(float(row[_VALUE]), 2), "spent": spent}


def spent_in(records: bytes) -> float:
    """Return what the purchases among a visit's records cost."""
    events = as_array(records)
    bought = events[events["code"] == _BUY]
    return round(float(np.nansum(bought["price"] * bought["quantity"])), 2)
