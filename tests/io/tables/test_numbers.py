# SPDX-License-Identifier: Apache-2.0
"""Numbers become text and come back bit by bit, however hard they are to write."""

import warnings

import numpy as np
import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables import numbers
from nipype_mapsmasker.io.tables.numbers import format_rows, parse_rows
from nipype_mapsmasker.io.tables.relmat import read_relmat, write_relmat
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals

HARD = [
    5e-324, 2.2250738585072011e-308, 2.2250738585072014e-308, 1e308, 1.7976931348623157e308,
    0.1 + 0.2, 1 / 3, 9007199254740993.0, 1e16, 1e22, 1e23, 123456789012345680.0, 1e-5, 0.0001,
    5e-5, 0.0, -0.0, 1.0, -7.0, 2.0**63, -(2.0**64), 8.41e21, 9.5367431640625e-07,
]  # fmt: skip


def bits(values):
    return np.asarray(values).view("uint64")


@pytest.fixture
def hard(rng):
    """(T, K) numbers: those known to be hard, and such as all patterns of bits give."""
    drawn = rng.integers(0, 2**64, 6000, dtype="uint64").view("float64")
    drawn = drawn[np.isfinite(drawn)]
    values = np.concatenate([HARD, np.negative(HARD), drawn])
    return values[: len(values) // 3 * 3].reshape(-1, 3)


def test_every_bit_comes_back(hard):
    rows = list(format_rows(hard))
    np.testing.assert_array_equal(bits(parse_rows(rows, 3)), bits(hard))
    read = [[float(cell) for cell in row.split("\t")] for row in rows]
    np.testing.assert_array_equal(bits(np.array(read)), bits(hard))


def test_the_digits_are_those_that_python_writes(hard):
    def digits(cell):
        return cell.lower().split("e")[0].replace(".", "").strip("-0")

    cells = "\t".join(format_rows(hard)).split("\t")
    assert list(map(digits, cells)) == [digits(repr(value)) for value in hard.ravel().tolist()]


@pytest.mark.parametrize("ending", [".tsv", ".relmat.tsv"])
def test_gaps_and_infinities_stay_what_they_are(tmp_path, ending):
    values = np.array([[np.nan, -0.0, 1.5], [np.inf, np.nan, 2], [-np.inf, 5e-324, np.nan]])
    path = tmp_path / f"a{ending}"
    if "relmat" in ending:
        write_relmat(path, values, list("abc"))
        back = read_relmat(path)[0]
    else:
        write_signals(path, values, list("abc"))
        path.touch()  # what was written is kept for the next reader: let it read
        back = read_signals(path)[0]
    np.testing.assert_array_equal(back, values)
    assert np.signbit(back[0, 1])
    text = path.read_text()
    assert (text.count("n/a"), text.count("inf")) == (3, 2)


def test_infinity_in_single_precision_and_other_orders():
    values = np.array([[0.1, np.inf], [np.nan, 1.0]], dtype="float32")
    assert list(format_rows(values)) == ["0.1\tinf", "n/a\t1.0"]
    plain = np.array([[0.1, 2.5], [np.nan, 1 / 3]])
    expected = list(format_rows(plain))
    assert list(format_rows(plain.astype(">f8"))) == expected
    assert list(format_rows(np.asfortranarray(plain))) == expected
    assert list(format_rows(plain[::-1, ::-1])) == [f"{1 / 3!r}\tn/a", "2.5\t0.1"]
    assert list(format_rows(plain, ".3f")) == ["0.100\t2.500", "n/a\t0.333"]


def test_tables_of_one_column_and_of_no_rows():
    assert list(format_rows(np.array([[1.0], [np.nan]]))) == ["1.0", "n/a"]
    np.testing.assert_array_equal(parse_rows(["1.0", "n/a", "3"], 1), [[1], [np.nan], [3]])
    assert list(format_rows(np.empty((0, 4)))) == []
    assert parse_rows([], 4).shape == (0, 4)


def test_blocks_do_not_show(monkeypatch, rng):
    values = rng.standard_normal((11, 4))
    values[6, 2] = np.inf
    rows = list(format_rows(values))
    finite = list(format_rows(np.abs(values[:6])))
    monkeypatch.setattr(numbers, "BLOCK_CELLS", 9)  # two rows
    assert list(format_rows(values)) == rows
    np.testing.assert_array_equal(parse_rows(finite, 4), np.abs(values[:6]))


@pytest.mark.parametrize(
    "cell",
    [" 1.5", "1.", ".5", "+3", "007", "-0", "1E+05", "inf", "-inf", "NaN", "", "NA", "1e400"],
)
def test_less_usual_numbers_are_read_as_python_reads_them(tmp_path, cell):
    (tmp_path / "a.tsv").write_text(f"a\tb\n1\t{cell}\n2\t0.1\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read, _ = read_signals(tmp_path / "a.tsv")
    expected = np.nan if cell in ("", "NA") else float(cell)
    np.testing.assert_array_equal(read, [[1, expected], [2, 0.1]])
    assert np.signbit(read[0, 1]) == np.signbit(expected)


@pytest.mark.parametrize(
    "cell",
    ['"1.5"', "true", "1,5", "[1]", "{}", "1_0", "xn/a", "n/a1", "0x1", "1 2", "--1", "1],[2"],
)
def test_what_is_no_number_is_named_with_file_line_and_cell(tmp_path, cell):
    (tmp_path / "a.tsv").write_text(f"a\tb\n1\t2\n3\t{cell}\n")
    with pytest.raises(TableError) as signals:
        read_signals(tmp_path / "a.tsv")
    (tmp_path / "m.tsv").write_text(f"Node\ta\tb\na\t1\t2\nb\t3\t{cell}\n")
    with pytest.raises(TableError) as matrix:
        read_relmat(tmp_path / "m.tsv")
    for told, name in ((signals, "a.tsv"), (matrix, "m.tsv")):
        assert name in str(told.value)
        assert f"has {cell!r} in line 3, where a number or n/a is expected" in str(told.value)


def test_a_row_of_another_length_is_named(tmp_path):
    (tmp_path / "m.tsv").write_text("Node\ta\tb\na\t1\t2\nb\t3\n")
    with pytest.raises(TableError, match="has 2 cells in line 3, where the header has 3"):
        read_relmat(tmp_path / "m.tsv")
