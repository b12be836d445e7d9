# SPDX-License-Identifier: Apache-2.0
"""The table of runs: columns by name, gaps, and rows whose faults are their own."""

import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.runs import RunRow, read_runs_table


def put(folder, text, name="runs.tsv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(folder, cells, columns="run_id\tin_file\tt_r"):
    """Read a table of one row."""
    return read_runs_table(put(folder, f"{columns}\n{cells}\n"))[0]


def test_rows_as_they_are_meant(tmp_path):
    path = put(
        tmp_path,
        "run_id\tage\tin_file\tconfounds\tsample_mask\tmask\tt_r\n"
        "a\t31\tx.nii\tc.tsv; d.tsv\tk.tsv\t/m.nii\t2.5\n"
        "b\tn/a\t/y.nii\tNA\t\tN/A\tnan\n",
    )
    first, second = read_runs_table(path)
    assert first == RunRow(
        run_id="a",
        in_file=str(tmp_path / "x.nii"),
        confounds=(str(tmp_path / "c.tsv"), str(tmp_path / "d.tsv")),
        sample_mask=str(tmp_path / "k.tsv"),
        mask="/m.nii",
        t_r=2.5,
    )
    assert second == RunRow(run_id="b", in_file="/y.nii")


@pytest.mark.parametrize("gap", ["n/a", "NA", "N/A", "", "nan", "NaN", "None", "null"])
def test_gaps_are_no_names_of_files(tmp_path, gap):
    columns = "run_id\tin_file\tconfounds\tsample_mask\tmask\tt_r"
    row = one(tmp_path, "\t".join(["a", "x.nii", *[gap] * 4]), columns)
    assert row == RunRow(run_id="a", in_file=str(tmp_path / "x.nii"))


def test_a_file_whose_name_holds_a_semicolon_is_one_file(tmp_path):
    (tmp_path / "c;d.tsv").touch()
    row = one(tmp_path, "a\tx.nii\tc;d.tsv", "run_id\tin_file\tconfounds")
    assert row.confounds == (str(tmp_path / "c;d.tsv"),)


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("confound", "confounds"),
        ("Confounds", "confounds"),
        ("confunds", "confounds"),
        ("confounds_file", "confounds"),
        ("regressors", "confounds"),
        ("samplemask", "sample_mask"),
        ("sample-mask", "sample_mask"),
        ("Sample Mask", "sample_mask"),
        ("sample_masks", "sample_mask"),
        ("masks", "mask"),
        ("brain_mask", "mask"),
        ("TR", "t_r"),
        ("RepetitionTime", "t_r"),
    ],
)
def test_a_mistyped_column_is_asked_about(tmp_path, column, meant):
    with pytest.raises(TableError, match=rf"a column '{column}', .* rename it to '{meant}' if"):
        one(tmp_path, "a\tx.nii\t1", f"run_id\tin_file\t{column}")


@pytest.mark.parametrize(
    "column", ["age", "sex", "group", "session", "ses", "task", "run", "site", "subject", "notes"]
)
def test_other_columns_are_passed_over(tmp_path, column):
    assert one(tmp_path, "a\tx.nii\t1", f"run_id\tin_file\t{column}").fault == ""


def test_a_column_beside_the_one_it_is_like_is_passed_over(tmp_path):
    row = one(tmp_path, "a\tx.nii\tn/a\tm.nii", "run_id\tin_file\tmask\tbrain_mask")
    assert row.mask is None


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("run_id\tin_file\n", "lists no run; give one row"),
        ("run\timage\na\tb\n", r"no column 'run_id', only \['run', 'image'\]"),
        ("run_id\tbold\na\tb\n", r"no column 'in_file'.*rename 'bold' to 'in_file' if that is it"),
        ("run_id\tin_file\nn/a\tx.nii\n", "row 1: run_id and in_file must be there"),
        ("run_id,in_file\na,x.nii\n", "columns that are separated by commas, where tabs"),
        ("run_id;in_file\na;x.nii\n", "columns that are separated by semicolons, where tabs"),
        ("run_id\tin_file\na\tx.nii\tmore\n", "has 3 cells in line 2"),
        (b"PK\x03\x04\x14\x00", "is an Excel workbook or another zip archive.* save it as .tsv"),
    ],
)
def test_tables_of_another_form(tmp_path, text, match):
    with pytest.raises(TableError, match=match):
        read_runs_table(put(tmp_path, text))


@pytest.mark.parametrize("t_r", ["fast", "0", "-2", "inf", "1e400", "2 s"])
def test_a_time_that_is_none_is_its_rows_fault(tmp_path, t_r):
    row = one(tmp_path, f"a\tx.nii\t{t_r}")
    assert f"row 1: t_r is '{t_r}', expected a positive number of seconds, or n/a" in row.fault


def test_a_row_without_an_image_is_its_own_fault(tmp_path):
    assert "row 1: a has no in_file; give its image" in one(tmp_path, "a\tNA\t2").fault


@pytest.mark.parametrize(
    "name", ["~nouser/y.nii", "x\0y.nii", "x" * 5000 + ".nii", "\u00ff_bold.nii", "-x.nii"]
)
def test_names_that_no_file_has_are_read_as_they_are(tmp_path, name):
    assert one(tmp_path, f"a\t{name}\t2") == RunRow(
        run_id="a", in_file=str(tmp_path / name), t_r=2.0
    )


def test_names_of_files_may_be_other_bytes_than_text(tmp_path):
    path = put(tmp_path, b"run_id\tin_file\na\t\xff_bold.nii\n")
    assert (
        read_runs_table(path)[0]
        .in_file.encode(errors="surrogateescape")
        .endswith(b"/\xff_bold.nii")
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_tables_are_read_as_editors_leave_them(tmp_path, encoding):
    path = put(tmp_path, "run_id\tin_file\r\na\tü.nii\r\n".encode(encoding))
    assert read_runs_table(path)[0].in_file == str(tmp_path / "ü.nii")
