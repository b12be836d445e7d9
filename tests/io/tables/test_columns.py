# SPDX-License-Identifier: Apache-2.0
"""A table by columns says what its rows say, and is read once for all strategies of a run."""

import os

import numpy as np
import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables import columns
from nipype_mapsmasker.io.tables.columns import ColumnTable, read_columns
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.fmriprep import read_confounds_tables

TEXTS = {
    "plain.tsv": "a\tb\tc\n1\tn/a\tx\n-0.5\t2e-3\t\n",
    "of Windows.tsv": "a\tb\tc\r\n1\tn/a\tx\r\n-0.5\t2e-3\t\r\n",
    "with a blank line.tsv": "a\tb\tc\n1\tn/a\tx\n\n-0.5\t2e-3\t\n",
    "with spaces.tsv": " a\tb \tc\n 1\tn/a\tx\n-0.5\t 2e-3\t\n",
    "with commas.csv": 'a,b,"c"\n1,n/a,x\n"-0.5",2e-3,\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_columns_are_those_of_the_rows(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(TEXTS[name].encode())
    table = ColumnTable(path)
    assert table.header == ["a", "b", "c"]
    assert table.n_rows == 2
    assert [[cell.strip() for cell in table.cells(at)] for at in range(3)] == [
        ["1", "-0.5"], ["n/a", "2e-3"], ["x", ""]
    ]  # fmt: skip
    assert [cell.strip() for cell in table.row(1)] == ["-0.5", "2e-3", ""]
    assert table.row(2) is None
    assert [table.line(0), table.line(1)] == [2, 4 if "blank" in name else 3]
    assert table.numbers(2) is None
    measured = read_confounds_tables([path]).measure("b")
    np.testing.assert_array_equal(measured, [np.nan, 2e-3])
    assert read_confounds(path, 2, ["b", "a"])[0].tolist() == [[2e-3, 1], [2e-3, -0.5]]


def test_a_table_is_read_once_until_it_changes(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1\t2\n")
    table = read_columns(path)
    assert read_columns(str(path)) is table
    times = path.stat().st_mtime_ns
    path.write_text("a\tb\n1\t3\n")
    os.utime(path, ns=(times, times))  # of the same size and date
    assert read_columns(path).numbers(1).tolist() == [3]


def test_what_is_kept_cannot_be_changed_and_does_not_grow(tmp_path, monkeypatch):
    for number in range(5):
        path = tmp_path / f"{number}.tsv"
        path.write_text("a\tb\nn/a\t2\n4\t5\n")
        values = read_columns(path).numbers(0)
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1
        read_confounds(path, 2, ["a"])[0][:] = 7
        np.testing.assert_array_equal(read_columns(path).numbers(0), [np.nan, 4])
    assert len(columns._KEPT) == columns.N_KEPT
    monkeypatch.setattr(columns, "KEPT_BYTES", 3)
    assert read_columns(path) is not read_columns(path)


def test_a_torn_row_is_told_before_any_column(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1\t2\n3\n")
    with pytest.raises(TableError, match="has 1 cells in line 3, where the header has 2"):
        read_columns(path)
