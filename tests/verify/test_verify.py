# SPDX-License-Identifier: Apache-2.0
"""``mapsmasker verify``: the same, documented, or found."""

import re
import shutil
import sys
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker import CohortRequest, RunSpec, run_cohort
from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.testing import make_maps_file, make_run_file
from nipype_mapsmasker.verify.causes import causes_of

# nilearn warns of what it will change.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Make maps, labels, a mask and two runs."""
    tmp_path = tmp_path_factory.mktemp("data")
    maps = nib.load(make_maps_file(tmp_path / "maps.nii.gz", n_maps=3, seed=0))
    weights = np.asarray(maps.dataobj)
    for name, values in (("labels", weights.argmax(-1) + 1), ("mask", weights.max(-1) > 0.1)):
        image = nib.Nifti1Image(values.astype(np.uint8), maps.affine)
        image.to_filename(tmp_path / f"{name}.nii")
    for number in range(2):
        make_run_file(tmp_path / f"sub-{number}_bold.nii.gz", n_maps=3, n_volumes=90, seed=number)
    return tmp_path


@pytest.fixture
def folder(data, tmp_path):
    """Give a place with copies of them."""
    return shutil.copytree(data, tmp_path / "data")


def extracted(folder, *options):
    """Run the command on the runs; give the result folder."""
    out = folder / "out"
    words = [str(folder / "sub-*_bold.nii.gz"), str(out), "--maps", str(folder / "maps.nii.gz")]
    words += [str(folder / word) if word.endswith(".nii") else word for word in options]
    assert main(["run", *words, "--plugin", "Linear", "--no-reports", "-q"]) == 0
    return out


OPTIONS = {
    "plain": [],
    "band": ["--detrend", "--high-pass", "0.01", "--low-pass", "0.1", "--standardize", "zscore"],
    "smooth": ["--smoothing-fwhm", "6", "--high-variance-confounds", "--standardize", "zscore"],
    "seven": ["--high-variance-confounds", "--n-confounds", "7", "--mask", "mask.nii"],
    "cosine": ["--filter", "cosine", "--high-pass", "0.01", "--standardize", "zscore_sample"],
    "maps": ["--resampling-target", "maps", "--standardize", "psc"],
    "mask": ["--resampling-target", "mask", "--mask", "mask.nii", "--detrend"],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_results_are_the_references(folder, capsys, options):
    out = extracted(folder, *options)
    capsys.readouterr()
    assert main(["verify", str(out), "--runs", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert all(line.endswith(" SD, same") for line in said[1:])


def test_labels_are_the_references_or_resampled(folder, capsys):
    out = extracted(folder, "--maps", "labels.nii", "--mask", "mask.nii", "--output-format", "npy")
    assert main(["verify", str(out), "--runs", "1"]) == 0
    labels, maps = capsys.readouterr().out.splitlines()[1:]
    assert maps.endswith(" SD, same")
    assert labels.endswith(" SD, documented: labels are resampled by nearest voxel")


@pytest.mark.parametrize("kind", ["censored", "nan", "interpolated"])
def test_censored_volumes(folder, capsys, kind):
    keep = np.ones(90, dtype=int)
    keep[[4, 30, 31, 89]] = 0
    np.savetxt(folder / "keep.tsv", keep, fmt="%d", header="keep", comments="")
    run = next(folder.glob("sub-0_bold.nii.gz"))
    words = [str(run), str(folder / "out"), "--maps", str(folder / "maps.nii.gz")]
    words += ["--sample-mask", str(folder / "keep.tsv"), "--output-type", kind]
    assert main(["run", *words, "--plugin", "Linear", "--no-reports", "-q"]) == 0
    assert main(["verify", str(folder / "out")]) == 0
    assert capsys.readouterr().out.endswith(" SD, same\n")


def test_a_folder_above_is_refused(folder, capsys):
    extracted(folder)
    assert main(["verify", str(folder)]) == 2
    assert "holds no runs.tsv" in capsys.readouterr().err


def test_results_of_python_from_anywhere(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    np.savetxt("tilt.tsv", np.arange(90.0), header="tilt", comments="")
    runs = [
        RunSpec(run_id="a", in_file="sub-0_bold.nii.gz", confounds=["tilt.tsv"], mask="mask.nii"),
        RunSpec(run_id="b", in_file="sub-1_bold.nii.gz"),
    ]
    request = CohortRequest(
        input=runs, out_dir="out", maps=["maps.nii.gz"], plugin="Linear", reports=False
    )
    assert run_cohort(request).exit_code == 0
    # A later call with another atlas leaves what is known of the first.
    more = replace(request, input=runs[1:], maps=["labels.nii"], mask="mask.nii")
    assert run_cohort(more).exit_code == 0
    monkeypatch.chdir("/")
    assert main(["verify", str(folder / "out")]) == 0
    said = capsys.readouterr().out.splitlines()[1:]
    assert [line.rpartition(" SD, ")[2].partition(":")[0] for line in said] == [
        "same",
        "documented",
        "same",
    ]


def test_results_of_which_the_maps_are_not_known_are_refused(folder, capsys):
    out = extracted(folder)
    (out / ".mapsmasker" / "inputs.json").unlink()
    assert main(["verify", str(out)]) == 2
    assert "does not say which maps and mask sub-0" in capsys.readouterr().err


def test_a_documented_difference_is_named(folder, capsys):
    out = extracted(folder, "--dtype", "float32")
    assert main(["verify", str(out)]) == 0
    for line in capsys.readouterr().out.splitlines()[1:]:
        assert line.endswith("same") or "written in float32" in line


@pytest.mark.parametrize("options", [[], ["--dtype", "float32"]], ids=["plain", "documented"])
def test_one_changed_number_is_found(folder, capsys, options):
    out = extracted(folder, *options)
    file = next(path for path in out.rglob("sub-1*_timeseries.tsv") if "desc-raw" not in path.name)
    signals, names = read_signals(file)
    signals[40, 1] += 1e-3 * signals[:, 1].std()
    write_signals(file, signals, names)
    assert main(["verify", str(out)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [("UNEXPLAINED" in line) for line in said[1:3]] == [False, True]
    assert re.search(r"sub-1\S*_timeseries.tsv: 1\.0e-03 SD", said[2])


def test_runs_are_taken_at_random(folder, capsys):
    out = extracted(folder)
    capsys.readouterr()
    taken = set()
    for seed in range(2):  # which choose one each
        assert main(["verify", str(out), "--runs", "1", "--seed", str(seed)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        taken.add(lines[1].split(":")[0])
    assert len(taken) == 2


def test_a_folder_of_anything_else_is_refused(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "holds no runs.tsv" in capsys.readouterr().err


def test_without_nilearn(folder, monkeypatch, capsys):
    out = extracted(folder)
    monkeypatch.setitem(sys.modules, "nilearn", None)
    assert main(["verify", str(out)]) == 2
    assert "nipype-mapsmasker[verify]" in capsys.readouterr().err


ABOUT = {
    "censored": [],
    "steps": [],
    "warnings": [],
    "parameters": {"standardize": None},
    "masker": {
        "missing_voxels": "zero",
        "min_coverage": None,
        "resampling_target": "data",
        "interpolation": "continuous",
        "clip": True,
        "dtype": None,
    },
}


@pytest.mark.parametrize(
    ("changes", "paragraph"),
    [
        ({}, None),
        ({"censored": [3], "steps": ["butterworth"]}, "(1)"),
        ({"censored": [3], "steps": ["detrend"]}, "(9)"),
        ({"steps": ["cosine", "regress confounds"]}, "(3)"),
        ({"parameters": {"standardize": "psc"}}, "(6)"),
        ({"warnings": ["1 of 3 signals are constant; set to 0."]}, "(2)"),
        ({"masker": ABOUT["masker"] | {"missing_voxels": "exclude"}}, "(10)"),
        ({"masker": ABOUT["masker"] | {"dtype": "auto"}}, "float32"),
    ],
)
def test_causes_follow_from_what_was_done(changes, paragraph):
    causes = causes_of(ABOUT | changes)
    assert len(causes) == (paragraph is not None)
    assert all(paragraph in cause for cause in causes)
