# SPDX-License-Identifier: Apache-2.0
"""A folder of derivatives as input of the command, and the dataset that comes out."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.testing import FMRIPREP_RUNS, make_fmriprep_folder
from tests.cli.conftest import statuses

SPACE = "MNI152NLin2009cAsym"
ENDING = f"_space-{SPACE}_res-2"
ONE_COLUMN = ("--missing-confounds", "skip", "--confounds-columns", "trans_x")
"""The least that may be said of the confounds of a folder; runs without a table are no fault."""

COLUMNS = ("--confounds-columns", "trans_*", "rot_*", "csf", "white_matter")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the usual awkward cases; tests only read it."""
    return make_fmriprep_folder(tmp_path_factory.mktemp("fmriprep"))


@pytest.fixture
def own_folder(tmp_path):
    """One that the test may change, of two subjects."""
    return make_fmriprep_folder(tmp_path / "own", FMRIPREP_RUNS[:3])


def words(folder, out, *more):
    maps = folder.maps_files[SPACE]
    said = () if {"--confounds-columns", "--denoise"} & set(map(str, more)) else ONE_COLUMN
    given = ("run", folder.root, out, "participant", "--space", SPACE, "--maps", maps)
    return (*given, *said, *more)


def state(root):
    """Everything that a program might change of a folder."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in root.rglob("*")
    }


def test_a_folder_goes_in_and_every_run_is_accounted_for(folder, tmp_path, call):
    out = tmp_path / "out"
    before = state(folder.root)
    called = call(*words(folder, out, *COLUMNS))
    assert called.code == 1
    assert state(folder.root) == before
    found = {name.removesuffix(ENDING): status for name, status in statuses(out).items()}
    expected = {run.source: "done" for run in FMRIPREP_RUNS if "sub-05" not in run.source}
    expected |= {"sub-03_ses-pre_task-rest": "failed", "sub-04_ses-pre_task-nback": "failed"}
    assert found == expected
    rows = {row["run_id"].removesuffix(ENDING): row for row in read_rows(out / "runs.tsv")}
    assert "no table of confounds" in rows["sub-03_ses-pre_task-rest"]["reason"]
    assert "--mask-from cohort" in rows["sub-04_ses-pre_task-nback"]["reason"]
    inherited = rows["sub-06_ses-pre_task-nback_part-mag"]
    assert inherited["t_r"] == "0.8"
    assert "1 s by its header" in inherited["warnings"]
    for text in ("confounds: 7 of 8 runs", "brain mask: 7 of 8 runs", "1 run left out: sub-05"):
        assert text in called.err
    assert "only native space" in called.err.split("runs done")[-1]


def test_a_mask_of_the_cohort_and_confounds_that_are_not_asked_for(folder, tmp_path, call):
    out = tmp_path / "out"
    called = call(*words(folder, out, "--mask-from", "cohort", "--n-procs", "1"))
    assert called.code == 0
    assert set(statuses(out).values()) == {"done"}
    assert len(list(private_folder(out).glob("cohort_mask_*.nii.gz"))) == 1
    tables = [run_files(out, run_id).coverage("Toy").read_text() for run_id in statuses(out)]
    assert len({table.split("coverage_data")[0] for table in tables}) == 1
    again = call(*words(folder, out, "--mask-from", "cohort", "--n-procs", "1"))
    assert "0 runs done, 8 were up to date" in again.err


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ((), "choose one by --space"),
        (("--space", SPACE, "--task-label", "x"), "--task-label x is not in"),
        (
            ("--space", "MNI152NLin6Asym"),
            "are in MNI152NLin2009cAsym; choose images in that space",
        ),
        (("--space", "native"), "is in native space"),
        (("--space", SPACE, "--maps-space", "T1w"), "are in T1w"),
        (("--space", SPACE, "--derivatives", "x"), "NAME=FOLDER"),
    ],
)
def test_calls_that_cannot_be_meant(folder, tmp_path, call, more, text):
    out = tmp_path / "out"
    called = call("run", folder.root, out, "--maps", folder.maps_files[SPACE], *more)
    assert called.code == 2
    assert text in called.err
    assert "Traceback" not in called.err
    assert not out.exists()


def test_options_of_folders_are_for_folders(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv")
    called = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--task-label", "rest")
    assert called.code == 2
    assert "--task-label chooses among the runs of a BIDS folder" in called.err


def test_words_of_xcp_d(folder, tmp_path, call):
    given = ("--session-id", "post", "--task-id", "rest", "--dry-run")
    called = call(*words(folder, tmp_path / "out", *given))
    assert called.code == 0
    assert f"sub-01_ses-post_task-rest{ENDING}: to do" in called.out
    assert "1 run: 1 to do" in called.out


def test_an_atlas_by_name(own_folder, tmp_path, call):
    shutil.copytree(own_folder.atlas_dir, own_folder.root / "sourcedata" / "atlases" / "toy")
    given = ("run", own_folder.root, tmp_path / "out", "--space", SPACE)
    given = (*given, *ONE_COLUMN, "--atlas", "Toy")
    assert call(*given).code == 0
    names = run_files(tmp_path / "out", f"sub-01_ses-pre_task-rest{ENDING}")
    _, columns = read_signals(names.timeseries("Toy"))
    assert columns == ["Region 01", "Region 02", "Region 03", "Region 04"]
    about = json.loads((tmp_path / "out" / "atlas-Toy_description.json").read_text())
    assert about["LabelMap"] == columns
    called = call(*given[:-1], "Nobody")
    assert called.code == 2
    assert "There is no atlas 'Nobody'" in called.err


def test_results_below_the_derivatives_of_the_folder(own_folder, call):
    derivatives = own_folder.root / "derivatives"
    other = derivatives / "other" / "file.txt"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    before = state(own_folder.root)
    for place, text in (
        (own_folder.root / "out", "never written to"),
        (derivatives, "never written to"),
        (other.parent, "holds what others wrote"),
        (own_folder.root, "never written to"),
    ):
        called = call(*words(own_folder, place))
        assert called.code == 2
        assert text in called.err
    assert state(own_folder.root) == before
    out = derivatives / "mapsmasker"
    assert call(*words(own_folder, out)).code == 0
    now = {
        name: entry
        for name, entry in state(own_folder.root).items()
        if not name.startswith("derivatives/mapsmasker") and name != "derivatives"
    }
    del before["derivatives"]
    assert now == before
    assert "0 runs done, 3 were up to date" in call(*words(own_folder, out)).err


def test_one_more_subject_does_that_subject(own_folder, tmp_path, call, work):
    out = tmp_path / "out"
    assert call(*words(own_folder, out, "--participant-label", "01")).code == 0
    work.clear()
    assert call(*words(own_folder, out)).code == 0
    assert work["images"] == 1
    assert len(statuses(out)) == 3


def test_tasks_of_an_array_are_subjects(folder, tmp_path, call):
    script = tmp_path / "array.sh"
    called = call(*words(folder, tmp_path / "out", "--write-slurm-array", script))
    assert called.code == 0
    assert "#SBATCH --array=1-5\n" in script.read_text()
    assert "5 tasks of up to 3 runs" in called.out
    out = tmp_path / "out"
    assert call(*words(folder, out, "--slice", "5/5")).code == 0
    done = [path.name for path in (private_folder(out) / "runs").iterdir()]
    assert len(done) == 3
    assert all(name.startswith("sub-06_") for name in done)


def test_inspect_lists_runs_and_what_they_lack(folder, tmp_path, call):
    table = tmp_path / "runs.tsv"
    called = call("inspect", folder.root, "--space", SPACE, "--write-table", table)
    assert called.code == 1
    for text in (
        "8 runs, 2 of them lacking something",
        "confounds: 7 of 8 runs",
        "(9 x 11 x 9 voxels, 40 volumes)",
        "0.8 s, by its sidecar " + str(folder.root / "task-nback_part-mag_desc-preproc_bold.json"),
        "no table of confounds",
        "--mask-from cohort",
        "1 run left out:",
        "sub-05_ses-pre_task-rest: no image space-",
        "2 that lack something are not in it",
    ):
        assert text in called.out
    assert len(read_rows(table)) == 6
    out = tmp_path / "out"
    assert call("run", table, out, "--maps", folder.maps_files[SPACE], "--dry-run").code == 0
    whole = call("inspect", folder.root, "--space", SPACE, "--task-label", "rest",
                 "--exclude-participant-label", "03")  # fmt: skip
    assert whole.code == 0
    assert call("inspect", folder.root).code == 2


def test_inspect_takes_a_table_too(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv")
    called = call("inspect", table)
    assert called.code == 0
    assert "3 runs, 0 of them lacking something" in called.out


OVERRIDES = (1, 2, 3)
"""Capabilities by which root passes over permissions: CAP_DAC_OVERRIDE and its two neighbours."""


def _give_up_overrides():
    """Let the process that is about to start be bound by permissions, even root's."""
    system = ctypes.CDLL(None)
    for capability in OVERRIDES:
        system.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def _unmoved(paths):
    """What no program may change of files that it reads."""
    found = {path: path.lstat() for path in paths}
    return {p: (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_mode) for p, s in found.items()}


def test_a_folder_of_somebody_else_that_is_read_only(own_folder, tmp_path):
    """Results elsewhere are made, results below its derivatives refused in a sentence."""
    paths = [own_folder.root, *own_folder.root.rglob("*")]
    for path in paths:
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = _unmoved(paths)
    codes, told = [], []
    for out in (tmp_path / "out", own_folder.root / "derivatives" / "mapsmasker"):
        given = map(str, words(own_folder, out, "--plugin", "Linear", "--no-reports", "-q"))
        done = subprocess.run(
            [sys.executable, "-m", "nipype_mapsmasker", *given],
            preexec_fn=_give_up_overrides,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        codes.append(done.returncode)
        told += done.stderr.splitlines()
    assert codes == [0, 2]
    (sentence,) = told
    assert sentence.startswith("mapsmasker: ")
    assert "derivatives" in sentence
    assert "Permission denied" in sentence
    assert _unmoved(paths) == before
    assert sorted(own_folder.root.rglob("*")) == sorted(paths[1:])


def test_images_of_a_pattern_in_another_space_than_the_maps_are_at_fault(folder, tmp_path, call):
    pattern = folder.root / "sub-01" / "ses-pre" / "func" / "*_desc-preproc_bold.nii.gz"
    called = call("run", pattern, tmp_path / "out", "--maps", folder.maps_files[SPACE])
    assert called.code == 1
    assert "is in MNI152NLin6Asym, and the maps" in called.err


def test_which_confounds_are_used_has_to_be_said(folder, tmp_path, call):
    maps = folder.maps_files[SPACE]
    given = ("run", folder.root, tmp_path / "out", "--space", SPACE, "--maps", maps, "--dry-run")
    called = call(*given)
    assert called.code == 2
    assert "or that none is with --denoise none" in called.err
    assert call(*given, "--mask-from", "cohort", "--denoise", "none").code == 0
    assert call(*given, "--mask-from", "cohort", "--denoise", "36P").code == 1


def test_a_folder_that_is_not_there_is_named(tmp_path, call):
    told = call("inspect", tmp_path / "fmriprep", "--space", SPACE)
    assert told.code == 2
    assert "fmriprep does not exist" in told.err
