"""A mapping as rows to edit, and a look and a guess where no profile fits."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from buysignal.errors import ProfileError
from buysignal.sources import load, load_profile
from buysignal.sources.guess import guess
from buysignal.sources.look import HEAD_BYTES, look
from buysignal.sources.mapping import Edited, MappedColumn, apply, mapped_columns, words_of
from buysignal.sources.profile import Profile
from buysignal.sources.rates import parse_rates

SAMPLES = Path(__file__).parents[1] / "fixtures" / "profiles"
HEADER = "uid;when;action;sku;amount;brand\n"
ROWS = "a;01.03.2025 10:00;view;i1;1250;x\na;01.03.2025 10:01;order;i1;1250;x\n"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + ROWS)
    return path


def changed(rows: list[MappedColumn], **changes: dict[str, str | None]) -> list[MappedColumn]:
    return [replace(row, **changes.get(row.name, {})) for row in rows]  # type: ignore[arg-type]


def test_a_guess_is_offered_and_the_edited_rows_are_read(foreign: Path) -> None:
    seen = look([foreign])
    assert seen.fits == ()
    offered = guess(seen.forms)
    rows = mapped_columns(offered, seen.forms)
    assert {r.name: r.source for r in rows if r.source} == {
        "visitor_id": "uid", "event_time": "when", "event_name": "action", "item_id": "sku",
        "price": "amount",
    }  # fmt: skip
    assert offered.event_names == {"view": "view_item", "order": "purchase"}
    rows = changed(rows, price={"unit": "cents"}, event_time={"format": "%d.%m.%Y %H:%M"})
    edited = Edited(rows, {"view": "view_item", "order": "purchase"}, ["brand"], "Europe/Berlin", "eur")
    loaded = load(foreign, profile=apply(offered, seen.forms, edited))
    assert loaded.table.column("price").to_pylist() == [12.5, 12.5]
    assert loaded.table.column("event_name").to_pylist() == ["view_item", "purchase"]
    assert loaded.table.column("event_time")[0].as_py().hour == 9
    assert loaded.table.column("attr_brand").to_pylist() == ["x", "x"]
    assert loaded.currency == "EUR"
    assert words_of(loaded) == {"view": ("view_item", 1), "order": ("purchase", 1)}


@pytest.mark.parametrize(
    "sample",
    ["uci-eshop.csv", "uci-shoppers.csv", "ga4.jsonl", "rees46.csv", "yoochoose-clicks.dat", "segment.jsonl"],
)
def test_unedited_rows_change_nothing(sample: str) -> None:
    loaded = load(SAMPLES / sample)
    rows = mapped_columns(loaded.profile, loaded.forms)
    words = {word: name for word, (name, _) in words_of(loaded).items()}
    assert apply(loaded.profile, loaded.forms, Edited(rows, words)) == loaded.profile
    assert any(row.source and row.examples for row in rows)


def test_columns_put_together_are_shown_so() -> None:
    loaded = load(SAMPLES / "uci-eshop.csv")
    sources = {row.name: row.source for row in mapped_columns(loaded.profile, loaded.forms)}
    assert sources["event_date"] == "year + month + day"


BAD: list[tuple[dict[str, dict[str, str | None]], str]] = [
    ({"visitor_id": {"source": None}}, "nothing feeds visitor_id"),
    ({"visitor_id": {"source": "uidd"}}, "did you mean 'uid'"),
    ({"item_id": {"unit": "cents"}}, "cannot have the unit"),
    ({"price": {"unit": "dozens"}}, "cannot have the unit"),
    ({"event_time": {"format": "%Y-%m-%d"}}, "does not read '01.03.2025 10:00'"),
    ({"item_id": {"format": "%Y"}}, "is no time"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_a_bad_edit_is_one_sentence(
    foreign: Path, change: dict[str, dict[str, str | None]], said: str
) -> None:
    seen = look([foreign])
    offered = guess(seen.forms)
    rows = changed(mapped_columns(offered, seen.forms), **change)
    with pytest.raises(ProfileError, match=said):
        apply(offered, seen.forms, Edited(rows))


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        (Edited([], {"view": "viewitem"}), "did you mean 'view_item'"),
        (Edited([], extra=["colour"]), "no column 'colour'"),
        (Edited([], timezone="Mars/Base"), "no time zone"),
        (Edited([], currency="euros"), "no currency"),
    ],
)
def test_a_bad_word_zone_or_currency_too(foreign: Path, edited: Edited, said: str) -> None:
    seen = look([foreign])
    with pytest.raises(ProfileError, match=said):
        apply(guess(seen.forms), seen.forms, edited)


def test_a_large_file_is_looked_at_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv.gz"
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(HEADER)
        for _ in range(3 * HEAD_BYTES // len(ROWS)):
            out.write(ROWS)
        out.write("the last line has too few cells\n")
    (form,) = look([path]).forms
    assert form.columns == tuple(HEADER.strip().split(";"))
    assert form.words["action"] == ("view", "order")


def test_a_profile_that_fits_is_found_by_a_look_too() -> None:
    profile, confidence = look([SAMPLES / "rees46.csv"]).fits[0]
    assert isinstance(profile, Profile)
    assert (profile, confidence) == (load_profile("rees46"), 1.0)


@pytest.mark.parametrize("pair", ["USD", "USD=", "USD=0", "USD=-1", "USD=x", "dollar=2", "=2", "USD=nan"])
def test_a_bad_rate_is_one_sentence(pair: str) -> None:
    with pytest.raises(ProfileError, match="no exchange rate"):
        parse_rates([pair])
