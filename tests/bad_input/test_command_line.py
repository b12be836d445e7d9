# SPDX-License-Identifier: Apache-2.0
"""Bad input, met by the command line: one sentence, no traceback, no half files, exit code."""

import os
import re

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.results.manifests import read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import write_table

from .faults import BAD, RUN_FAULTS
from .shared_faults import COHORT_FAULTS


@pytest.fixture
def command(cohort, tmp_path, capsys):
    """A function that runs the command on a spoilt cohort; gives code, stderr and OUT."""

    def run(spoilt, *options):
        columns = {
            key: spoilt[key] for key in ("in_file", "confounds", "sample_mask") if key in spoilt
        }
        table = cohort.write_table(tmp_path / "runs.tsv", **columns)
        out = tmp_path / "out"
        words = ["run", str(table), str(out), "--maps", spoilt.get("maps", cohort.maps_file)]
        for name in ("labels", "mask"):
            if name in spoilt:
                words += [f"--{name}", spoilt[name]]
        code = call([*words, "--no-reports", "--plugin", "Linear", *options])
        captured = capsys.readouterr()
        assert captured.out == ""
        return code, captured.err, out

    return run


def call(words):
    """Run the command; argparse leaves by SystemExit."""
    try:
        return main(words)
    except SystemExit as leaving:
        return leaving.code


def assert_nothing_is_half(out):
    """Whatever is listed in a manifest is whole, and nothing else of a run is there."""
    listed = set()
    for path in out.glob(".mapsmasker/runs/*/manifest.json"):
        manifest = read_manifest(path)
        assert manifest.is_whole()
        listed |= {path, *(out / name for name in manifest.files)}
    results = {
        path
        for path in out.rglob("sub-*/**/*")
        if path.is_file() and not {"work", "logs"} & set(path.relative_to(out).parts)
    }
    assert results == listed


@pytest.mark.parametrize("fault", RUN_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_one_run(cohort, command, fault):
    code, said, out = command(fault(cohort))
    assert code == 1
    assert "Traceback" not in said
    rows = read_rows(out / "runs.tsv")
    assert re.search(RUN_FAULTS[fault], rows[BAD]["reason"]), rows[BAD]["reason"]
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert re.search(RUN_FAULTS[fault], said), said
    assert (out / "logs" / f"{cohort.run_ids[BAD]}.txt").is_file()
    assert_nothing_is_half(out)


@pytest.mark.parametrize("fault", RUN_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_one_run_stops_all_on_demand(cohort, command, fault):
    code, said, out = command(fault(cohort), "--on-error", "raise", "--quiet")
    assert code == 2
    assert "Traceback" not in said
    assert re.search(RUN_FAULTS[fault], said), said
    assert len(said.strip().splitlines()) == 1, said
    assert_nothing_is_half(out)


@pytest.mark.parametrize("fault", COHORT_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_what_is_shared(cohort, command, fault):
    code, said, out = command(fault(cohort))
    assert code == 2
    assert "Traceback" not in said
    assert re.search(COHORT_FAULTS[fault], said), said
    assert_nothing_is_half(out)


WRONG_CALLS = {
    "unknown option": (
        ["--smooth", "3"],
        "--smooth is not an option; did you mean --smoothing-fwhm",
    ),
    "unknown plugin": (["--plugin", "Airflow"], "invalid choice: 'Airflow'"),
    "unknown filter": (["--filter", "box"], "invalid choice: 'box'"),
    "unknown standardize": (["--standardize", "max"], "invalid choice: 'max'"),
    "unknown target": (["--resampling-target", "moon"], "invalid choice: 'moon'"),
    "unknown interpolation": (["--interpolation", "cubic"], "invalid choice: 'cubic'"),
    "unknown dtype": (["--dtype", "int16"], "invalid choice: 'int16'"),
    "text for a number": (["--low-pass", "high"], "--low-pass: expected a number, got 'high'"),
    "negative smoothing": (["--smoothing-fwhm", "-3"], "smoothing_fwhm must be .* got -3"),
    "cut-offs crossed": (["--low-pass", "0.01", "--high-pass", "0.1"], "high_pass.*low_pass"),
    "cosine with low pass": (
        ["--filter", "cosine", "--low-pass", "0.1", "--high-pass", "0.01"],
        "low_pass",
    ),
    "smoothing with exclude": (
        ["--smoothing-fwhm", "6", "--missing-voxels", "exclude"],
        "cannot be combined with smoothing",
    ),
    "coverage above one": (
        ["--min-coverage", "3"],
        "min_coverage must be a number between 0 and 1, or None for none; got 3",
    ),
    "names without maps": (
        ["--atlas-names", "a", "b"],
        "maps has 1 entries and atlas_names 2",
    ),
    "column not there": (["--confounds-columns", "wm"], "wm"),
    "confounds beside a table": (["--confounds", "x.tsv"], "for a single image"),
    "target mask without mask": (["--resampling-target", "mask"], "mask"),
}
"""Options that make no sense, and what is said."""


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_wrong_calls(command, name):
    options, match = WRONG_CALLS[name]
    code, said, out = command({}, *options)
    assert code == 2
    assert "Traceback" not in said
    assert re.search(match, said), said
    assert_nothing_is_half(out)


def test_verbose_shows_the_traceback(cohort, command):
    code, said, _ = command({"run_id": None, "maps": str(cohort.folder / "no.nii.gz")}, "-v")
    assert code == 2
    assert "Traceback" in said


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"run_id": ["a", "a", "b"]}, r"'a' and 'a'.* same files; give every run a run_id"),
        ({"run_id": ["a", "A", "b"]}, r"'a' and 'A'.* same files; give every run a run_id"),
        ({"run_id": ["a", "../b", "c"]}, r"'\.\./b' cannot be part of a file name"),
        ({"run_id": ["a", None, "c"]}, r"row 2: run_id and in_file must be there"),
        ({"confound": [1, 2, 3]}, r"a column 'confound', which .*rename it to 'confounds'"),
    ],
)
def test_bad_tables_of_runs(cohort, tmp_path, capsys, columns, match):
    full = {"confounds": cohort.confounds_files}
    if "confound" in columns:
        columns, full = {"confound": cohort.confounds_files}, {}
    table = write_table(
        tmp_path / "runs.tsv",
        **({"run_id": cohort.run_ids, "in_file": cohort.in_files} | full | columns),
    )
    out = tmp_path / "out"
    assert call(["run", str(table), str(out), "--maps", cohort.maps_file]) == 2
    said = capsys.readouterr().err
    assert re.search(match, said), said
    assert "Traceback" not in said
    assert not out.exists()


@pytest.mark.parametrize("kind", ["maps", "mask", "labels", "runs.tsv", "strategies"])
def test_a_pipe_is_refused_before_it_can_hang(cohort, tmp_path, capsys, kind):
    pipe = tmp_path / ("pipe.nii.gz" if kind in ("maps", "mask") else "pipe.tsv")
    os.mkfifo(pipe)
    table = pipe if kind == "runs.tsv" else cohort.write_table(tmp_path / "runs.tsv")
    maps = pipe if kind == "maps" else cohort.maps_file
    words = [] if kind in ("maps", "runs.tsv") else [f"--{kind}", str(pipe)]
    for more in ([], ["--dry-run"]):
        code = call(["run", str(table), str(tmp_path / "o"), "--maps", str(maps), *words, *more])
        assert code == 2
        assert "is a pipe (FIFO), where a file is expected; copy" in capsys.readouterr().err


def test_names_that_no_file_has_cost_one_run(cohort, tmp_path, capsys):
    table = tmp_path / "runs.tsv"
    names = [b"~nouser/y.nii", b"x\0y.nii", b"\xff.nii", b"x" * 5000 + b".nii", b"n/a"]
    rows = [b"bad-%d\t%s" % (number, name) for number, name in enumerate(names)]
    good = f"good\t{cohort.in_files[0]}".encode()
    table.write_bytes(b"\n".join([b"run_id\tin_file", *rows, good]) + b"\n")
    words = ["run", str(table), str(tmp_path / "o"), "--maps", cohort.maps_file]
    assert call([*words, "--no-reports", "--plugin", "Linear"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    states = {row["run_id"]: row["status"] for row in read_rows(tmp_path / "o" / "runs.tsv")}
    assert states == {f"bad-{number}": "failed" for number in range(5)} | {"good": "done"}


def test_a_table_without_images(tmp_path, cohort, capsys):
    table = write_table(tmp_path / "runs.tsv", run_id=["a"], image=["a.nii"])
    assert call(["run", str(table), str(tmp_path / "out"), "--maps", cohort.maps_file]) == 2
    said = capsys.readouterr().err
    assert re.search("has no column 'in_file'.*rename 'image' to 'in_file' if that is it", said)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("nowhere.tsv", r"nowhere\.tsv"),
        ("nowhere/*.nii.gz", r"nowhere/\*\.nii\.gz does not exist and matches no file; give"),
        (".", r"is a folder without sub-.*a table of runs, an image or a quoted pattern"),
    ],
)
def test_input_that_is_not_there(tmp_path, cohort, capsys, given, match):
    assert call(["run", given, str(tmp_path / "out"), "--maps", cohort.maps_file]) == 2
    said = capsys.readouterr().err
    assert re.search(match, said), said
    assert "Traceback" not in said
