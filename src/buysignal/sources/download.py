"""Public data sets: fetched, verified by checksum, unpacked, and laid out as people know them."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from buysignal.errors import SourceError
from buysignal.sources.profile import did_you_mean

Progress = Callable[[float, str], None]

MAX_BYTES = 200_000_000
"""More than any data set here; a longer answer is not the archive."""
TIMEOUT_SECONDS = 30
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Dataset:
    """One public data set.

    Attributes:
        url: the publisher's archive (zip).
        page: where a person can fetch it by hand.
        sha256: of the archive; None where the publisher repacks it, then ``content_sha256`` holds.
        member: the data file inside.
        content_sha256: of that file with plain line feeds, as copies of it differ in line ends.
        write: (text of the data file, folder) -> written files.
    """

    title: str
    url: str
    page: str
    sha256: str | None
    member: str
    content_sha256: str | None
    write: Callable[[bytes, Path], list[Path]]


def get(
    name: str, *, to: Path, source: str | Path | None = None, progress: Progress | None = None
) -> list[Path]:
    """Fetch a public data set into the folder ``to`` and return the written files.

    Args:
        name: ``uci-eshop`` (train_data.csv and test_data.csv, the usual random 80/20 split of rows) or
            ``uci-shoppers`` (online_shoppers_intention.csv).
        source: the archive as a file or another URL, instead of the publisher's.

    Raises:
        SourceError: the name is unknown, there is no network, or the bytes are not those expected.
    """
    dataset = DATASETS.get(name)
    if dataset is None:
        raise SourceError(
            f"there is no data set '{name}'{did_you_mean(name, list(DATASETS))}",
            allowed=", ".join(DATASETS),
            todo="name one of these",
        )
    tell = progress or (lambda _share, _message: None)
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        archive = Path(folder) / "archive.zip"
        _fetch(name, dataset, source, archive, tell)
        tell(0.8, "verifying")
        content = _member(name, dataset, archive)
        tell(0.9, "writing")
        try:
            to.mkdir(parents=True, exist_ok=True)
            written = dataset.write(content, to)
        except OSError as error:
            raise SourceError(
                f"{to} cannot be written to: {error.strerror}", todo="choose another folder"
            ) from error
    tell(1.0, "done")
    return written


def _fetch(name: str, dataset: Dataset, source: str | Path | None, target: Path, tell: Progress) -> None:
    place = str(source) if source is not None else dataset.url
    if not place.startswith(("http://", "https://", "file://")):
        path = Path(place)
        if not path.is_file():
            raise SourceError(
                f"there is no file {path}", allowed="the archive as a file or URL", todo="check the path"
            )
        shutil.copyfile(path, target)
        return
    try:
        with urllib.request.urlopen(place, timeout=TIMEOUT_SECONDS) as answer, target.open("wb") as out:
            _copy(answer, out, place, tell)
    except (urllib.error.URLError, TimeoutError, ConnectionError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise SourceError(
            f"{place} cannot be fetched ({reason})",
            allowed="a network connection, or the archive as a file",
            todo=f"fetch it by hand from {dataset.page}, then: buysignal data get {name} --from FILE",
        ) from error


def _copy(answer: IO[bytes], out: IO[bytes], place: str, tell: Progress) -> None:
    done = 0
    while chunk := answer.read(_CHUNK):
        done += len(chunk)
        if done > MAX_BYTES:
            raise SourceError(
                f"{place} sends more than {MAX_BYTES:,} bytes",
                todo="check the address: this is not the archive",
            )
        out.write(chunk)
        tell(min(0.75, done / 4_000_000), "fetching")


def _member(name: str, dataset: Dataset, archive: Path) -> bytes:
    """Return the verified data file; the plain file itself is taken as well as the archive."""
    raw = archive.read_bytes()
    if dataset.content_sha256 is not None and _digest(_line_feeds(raw)) == dataset.content_sha256:
        return raw
    if dataset.sha256 is not None and _digest(raw) != dataset.sha256:
        raise _other_bytes(name, dataset, _digest(raw), dataset.sha256)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            info = packed.getinfo(dataset.member)
            if info.file_size > MAX_BYTES:
                raise SourceError(
                    f"{dataset.member} is larger than it can be", todo="fetch the archive again"
                )
            with packed.open(info) as stream:
                content = stream.read(MAX_BYTES)
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise SourceError(
            f"what came is not the archive of {name}",
            allowed=f"a zip with '{dataset.member}' inside",
            todo=f"fetch it again from {dataset.page}",
        ) from error
    found = _digest(_line_feeds(content))
    if dataset.content_sha256 is not None and found != dataset.content_sha256:
        raise _other_bytes(name, dataset, found, dataset.content_sha256)
    return content


def _line_feeds(raw: bytes) -> bytes:
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _other_bytes(name: str, dataset: Dataset, found: str, expected: str) -> SourceError:
    return SourceError(
        f"what came is not the archive of {name}: its SHA-256 is {found[:16]}…",
        allowed=f"{expected[:16]}…, the published file",
        todo=f"fetch it again from {dataset.page}, then: buysignal data get {name} --from FILE",
    )


ESHOP_COLUMNS = (
    "year", "month", "day", "order", "country", "session_id", "page1_main_category",
    "page2_clothing_model", "colour", "location", "model_photography", "price", "price_2", "page",
)  # fmt: skip
SPLIT_SEED = 42
TEST_SHARE = 0.2


def write_eshop(content: bytes, to: Path) -> list[Path]:
    """Write the usual train and test files: a seeded random 80/20 split of *rows*.

    This is the split published exercises use (scikit-learn's ``train_test_split``, seed 42). It puts
    rows of one session on both sides; the audit says so.
    """
    from sklearn.model_selection import train_test_split

    rows = list(csv.reader(io.StringIO(content.decode("utf-8")), delimiter=";"))[1:]
    train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=SPLIT_SEED)
    return [_write_rows(to / "train_data.csv", train), _write_rows(to / "test_data.csv", test)]


def _write_rows(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(ESHOP_COLUMNS)
        writer.writerows(rows)
    return path


def write_shoppers(content: bytes, to: Path) -> list[Path]:
    """Write the session table as it is published."""
    path = to / "online_shoppers_intention.csv"
    path.write_bytes(content)
    return [path]


DATASETS = {
    "uci-eshop": Dataset(
        title="Clickstream data for online shopping (UCI 553)",
        url="https://archive.ics.uci.edu/static/public/553/clickstream+data+for+online+shopping.zip",
        page="https://archive.ics.uci.edu/dataset/553",
        sha256="de43f67460aeb49fd879cb7db3d7d654a5f83e8d6ec466820573ef8a6255a7c6",
        member="e-shop clothing 2008.csv",
        content_sha256=None,
        write=write_eshop,
    ),
    "uci-shoppers": Dataset(
        title="Online shoppers purchasing intention (UCI 468)",
        url="https://archive.ics.uci.edu/static/public/468/online+shoppers+purchasing+intention+dataset.zip",
        page="https://archive.ics.uci.edu/dataset/468",
        sha256=None,
        member="online_shoppers_intention.csv",
        content_sha256="d8e130ba51532985f93281a73ce299e6ce150cb915769a7962a11e595eadd6a1",
        write=write_shoppers,
    ),
}
"""The public data sets by name."""
