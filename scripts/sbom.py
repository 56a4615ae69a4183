"""Write the software bill of materials of a lock as CycloneDX JSON; needs no network.

Run: ``python scripts/sbom.py requirements-serve.txt sbom.cdx.json``. Two runs write the same bytes. Hashes
are those of the lock; where packages were fetched from is not in a lock, and so not here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from buysignal import __version__  # noqa: E402  (after the path above)


def bill_of(lock: Path) -> dict[str, Any]:
    """Return the bill of all packages that a lock pins, whichever platform they are for."""
    command = ["requirements", "--output-reproducible", "--of", "JSON", "--sv", "1.6"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), str(lock)]
    run = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *command]
    found = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    for component in found["components"]:
        line = component["bom-ref"].removeprefix("requirements-")
        for reference in component["externalReferences"]:
            reference.update(url=f"{lock.name}#{line}", comment="hashes of the lock")
        component["description"] = component["description"].split("--hash")[0].strip()
    for tool in found["metadata"]["tools"]["components"]:
        tool.pop("externalReferences", None)
    found["metadata"]["component"]["version"] = __version__
    return found


def problem_of(bill: str) -> str | None:
    """Return what is wrong with a bill by the schema of CycloneDX 1.6; None where it is right."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)
    return None if error is None else str(error)


def main(lock: Path, out: Path) -> None:
    """Write the bill of ``lock`` to ``out``."""
    bill = json.dumps(bill_of(lock), indent=1) + "\n"
    if (problem := problem_of(bill)) is not None:
        sys.exit(f"the bill is none: {problem}")
    out.write_text(bill, encoding="utf-8")
    print(f"{out}: {len(json.loads(bill)['components'])} packages of {lock}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
