"""The shops: visits before a moment to learn from, and visits after it to be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import item_views, sessions
from buysignal.sequences import Catalog, Sequences
from buysignal.sources.demo import shop_items, simulate
from buysignal.sources.demo.next_look import looks
from buysignal.sources.demo.walk import Rows, walk
from buysignal.sources.read import load

DEMO_DAYS, DEMO_SEED = 28, 0
BANDS = 5
"""Price bands, by quintiles of the prices looked at in training."""


@dataclass(frozen=True, eq=False)
class Shop:
    """Events of one shop and how long, at their end, the test lasts.

    Attributes:
        events: as ``sessions.assign`` leaves them.
        days: length of the test, and of the validation before it.
        category: the attribute that says what kind of item it is.
        rows: of the demo shop, the simulator's own rows, one an event.
    """

    name: str
    events: pa.Table
    days: float
    category: str = "category"
    rows: Rows | None = None

    @property
    def end(self) -> float:
        """When the last visit begins, in days since 1970."""
        return float(_bounds(self.events)[0].max())


@dataclass(frozen=True, eq=False)
class Slices:
    """Visits to learn from and visits to be asked, both with the catalog of the former.

    Attributes:
        test_rows: which rows of the events the test's visits are made of.
    """

    train: Sequences
    test: Sequences
    learned: pa.Table
    test_rows: npt.NDArray[np.int64]


def eshop(folder: Path) -> Shop:
    """The UCI e-shop: the last fortnight is the test. It has days and no clock."""
    found = load(folder / "uci_eshop" / "clickstream_data_for_online_shopping.zip")
    return Shop("UCI e-shop", sessions.assign(found.table, "30m"), 14.0)


def rees46(folder: Path) -> Shop:
    """The REES46 sample, not three hours long: the last 40 minutes are the test."""
    found = load(folder / "rees46")
    return Shop("REES46 sample", sessions.assign(found.table, "30m"), 40 / 1440)


def demo(visitors: int) -> Shop:
    """The demo shop over four weeks: the last week is the test."""
    events = sessions.assign(simulate(visitors, DEMO_DAYS, DEMO_SEED).events, "30m")
    return Shop("demo shop (simulated)", events, 7.0, rows=walk(0, visitors, DEMO_DAYS, DEMO_SEED))


def split(events: pa.Table, cut: float) -> Slices:
    """Return what ended by ``cut`` and what began after it; a visit that reaches over it is left out.

    Args:
        cut: in days since 1970.
    """
    begun, ended = _bounds(events)
    session = sessions.layout(events).session_of_row()
    before, after = (ended <= cut)[session], (begun > cut)[session]
    learned = events.filter(pa.array(before))
    catalog = item_views.catalog_of(learned)
    return Slices(
        item_views.looked_at(learned, catalog),
        item_views.looked_at(events.filter(pa.array(after)), catalog),
        learned,
        np.flatnonzero(after),
    )


def _bounds(events: pa.Table) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return when each session begins and ends, in days since 1970; whole days without a clock."""
    starts = sessions.layout(events).session_starts
    time = sessions.times(events)
    day = np.where(time != sessions.NO_TIME, time / sessions.US_PER_DAY, sessions.days(events).astype(float))
    return day[starts[:-1]], day[starts[1:] - 1]


def rows_of_views(shop: Shop, slices: Slices) -> npt.NDArray[np.int64]:
    """Return the simulator's row behind each view of the test, shape (n,).

    Raises:
        AssertionError: the views are not what the simulator wrote.
    """
    assert shop.rows is not None
    asked = np.intersect1d(looks(shop.rows), slices.test_rows)
    visit = shop.rows["visitor"][asked] * 100 + shop.rows["session"][asked]
    _, number, size = np.unique(visit, return_inverse=True, return_counts=True)
    at = asked[size[number] >= 2]
    ids = shop_items()["item_id"].to_numpy()[shop.rows["item"][at]]
    number = {name: code for code, name in enumerate(slices.test.catalog.names)}
    assert [number.get(name, -1) for name in ids] == slices.test.items.tolist()
    return at


def by_level(visits: Sequences, level: npt.NDArray[np.int32], names: tuple[str, ...]) -> Sequences:
    """Return the visits as what kinds of items they looked at, ``level`` (m,) being each item's."""
    code = np.append(level, np.int32(-1))[visits.items]
    return Sequences(code, visits.starts, visits.day, Catalog(names))


def price_bands(train: Sequences) -> npt.NDArray[np.int32]:
    """Return each item's price band, shape (m,); -1 without a price."""
    price = train.catalog.price
    looked = price[train.items[train.items >= 0]]
    edges = np.nanquantile(looked, np.arange(1, BANDS) / BANDS)
    return np.where(np.isnan(price), -1, np.searchsorted(edges, price, side="left")).astype(np.int32)


def without(visits: Sequences, *, attributes: bool = False, price: bool = False) -> Sequences:
    """Return the visits with a catalog that knows neither attributes nor prices, except where kept."""
    old = visits.catalog
    catalog = Catalog(
        old.names,
        old.attributes if attributes else {},
        old.levels if attributes else {},
        old.price if price else np.full(len(old.names), np.nan, np.float32),
    )
    return Sequences(visits.items, visits.starts, visits.day, catalog, visits.gap, visits.goal)
