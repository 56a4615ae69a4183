"""What goes wrong around a model in use: each is told in a sentence, and the champion goes on serving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle_door import Door
from lifecycle_shop import Month
from lifecycle_steps import refused, require, say, told


def misfortunes(door: Door, registry: Path, month: Month, champion: str, challenger: str) -> None:
    """Play them all.

    Raises:
        NotAsItShouldBeError: one was not told, or the champion did not go on answering.
    """

    def still(what: str, said: str) -> None:
        _still(door, registry, champion)
        say("bad input", f"{what}. {said.strip()} The champion serves.")

    there = ("--registry", registry)
    version = registry / "versions" / challenger
    model, manifest = next(version.glob("conversion-*.onnx")), version / "manifest.json"
    with _damaged(model, model.read_bytes()[:-1] + b"?"):
        still("A version was damaged", refused("promote", challenger, *there, because="SHA-256"))
    with _damaged(registry / "registry.json", b'{"champion": 7}'):
        said = refused("models", *there, because="untouched")
    still("registry.json was damaged", said)
    other = manifest.read_text(encoding="utf-8").replace('"catalogue_version": ', '"catalogue_version": 9')
    with _damaged(manifest, other.encode()):
        still("A challenger of another schema", refused("promote", challenger, *there, because="catalogue"))
    said = refused("retrain", month.learned, *there, "--fast", "--sealed", "20d", because="learned from")
    still("Data that the champion knows", said)
    said = refused("retrain", month.unsold, *there, "--fast", "--sealed", "3d", because="purchase")
    still("Data without the champion's goal", said)
    _served_folder_damaged(door, registry, champion)


def _served_folder_damaged(door: Door, registry: Path, champion: str) -> None:
    with _damaged(registry / "champion" / "manifest.json", b"{}"):
        said = door.until_degraded()
        _still(door, registry, champion)
    say("bad input", f"The served folder was damaged; /readyz: degraded. {said} The champion serves.")
    told("promote", champion, "--registry", registry, "--why", "the served folder was damaged")
    door.until_ready(champion)
    say("mended", f"'buysignal promote {champion}' put the folder in order; /readyz: ready")


def _still(door: Door, registry: Path, champion: str) -> None:
    """Require that the champion goes on answering, and nobody else."""
    door.answered(20)
    serving = door.ready()["bundle_version"]
    require(serving == champion, f"the champion {champion} serves", serving)
    require(not door.lost(), "no request lost", door.lost())


@contextmanager
def _damaged(file: Path, content: bytes) -> Iterator[None]:
    """Put other content into a file while the block runs."""
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
        require(file.read_bytes() == content, "a damaged file that nobody mended")
    finally:
        file.write_bytes(before)
