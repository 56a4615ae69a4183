"""Campaign files through the browser: one zip, or the list and its record side by side."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from buysignal.app.bringing import Upload
from buysignal.decisions.holdout import CampaignList, read_campaign, write_campaign
from buysignal.errors import SourceError

MAX_BYTES = 500_000_000
_REMEDY = "take the zip that “Whom to target” gave, or the CSV and the JSON out of it"


def safe_name(name: str) -> str:
    """Return a campaign's name as a file's.

    >>> safe_name("Spring 2025 / mail"), safe_name("...")
    ('Spring-2025-mail', 'campaign')
    """
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "campaign"


def zipped(drawn: CampaignList) -> bytes:
    """Return the two files that ``holdout.write_campaign`` writes, in one zip."""
    buffer = io.BytesIO()
    with TemporaryDirectory(prefix="buysignal-") as folder:
        path = Path(folder) / f"{safe_name(drawn.campaign.name)}.csv"
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in write_campaign(drawn, path):
                archive.write(file, file.name)
    return buffer.getvalue()


def uploaded(files: Sequence[Upload]) -> CampaignList:
    """Return the campaign that came as a zip, or as its CSV and JSON.

    Raises:
        SourceError: they are not the files of one campaign.
    """
    with TemporaryDirectory(prefix="buysignal-") as name:
        folder = Path(name)
        for file in files:
            content = file.read()
            if file.name.lower().endswith(".zip"):
                _unpack(content, file.name, folder)
            else:
                (folder / f"campaign{Path(file.name).suffix.lower()}").write_bytes(content)
        missing = [kind for kind in (".csv", ".json") if not (folder / f"campaign{kind}").is_file()]
        if missing:
            raise SourceError(
                f"the campaign's {' and '.join(m[1:].upper() for m in missing)} file is missing", todo=_REMEDY
            )
        return read_campaign(folder / "campaign.csv")


def _unpack(content: bytes, name: str, folder: Path) -> None:
    """Take the one CSV and the one JSON of the zip, under names of our own."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
            kinds = [PurePosixPath(m.filename).suffix.lower() for m in members]
            if sorted(kinds) != [".csv", ".json"]:
                raise SourceError(f"'{name}' is no campaign file", todo=_REMEDY)
            if sum(m.file_size for m in members) > MAX_BYTES:
                raise SourceError(f"'{name}' unpacks to more than a campaign can hold", todo=_REMEDY)
            for member, kind in zip(members, kinds, strict=True):
                with archive.open(member) as packed:
                    (folder / f"campaign{kind}").write_bytes(packed.read(MAX_BYTES))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"'{name}' cannot be unpacked", todo=_REMEDY) from error
