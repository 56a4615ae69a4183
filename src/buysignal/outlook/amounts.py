"""What visits bring, event by event, and which of them a model has learned from."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal import prefixes, sessions
from buysignal.bundle import Bundle
from buysignal.errors import GoalError
from buysignal.goals import Goal
from buysignal.report import Dataset
from buysignal.sources.read import Loaded
from buysignal.training.dataset import dataset_of
from buysignal.units import spoken

Floats = npt.NDArray[np.float64]


def event_values(events: pa.Table, goal: Goal) -> Floats:
    """Return what each event brings, (n,): money for purchases, or the goal's proxy amount."""
    code = ev.codes_of_names(events)
    if goal.value == "viewed_value":
        price = np.nan_to_num(events.column("price").to_numpy())
        return np.where(np.isin(code, prefixes.VIEW_CODES), price, 0.0)
    return np.where(code == ev.EVENT_CODES["purchase"], ev.line_values(events), 0.0)


def need_amounts(bundle: Bundle) -> None:
    if not bundle.has_revenue:
        raise GoalError(
            "this model forecasts no amounts, because its training data held none",
            allowed="a model trained on purchases with prices",
            todo="train on data whose purchases carry prices",
        )
    if bundle.goal.horizon != "session":
        raise GoalError(
            f"this model looks {spoken(bundle.goal.horizon)} ahead, over the end of the visit, so visits "
            "to come would count twice",
            allowed="a goal within the visit",
            todo="train for the goal of the visit itself",
        )


def learned_from(
    bundle: Bundle, loaded: Loaded, start: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.object_]:
    """Return for visits that began at ``start`` (n,) whether the model learned from them.

    "yes" and "no" where this source is the training data (rows, visits, purchases, revenue and period are
    those of the manifest), by the cut in the manifest; "no" also for visits after all it ever saw; "maybe"
    for everything else, since another file may hold the same visits.
    """
    known = bundle.manifest.dataset
    cut = bundle.manifest.test_from
    said = np.full(len(start), "maybe", dtype=object)
    if known.end is not None:
        said[start > moment_in(known.end)] = "no"
    described = dataset_of(loaded, None).model_dump() | {"files": known.files, "name": known.name}
    same = Dataset.model_validate(described) == known
    if same and cut is not None:
        said = np.where(start >= moment_in(cut), "no", "yes").astype(object)
    return said


def before_session(where: sessions.Layout, value: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(value)])
    return np.asarray(total[where.session_starts[:-1]][where.session_of_row()])


def still_to_come(where: sessions.Layout, value: Floats) -> Floats:
    """Return what the visit brings after each row, (n,)."""
    so_far = np.cumsum(value) - before_session(where, value)
    rest = np.add.reduceat(value, where.session_starts[:-1])[where.session_of_row()] - so_far
    return np.where(rest > 1e-6, rest, 0.0)


def table_times(bundle: Bundle, loaded: Loaded) -> npt.NDArray[np.datetime64]:
    return loaded.table.column(bundle.profile.roles.time).cast(pa.timestamp("us")).to_numpy()


def moment_in(said: str | datetime) -> np.datetime64:
    moment = pd.Timestamp(said)
    moment = moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
    return moment.to_datetime64().astype("datetime64[us]")
