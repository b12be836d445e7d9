# SPDX-License-Identifier: Apache-2.0
"""Masks on a real run, against nilearn asked in the test: on the run's grid and on another."""

import warnings

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiMapsMasker

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.workflows import init_cohort_wf

from .conftest import assert_close

SETTINGS = {
    "mask on the runs' grid": ("data", {}),
    "and smoothing": ("data", {"smoothing_fwhm": 8.0}),
    "mask on the maps' grid, data": ("other", {}),
    "mask on the maps' grid, mask": ("other", {"resampling_target": "mask"}),
    "mask on the runs' grid, maps": ("data", {"resampling_target": "maps"}),
}
"""Which grid the mask is on, and the options."""


def double(path):
    """Load an image with its values in float64, as the reference has to be computed."""
    image = nib.load(path)
    return nib.Nifti1Image(np.asarray(image.dataobj, dtype=np.float64), image.affine)


@pytest.fixture(scope="session")
def masks(real, run_rows, tmp_path_factory):
    """A mask on the grid of the runs, and one on that of the maps."""
    folder = tmp_path_factory.mktemp("masks")
    paths = {}
    for name, path in (("data", run_rows[0]["in_file"]), ("other", real / "caren5_maps.nii.gz")):
        image = nib.load(path)
        volume = np.abs(np.asarray(image.dataobj)).max(axis=-1)
        inside = volume > np.percentile(volume, 60)
        paths[name] = folder / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(inside.astype(np.uint8), image.affine), paths[name])
    return paths


@pytest.mark.parametrize("setting", SETTINGS)
def test_masks(setting, real, run_rows, masks, tmp_path):
    where, options = SETTINGS[setting]
    workflow = init_cohort_wf(out_dir=str(tmp_path / "out"), reports=False, **options)
    workflow.base_dir = str(tmp_path / "work")
    inputs = workflow.inputs.inputnode
    row = run_rows[0]
    inputs.run_ids = [row["run_id"]]
    inputs.in_files = [row["in_file"]]
    inputs.maps_img = str(real / "caren5_maps.nii.gz")
    inputs.mask_img = str(masks[where])
    workflow.run()
    signals, _ = read_signals(run_files(tmp_path / "out", row["run_id"]).timeseries("maps"))
    assert_close(signals, reference(real, row["in_file"], masks[where], options))


def reference(real, in_file, mask, options):
    """Extract by nilearn, whose remarks on its own resampling are not our concern."""
    masker = NiftiMapsMasker(
        double(real / "caren5_maps.nii.gz"),
        mask_img=nib.load(mask),
        standardize=None,
        keep_masked_maps=True,
        **({"resampling_target": "data"} | options),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return masker.fit_transform(double(in_file))
