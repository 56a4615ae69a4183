"""Whom a bundle was trained with, as salted marks: enough to answer "was this visitor among them?".

A mark is 64 bits of BLAKE2b (RFC 7693) over the id, with a salt of the bundle's own. Marks hold no id, but
whoever has the file and a guess can try it: they are personal data, and are kept and handed on as such.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal.errors import BundleError

FILE = "visitors.npz"
_SALT_BYTES, _MARK_BYTES = 16, 8

Marks = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class TrainedVisitors:
    """The marks of n visitors.

    Attributes:
        salt: 16 bytes, drawn for this bundle.
        marks: (n,) rising. That a stranger has the mark of one of them has the probability n / 2^64:
            about 1 in 2 million million for 10 million visitors.
    """

    salt: bytes
    marks: Marks

    @classmethod
    def of(cls, ids: pa.Array | pa.ChunkedArray, salt: bytes | None = None) -> TrainedVisitors:
        """Return the marks of visitors (text; some may stand several times)."""
        salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
        words = ids.cast(pa.string()).unique().drop_null().to_pylist()
        joined = b"".join(_mark(word, salt) for word in words)
        return cls(salt, np.unique(np.frombuffer(joined, dtype="<u8").astype(np.uint64)))

    def __len__(self) -> int:
        return len(self.marks)

    def __contains__(self, visitor_id: str) -> bool:
        mark = np.frombuffer(_mark(visitor_id, self.salt), dtype="<u8")[0]
        at = int(np.searchsorted(self.marks, mark))
        return at < len(self.marks) and bool(self.marks[at] == mark)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write ``visitors.npz``; returns what the manifest says of it."""
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, salt=np.frombuffer(self.salt, np.uint8), marks=self.marks)
        (folder / FILE).write_bytes(content.getvalue())
        return {"count": len(self), "sha256": sha256(content.getvalue()).hexdigest()}


def trained_visitors(folder: Path, told: dict[str, Any] | None) -> TrainedVisitors | None:
    """Return whom the bundle in ``folder`` was trained with; None where that is not known.

    Args:
        told: what the manifest says of the file; None in bundles of earlier versions.

    Raises:
        BundleError: the file was changed.
    """
    file = folder / FILE
    if told is None or not file.is_file():
        return None
    content = file.read_bytes()
    if sha256(content).hexdigest() != told.get("sha256"):
        raise BundleError(
            f"'{FILE}' in '{folder}' was changed after training",
            todo="take the folder from where it was trained; who it was trained with is not known from this",
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return TrainedVisitors(arrays["salt"].tobytes(), arrays["marks"])


def _mark(visitor_id: str, salt: bytes) -> bytes:
    content = visitor_id.encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=_MARK_BYTES, salt=salt).digest()
