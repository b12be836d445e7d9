# SPDX-License-Identifier: Apache-2.0
"""The command on tiny cohorts: inputs, names, exit codes, and what it says."""

import os
import shutil
import stat
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from tests.cli.conftest import statuses
from tests.tiny import least_squares, make_tiny, write_run, write_table

AWKWARD = [
    "with blank",
    'it\'s "quoted"',
    "brackets [1] {2} (3)",
    "-leading-dash",
    "ünïcödé-名前-😀",
    "percent%20 & $HOME; `ls` #",
    "star * and ?",
    "x" * 200,
    "none",
]
"""Names of runs, and of the folders of their images."""


@pytest.fixture
def cohort(tiny, tmp_path):
    """A table of three runs."""
    return tiny.write_table(tmp_path / "runs.tsv")


def test_a_table(tiny, cohort, tmp_path, call):
    out = tmp_path / "out"
    told = call("run", cohort, out, "--maps", tiny.maps_file, "--labels", tiny.labels_file)
    assert (told.code, told.out) == (0, "")
    assert "3 runs done, 0 were up to date, 0 failed" in told.err
    assert statuses(out) == dict.fromkeys(tiny.run_ids, "done")
    names = run_files(out, tiny.run_ids[0])
    raw, labels = read_signals(names.raw("maps"))
    assert labels == ["one", "two", "three"]
    expected = least_squares(tiny.in_files[0], tiny.maps_file)
    np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-9 * expected.std())
    assert names.folder == out / "sub-01" / "func"


def test_paths_are_relative_to_the_table(own_tiny, tmp_path, call):
    table = own_tiny.write_table(
        own_tiny.folder / "runs.tsv",
        in_file=[Path(path).name for path in own_tiny.in_files],
        confounds=[Path(path).name for path in own_tiny.confounds_files],
        sample_mask=["n/a"] * 3,
    )
    assert call("run", table, tmp_path / "out", "--maps", own_tiny.maps_file).code == 0


def test_a_csv_table(tiny, tmp_path, call):
    rows = [f"{name},{path}" for name, path in zip(tiny.run_ids, tiny.in_files, strict=True)]
    (tmp_path / "runs.csv").write_text("run_id,in_file\n" + "\n".join(rows) + "\n")
    assert call("run", tmp_path / "runs.csv", tmp_path / "out", "--maps", tiny.maps_file).code == 0


def test_one_image_with_its_tables(tiny, tmp_path, call):
    out = tmp_path / "out"
    told = call(
        *("run", tiny.in_files[0], out, "--maps", tiny.maps_file, "--sample-mask"),
        *(tiny.sample_mask_files[0], "--confounds", tiny.confounds_files[0]),
    )
    assert told.code == 0
    row = read_rows(out / "runs.tsv")[0]
    assert (row["run_id"], row["volumes"], row["kept"]) == (tiny.run_ids[0], "40", "37")


def test_a_pattern(tiny, tmp_path, call):
    told = call("run", tiny.folder / "*_bold.nii.gz", tmp_path / "out", "--maps", tiny.maps_file)
    assert told.code == 0
    assert list(statuses(tmp_path / "out")) == tiny.run_ids


def test_several_atlases_and_strategies(tiny, cohort, tmp_path, call, work):
    (tmp_path / "s.json").write_text('{"plain": {}, "band": {"low_pass": 0.1}}')
    out = tmp_path / "out"
    told = call(
        *("run", cohort, out, "--maps", tiny.maps_file, tiny.maps_file),
        *("--atlas-names", "a", "b", "--strategies", tmp_path / "s.json"),
    )
    assert told.code == 0
    names = run_files(out, tiny.run_ids[1])
    for atlas in "ab":
        assert names.timeseries(atlas, "plain").is_file()
        assert names.timeseries(atlas, "band").is_file()
    assert work["images"] == 3


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(tmp_path, call, name):
    folder = tmp_path / name[:100]
    tiny = make_tiny(folder, grids=(0,))
    image = folder / f"{name}.nii.gz" if len(name) < 200 else folder / "long.nii.gz"
    Path(tiny.in_files[0]).rename(image)
    table = write_table(
        folder / "runs.tsv", run_id=[name], in_file=[image], confounds=tiny.confounds_files
    )
    out = tmp_path / f"out {name[:50]}"
    told = call("run", table, out, "--maps", tiny.maps_file, engine=("--no-reports", "-v"))
    assert told.code == 0, told.err
    assert run_files(out, name).timeseries("maps").is_file()
    assert list(statuses(out)) == [name]


def test_an_image_and_out_with_a_leading_dash(tiny, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny.in_files[0], "-run_bold.nii.gz")
    words = ["run", "--maps", tiny.maps_file, "--plugin", "Linear", "--no-reports"]
    assert call(*words, "--", "-run_bold.nii.gz", "-out", engine=()).code == 0
    assert statuses(Path("-out")) == {"-run": "done"}


@pytest.mark.parametrize("name", ["logs", "Work", "runs.tsv", ".mapsmasker", "a/b", "."])
def test_names_that_the_result_folder_needs(tiny, tmp_path, call, name):
    table = write_table(tmp_path / "runs.tsv", run_id=[name], in_file=tiny.in_files[:1])
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file)
    assert told.code == 2
    assert "rename it" in told.err
    assert not (tmp_path / "out").exists()


def test_names_too_long_for_a_file(tiny, tmp_path, call):
    table = write_table(tmp_path / "runs.tsv", run_id=["x" * 200], in_file=tiny.in_files[:1])
    told = call(
        *("run", table, tmp_path / "out", "--maps", tiny.maps_file),
        *("--atlas-names", "averylongnameofanatlas" * 2),
    )
    assert told.code == 2
    assert "file systems take 255" in told.err


def test_nothing_is_left_where_the_command_was_called(tiny, cohort, tmp_path, call):
    assert call("run", cohort, tmp_path / "out", "--maps", tiny.maps_file).code == 0
    assert list(Path.cwd().iterdir()) == []


def test_inputs_are_never_written_to(own_tiny, tmp_path, call):
    before = {path: path.stat().st_mtime_ns for path in own_tiny.folder.rglob("*")}
    own_tiny.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    table = own_tiny.write_table(tmp_path / "runs.tsv")
    try:
        assert call("run", table, tmp_path / "out", "--maps", own_tiny.maps_file).code == 0
    finally:
        own_tiny.folder.chmod(stat.S_IRWXU)
    assert {path: path.stat().st_mtime_ns for path in own_tiny.folder.rglob("*")} == before


def test_out_cannot_be_made(tiny, cohort, tmp_path, call):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        told = call("run", cohort, out, "--maps", tiny.maps_file)
        assert told.code == 2
        assert told.err.splitlines()[-1].startswith("mapsmasker: ")
        assert "Traceback" not in told.err


def test_some_runs_fail(tiny, tmp_path, call):
    cut = tmp_path / "cut_bold.nii.gz"
    cut.write_bytes(Path(tiny.in_files[0]).read_bytes()[:5000])
    table = write_table(
        tmp_path / "runs.tsv",
        run_id=["good", "cut", "gone"],
        in_file=[tiny.in_files[0], cut, tmp_path / "gone.nii"],
    )
    out = tmp_path / "out"
    told = call("run", table, out, "--maps", tiny.maps_file)
    assert told.code == 1
    assert statuses(out) == {"good": "done", "cut": "failed", "gone": "failed"}
    reasons = {row["run_id"]: row["reason"] for row in read_rows(out / "runs.tsv")}
    assert "of the 40 volumes that its header promises" in reasons["cut"]
    assert "does not exist" in reasons["gone"]
    assert "failed: cut: " in told.err
    assert "Traceback" not in told.err
    assert sorted(path.name for path in (out / "logs").iterdir()) == [
        "CITATION.md", "cut.txt", "gone.txt", "nipype.log",
    ]  # fmt: skip
    assert "Traceback" in (out / "logs" / "cut.txt").read_text()
    assert not (out / "cut").exists()


def test_all_runs_fail(tiny, tmp_path, call):
    table = write_table(tmp_path / "runs.tsv", run_id=["gone"], in_file=["gone.nii"])
    assert call("run", table, tmp_path / "out", "--maps", tiny.maps_file).code == 2


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_on_error_raise_stops_with_one_sentence(tiny, tmp_path, call, verbose):
    cut = tmp_path / "cut_bold.nii.gz"
    cut.write_bytes(Path(tiny.in_files[0]).read_bytes()[:5000])
    table = write_table(
        tmp_path / "runs.tsv", run_id=["cut", "good"], in_file=[cut, tiny.in_files[0]]
    )
    out = tmp_path / "out"
    told = call("run", table, out, "--maps", tiny.maps_file, "--on-error", "raise", *verbose)
    assert told.code == 2
    assert "of the 40 volumes that its header promises" in told.err.splitlines()[-1]
    assert ("Traceback" in told.err) is bool(verbose)
    assert statuses(out)["cut"] == "failed"  # the other one may have been at work


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--maps", "gone.nii"], "gone.nii does not exist"),
        (["--low-pass", "-5"], "low_pass"),
        (["--t-r", "-1"], "t_r must be a positive number"),
        (["--n-procs", "0"], "n_procs must be a whole number of at least 1"),
        (["--mem-gb", "nan"], "mem_gb must be a positive number of GB"),
        (["--plugin-args", "gone.json"], "--plugin-args gone.json does not exist"),
        (["--labels", "a", "b"], "maps has 1 entries and labels 2"),
        (["--atlas-names", "a", "b"], "maps has 1 entries and atlas_names 2"),
        (["--displayed-maps", "many"], "--displayed-maps takes numbers or 'all'"),
        (["--confounds", "c.tsv"], "are for a single image"),
        (["--mask", "gone.nii"], "gone.nii does not exist"),
        (["--resampling-target", "mask"], "needs a mask"),
        (["--slice", "3/2"], "slice must be K/N"),
        (["--write-slurm-array", "x.sh", "--batch-size", "0"], "batch_size must be"),
    ],
)
def test_wrong_calls_give_one_sentence_and_write_nothing(
    tiny, cohort, tmp_path, call, words, match
):
    told = call("run", cohort, tmp_path / "out", "--maps", tiny.maps_file, *words)
    if "--maps" in words:
        told = call("run", cohort, tmp_path / "out", *words)
    last = told.err.splitlines()[-1]
    assert told.code == 2
    assert match in last
    assert "Traceback" not in told.err
    assert not (tmp_path / "out" / "sub-01").exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("run_id\n", "lists no run"),
        ("in_file\nx.nii\n", "has no column 'run_id'"),
        ("run_id\tin_file\na\tn/a\n", "row 1: a has no in_file; give its image"),
        ("run_id\tin_file\na\tx.nii\nA\tx.nii\n", "two runs would write the same files"),
        ("run_id\tin_file\tt_r\na\tx.nii\tsoon\n", "t_r is 'soon', expected a positive"),
        ("", "is empty"),
    ],
)
def test_bad_runs_tables(tiny, tmp_path, call, content, match):
    (tmp_path / "runs.tsv").write_text(content)
    told = call("run", tmp_path / "runs.tsv", tmp_path / "out", "--maps", tiny.maps_file)
    assert told.code == 2
    assert match in told.err


@pytest.mark.parametrize("given", ["nothing*.nii", ".", "gone.tsv"])
def test_input_that_is_nothing(tiny, tmp_path, call, given):
    told = call("run", given, tmp_path / "out", "--maps", tiny.maps_file)
    assert told.code == 2
    assert "Traceback" not in told.err


def test_dry_run_writes_nothing_and_tells_all(tiny, cohort, tmp_path, call):
    told = call("run", cohort, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert (told.code, told.err) == (0, "")
    assert "sub-02_task-rest: to do, 8 x 7 x 9 voxels, 40 volumes, t_r 2 s (header)" in told.out
    assert "GB per extraction" in told.out
    assert not (tmp_path / "out").exists()


def test_a_faulty_run_shows_in_a_dry_run(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv", sample_mask=[*tiny.sample_mask_files[:2], "x"])
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert told.code == 1
    assert "sub-03_task-rest: at fault" in told.out


def test_a_run_too_short_for_the_filter_is_at_fault_alone(tiny, tmp_path, call):
    short = write_run(tmp_path / "short_bold.nii.gz", np.random.default_rng(1), n_volumes=12)
    table = write_table(
        tmp_path / "runs.tsv", run_id=["short", "good"], in_file=[short, tiny.in_files[0]]
    )
    told = call(
        "run", table, tmp_path / "o", "--maps", tiny.maps_file, "--low-pass", "0.1", "--dry-run"
    )
    assert told.code == 1
    assert "2 runs: 1 to do, 1 at fault" in told.out
    assert "short: at fault" in told.out


def test_quiet(tiny, cohort, tmp_path, call):
    told = call("run", cohort, tmp_path / "out", "--maps", tiny.maps_file, "-q")
    assert (told.code, told.out, told.err) == (0, "", "")


def test_masks_of_one_grid_share_a_fit(own_tiny, tmp_path, call, work):
    image = nib.load(own_tiny.mask_file)
    values = np.asarray(image.dataobj).copy()
    values[0] = 0
    other = tmp_path / "other.nii.gz"
    nib.Nifti1Image(values, image.affine).to_filename(other)
    write_run(tmp_path / "x_bold.nii.gz", np.random.default_rng(1))
    table = own_tiny.write_table(tmp_path / "runs.tsv", mask=[own_tiny.mask_file, "n/a", other])
    assert call("run", table, tmp_path / "out", "--maps", own_tiny.maps_file).code == 0
    assert work["fits"] == 2  # one per grid


@pytest.mark.slow
def test_demo(tmp_path, call):
    told = call("demo", tmp_path / "demo", "--plugin", "MultiProc", "--n-procs", "2")
    assert told.code == 0, told.err
    recovered = [float(line.split("r =")[1]) for line in told.out.splitlines() if " r = " in line]
    assert len(recovered) == 8
    assert min(recovered) > 0.95


@pytest.mark.skipif(sys.platform != "linux", reason="needs a read-only mount")
def test_out_read_only(tiny, cohort, tmp_path, call):
    out = tmp_path / "out"
    out.mkdir()
    if os.getuid() == 0:
        pytest.skip("root may write everywhere; tests/bad_days has a read-only mount")
    out.chmod(stat.S_IRUSR | stat.S_IXUSR)
    told = call("run", cohort, out, "--maps", tiny.maps_file)
    out.chmod(stat.S_IRWXU)
    assert told.code == 2
    assert "Permission denied" in told.err
