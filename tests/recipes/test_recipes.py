# SPDX-License-Identifier: Apache-2.0
"""The recipes in workflows/ run as a user would run them, on synthetic data."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.testing import make_cohort, make_fmriprep_folder, recovery
from nipype_mapsmasker.testing.folders import FmriprepRun
from tests.tiny import make_tiny

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

RECIPES = sorted((ROOT / "workflows").glob("*.py"))
"""All recipes; each has a test here."""


N_VOLUMES = 120
"""T of the synthetic runs."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Two sound runs on two grids, and one cut in half."""
    folder = tmp_path_factory.mktemp("recipes")
    return make_cohort(
        folder, n_subjects=2, grids=2, n_maps=3, n_volumes=N_VOLUMES, outliers=["truncated"]
    )


def run_recipe(name, *words, cwd):
    """Run a recipe as a process in a folder of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / "workflows" / name), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def bold_of(cohort, number):
    return cohort.folder / read_rows(cohort.runs_file)[number]["in_file"]


def test_one_run(cohort, tmp_path):
    row = read_rows(cohort.runs_file)[0]
    answer = run_recipe(
        "one_run.py",
        bold_of(cohort, 0),
        cohort.maps_file,
        "out",
        "--confounds",
        cohort.folder / row["confounds"],
        "--sample-mask",
        cohort.folder / row["sample_mask"],
        "--mask",
        cohort.folder / row["mask"],
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    run_id = cohort.run_ids[0]
    keep = read_sample_mask(cohort.folder / row["sample_mask"], N_VOLUMES)
    truth, _ = read_signals(cohort.truth_files[run_id])
    table = tmp_path / "out" / "sub-01" / "func" / f"{run_id}_atlas-maps_timeseries.tsv"
    assert recovery(read_signals(table)[0], truth, keep=keep).min() > 0.9


def test_cohort_under_multiproc(cohort, tmp_path):
    answer = run_recipe(
        "cohort_multiproc.py",
        *(cohort.runs_file, cohort.maps_file, "out", "--n-procs", "2"),
        cwd=tmp_path,
    )
    assert answer.returncode == 1, answer.stderr
    assert f"{cohort.run_ids[2]}: " in answer.stderr
    rows = read_rows(tmp_path / "out" / "runs.tsv")
    assert [row["status"] for row in rows] == ["done", "done", "failed"]
    for run_id in cohort.run_ids[:2]:
        folder = tmp_path / "out" / run_id.split("_")[0] / "func"
        for strategy in ("bandpass", "cosine"):
            table = folder / f"{run_id}_atlas-maps_desc-{strategy}_timeseries.tsv"
            assert read_signals(table)[0].shape[1] == 3


def test_within_a_preprocessing(cohort, tmp_path):
    answer = run_recipe(
        "within_preprocessing.py",
        *(cohort.maps_file, "out", bold_of(cohort, 0), bold_of(cohort, 1)),
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    for run_id in cohort.run_ids[:2]:
        folder = tmp_path / "out" / run_id.split("_")[0] / "func"
        signals, _ = read_signals(folder / f"{run_id}_atlas-maps_timeseries.tsv")
        assert signals.shape == (116, 3)
        assert (folder / f"{run_id}_desc-maps_bold.nii.gz").is_file()


def test_cohort_in_a_notebook(tmp_path):
    answer = run_recipe("cohort_in_a_notebook.py", "out", "--n-subjects", "3", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    first = "sub-01_task-rest"
    ends = [line for line in lines if line.startswith(("sub-01", "sub-02", "sub-03"))]
    assert len([line for line in ends if ": todo" in line]) == 2
    assert len([line for line in ends if ": done, " in line]) == 3
    assert len([line for line in ends if ": was up to date" in line]) == 2
    told = [line for line in lines if line.endswith("runs; 0 failed")]
    assert told[-1].startswith("1 of 1 runs")  # of the run that was added, alone
    assert any(line.startswith("look at ") for line in lines), first
    assert (tmp_path / "out" / "results" / "report.html").is_file()


def test_compare_connectomes(tmp_path):
    name, words = "compare_connectomes.py", ("--n-subjects", "8")
    theirs = run_recipe(name, *words, "--reference", cwd=tmp_path)
    assert theirs.returncode == 0, theirs.stderr
    assert re.match(r"correlation: 0\.\d{4} \(sum \d+\.\d{6}\)", theirs.stdout)
    for more in ((), ("--n-jobs", "2")):
        ours = run_recipe(name, *words, *more, cwd=tmp_path)
        assert ours.stdout == theirs.stdout, ours.stderr


def test_strategies_to_group(tmp_path):
    runs = [FmriprepRun(source=f"sub-{number:02d}_task-rest") for number in (1, 2)]
    data = make_fmriprep_folder(tmp_path, runs, n_volumes=60, is_lifelike=True)
    space = "MNI152NLin2009cAsym"
    answer = run_recipe(
        "strategies_to_group.py",
        *(data.root, data.maps_files[space], "out", "--space", space),
        *("--denoise", "none", "24P", "--n-procs", "1"),
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    assert re.findall(r"(\w+): 2 connectomes, QC-FC n/a, (\d+)%", answer.stdout) == [
        ("24P", "40"),
        ("none", "0"),
    ]
    rows = read_rows(tmp_path / "out" / "group_qcfc.tsv")
    assert {row["strategy"]: row["subjects"] for row in rows} == {"none": "2", "24P": "2"}


def test_every_recipe_is_tested():
    places = [Path(__file__), ROOT / "tests" / "slurm" / "test_demo_cohort.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in places)
    assert len(RECIPES) >= 3
    assert all(f'"{path.name}"' in text for path in RECIPES)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_help_needs_no_data(path, tmp_path):
    answer = run_recipe(path.name, "--help", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage:")


@pytest.mark.parametrize("plugin", ["Linear", "MultiProc", "MapsmaskerMultiProc"])
def test_own_pipeline(tmp_path, plugin):
    tiny = make_tiny(tmp_path / "data", grids=(0, 0, 0))
    words = [tiny.folder, tiny.maps_file, "out", "01", "02", "03", "--plugin", plugin]
    answer = run_recipe("own_pipeline.py", *words, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    check_own_pipeline(tmp_path / "out", tiny)


def check_own_pipeline(out, tiny):
    """What the author's graph should have made of a tiny cohort: own signals, sunk and joined."""
    deviations = []
    for number, run_id in enumerate(tiny.run_ids, start=1):
        files = run_files(out / "masker", run_id)
        raw, names = read_signals(files.raw("maps"))
        (sunk,) = (out / "sink" / f"{number:02d}" / "signals").rglob("centred.tsv")
        own, _ = read_signals(sunk)
        np.testing.assert_allclose(own, raw - np.median(raw, axis=0), atol=1e-9)
        stored = files.timeseries("maps", "", "tsv")
        assert stored.read_bytes() == sunk.read_bytes()
        assert files.report("maps", "").exists()
        deviations.append(own.std(axis=0))
    joined, same = read_signals(out / "sink" / "all" / "deviations.tsv")
    assert same == names
    np.testing.assert_allclose(joined, deviations, rtol=1e-9)
    assert len(list((out / "work").rglob("operator.npz"))) == 1 + 3  # one fit; links to it
    assert not list((out / "sink").rglob("fault*"))
