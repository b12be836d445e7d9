# SPDX-License-Identifier: Apache-2.0
"""Confounds, sample masks, labels and rows: what is meant is read, the rest is refused."""

import gzip
import json
import logging

import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.labels import read_labels
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask

CONFOUNDS = (
    "trans_x\ttrans_x_derivative1\trot[1]\tnote\n"
    "0.1\tn/a\t1e-3\tfirst\n0.25\t0.15\t-2\tx\n0.5\t0.25\t3\tn/a\n"
)


def put(folder, content, name="a.tsv"):
    """Write a small text file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("na", "first"), [("next", 0.15), ("zero", 0.0)])
def test_chosen_columns(tmp_path, na, first):
    path = put(tmp_path, CONFOUNDS)
    got, names = read_confounds(path, 3, ["rot[1]", "trans_*"], na)
    assert names == ["rot[1]", "trans_x", "trans_x_derivative1"]
    np.testing.assert_array_equal(got, [[1e-3, 0.1, first], [-2, 0.25, 0.15], [3, 0.5, 0.25]])


def test_all_columns_of_several_tables(tmp_path):
    first = put(tmp_path, "a,b\n1,2\n3,4\n", "a.csv")
    second = put(tmp_path, "\ufeffc\r\n5\r\n6\r\n\r\n", "b.tsv")
    third = put(tmp_path, gzip.compress(b"d\n7\n8\n"), "c.tsv.gz")
    got, names = read_confounds([first, str(second), third], 2)
    assert names == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(got, [[1, 2, 5, 7], [3, 4, 6, 8]])


def test_spellings_of_a_missing_head(tmp_path):
    path = put(tmp_path, "a,b,c,d\nn/a,NaN,,NA\n1,2,3,4\n", "a.csv")
    np.testing.assert_array_equal(read_confounds(path, 2)[0], [[1, 2, 3, 4]] * 2)


def test_a_long_gap_at_the_head_is_mentioned(tmp_path, caplog):
    path = put(tmp_path, "a\nn/a\nn/a\n1\n2\n")
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_confounds(path, 4)[0].ravel(), [1, 1, 1, 2])
    assert "the first 2 of 4 values of 'a' are n/a" in caplog.text


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("", {}, "is empty, where a table"),
        ("  \n\n", {}, "is empty, where a table"),
        ("\ufeff", {}, "is empty, where a table"),
        ("\ufeff \u00a0\n", {}, "is empty, where a table"),
        ("0.1\t0.2\n1\t2\n3\t4\n", {}, "has no header: its first row holds numbers only"),
        ("a\n1\n2\n", {}, "has 2 rows, where the image has 3 volumes"),
        ("a\n1\n2\n3\n4\n", {}, "has 4 rows, where the image has 3 volumes"),
        (CONFOUNDS, {}, "'first' in column 'note', row 1 \\(line 2\\)"),
        ("a\n1\nn/a\n3\n", {}, r"n/a in column 'a', row 2 \(line 3\).*only the head"),
        ("a\nn/a\nn/a\nn/a\n", {}, "column 'a' without any value"),
        ("a\n1\ninf\n3\n", {}, r"'inf' in column 'a', row 2"),
        ("a\n1\n1_0\n3\n", {}, r"'1_0' in column 'a', row 2"),
        (CONFOUNDS, {"columns": ["trans_x_derivative1"], "na": "error"}, "allows none"),
        (CONFOUNDS, {"columns": ["trans_y"]}, "no column 'trans_y': the nearest are trans_x"),
        (CONFOUNDS, {"columns": ["qqqq"]}, "no column 'qqqq': there are trans_x, "),
        (CONFOUNDS, {"columns": ["csf*"]}, r"no column of confounds is chosen"),
        (CONFOUNDS, {"columns": []}, "no column of confounds is chosen"),
        ("a\ta\n1\t1\n2\t2\n3\t3\n", {}, "column 'a' that .* too"),
        ("\ta\n0\t1\n1\t2\n2\t3\n", {}, "column without a name"),
        ("a\tb\n1\t2\n3\n5\t6\n", {}, "has 1 cells in line 3, where the header has 2"),
        (b"a\n1\n\xff\xfe\n3\n", {}, "not a text file in UTF-8"),
    ],
)
def test_tables_of_another_form(tmp_path, content, options, text):
    path = put(tmp_path, content)
    with pytest.raises(TableError, match=text) as caught:
        read_confounds(path, 3, **options)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_chosen_columns_need_be_sound(tmp_path):
    path = put(tmp_path, "a\tb\tb\tc\n1\tx\ty\tn/a\n2\tx\ty\t1\n3\tx\ty\tn/a\n")
    assert read_confounds(path, 3, ["a"])[1] == ["a"]


def test_one_column_in_two_tables(tmp_path):
    first, second = put(tmp_path, "a\n1\n", "a.tsv"), put(tmp_path, "a\n2\n", "b.tsv")
    with pytest.raises(TableError, match=r"b.tsv has a column 'a' that .*a.tsv has too"):
        read_confounds([first, second], 1)
    with pytest.raises(TableError, match="The list of tables: no column"):
        read_confounds([], 1)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(TableError, match=r"absent\.tsv does not exist"):
        read_confounds(tmp_path / "absent.tsv", 3)
    with pytest.raises(TableError, match="is a folder"):
        read_confounds(tmp_path, 3)
    with pytest.raises(TableError, match="not intact gzip"):
        read_confounds(put(tmp_path, "a\n1\n", "a.tsv.gz"), 1)
    cut = gzip.compress(b"a\n" + b"1\n" * 99)[:-9]
    with pytest.raises(TableError, match="truncated"):
        read_confounds(put(tmp_path, cut, "b.tsv.gz"), 99)
    with pytest.raises(ParameterError, match="confounds_na='mean' is not known"):
        read_confounds(put(tmp_path, CONFOUNDS), 3, na="mean")


@pytest.mark.parametrize(
    "name",
    [
        "no_nonsteady_desc-confounds_regressors.tsv",
        "test-v21_desc-confounds_timeseries.tsv",
        "test_desc-confounds_regressors.tsv",
        "test_desc-ICA_mixing.tsv",
    ],
)
def test_tables_as_fmriprep_writes_them(shared_data, name):
    path = shared_data / "fmriprep" / name
    table = pd.read_csv(path, sep="\t")
    got, names = read_confounds(path, len(table), ["*"])
    assert names == list(table.columns)
    np.testing.assert_allclose(got, table.bfill().to_numpy(dtype=float), rtol=1e-14)
    some = [column for column in names if column.startswith(("trans", "rot"))]
    if some:
        _, chosen = read_confounds(path, len(table), ["trans*", "rot*"])
        assert sorted(chosen) == sorted(some)


def test_a_table_of_components_is_no_confounds(shared_data):
    path = shared_data / "fmriprep" / "test_desc-tedana_metrics.tsv"
    with pytest.raises(TableError, match=r"where a finite number is expected|rows, where"):
        read_confounds(path, len(path.read_text().splitlines()) - 1)


KEPT = [True, True, False, True, False]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "keep\n1\n1\n0\n1\n0\n"),
        ("a.tsv", "sample_mask\n1\n1\n0\n1\n0\n"),
        ("a.csv", "volume,Keep\n0,1\n1,1\n2,0\n3,1\n4,0\n"),
        ("a.tsv", "anything\nTrue\ntrue\nFALSE\nTrue\nFalse\n"),
        ("a.tsv", "index\n0\n1\n3\n"),
        ("a.tsv", "keep\n1.0\n1.0\n0.0\n1.0\n0.0\n"),
        ("a.csv", "volume,sample_mask\n0,1.0\n1,1\n2,0\n3,1.0\n4,0.0\n"),
        ("a.tsv", "index\n0.0\n1.0\n3.0\n"),
        ("a.tsv", "sample_mask\n0\n1\n3\n"),
    ],
)
def test_sample_masks(tmp_path, name, content):
    mask = read_sample_mask(put(tmp_path, content, name), 5)
    assert mask.dtype == bool
    assert mask.tolist() == KEPT


@pytest.mark.parametrize("array", [KEPT, [0, 1, 3], np.array([0, 1, 3], "u1")])
def test_sample_masks_in_arrays(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    assert read_sample_mask(tmp_path / "a.npy", 5).tolist() == KEPT


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("keep\n1\n0\n1\n", "says of 3 volumes whether to keep them, where the image has 5"),
        ("flag\ntrue\nfalse\n", "says of 2 volumes"),
        ("keep\n0\n0\n0\n0\n0\n", "keeps none of the 5 volumes"),
        ("keep\n", "says of 0 volumes"),
        ("index\n", "keeps none of the 5 volumes"),
        ("index\n0\n0\n1\n1\n1\n", "lists volume 0 after 0, where sorted"),
        ("index\n3\n1\n", "lists volume 1 after 3"),
        ("index\n3\n5\n", "lists volume 5, where the image has 5 volumes"),
        ("keep\n0\n1\n3\n", "numbers other than 0 and 1 in its column 'keep'"),
        ("1\n0\n1\n1\n1\n", "has no header"),
        ("true\nfalse\n", "has no header"),
        ("a\tb\n1\t1\n", "none is named 'keep'"),
        ("keep\n1\nn/a\n1\n1\n1\n", "'n/a' in column 'keep', line 3"),
        ("index\n1\n-2\n", "'-2' in column 'index', line 3"),
        ("index\n1.5\n", "'1.5' in column 'index'"),
        ("keep\n1.0\n0.5\n1\n1\n1\n", "'0.5' in column 'keep', line 3"),
        ("keep\ninf\n0\n1\n1\n1\n", "'inf' in column 'keep', line 2"),
        ("keep\n1_0\n0\n1\n1\n1\n", "'1_0' in column 'keep', line 2"),
        ("volume,keep\n0,1\n1,1\n", "separated by commas, where tabs are expected"),
        ("flag\ntrue\n1\n", "'true' in column 'flag'"),
    ],
)
def test_sample_masks_of_another_form(tmp_path, content, text):
    path = put(tmp_path, content)
    with pytest.raises(TableError, match=text) as caught:
        read_sample_mask(path, 5)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ones(5), "of booleans or of whole volume numbers"),
        (np.ones((5, 1), bool), r"shape \(5, 1\)"),
        (np.ones(4, bool), "says of 4 volumes"),
        (np.array([1, 1, 0, 1, 0]), "lists volume 1 after 1"),
        (np.array([-1, 2]), "lists volume -1"),
    ],
)
def test_arrays_that_are_no_sample_masks(tmp_path, array, text):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(TableError, match=text):
        read_sample_mask(tmp_path / "a.npy", 5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "index\tname\tabbreviation\n2\tright\tR\n1\tleft one\tL\n3\tmid\tM\n"),
        ("a.csv", "x, y, z, name, net name\n1, 2, 3, left one, Aud\n1,2,3,right,b\n1,2,3,mid,c\n"),
        ("a.csv", "Component,Difumo_names,Yeo\n1,left one,a\n2,right,b\n3,mid,c\n"),
        ("a.csv", 'labels\n"left one"\nright\nmid\n'),
        ("a.tsv", "label\tname\n10\tleft one\n20\tright\n30\tmid\n"),
        ("a.txt", "left one\nright\nmid\n"),
        ("a.json", '["left one", "right", "mid"]'),
        ("a.json", '{"3": "mid", "1": "left one", "2": "right"}'),
        ("a.json", '{"mid": 3, "left one": 1, "right": 2}'),
        ("a.json", '{"labels": ["left one", "right", "mid"], "Description": "x"}'),
        ("a.json", '[{"index": 2, "name": "right"}, {"index": 1, "name": "left one"},'
                   ' {"index": 3, "name": "mid"}]'),
    ],
)  # fmt: skip
def test_labels(tmp_path, name, content):
    assert read_labels(put(tmp_path, content, name), 3) == ["left one", "right", "mid"]


def test_labels_by_value(tmp_path):
    path = put(tmp_path, "index\tname\n0\tBackground\n7\tright\n3\tleft\n9\tabsent\n")
    assert read_labels(path, 2, values=[3, 7]) == ["left", "right"]
    with pytest.raises(TableError, match=r"no name for label 4 of the image \(and for 1 more"):
        read_labels(path, 3, values=[3, 4, 5])


def test_names_that_come_twice_are_numbered(tmp_path, caplog):
    path = put(tmp_path, json.dumps(["a", "b", "a", "a_1", "a"]), "a.json")
    names = read_labels(path, 5)
    assert names[1::2] == ["b", "a_1"]
    assert len(set(names)) == 5
    assert "come more than once" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.tsv", "index\tname\n1\ta\n2\tb\n", "has 2 names, where there are 3 maps"),
        ("a.tsv", "index\tname\n1\ta\n1\tb\n2\tc\n", "two names to number 1"),
        ("a.tsv", "index\tname\n1\ta\n2\t\n3\tc\n", "gives map 2 of 3 no name"),
        ("a.tsv", "x\ty\n1\ta\n2\tb\n3\tc\n", "none holds names of maps"),
        ("a.tsv", "index\tlabel\n1\t5\n2\t6\n3\t7\n", "none holds names of maps"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[1, 2, 3]", "neither a list of names nor"),
        ("a.json", '{"a": [1]}', "neither a list of names nor"),
        ("a.json", "3", "neither a list of names nor"),
        ("a.tsv", "", "is empty"),
    ],
)
def test_labels_of_another_form(tmp_path, name, content, text):
    path = put(tmp_path, content, name)
    with pytest.raises(TableError, match=text) as caught:
        read_labels(path, 3)
    assert str(path) in str(caught.value)


def test_rows(tmp_path):
    path = put(tmp_path, 'run_id\tin_file\tmask\n"a" b\t[x] y.nii\tn/a\nNA\t-z.nii\t\n')
    assert read_rows(path) == [
        {"run_id": '"a" b', "in_file": "[x] y.nii", "mask": None},
        {"run_id": "NA", "in_file": "-z.nii", "mask": None},
    ]
    path = put(tmp_path, 'run_id, in_file\na,"b, c.nii"\n', "a.csv")
    assert read_rows(path) == [{"run_id": "a", "in_file": "b, c.nii"}]


def test_rows_that_cannot_be_told_apart(tmp_path):
    with pytest.raises(TableError, match="column 'a' twice"):
        read_rows(put(tmp_path, "a\ta\n1\t2\n"))
    with pytest.raises(TableError, match=r"column '' \(no name\)"):
        read_rows(put(tmp_path, "a\t\tb\n1\t2\t3\n"))
    with pytest.raises(TableError, match="has 3 cells in line 2"):
        read_rows(put(tmp_path, "a\tb\n1\t2\t3\n"))
    with pytest.raises(TableError, match=r"is not a table: .* in line 2"):
        read_rows(put(tmp_path, "a,b\n1," + "x" * 200000 + "\n", "a.csv"))


def test_rows_written(tmp_path):
    rows = [
        {"id": "ü 1", "n": np.float64(0.1), "ok": True, "why": None, "more": 1},
        {"id": "b", "n": float("nan"), "ok": False, "why": "line\none\ttwo"},
        {"id": "", "n": np.int64(3)},
    ]
    path = write_rows(tmp_path / "a.tsv", rows, ["id", "n", "ok", "why"])
    assert path.read_text(encoding="utf-8") == (
        "id\tn\tok\twhy\nü 1\t0.1\ttrue\tn/a\nb\tn/a\tfalse\tline one two\nn/a\t3\tn/a\tn/a\n"
    )
    assert read_rows(path)[1] == {"id": "b", "n": None, "ok": "false", "why": "line one two"}
