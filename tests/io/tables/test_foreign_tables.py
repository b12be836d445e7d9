# SPDX-License-Identifier: Apache-2.0
"""Tables of the field's programs: read as they are meant, or told what they are."""

import gzip
import os
import resource
import subprocess
import sys

import numpy as np
import pytest

from nipype_mapsmasker.core.parameters import ConfoundParameters
from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.decoding import read_json
from nipype_mapsmasker.io.tables import text as tables_text
from nipype_mapsmasker.io.tables.confounds import read_choice, read_confounds
from nipype_mapsmasker.io.tables.labels import read_labels
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask

NUMBERS = np.random.default_rng(0).standard_normal((4, 6))


def put(folder, content, name="a.tsv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(separator, header=None, form="{: .7e}"):
    rows = [separator.join(form.format(value) for value in row) for row in NUMBERS]
    return "\n".join([*([] if header is None else [header]), *rows]) + "\n"


NAMES = "trans_x trans_y trans_z rot_x rot_y rot_z"

OTHERS = {
    "SPM": ("rp_run.txt", lines("  "), "no header, and its 6 columns are separated by blanks"),
    "FSL": ("run_mcf.par", lines("  ", form="{:g}"), "no header, and its 6 columns"),
    "AFNI": ("run.1D", lines(" ", "# 3dvolreg -1Dfile run.1D"), "no header, and its 6 columns"),
    "FSL's design": ("design.mat", "/NumWaves\t6\n/NumPoints\t4\n/PPheights\t1\t1\n\n/Matrix\n"
                     + lines("\t"), "is a design matrix of FSL"),
    "blanks and a header": ("a.tsv", lines(" ", NAMES), "separated by blanks, where tabs"),
    "commas in .tsv": ("a.tsv", lines(",", NAMES.replace(" ", ",")), "separated by commas, wh"),
    "semicolons": ("a.csv", lines(";", NAMES.replace(" ", ";")), "separated by semicolons, wh"),
    "decimal commas": ("a.csv", lines(";", NAMES.replace(" ", ";")).replace(".", ","),
                       "separated by semicolons, where commas"),
    "tabs in .csv": ("a.csv", lines("\t", NAMES.replace(" ", "\t")), "separated by tabs, where"),
    "no header": ("a.tsv", lines("\t"), "has no header: its first row holds numbers only"),
    "Excel": ("a.xlsx", b"PK\x03\x04\x14\0\6\0", "is an Excel workbook .* save it as .tsv"),
    "Excel as .tsv": ("a.tsv", b"PK\x03\x04\x14\0\6\0", "is an Excel workbook .* save it as .tsv"),
    "old Excel": ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook"),
    "MATLAB": ("a.mat", b"MATLAB 5.0 MAT-file, Platform", "is a MATLAB file .* save it as .tsv"),
    "NumPy": ("a.tsv", b"\x93NUMPY\1\0", "is a NumPy array"),
    "git-annex": ("a.tsv", b"/annex/objects/MD5E-s1--0.tsv\n", "pointer of git-annex .* get the"),
}  # fmt: skip
"""By program: a file's name, what it holds, and what is said of it."""


@pytest.mark.parametrize("name", OTHERS)
def test_tables_of_other_programs(tmp_path, name):
    file, content, match = OTHERS[name]
    path = put(tmp_path, content, file)
    with pytest.raises(TableError, match=match) as caught:
        read_confounds(path, 4)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tables_are_read_as_editors_leave_them(tmp_path, encoding, end):
    content = "größe\tb\n0.1\t-2\n0.25\t1e-3\n".replace("\n", end)
    got, names = read_confounds(put(tmp_path, content.encode(encoding)), 2)
    assert names == ["größe", "b"]
    np.testing.assert_array_equal(got, [[0.1, -2], [0.25, 1e-3]])


FMRIPREP = {
    "now": "global_signal\tcsf\twhite_matter\tstd_dvars\tframewise_displacement\ttrans_x\trot_z",
    "before 1.4": "CSF\tWhiteMatter\tGlobalSignal\tstdDVARS\tnon-stdDVARS\tFramewiseDisplacement",
    "few": "dvars\ta_comp_cor_00\tc_comp_cor_00\tcosine00",
}
"""Headers as fMRIPrep writes them."""


@pytest.mark.parametrize("version", FMRIPREP)
def test_a_table_of_fmriprep_is_never_used_whole_by_default(tmp_path, version):
    header = FMRIPREP[version]
    row = "\t".join("1" for _ in header.split("\t"))
    path = put(tmp_path, f"{header}\n{row}\n{row}\n")
    with pytest.raises(TableError, match=r"table of fMRIPrep .*--confounds-columns .*--denoise"):
        read_confounds(path, 2)
    names = header.split("\t")
    assert read_confounds(path, 2, names[1:2])[1] == names[1:2]
    assert read_confounds(path, 2, ["*"])[1] == names


def test_a_table_of_ones_own_is_used_whole(tmp_path):
    header = "trans_x\ttrans_x_derivative1\tcsf\twhite_matter\tglobal_signal\tmotion_outlier00"
    path = put(tmp_path, f"{header}\n" + "1\t2\t3\t4\t5\t6\n" * 2)
    assert len(read_confounds(path, 2)[1]) == 6


@pytest.mark.parametrize("paths", [(), []])
def test_a_choice_needs_a_table_unless_it_may_be_skipped(paths):
    choice = ConfoundParameters(confounds_columns=["csf", "trans_*"])
    with pytest.raises(TableError, match=r"'a' has no table of confounds.*\(csf, trans_\*\)"):
        read_choice(paths, 4, choice, run_id="a")
    for allowed in (
        ConfoundParameters(),
        ConfoundParameters(confounds_columns=["csf"], missing_confounds="skip"),
    ):
        values, names = read_choice(paths, 4, allowed, run_id="a")
        assert (values.shape, names) == ((4, 0), [])


def test_numbers_of_every_spelling_are_the_same_numbers(tmp_path):
    cells = ["1", " 2.5 ", "-3e-3", "+4", ".5", "1E5", "0x", "7"]
    path = put(tmp_path, "a\tb\n" + "".join(f"{cell}\tx\n" for cell in cells))
    with pytest.raises(TableError, match=r"'0x' in column 'a', row 7 \(line 8\)"):
        read_confounds(path, 8, ["a"])
    path.write_text(path.read_text().replace("0x", "6"))
    got, _ = read_confounds(path, 8, ["a"])
    np.testing.assert_array_equal(got[:, 0], [1, 2.5, -3e-3, 4, 0.5, 1e5, 6, 7])


READERS = {
    "confounds": lambda path: read_confounds(path, 4),
    "sample mask": lambda path: read_sample_mask(path, 4),
    "labels": lambda path: read_labels(path, 4),
    "rows": read_rows,
    "JSON": read_json,
    "labels in JSON": lambda path: read_labels(path.rename(path.with_suffix(".json")), 4),
}


@pytest.mark.parametrize("reader", READERS)
def test_pipes_and_devices_are_refused_at_once(tmp_path, reader):
    pipe = tmp_path / "a.tsv"
    os.mkfifo(pipe)
    with pytest.raises(TableError, match=r"is a pipe \(FIFO\), where a file is expected; copy"):
        READERS[reader](pipe)
    device = tmp_path / "b.tsv"
    device.symlink_to("/dev/zero")
    with pytest.raises(TableError, match="is a device, where a file is expected; copy"):
        READERS[reader](device)


@pytest.mark.parametrize("reader", READERS)
def test_a_table_too_large_takes_no_memory(tmp_path, reader):
    path = tmp_path / "c.tsv"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # sparse: no disk either
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TableError, match="far more than a"):
        READERS[reader](path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_small_table_asks_for_little(tmp_path):
    path = put(tmp_path, "a\n1\n2\n")
    code = (
        "import resource, sys\n"
        "from nipype_mapsmasker.io.tables.confounds import read_confounds\n"
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (32 << 20),) * 2)\n"
        "print(read_confounds(sys.argv[1], 2)[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['a']\n", done.stderr


def test_a_table_that_inflates_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_text, "MAX_TABLE_BYTES", 1 << 20)
    path = put(tmp_path, gzip.compress(b"a\n" + b"1\n" * (1 << 20)), "a.tsv.gz")
    with pytest.raises(TableError, match="holds more than 1 MiB of text"):
        read_confounds(path, 4)
