"""A bundle as an MLflow model: what ``mlflow models serve`` and a registry take, without pickle.

MLflow's "models from code" is used: the model's folder holds the bundle and a script of a few lines that is
run when the model is loaded. The script calls ``pyfunc_model``, so whoever loads it needs buysignal.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from buysignal import __version__, trained_visitors
from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, DependencyError, EventsError
from buysignal.manifest import read_manifest
from buysignal.scoring import score

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

ARTIFACT = "bundle"
"""By this name the bundle's folder lies in the model."""

OPTIONS = ("reasons", "every_event")
"""Parameters of a request, both false unless they are sent; as in ``scoring.score``."""

_SCRIPT = '''"""Loads the bundle beside it."""

from mlflow.models import set_model

from buysignal.mlflow_model import pyfunc_model

set_model(pyfunc_model())
'''

_TEXTS = (
    "session_id", "event_time", "event_date", "item_id", "category", "country", "device", "channel", "page",
)  # fmt: skip
_WHOLE = ("event_seq", "quantity")


def save_model(bundle_path: str | Path, path: str | Path) -> Path:
    """Write a bundle as an MLflow model into the new folder ``path``; returns it.

    ``mlflow.pyfunc.load_model(path).predict(table)`` then gives what ``scoring.score`` gives, and
    ``mlflow models serve -m path --env-manager local`` serves it.

    Raises:
        BundleError: there is no such bundle, or something else lies at ``path``.
        DependencyError: MLflow is not installed.
    """
    path = Path(path)
    if path.exists() and any(path.iterdir()):
        raise BundleError(f"'{path}' is not empty", allowed="a new folder", todo="choose another")
    _require_mlflow()
    import mlflow.pyfunc

    # MLflow asks for type hints and doubles, which our signature makes needless. It undoes any filter for
    # that, so what it says is recorded, and forgotten.
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder, warnings.catch_warnings(record=True):
        kept = _without_visitors(Path(bundle_path), Path(folder))
        script = str(write_script(Path(folder)))
        mlflow.pyfunc.save_model(path=str(path), python_model=script, **model_options(kept))
    return path


def model_options(bundle_path: str | Path) -> dict[str, Any]:
    """Return what ``mlflow.pyfunc.save_model`` and ``log_model`` are told of a bundle, but for the script.

    Raises:
        BundleError: there is no such bundle.
        DependencyError: MLflow is not installed.
    """
    _require_mlflow()
    import mlflow

    used = bundles.load(bundle_path)
    example = example_of(used)
    return {
        "artifacts": {ARTIFACT: str(bundle_path)},
        "signature": signature_of(used, example),
        "input_example": example,
        "pip_requirements": [f"buysignal=={__version__}", f"mlflow=={mlflow.__version__}"],
        "metadata": {
            "bundle_version": used.version,
            "goal": used.goal.name,
            "proxy": used.goal.proxy,
            "simulated": used.manifest.dataset.simulated,
        },
    }


def _without_visitors(bundle: Path, folder: Path) -> Path:
    """Copy a bundle without the marks of whom it learned from: scoring needs none, and they are personal."""
    kept = folder / ARTIFACT
    read_manifest(bundle)
    shutil.copytree(bundle, kept, ignore=shutil.ignore_patterns(trained_visitors.FILE))
    return kept


def _require_mlflow() -> None:
    if importlib.util.find_spec("mlflow") is None:
        raise DependencyError("mlflow", "track")


def write_script(folder: Path) -> Path:
    """Write the script that MLflow copies into the model; returns its place."""
    place = folder / "by_bundle.py"
    place.write_text(_SCRIPT, encoding="utf-8")
    return place


def pyfunc_model() -> Any:
    """Return the model that the script hands to MLflow: a ``PythonModel`` that reads the bundle beside it."""
    from mlflow.pyfunc import PythonModel

    class ByBundle(PythonModel):  # type: ignore[misc]
        """Scores of a table of events, or of rows, as the bundle reads."""

        def load_context(self, context: Any) -> None:
            self.bundle = bundles.load(context.artifacts[ARTIFACT])

        # MLflow takes type hints for a schema, and warns of those that are none.
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return predict(self.bundle, model_input, **(params or {}))

    return ByBundle()


def predict(
    bundle: Bundle, table: pd.DataFrame, *, reasons: bool = False, every_event: bool = False
) -> pd.DataFrame:
    """Return the scores of a table as a program or an HTTP request brings it; see ``scoring.score``.

    Args:
        table: events by the names of the events table, times as text (ISO 8601 with its offset) or as
            timestamps, which are UTC where they say no offset; or session rows, as the bundle reads.

    Raises:
        EventsError: a column is unknown, or a cell is not what its column holds.
        SamplesError: columns the bundle needs are missing.
    """
    read = events_of(table) if bundle.reads_events else pa.Table.from_pandas(table, preserve_index=False)
    return score(bundle, read, reasons=reasons, every_event=every_event).table


def events_of(table: pd.DataFrame) -> pa.Table:
    """Return events as ``scoring.score`` takes them.

    Raises:
        EventsError: there are none, or a cell is not what its column holds.
    """
    if len(table) == 0:
        raise EventsError(
            "there are no events", allowed="one row an event", todo="send the events of a visit"
        )
    found = table.copy(deep=False)
    if "event_seq" not in found:
        found["event_seq"] = range(len(found))
    convert = {**dict.fromkeys(_WHOLE, _whole), "event_time": _times, "event_date": _days}
    for name in convert.keys() & set(found.columns):
        found[name] = _converted(found[name], convert[name])
    # A column without a single value has no type of its own.
    empty = [name for name in found.columns if found[name].isna().all()]
    return pa.Table.from_pandas(found.drop(columns=empty), preserve_index=False)


def _converted(cells: pd.Series, convert: Callable[[pd.Series], pd.Series]) -> pd.Series:
    try:
        return convert(cells)
    except (ValueError, TypeError, AttributeError) as error:
        allowed = "whole numbers" if cells.name in _WHOLE else "ISO 8601, such as 2025-03-20T12:00:20Z"
        raise EventsError(f"a cell of '{cells.name}' cannot be read", allowed=allowed) from error


def _whole(cells: pd.Series) -> pd.Series:
    numbers = cells.astype("Float64")
    if (numbers % 1 != 0).any():
        raise ValueError("pandas would cut them off")
    return numbers.astype("Int64")


def _times(cells: pd.Series) -> pd.Series:
    return pd.Series(pd.to_datetime(cells, utc=True, format="ISO8601"))


def _days(cells: pd.Series) -> pd.Series:
    return pd.Series(pd.to_datetime(cells)).dt.date


def signature_of(bundle: Bundle, example: pd.DataFrame) -> ModelSignature:
    """Return the columns that a request may and must have, those of an answer, and the parameters."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    columns = _event_columns() if bundle.reads_events else _row_columns(bundle)
    inputs = [ColSpec(kind, name, required=required) for name, (kind, required) in columns.items()]
    answer = infer_signature(model_output=predict(bundle, example)).outputs
    options = ParamSchema([ParamSpec(name, DataType.boolean, default=False) for name in OPTIONS])
    return ModelSignature(inputs=Schema(inputs), outputs=answer, params=options)


def _event_columns() -> dict[str, tuple[Any, bool]]:
    """Return each column's type, and whether a request must have it."""
    from mlflow.types import DataType
    from mlflow.types.schema import AnyType

    return {
        "visitor_id": (DataType.string, True),
        "event_name": (DataType.string, True),
        **dict.fromkeys(_TEXTS, (DataType.string, False)),
        "price": (DataType.double, False),
        # MLflow's integers cannot be missing, and its doubles take none.
        **dict.fromkeys(_WHOLE, (AnyType(), False)),
        # A visitor who refused is not scored; a booleans' column could not say that nobody asked.
        "consent": (AnyType(), False),
    }


def _row_columns(bundle: Bundle) -> dict[str, tuple[Any, bool]]:
    from mlflow.types import DataType

    roles, derived = bundle.profile.roles, ("hour", "weekday")
    found = {
        name: (DataType.string if name in bundle.categories else DataType.double, True)
        for name in bundle.names
        if roles.time is None or name not in derived
    }
    if roles.time is not None:
        found[roles.time] = (DataType.datetime, True)
    if roles.session is not None:
        found[roles.session] = (DataType.string, False)
    return found


def example_of(bundle: Bundle) -> pd.DataFrame:
    """Return a small table that the bundle can score: a visit of two events, or a typical row."""
    if bundle.vocabulary is not None:
        return _visit(bundle.vocabulary.items, bundle.vocabulary.categories)
    roles = bundle.profile.roles
    row: dict[str, Any] = {}
    for name, value in zip(bundle.names, bundle.typical, strict=True):
        if roles.time is not None and name in ("hour", "weekday"):
            continue
        levels = bundle.categories.get(name)
        row[name] = float(value) if levels is None else levels[0]
    if roles.time is not None:
        row[roles.time] = pd.Timestamp("2025-03-20T12:00:00")
    return pd.DataFrame([row])


def _visit(items: tuple[str, ...], categories: tuple[str, ...]) -> pd.DataFrame:
    entry = {"event_time": "2025-03-20T12:00:00Z", "event_name": "page_view"}
    look = {"event_time": "2025-03-20T12:00:20Z", "event_name": "view_item", "price": 10.0}
    look |= {"item_id": next(iter(items), "item"), "category": next(iter(categories), "category")}
    return pd.DataFrame(
        [{"visitor_id": "visitor", "session_id": "visit", **event} for event in (entry, look)]
    )
