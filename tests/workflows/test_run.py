# SPDX-License-Identifier: Apache-2.0
"""The workflow of one run gives what the cohort's gives, to the byte."""

from pathlib import Path

import pytest
from nipype.interfaces.base import Undefined

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf
from tests.tiny import results_of, set_inputs

CASES = {
    "plain": {},
    "maps": {"resampling_target": "maps"},
    "mask": {"resampling_target": "mask"},
    "smoothed": {"smoothing_fwhm": 6.0, "interpolation": "linear"},
    "exclude": {"missing_voxels": "exclude"},
    "variance": {"high_variance_confounds": True, "percentile": 10.0},
    "atlases": {"atlases": ["first", "second"], "dtype": "float32"},
    "band": {
        "strategies": {
            "band": {"detrend": True, "low_pass": 0.1, "high_pass": 0.01, "standardize": "psc"},
            "cosine": {"filter": "cosine", "high_pass": 0.02, "confounds_na": "zero"},
        }
    },
}
"""Parameters by a name for the test."""

PAIRS = {
    "timeseries_files": "timeseries_files",
    "signals_files": "signals_files",
    "coverage_files": "coverage_files",
    "reconstruction_files": "reconstruction_files",
    "mean_file": "mean_files",
}
"""Outputs of one run, and what they are called in a cohort."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("number", [0, 1])
def test_agrees_with_the_cohort(tiny, run, tmp_path, case, number):
    parameters = {"reports": False, "inverse_transform": True} | CASES[case]
    n_atlases = len(parameters.get("atlases", ["maps"]))
    shared = {
        "maps_img": [tiny.maps_file] * n_atlases,
        "labels_files": [tiny.labels_file] * n_atlases,
        "mask_img": tiny.mask_file,
    }
    cohort = init_cohort_wf(out_dir=str(tmp_path / "cohort"), **parameters)
    set_inputs(cohort, tiny, "confounds_files", "sample_mask_files", **shared)
    from_cohort = results_of(cohort, run(cohort))

    single = init_run_wf(out_dir=str(tmp_path / "run"), **parameters)
    inputs = single.inputs.inputnode
    inputs.run_id = tiny.run_ids[number]
    inputs.in_file = tiny.in_files[number]
    inputs.confounds_files = tiny.confounds_files[number]
    inputs.sample_mask_file = tiny.sample_mask_files[number]
    for name, value in shared.items():
        setattr(inputs, name, value)
    from_run = results_of(single, run(single))

    for name, plural in PAIRS.items():
        ours, theirs = from_run[name], from_cohort[plural][number]
        if name == "mean_file":
            ours, theirs = [ours], [theirs]
        assert len(ours) == len(theirs) > 0
        for first, second in zip(ours, theirs, strict=True):
            assert Path(first).read_bytes() == Path(second).read_bytes(), name
    assert from_run["fault_file"] is Undefined  # so that a DataSink finds nothing to store

    stored = sorted(path.relative_to(tmp_path / "run") for path in _tables(tmp_path / "run"))
    assert stored
    for path in stored:
        first, second = (tmp_path / kind / path for kind in ("run", "cohort"))
        assert first.read_bytes() == second.read_bytes()


def test_needs_only_an_image_and_maps(tiny, run):
    workflow = init_run_wf(reports=False)
    workflow.inputs.inputnode.in_file = tiny.in_files[0]
    workflow.inputs.inputnode.maps_img = tiny.maps_file
    results = results_of(workflow, run(workflow))
    assert len(results["timeseries_files"]) == 1


def test_records_a_fault(tiny, run, tmp_path):
    workflow = init_run_wf(reports=False, on_error="record", out_dir=str(tmp_path / "out"))
    inputs = workflow.inputs.inputnode
    inputs.run_id = "bad"
    inputs.in_file = str(tmp_path / "gone.nii.gz")
    inputs.maps_img = tiny.maps_file
    results = results_of(workflow, run(workflow))
    assert results["timeseries_files"] is Undefined
    assert "gone.nii.gz" in Path(results["fault_file"]).read_text()
    assert "gone.nii.gz" in (tmp_path / "out" / "logs" / "bad.txt").read_text()
    assert results["manifest_file"] is Undefined


def test_refuses_a_name_that_cannot_name_files(tiny, run, tmp_path):
    workflow = init_run_wf(reports=False, out_dir=str(tmp_path / "out"))
    inputs = workflow.inputs.inputnode
    inputs.run_id = "../elsewhere"
    inputs.in_file, inputs.maps_img = tiny.in_files[0], tiny.maps_file
    with pytest.raises(RuntimeError, match=r"run_id '\.\./elsewhere' cannot be part") as caught:
        run(workflow)
    assert ParameterError.__name__ in str(caught.value)
    assert not (tmp_path / "elsewhere").exists()


def _tables(folder):
    """List the results that hold no time or folder of their own."""
    return [*folder.rglob("*_timeseries.tsv"), *folder.rglob("*.nii.gz")]
