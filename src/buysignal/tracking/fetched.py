"""Models of MLflow's registry looked at, and brought back to a folder that serves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from buysignal import bundle as bundles
from buysignal.errors import BundleError, InputError
from buysignal.mlflow_model import ARTIFACT
from buysignal.registry import copy_bundle
from buysignal.tracking.registered import MODEL, Entry, entries
from buysignal.tracking.servers import asked, server_of

if TYPE_CHECKING:
    from mlflow import MlflowClient


def aliases(uri: str | None = None) -> dict[str, dict[str, Entry]]:
    """Return each registered model of buysignal with what its aliases stand for.

    Raises:
        InputError: the server did not answer.
        DependencyError: MLflow is not installed.
    """
    with asked(server_of(uri)) as client:
        names = [found.name for found in client.search_registered_models("name LIKE 'buysignal-%'")]
        return {name: entries(client, name) for name in names}


def pull(name: str, out: str | Path, *, alias: str = "champion", uri: str | None = None) -> str:
    """Bring the bundle that an alias stands for into a folder, whole and verified; returns its version.

    Doors that watch the folder exchange it by themselves. Whatever is wrong with the entry, the folder keeps
    what it had.

    Raises:
        InputError: there is no such alias, its version, run or files are gone, or the server is away.
        BundleError: what came is not what was logged.
    """
    out = Path(out)
    with asked(server_of(uri)) as client, tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        known = entries(client, name)
        entry = known.get(alias)
        if entry is None:
            raise InputError(
                f"'{name}' has no alias '{alias}' on this server", allowed=", ".join(known) or "none yet",
                todo="look with 'buysignal track status'",
            )  # fmt: skip
        if entry.damage is not None or entry.run is None:
            raise InputError(
                f"the alias '{alias}' of '{name}' names version {entry.version}, but "
                f"{entry.damage or 'it has no run'}; '{out}' is as it was",
                todo="let the alias stand for another version, or promote again with --track",
            )
        brought = _brought(client, entry.run, Path(folder))
        version = bundles.load(brought).version
        if version != entry.bundle_version:
            raise BundleError(
                f"version {entry.version} of '{name}' holds bundle {version} instead of "
                f"{entry.bundle_version}; '{out}' is as it was",
                todo="log the right one again with 'buysignal promote --track'",
            )
        copy_bundle(brought, out)
    return version


def _brought(client: MlflowClient, run: str, folder: Path) -> Path:
    from mlflow.models import Model

    place = Path(client.download_artifacts(run, MODEL, str(folder)))
    told = Model.load(str(place)).flavors["python_function"]
    return place / str(told["artifacts"][ARTIFACT]["path"])
