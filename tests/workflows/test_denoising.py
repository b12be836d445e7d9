# SPDX-License-Identifier: Apache-2.0
"""Strategies, connectomes and dual regression in a workflow, from one reading of the image."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy
from nilearn.maskers import NiftiMapsMasker

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.testing import make_maps_file
from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf
from tests.bids_schema import validate, write_draft_schema
from tests.confounds_tables import write_run

N_VOLUMES = 140


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One run with a table of fMRIPrep, by three strategies."""
    folder = tmp_path_factory.mktemp("denoise")
    maps = make_maps_file(folder / "maps.nii.gz", n_maps=4)
    weights = nib.load(maps)
    table = write_run(folder)
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(4, N_VOLUMES)) * 20
    data = 1000 + weights.get_fdata() @ signals + rng.normal(size=(*weights.shape[:3], N_VOLUMES))
    nib.save(nib.Nifti1Image(data.astype(np.float32), weights.affine), folder / "bold.nii.gz")
    workflow = init_run_wf(
        denoise=["none", "scrubbing.5+gsr", {"name": "mine", "columns": ["csf"]}],
        connectivity=["pearson", "partial"],
        dual_regression=True,
        reports=False,
        out_dir=str(folder / "out"),
    )
    workflow.base_dir = str(folder / "work")
    given = workflow.inputs.inputnode
    given.run_id, given.in_file = "sub-01_task-rest", str(folder / "bold.nii.gz")
    given.confounds_files, given.maps_img, given.t_r = [str(table)], str(maps), 2.0
    workflow.run()
    return run_files(folder / "out", "sub-01_task-rest")


def test_the_validator_knows_matrices_outliers_and_maps(done, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(done.out_dir, copy)
    drafts = ("timeseries", "relmat", "outliers", "statmap")
    ignore = copy / ".bidsignore"
    lines = ignore.read_text().splitlines()
    kept = [line for line in lines if not any(word in line for word in drafts)]
    ignore.write_text("\n".join(kept) + "\n")
    schema = write_draft_schema(tmp_path / "schema.json")
    verdict = validate(copy, schema)
    assert verdict.errors == []
    # It would see a matrix without its measure, and maps without their statistic.
    names = run_files(copy, done.run_id)
    sidecar = names.relmat("partial", "maps", "mine", "json")
    said = json.loads(sidecar.read_text())
    del said["RelationshipMeasure"]
    sidecar.write_text(json.dumps(said))
    image = names.statmap("z", "maps", "mine")
    image.rename(image.with_name(image.name.replace("_stat-z", "")))
    table = names.outliers("mine")
    table.rename(table.with_name(table.name.replace("outliers", "outlier")))
    faults = " ".join(validate(copy, schema).errors)
    for word in ("RelationshipMeasure", "statmap", "outlier"):
        assert word in faults


def test_each_strategy_has_its_own_volumes_and_regressors(done):
    scrubbed = read_sample_mask(done.outliers("scrubbing5+gsr"), N_VOLUMES)
    plain = read_sample_mask(done.outliers("none"), N_VOLUMES)
    assert np.flatnonzero(~plain).tolist() == [0, 1]
    assert scrubbed.sum() < plain.sum()
    said = json.loads(done.sidecar("maps", "scrubbing5+gsr").read_text())
    assert len(said["confound_names"]) == 37
    assert said["selection"]["strategy"]["name"] == "scrubbing.5+gsr"
    assert said["n_kept"] == scrubbed.sum()
    cleaned = pd.read_csv(done.timeseries("maps", "scrubbing5+gsr"), sep="\t")
    assert len(cleaned) == scrubbed.sum()
    assert json.loads(done.sidecar("maps", "mine").read_text())["confound_names"] == ["csf"]


def test_connectomes_are_those_of_the_cleaned_signals(done):
    for label in ("none", "scrubbing5+gsr", "mine"):
        matrix = pd.read_csv(done.relmat("pearson", "maps", label), sep="\t", index_col="Node")
        cleaned = pd.read_csv(done.timeseries("maps", label), sep="\t")
        np.testing.assert_allclose(matrix, cleaned.corr(), atol=1e-12)
        said = json.loads(done.relmat("partial", "maps", label, "json").read_text())
        about = json.loads(done.sidecar("maps", label).read_text())
        assert said["DegreesOfFreedom"] == about["degrees_of_freedom"]


def test_dual_regression_gives_the_maps_back(done):
    effect = nib.load(done.statmap("effect", "maps", "none")).get_fdata()
    assert effect.shape[-1] == 4
    assert np.abs(nib.load(done.statmap("z", "maps", "none")).get_fdata()).max() > 20


@pytest.mark.parametrize(("asked", "made"), [(None, "float32"), ("float64", "float64")])
def test_images_are_of_the_type_that_is_asked_for(asked, made):
    workflow = init_cohort_wf(
        dual_regression=True, inverse_transform=True, dtype=asked, strategies={"": {}}
    )
    steps = [workflow.get_node(name) for name in workflow.list_node_names()]
    images = [step for step in steps if step.name.startswith(("dual_reg", "inverse_t"))]
    assert [step.inputs.dtype for step in images] == [made] * 2


def test_signals_are_those_of_nilearn_with_the_same_strategy(done):
    folder = done.out_dir.parent

    def load(name):
        image = nib.load(folder / name)
        return nib.Nifti1Image(image.get_fdata(), image.affine)  # nilearn would compute in float32

    confounds, kept = load_confounds_strategy(
        str(folder / "sub-01_task-rest_desc-preproc_bold.nii.gz"),
        "scrubbing",
        global_signal="basic",
        std_dvars_threshold=1e9,  # None would become 1.5
    )
    masker = NiftiMapsMasker(load("maps.nii.gz"), standardize=None)
    theirs = masker.fit_transform(load("bold.nii.gz"), confounds=confounds, sample_mask=kept)
    ours = pd.read_csv(done.timeseries("maps", "scrubbing5+gsr"), sep="\t")
    assert (np.abs(ours - theirs) / theirs.std(axis=0)).to_numpy().max() < 1e-6


@pytest.mark.parametrize("build", [init_run_wf, init_cohort_wf])
def test_six_strategies_read_an_image_once(build):
    names = ["none", "simple", "scrubbing.5+gsr", "compcor", "36P", "acompcor"]
    nodes = build(denoise=names, connectivity=["pearson"], reports=False).list_node_names()
    assert sum(name.startswith("extract") for name in nodes) == 1
    assert sum(name.startswith("clean_") for name in nodes) == 6
    assert sum(name.startswith("select_confounds_") for name in nodes) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"denoise": ["simple"], "high_pass": 0.01}, "asks for another one"),
        ({"denoise": ["simple"], "strategies": {"a": {}}}, "give one of the two"),
        ({"denoise": []}, "denoise is empty"),
        ({"denoise": ["simple"], "confounds_columns": ["csf"]}, "give one of the two"),
        ({"connectivity": ["correlation"]}, "'correlation' is not known"),
        ({"connectivity": ["pearson", "pearson"]}, "names a measure twice"),
        ({"connectivity": ["covariance"], "fisher_z": True}, "fisher_z is for correlations"),
        ({"dual_regression": True, "low_pass": 0.1}, "drop the filter"),
    ],
)
def test_what_does_not_go_together(words, message):
    with pytest.raises(ParameterError, match=message):
        init_cohort_wf(**words)
