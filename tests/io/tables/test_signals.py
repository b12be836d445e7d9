# SPDX-License-Identifier: Apache-2.0
"""Signals go to disk and come back bit by bit."""

import io
import os
import pickle

import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.tables.signals import default_names, read_signals, write_signals

NAMES = ["L \"DMN\" 'a'", "-net [1] {x}*?", "ü脑\u2028 x"]
EXTREMES = [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3, 1e22, np.pi * 1e-30]


@pytest.fixture
def values(rng):
    """(T, K) numbers of all sizes, with a column of NaN, read-only."""
    rows = rng.standard_normal((40, 3)) * 10.0 ** rng.integers(-300, 300, (40, 3))
    rows[: len(EXTREMES), 0] = EXTREMES
    rows[:, 2] = np.nan
    rows.flags.writeable = False
    return rows


@pytest.mark.parametrize("ending", [".tsv", ".npy", ".parquet"])
@pytest.mark.parametrize("dtype", [None, "float64", "float32"])
def test_round_trip_is_exact(tmp_path, values, ending, dtype):
    if dtype == "float32":
        values = np.clip(values, -1e30, 1e30)
    path = write_signals(tmp_path / f"a{ending}", values, NAMES, dtype=dtype)
    got, names = read_signals(path)
    expected = values.astype(dtype or "float64").astype("float64")
    if (dtype, ending) == ("float32", ".tsv"):
        # The shortest digits that give back the same single-precision number.
        got = got.astype("float32").astype("float64")
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got[:, :2]), np.signbit(expected[:, :2]))
    assert got.dtype == np.float64
    assert got.flags.c_contiguous
    assert names == (default_names(3) if ending == ".npy" else NAMES)


def test_pandas_reads_the_same(tmp_path, values):
    write_signals(tmp_path / "a.tsv", values, ["a", "b", "c"])
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    # Not exactly: the reader of older pandas may be off by the last digit.
    np.testing.assert_allclose(table.to_numpy(), values, rtol=1e-14)
    assert list(table.columns) == ["a", "b", "c"]
    assert (tmp_path / "a.tsv").read_text().split("\n")[2].endswith("\tn/a")


def test_single_precision_is_written_in_its_own_digits(tmp_path):
    path = write_signals(tmp_path / "a.tsv", np.float32([[0.1, 3.5]]), ["a", "b"])
    assert path.read_text() == "a\tb\n0.1\t3.5\n"
    write_signals(path, [[0.1, 1 / 3]], ["a", "b"], float_format=".3g")
    assert path.read_text() == "a\tb\n0.1\t0.333\n"


def test_integers_are_numbers_too(tmp_path):
    path = write_signals(tmp_path / "a.tsv", [[1, 2], [3, 4]], ["a", "b"])
    np.testing.assert_array_equal(read_signals(path)[0], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a", "b"], "2 names arrived for 3 signals"),
        (["a", "b\tc", "d"], "cannot be the name of a column"),
        (["a", "b\nc", "d"], "cannot be the name of a column"),
        (["a", "b\r", "d"], "cannot be the name of a column"),
        (["a", "", "d"], "cannot be the name of a column"),
        (["a", " b", "d"], "cannot be the name of a column"),
        (["a", "d", "d"], "'d' stands for two columns"),
    ],
)
def test_names_that_would_not_come_back(tmp_path, values, names, text):
    with pytest.raises(ParameterError, match=text):
        write_signals(tmp_path / "a.tsv", values, names)
    assert not list(tmp_path.iterdir())


def test_calls_that_cannot_be_meant(tmp_path, values):
    for dtype in ("float16", "complex128", "str"):
        with pytest.raises(ParameterError, match="not a type for signals"):
            write_signals(tmp_path / "a.tsv", values, NAMES, dtype=dtype)
    with pytest.raises(ParameterError, match="use float32 or float64"):
        write_signals(tmp_path / "a.tsv", values, NAMES, dtype="int16")
    with pytest.raises(ParameterError, match=r"shape \(3,\) arrived"):
        write_signals(tmp_path / "a.tsv", values[0], NAMES)
    with pytest.raises(ParameterError, match="does not end as a file of signals"):
        write_signals(tmp_path / "a.xlsx", values, NAMES)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"a\tb\n", "has a header and no row"),
        (b"a\tb\n1\n", "has 1 cells in line 2, where the header has 2"),
        (b"a\tb\n1\t2\n1\tx\n", "has 'x' in line 3"),
        (b"a\tb\n1\t2\n1\t\xff\n", "not a text file in UTF-8"),
    ],
)
def test_tables_that_are_no_signals(tmp_path, content, text):
    (tmp_path / "a.tsv").write_bytes(content)
    with pytest.raises(TableError, match=text):
        read_signals(tmp_path / "a.tsv")


def test_missing_files(tmp_path):
    for ending in (".tsv", ".npy", ".parquet"):
        with pytest.raises(TableError, match="does not exist; give the path of a file that"):
            read_signals(tmp_path / f"a{ending}")


def test_arrays_never_run_code(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[1, "x", None]], dtype=object), allow_pickle=True)
    with pytest.raises(TableError, match="Python objects"):
        read_signals(path)
    path.write_bytes(pickle.dumps(np.ones((2, 2))))
    with pytest.raises(TableError, match=r"is not a \.npy file of plain numbers"):
        read_signals(path)


def test_arrays_that_promise_more_than_they_hold(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)}
    )
    (tmp_path / "a.npy").write_bytes(buffer.getvalue() + b"\0" * 80)
    with pytest.raises(TableError, match="promises 8000000000000000 bytes and 80 are there"):
        read_signals(tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.ones(3), np.ones((2, 2, 2)), np.array([["a", "b"]])])
def test_arrays_of_another_form(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(TableError, match=r"where numbers \(T, K\) are expected"):
        read_signals(tmp_path / "a.npy")


def test_a_fortran_ordered_array(tmp_path, rng):
    array = np.asfortranarray(rng.standard_normal((4, 3)))
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(read_signals(tmp_path / "a.npy")[0], array)


def test_a_parquet_file_of_text(tmp_path):
    pd.DataFrame({"a": ["x", "y"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(TableError, match="not a parquet table of numbers"):
        read_signals(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(TableError, match="not a parquet table of numbers"):
        read_signals(tmp_path / "a.parquet")


def test_a_file_that_changed_is_read_again_and_what_was_read_is_the_readers_own(tmp_path):
    path = tmp_path / "a.tsv"
    write_signals(path, [[1.0, 2.0]], ["x", "y"])
    values, names = read_signals(path)
    values[:] = 0
    names.clear()
    assert read_signals(path)[0].tolist() == [[1.0, 2.0]]
    assert read_signals(path)[1] == ["x", "y"]
    times = path.stat().st_mtime_ns
    write_signals(path, [[3.0, 4.0]], ["x", "y"])
    os.utime(path, ns=(times, times))  # of the same size and date
    assert read_signals(path)[0].tolist() == [[3.0, 4.0]]
