# SPDX-License-Identifier: Apache-2.0
"""The plan: what is read of tables at a glance, and how little a plan of many runs reads."""

from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.cohort import checks
from nipype_mapsmasker.cohort.checks import is_plainly_good
from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.tables.confounds import read_confounds

HEADER = "csf\ttrans_x\ttrans_x_derivative1\tnote"
"""Columns of the tables."""

ROWS = ["1.5\t-2e-3\tn/a\ta b", "2.5\t3\t0.25\t", "0\t4\t1\tn/a"]
"""Good rows; the last column is no number."""

COLUMNS = ["csf", "trans_*"]
"""Those that are used."""


def table(tmp_path, header=HEADER, rows=ROWS, name="c.tsv", end="\n"):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + end, encoding="utf-8")
    return [str(path)]


def test_good_tables_pass_at_a_glance(tmp_path):
    assert is_plainly_good(table(tmp_path), 3, COLUMNS, "next")
    assert is_plainly_good(table(tmp_path, end=""), 3, ["csf"], "error")
    other = table(tmp_path, "more", ["1", "2", "3"], "d.tsv")
    assert is_plainly_good([*table(tmp_path), *other], 3, [*COLUMNS, "more"], "zero")


BAD = {
    "another length": {"rows": ROWS[:2]},
    "a word": {"rows": [*ROWS[:2], "soon\t4\t1\t"]},
    "a gap in the middle": {"rows": [ROWS[0], "2.5\tn/a\t1\t", ROWS[2]]},
    "not a number": {"rows": [*ROWS[:2], "inf\t4\t1\t"]},
    "nan": {"rows": [*ROWS[:2], "nan\t4\t1\t"]},
    "a digit separator": {"rows": [*ROWS[:2], "1_0\t4\t1\t"]},
    "a torn row": {"rows": [*ROWS[:2], "0\t4"]},
    "a column twice": {"header": HEADER.replace("note", "csf")},
    "no header": {"header": "1\t2\t3\t4"},
    "a column too few": {"header": HEADER.replace("csf", "gsr")},
}
"""What is wrong with each table."""


@pytest.mark.parametrize("name", BAD)
def test_nothing_bad_passes(tmp_path, name):
    paths = table(tmp_path, **BAD[name])
    assert not is_plainly_good(paths, 3, COLUMNS, "next")
    with pytest.raises(TableError):
        read_confounds(paths, 3, COLUMNS, "next")


def test_a_leading_gap_needs_a_policy(tmp_path):
    assert not is_plainly_good(table(tmp_path), 3, COLUMNS, "error")


def test_what_is_unusual_is_left_to_the_reader(tmp_path):
    for unusual in (
        table(tmp_path, rows=[f" {ROWS[0]}", *ROWS[1:]], end="\n\n\n"),
        table(tmp_path, rows=[row.replace("\t", " \t") for row in ROWS]),
    ):
        read_confounds(unusual, 3, COLUMNS, "next")
        is_plainly_good(unusual, 3, COLUMNS, "next")
    assert not is_plainly_good(table(tmp_path, name="c.csv"), 3, COLUMNS, "next")
    assert not is_plainly_good([str(tmp_path / "gone.tsv")], 3, COLUMNS, "next")


def test_real_tables_of_fmriprep_pass_at_a_glance(shared_data):
    path = shared_data / "fmriprep" / "test_desc-confounds_regressors.tsv"
    n_volumes = len(path.read_text().splitlines()) - 1
    columns = ["trans_*", "rot_*", "csf", "white_matter"]
    assert is_plainly_good([str(path)], n_volumes, columns, "next")


def test_a_plan_opens_no_image_and_reads_good_tables_once(tiny, tmp_path, call, monkeypatch):
    table = tiny.write_table(tmp_path / "runs.tsv")

    def refuse(*args, **kwargs):
        raise AssertionError

    genuine = images.open_stream
    monkeypatch.setattr(checks, "read_confounds", refuse)
    monkeypatch.setattr(
        images,
        "open_stream",
        lambda info: refuse() if "bold" in info.path.name else genuine(info),
    )
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert told.code == 0


@pytest.mark.slow
def test_a_dry_run_of_2000_runs(tiny, tmp_path, call):
    """In seconds; the clock's limit is generous, for machines that are busy."""
    import time

    image = Path(tiny.in_files[0]).read_bytes()
    names = [f"c{number:02d}" for number in range(180)]
    rng = np.random.default_rng(0)
    rows = ["\t".join(names)]
    rows += ["\t".join(f"{value:.9f}" for value in rng.random(180)) for _ in range(40)]
    text = "\n".join(rows) + "\n"
    lines = ["run_id\tin_file\tconfounds"]
    for number in range(2000):
        run_id = f"sub-{number:04d}_task-rest"
        (tmp_path / f"{run_id}_bold.nii.gz").write_bytes(image)
        (tmp_path / f"{run_id}.tsv").write_text(text)
        lines.append(f"{run_id}\t{run_id}_bold.nii.gz\t{run_id}.tsv")
    (tmp_path / "runs.tsv").write_text("\n".join(lines) + "\n")
    start = time.perf_counter()
    told = call(
        *("run", tmp_path / "runs.tsv", tmp_path / "out", "--maps", tiny.maps_file),
        *("--confounds-columns", "c0*", "--dry-run"),
    )
    seconds = time.perf_counter() - start
    assert told.code == 0
    assert "2000 runs: 2000 to do" in told.out
    assert seconds < 60
