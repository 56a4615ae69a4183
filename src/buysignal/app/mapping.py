"""What a file's columns and words mean, as a table to edit, to read by and to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from buysignal.app import words
from buysignal.events import EventName
from buysignal.goals import PURCHASE
from buysignal.sources.form import FileForm, all_examples
from buysignal.sources.guess import guess
from buysignal.sources.mapping import (
    UNITS,
    Edited,
    MappedColumn,
    apply,
    first_words,
    mapped_columns,
    words_of,
)
from buysignal.sources.own import keep, named, own_profiles
from buysignal.sources.profile import Profile, profile_toml
from buysignal.sources.read import Loaded

MEANINGS = {
    **words.CANONICAL,
    "event_date": "Day, where there is no clock",
    "quantity": "How many pieces",
    "currency": "Currency of the price",
    "transaction_id": "Order number",
    "country": "Country of the visitor",
    "device": "Kind of device",
    "channel": "Where the visitor came from",
    "page": "Page or address",
    "consent": "Consent to be analysed",
}
"""What canonical columns hold, in a shop's words."""

NEEDED = ("visitor_id", "event_name", "event_time")
ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Paris", "Europe/Madrid", "Europe/Warsaw",
    "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Sao_Paulo", "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip


def meaning(name: str) -> str:
    """Return what a canonical column holds.

    >>> meaning("price"), meaning("attr_brand")
    ('Price of one piece', 'Brand')
    """
    return MEANINGS.get(name) or words.column(name)


def unknown(forms: Sequence[FileForm], key: str) -> Profile | None:
    """Let a person say what the columns of files mean that no profile reads; return it once they agree.

    Raises:
        ProfileError: what was said does not hold together.
    """
    offered = guess(forms)
    return _form(offered, forms, dict(first_words(offered, forms)), {}, key, "Read the files by this table")


def known(loaded: Loaded, key: str) -> Profile | None:
    """Show what the columns were read as; return a profile where a person wants it otherwise.

    Raises:
        ProfileError: what was said does not hold together.
    """
    found = words_of(loaded)
    meant = {word: name for word, (name, _) in found.items()}
    counts = {word: rows for word, (_, rows) in found.items()}
    return _form(loaded.profile, loaded.forms, meant, counts, key, "Read again by this table")


def _form(
    profile: Profile,
    forms: Sequence[FileForm],
    meant: Mapping[str, str],
    counts: Mapping[str, int],
    key: str,
    button: str,
) -> Profile | None:
    rows = mapped_columns(profile, forms)
    with st.form(f"mapping_{key}", border=False):
        edited = _columns(rows, forms, f"columns_{key}")
        meaning_of_words: dict[str, str | None] = {}
        if meant:
            meaning_of_words = _words(meant, counts, f"words_{key}")
        elif profile.event_name:
            st.caption(
                f"Every row of this file is the same kind of event: {words.event(profile.event_name)}."
            )
        extra, zone, currency = _further(profile, rows, forms, key)
        if not st.form_submit_button(button, type="primary", icon=":material/table_view:"):
            return None
    return apply(profile, forms, Edited(edited, meaning_of_words, extra, zone, currency))


def _columns(rows: Sequence[MappedColumn], forms: Sequence[FileForm], key: str) -> list[MappedColumn]:
    """The table of columns, those that are needed or fed first."""
    ordered = sorted(rows, key=_place)
    frame = pd.DataFrame(
        {
            "what": [meaning(r.name) + (" *" if r.name in NEEDED else "") for r in ordered],
            "source": [r.source for r in ordered],
            "examples": [" · ".join(r.examples) for r in ordered],
            "unit": [r.unit for r in ordered],
            "format": [r.format for r in ordered],
        },
        dtype="object",
    )
    joined = [r.source for r in rows if r.source and r.source not in all_examples(forms)]
    config = st.column_config
    shown = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        num_rows="fixed",
        disabled=["what", "examples"],
        height=min(35 * (len(frame) + 1) + 3, 458),
        column_config={
            "what": config.TextColumn("What it is", width="medium", help="* every file of events needs it."),
            "source": config.SelectboxColumn(
                "Your column", options=[*all_examples(forms), *joined], width="medium",
                help="Which column of your file holds it. Empty: none does.",
            ),
            "examples": config.TextColumn("Examples", width=230),
            "unit": config.SelectboxColumn(
                "Unit", options=list(UNITS), width="small",
                help="Of a price. Empty: whole euros, dollars and so on.",
            ),
            "format": config.TextColumn(
                "Time format", width="small",
                help="Of a time that is not understood by itself, such as %d.%m.%Y %H:%M.",
            ),
        },
        placeholder="–",
        alt="What each of your columns means",
    )  # fmt: skip
    return [
        MappedColumn(
            row.name,
            source=_said(shown["source"].iloc[i]),
            examples=row.examples,
            unit=_said(shown["unit"].iloc[i]),
            format=_said(shown["format"].iloc[i]),
        )
        for i, row in enumerate(ordered)
    ]


def _place(row: MappedColumn) -> tuple[int, bool]:
    """Columns that are needed first, then those that are fed."""
    return (NEEDED.index(row.name) if row.name in NEEDED else len(NEEDED), row.source is None)


def _said(cell: object) -> str | None:
    text = "" if cell is None or cell != cell else str(cell).strip()
    return text or None


def _words(meant: Mapping[str, str], counts: Mapping[str, int], key: str) -> dict[str, str | None]:
    """The table of the source's words for events."""
    names = [name.value for name in EventName]
    frame = pd.DataFrame(
        {
            "word": list(meant),
            "event": [name if name in names else None for name in meant.values()],
            "rows": [counts.get(word) for word in meant],
        }
    )
    st.markdown("**Your words for what visitors do**")
    config = st.column_config
    shown = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        num_rows="fixed",
        disabled=["word", "rows"],
        width="content",
        height=min(35 * (len(frame) + 1) + 3, 353),
        column_order=["word", "event", "rows"] if counts else ["word", "event"],
        column_config={
            "word": config.TextColumn("Your word", width="medium"),
            "event": config.SelectboxColumn(
                "What it means", options=names, width="medium",
                format_func=words.event, help="Empty: kept as it is, and counted as something else.",
            ),
            "rows": config.NumberColumn("Rows with this meaning", format="localized"),
        },
        placeholder="–",
        alt="What each of your words for events means",
    )  # fmt: skip
    if PURCHASE.event not in meant.values():
        st.caption("None of these is a purchase yet. Without one nothing here is called conversion.")
    return {word: _said(name) for word, name in zip(meant, shown["event"], strict=True)}


def _further(
    profile: Profile, rows: Sequence[MappedColumn], forms: Sequence[FileForm], key: str
) -> tuple[list[str], str | None, str | None]:
    """Columns to keep beside, the time zone and the currency."""
    used = {source for row in rows for source in (row.source or "").replace(" + ", " or ").split(" or ")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        zones = list(dict.fromkeys([profile.timezone, *ZONES]))
        zone = st.selectbox(
            "Time zone of times without one", zones, key=f"zone_{key}", width=240, accept_new_options=True,
            help="Choose one, or type its name, such as Europe/Vienna.",
        )  # fmt: skip
        currency = st.text_input(
            "Currency of all amounts", profile.currency or "", key=f"currency_{key}", width=200,
            placeholder="the most frequent", help="A code of three letters. Other currencies need a rate.",
        )  # fmt: skip
        extra: list[str] = []
        free = [c for c in all_examples(forms) if c not in used and not c.startswith("attr_")]
        if profile.level == "event" and free:
            extra = st.multiselect(
                "Keep further columns", free, key=f"extra_{key}", width=360,
                help="Of your own columns: to filter and compare by.",
            )  # fmt: skip
    return extra, zone, currency.strip() or None


def keeping(loaded: Loaded, key: str) -> None:
    """Offer to keep the profile the data was read by, and to download it.

    Raises:
        ProfileError: the name cannot be taken.
    """
    own = loaded.profile.name in own_profiles()
    columns = all_examples(loaded.forms)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of this profile", loaded.profile.name if own else "my-shop", key=f"name_{key}", width=200,
            help="Small letters, digits, - and _.",
        )  # fmt: skip
        if st.button("Keep for next time", icon=":material/bookmark_add:", key=f"keep_{key}"):
            kept = keep(loaded.profile, name, columns)
            st.session_state["data_note"] = (
                f"Kept as '{kept.name}'. Files with the same columns are read by it from now on, here and "
                "on the command line."
            )
            st.rerun()
        st.download_button(
            "Download the profile (TOML)",
            data=lambda: profile_toml(named(loaded.profile, name, columns)),
            file_name=f"{name or 'profile'}.toml",
            mime="application/toml",
            icon=":material/download:",
            on_click="ignore",
            key=f"toml_{key}",
        )
    st.caption("A profile holds names of columns and words, no data. It works with every command too.")
