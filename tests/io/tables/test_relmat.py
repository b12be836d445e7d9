# SPDX-License-Identifier: Apache-2.0
"""Matrices of regions as tables that pandas and XCP-D's readers take."""

import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.tables.relmat import read_relmat, write_relmat


def test_pandas_reads_a_square_symmetric_matrix(tmp_path, rng):
    matrix = np.corrcoef(rng.normal(size=(4, 30)))
    matrix = (matrix + matrix.T) / 2
    matrix[2] = matrix[:, 2] = np.nan
    path = write_relmat(tmp_path / "x_relmat.tsv", matrix, list("abcd"))
    frame = pd.read_csv(path, sep="\t", index_col="Node")
    assert list(frame.index) == list(frame.columns) == list("abcd")
    np.testing.assert_array_equal(frame, matrix)
    np.testing.assert_array_equal(frame, frame.T)
    assert path.read_text().count("n/a") == 7
    back, names = read_relmat(path)
    np.testing.assert_array_equal(back, matrix)
    assert names == list("abcd")


def test_names_have_to_fit(tmp_path):
    with pytest.raises(ParameterError, match=r"shape \(2, 2\) arrived for 1 names"):
        write_relmat(tmp_path / "x.tsv", np.eye(2), ["a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Node\ta\tb\na\t1\t0\nc\t0\t1\n", "first column must be 'Node'"),
        ("x\ta\na\t1\n", "first column must be 'Node'"),
        ("Node\ta\na\tone\n", "'one' in line 2"),
    ],
)
def test_tables_that_are_no_matrix(tmp_path, text, message):
    path = tmp_path / "x.tsv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_relmat(path)
