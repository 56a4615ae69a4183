"""Cells that a spreadsheet would run are made plain text; numbers stay numbers."""

from __future__ import annotations

import csv

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.spreadsheet import neutralise, write_csv


def one(cell: str) -> str:
    return neutralise(pa.array([cell])).to_pylist()[0]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "=", "--1"]
)
def test_formulas_get_an_apostrophe(cell):
    assert one(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-5", "+5.25", "-.5", "1e-9", "-3E+10", "plain", "", "a=b", "'quoted"])
def test_numbers_and_plain_text_stay(cell):
    assert one(cell) == cell


@given(st.text())
def test_no_cell_starts_as_a_formula_unless_it_is_a_number(cell):
    found = one(cell)
    if found[:1] in set("=+-@\t\r"):
        float(found)


def test_null_stays_null():
    assert neutralise(pa.array([None], pa.string())).to_pylist() == [None]


def test_written_table_keeps_numbers_and_guards_names_and_dictionaries(tmp_path):
    table = pa.table(
        {
            "=name": pa.array(["@a", "b"]).dictionary_encode(),
            "amount": pa.array([-1.5, None]),
            "count": pa.array([-3, 4]),
        }
    )
    write_csv(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as stream:
        written = list(csv.reader(stream))
    assert written == [["'=name", "amount", "count"], ["'@a", "-1.5", "-3"], ["b", "", "4"]]
