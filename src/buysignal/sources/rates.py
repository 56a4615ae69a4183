"""Exchange rates: which are missing, and as people type them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pyarrow.compute as pc

from buysignal.errors import ProfileError
from buysignal.sources import nested, raw
from buysignal.sources.mend import form_by_file
from buysignal.sources.profile import folded
from buysignal.sources.read import Loaded


def parse_rates(pairs: Iterable[str]) -> dict[str, float]:
    """Return rates such as ``USD=0.92``: so many units of the common currency for one of the other.

    Raises:
        ProfileError: a pair is no rate.

    >>> parse_rates(["usd=0.92"])
    {'USD': 0.92}
    """
    found = {}
    for pair in pairs:
        code, separator, number = (part.strip() for part in pair.partition("="))
        found[_code(code, pair)] = _rate(number if separator else "", pair)
    return found


def _code(code: str, pair: str) -> str:
    if len(code) == 3 and code.isalpha() and code.isascii():
        return code.upper()
    raise _no_rate(pair)


def _rate(number: str, pair: str) -> float:
    try:
        rate = float(number)
    except ValueError as error:
        raise _no_rate(pair) from error
    if not 0 < rate < 1e9:
        raise _no_rate(pair)
    return rate


def _no_rate(pair: str) -> ProfileError:
    return ProfileError(
        f"'{pair}' is no exchange rate",
        allowed="CODE=RATE, such as USD=0.92 where one USD is 0.92 of the common currency",
        todo="write it so",
    )


def missing_rates(loaded: Loaded) -> dict[str, int]:
    """Return the currencies of rows rejected for want of a rate, and how many rows each has."""
    mapping = loaded.profile.columns.get("currency")
    wanted = {folded(s) for s in (mapping.source if mapping else ()) or ("currency",)}
    forms = form_by_file(loaded.forms)
    table = loaded.rejects.table
    table = table.filter(pc.equal(table.column("reason"), "unknown_currency"))
    found: Counter[str] = Counter()
    for reject in table.to_pylist():
        form = forms[reject["file"]]
        cells = nested.flatten(reject["raw"]) if form.kind == "json" else raw.split(reject["raw"], form)
        code = next((cell for name, cell in cells.items() if folded(name) in wanted and cell), "")
        if code:
            found[code.strip().upper()] += 1
    return dict(found.most_common())
