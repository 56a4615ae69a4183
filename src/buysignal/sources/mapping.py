"""A profile as rows a person can edit, and the edited rows as a profile again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from buysignal.errors import ProfileError
from buysignal.events import ATTRIBUTE_PREFIX, SCHEMA, EventName
from buysignal.sources.form import FileForm, all_examples, all_words
from buysignal.sources.profile import ColumnMap, Profile, did_you_mean, folded
from buysignal.sources.read import Loaded

UNITS = ("cents", "micros")


@dataclass(frozen=True)
class MappedColumn:
    """One canonical column and what feeds it.

    Attributes:
        name: canonical.
        source: the source's column, or how several are put together; None where nothing feeds it.
        examples: cells of that column.
        unit: of an amount: None (whole), "cents" or "micros".
        format: strptime format of a time or date; None where it is found by itself.
    """

    name: str
    source: str | None
    examples: tuple[str, ...] = ()
    unit: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class Edited:
    """What a person wants changed of a mapping; empty means as it is.

    Attributes:
        columns: every row of ``mapped_columns``, edited or not.
        words: the source's word for an event -> GA4's name, or None to keep the word.
        extra: further source columns to keep as ``attr_*``.
        timezone: of times that carry none.
        currency: of all amounts.
    """

    columns: Sequence[MappedColumn]
    words: Mapping[str, str | None] = field(default_factory=dict)
    extra: Sequence[str] = ()
    timezone: str | None = None
    currency: str | None = None


def mapped_columns(profile: Profile, forms: Sequence[FileForm]) -> list[MappedColumn]:
    """Return every canonical column, those of the events contract first, with what feeds it."""
    examples = all_examples(forms)
    present = {folded(c): c for c in examples}
    names = [n for n in SCHEMA.names if n != "event_seq"] if profile.level == "event" else []
    names += [n for n in profile.columns if n not in names]
    rows = []
    for name in names:
        mapping = profile.columns.get(name)
        found = _fed_by(name, mapping, present)
        rows.append(
            MappedColumn(
                name,
                _label(mapping, found) if found else None,
                examples[found[0]] if found else (),
                mapping.unit if mapping and found else None,
                mapping.format if mapping and found else None,
            )
        )
    return rows


def _fed_by(name: str, mapping: ColumnMap | None, present: Mapping[str, str]) -> list[str]:
    if mapping is None:
        return []
    return [present[folded(s)] for s in mapping.source or (name,) if folded(s) in present]


def _label(mapping: ColumnMap | None, found: Sequence[str]) -> str:
    joiner = {"ymd": " + ", "join": " : "}.get(mapping.combine if mapping else "first", " or ")
    return joiner.join(found)


def words_of(loaded: Loaded) -> dict[str, tuple[str, int]]:
    """Return the source's words for events -> what each is read as, and how many rows are read so.

    Words of the first rows, those the profile knows, and whatever else the rows hold.
    """
    if loaded.profile.level != "event" or "event_name" not in loaded.profile.columns:
        return {}
    counts = {
        str(c["values"]): int(c["counts"])
        for c in pc.value_counts(loaded.table.column("event_name")).to_pylist()
    }
    meant = first_words(loaded.profile, loaded.forms)
    meant |= {word: name for word, name in loaded.profile.event_names.items() if name in counts}
    meant |= {name: name for name in counts if name not in meant.values()}
    found = {word: (name, counts.get(name, 0)) for word, name in meant.items()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1][1]))


def first_words(profile: Profile, forms: Sequence[FileForm]) -> dict[str, str]:
    """Return the words for events in the first rows of the files -> what ``profile`` reads them as."""
    present = {folded(c): c for form in forms for c in form.columns}
    columns = _fed_by("event_name", profile.columns.get("event_name"), present)
    return {w: profile.event_names.get(w, w) for column in columns for w in all_words(forms, column)}


def apply(profile: Profile, forms: Sequence[FileForm], edited: Edited) -> Profile:
    """Return ``profile`` as the edited rows say.

    Raises:
        ProfileError: a column or word does not exist, a needed column is not fed, or a format or time
            zone does not hold.
    """
    before = {row.name: row for row in mapped_columns(profile, forms)}
    columns = dict(profile.columns)
    for row in edited.columns:
        if row != before.get(row.name):
            _change(columns, row, before.get(row.name), forms)
    for source in edited.extra:
        columns[_attribute(source)] = ColumnMap(source=(_existing(source, forms),))
    _require(profile, columns, forms)
    return profile.model_copy(
        update={
            "columns": columns,
            "event_names": _words(profile, edited.words),
            "timezone": _zone(edited.timezone) if edited.timezone else profile.timezone,
            "currency": _currency(edited.currency) if edited.currency else profile.currency,
        }
    )


def _change(
    columns: dict[str, ColumnMap], row: MappedColumn, old: MappedColumn | None, forms: Sequence[FileForm]
) -> None:
    if row.source is None:
        columns.pop(row.name, None)
        return
    kept = columns.get(row.name)
    if kept is None or old is None or row.source != old.source:
        kept = ColumnMap(source=(_existing(row.source, forms),), type=kept.type if kept else None)
    if row.unit is not None and (row.unit not in UNITS or kept.type_for(row.name) != "number"):
        raise ProfileError(
            f"{row.name} cannot have the unit '{row.unit}'",
            allowed="cents or micros, for a price",
            todo="leave the unit of this row empty",
        )
    if row.format is not None:
        _check_format(row, kept, all_examples(forms))
    columns[row.name] = kept.model_copy(update={"unit": row.unit, "format": row.format})


def _existing(source: str, forms: Sequence[FileForm]) -> str:
    columns = list(all_examples(forms))
    if source not in columns:
        raise ProfileError(
            f"there is no column '{source}'{did_you_mean(source, columns)}",
            allowed=", ".join(columns),
            todo="choose one of them",
        )
    return source


def _check_format(row: MappedColumn, kept: ColumnMap, examples: Mapping[str, tuple[str, ...]]) -> None:
    if kept.type_for(row.name) not in ("time", "date"):
        raise ProfileError(
            f"{row.name} is no time, so it has no time format",
            todo="leave the format of this row empty",
        )
    for example in examples.get(kept.source[0], ()):
        try:
            datetime.strptime(example, row.format or "")
        except ValueError as error:
            raise ProfileError(
                f"the format '{row.format}' does not read '{example}' in column '{kept.source[0]}'",
                allowed="a format such as %d.%m.%Y %H:%M for 31.05.2024 13:45",
                todo="mend the format, or leave it empty to have it found",
            ) from error


def _attribute(source: str) -> str:
    plain = "".join(c if c.isalnum() else "_" for c in source.casefold()).strip("_")
    return f"{ATTRIBUTE_PREFIX}{plain}"


def _require(profile: Profile, columns: Mapping[str, ColumnMap], forms: Sequence[FileForm]) -> None:
    present = {folded(c): c for c in all_examples(forms)}
    constant = profile.event_name or next((f.event_name for f in forms if f.event_name), None)
    for needed in profile.required:
        if (needed == "event_name" and constant) or _fed_by(needed, columns.get(needed), present):
            continue
        raise ProfileError(
            f"nothing feeds {needed}, which every row needs",
            allowed=f"one of this file's columns: {', '.join(present.values())}",
            todo=f"choose the column that holds {needed}",
        )


def _words(profile: Profile, edited: Mapping[str, str | None]) -> dict[str, str]:
    allowed = [name.value for name in EventName]
    words = dict(profile.event_names)
    for word, name in edited.items():
        if name is not None and name not in allowed and name != word:
            raise ProfileError(
                f"'{name}' is no kind of event{did_you_mean(name, allowed)}",
                allowed=", ".join(allowed),
                todo=f"choose one of them for '{word}', or none",
            )
        if words.get(word, word) == (name or word):
            continue
        words[word] = name or word
    return words


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise ProfileError(
            f"there is no time zone '{name}'",
            allowed="a name such as Europe/Berlin",
            todo="check its spelling",
        ) from error


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isalpha() and code.isascii()):
        raise ProfileError(
            f"'{code}' is no currency", allowed="a code of three letters, such as EUR", todo="write its code"
        )
    return code.upper()
