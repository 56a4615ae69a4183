"""A bundle in MLflow's model registry: its name, its versions, and the aliases champion and challenger."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from buysignal.bundle import Bundle
from buysignal.errors import InputError
from buysignal.goals import PURCHASE, Goal
from buysignal.mlflow_model import save_model
from buysignal.tracking.curves import safe
from buysignal.tracking.runs import PRINT, Training

if TYPE_CHECKING:
    from mlflow import MlflowClient

Alias = Literal["champion", "challenger"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"

MODEL = "model"
"""By this name the model lies among the files of its run."""

BUNDLE_VERSION = "buysignal.bundle_version"
_ALIKE = {
    "buysignal.goal": "goal",
    "buysignal.proxy": "proxy",
    "buysignal.columns": "columns",
    "buysignal.simulated": "simulated",
}
"""Tags in which a challenger must equal the champion, and how they are called."""


@dataclass(frozen=True)
class Entry:
    """What an alias stands for: a version, or what is wrong with it."""

    version: str
    bundle_version: str | None = None
    run: str | None = None
    tags: dict[str, str] | None = None
    damage: str | None = None


def model_name(goal: Goal, wish: str | None = None) -> str:
    """Return the name in the registry; only a model of purchases may be called conversion.

    Raises:
        InputError: the wished name calls a proxy conversion.
    """
    if wish is None:
        by_goal = "conversion" if goal.name == PURCHASE.name else safe(goal.name)
        return f"buysignal-proxy-{_without_claim(goal.name)}" if goal.proxy else f"buysignal-{by_goal}"
    if goal.proxy and "conversion" in wish.lower():
        raise InputError(
            f"'{wish}' calls the proxy '{goal.name}' conversion",
            allowed=f"a name without that word, such as {model_name(goal)}",
        )
    return wish


def _without_claim(name: str) -> str:
    return safe(name.lower().replace("conversion", "")) or "goal"


def register(client: MlflowClient, training: Training, bundle: Bundle, run: str, name: str) -> str:
    """Register the bundle as a version of ``name``, once; returns the version.

    A version of the same training whose files or run are gone does not count.
    """
    _have_name(client, name)
    for there in client.search_model_versions(f"name = '{name}'"):
        same = there.tags.get(PRINT) == training.fingerprint
        if same and damage_of(client, there) is None:
            return str(there.version)
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        client.log_artifacts(run, str(save_model(training.bundle, Path(folder) / MODEL)), MODEL)
    made = client.create_model_version(
        name, source=f"{client.get_run(run).info.artifact_uri}/{MODEL}", run_id=run,
        tags=_tags(training, bundle), description=_described(bundle),
    )  # fmt: skip
    return str(made.version)


def entries(client: MlflowClient, name: str) -> dict[str, Entry]:
    """Return what each alias of a name stands for; nothing where the name is not registered."""
    found = _or_none(client.get_registered_model, name)
    return {} if found is None else {a: _entry(client, name, str(v)) for a, v in found.aliases.items()}


def enter(client: MlflowClient, name: str, version: str) -> str:
    """Give a new version its alias: champion to the first, challenger to later ones; returns a sentence.

    A champion that is there is never replaced here, be it as damaged as it may.
    """
    known = entries(client, name)
    ours = _entry(client, name, version)
    champion = known.get(CHAMPION)
    if version in {entry.version for entry in known.values()}:
        return f"'{name}' has it as version {version} already"
    if champion is None:
        client.set_registered_model_alias(name, CHAMPION, version)
        return f"it is version {version} of '{name}', and its champion"
    theirs, own = champion.tags or {}, ours.tags or {}
    differs = [said for tag, said in _ALIKE.items() if theirs.get(tag) != own.get(tag)]
    if differs and champion.damage is None:
        return (
            f"it is version {version} of '{name}', but no challenger: it differs from the champion (version "
            f"{champion.version}) in {', '.join(differs)}; the champion stays"
        )
    client.set_registered_model_alias(name, CHALLENGER, version)
    said = f"it is version {version} of '{name}', and its challenger"
    if champion.damage is not None:
        return f"{said}; the alias '{CHAMPION}' names version {champion.version}, but {champion.damage}"
    return said


def move(client: MlflowClient, name: str, alias: Alias, version: str | None) -> None:
    """Let an alias stand for a version, or for none."""
    found = _or_none(client.get_registered_model, name)
    now = None if found is None else found.aliases.get(alias)
    if version is not None and str(now) != version:
        client.set_registered_model_alias(name, alias, version)
    elif version is None and now is not None:
        client.delete_registered_model_alias(name, alias)


def damage_of(client: MlflowClient, version: Any) -> str | None:
    """Return what keeps a version from being used; None where nothing does."""
    if version.status != "READY":
        return f"its status is {version.status}"
    run = _or_none(client.get_run, version.run_id) if version.run_id else None
    if run is None:
        return "its run is gone"
    if run.info.lifecycle_stage != "active":
        return "its run was deleted"
    files = {file.path for file in client.list_artifacts(version.run_id, MODEL)}
    return None if f"{MODEL}/MLmodel" in files else "its files are gone"


def _entry(client: MlflowClient, name: str, version: str) -> Entry:
    found = _or_none(client.get_model_version, name, version)
    if found is None:
        return Entry(version, damage="that version was deleted")
    return Entry(
        version, found.tags.get(BUNDLE_VERSION), found.run_id, dict(found.tags), damage_of(client, found)
    )


def _have_name(client: MlflowClient, name: str) -> None:
    if _or_none(client.get_registered_model, name) is None:
        client.create_registered_model(name, description="Made by buysignal; a version is a bundle.")


def _tags(training: Training, bundle: Bundle) -> dict[str, str]:
    columns = hashlib.sha256("\n".join(bundle.names).encode()).hexdigest()[:16]
    return {
        PRINT: training.fingerprint,
        BUNDLE_VERSION: bundle.version,
        "buysignal.goal": bundle.goal.name,
        "buysignal.proxy": str(bundle.goal.proxy).lower(),
        "buysignal.columns": columns,
        "buysignal.simulated": str(bundle.manifest.dataset.simulated).lower(),
    }


def _described(bundle: Bundle) -> str:
    kind = "Proxy" if bundle.goal.proxy else "Goal"
    of = " Trained on a simulated shop." if bundle.manifest.dataset.simulated else ""
    return f"{kind}: {bundle.goal.sentence}. Bundle {bundle.version}.{of}"


def _or_none(ask: Any, *arguments: str) -> Any:
    """Return the answer, or None where the server knows no such thing; every other failure is raised."""
    from mlflow import MlflowException

    try:
        return ask(*arguments)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
