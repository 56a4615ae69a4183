"""One real broker for all tests that need it, whichever process they run in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from filelock import FileLock

SCRIPT = Path(__file__).parents[2] / "scripts" / "kafka.sh"
MISSING = 3


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The address of an Apache Kafka broker of the tests' own; skipped without Java or Maven."""
    root = tmp_path_factory.getbasetemp()
    shared = root if worker_id == "master" else root.parent
    users = shared / "kafka.users"
    with FileLock(shared / "kafka.lock"):
        address = _script("start", shared)
        users.write_text(str(int(users.read_text()) + 1 if users.exists() else 1))
    yield address
    with FileLock(shared / "kafka.lock"):
        left = int(users.read_text()) - 1
        users.write_text(str(left))
        if left == 0:
            _script("wipe", shared)


@pytest.fixture
def unique() -> str:
    """A name that no other test uses for its topics."""
    return uuid4().hex[:8]


def _script(command: str, shared: Path) -> str:
    settings = {
        "BUYSIGNAL_KAFKA_DATA": str(shared / "kafka"),
        "BUYSIGNAL_KAFKA_PORT": "0",
        "BUYSIGNAL_KAFKA_HEAP": "256m",
    }
    done = subprocess.run(
        [str(SCRIPT), command], env={**os.environ, **settings}, capture_output=True, text=True, timeout=300
    )
    if done.returncode == MISSING:
        pytest.skip(f"no broker: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
