# SPDX-License-Identifier: Apache-2.0
"""Dual regression from an image to maps."""

import json
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.dual_regression import DualRegressionInputs, dual_regression

SHAPE = (5, 6, 7)


def write_run(folder, rng, n_volumes=50, shape=SHAPE):
    signals = rng.normal(size=(n_volumes, 3))
    maps = rng.normal(size=(3, *shape))
    noise = rng.normal(size=(n_volumes, *shape))
    volumes = 500 + np.tensordot(signals, 10 * maps, 1) + noise
    image = nib.Nifti1Image(np.moveaxis(volumes, 0, -1).astype(np.float32), np.diag([3, 3, 3, 1]))
    nib.save(image, folder / "bold.nii.gz")
    file = write_signals(folder / "s.tsv", signals, ["a", "b", "c"])
    return {"in_file": str(folder / "bold.nii.gz"), "signals_file": str(file)}, maps, image


def test_planted_maps_come_back(tmp_path, rng):
    files, maps, image = write_run(tmp_path, rng)
    found = dual_regression(tmp_path, DualRegressionInputs(**files), standardize=False)
    effect = nib.load(found.effect_file)
    assert effect.shape == (*SHAPE, 3)
    np.testing.assert_array_equal(effect.affine, image.affine)
    for component in range(3):
        got = effect.get_fdata()[..., component]
        assert np.corrcoef(got.ravel(), maps[component].ravel())[0, 1] > 0.99
        assert abs(got.std() / (10 * maps[component]).std() - 1) < 0.05
    z = nib.load(found.z_file).get_fdata()
    assert (np.sign(z) == np.sign(effect.get_fdata())).mean() > 0.99
    said = json.loads(found.summary_file.read_text())
    assert (said["Components"], said["DegreesOfFreedom"]) == (["a", "b", "c"], 46)


def test_float64_holds_the_least_squares_coefficients(tmp_path, rng):
    files, _, image = write_run(tmp_path, rng)
    found = dual_regression(
        tmp_path, DualRegressionInputs(**files), standardize=False, dtype="float64"
    )
    signals = np.loadtxt(files["signals_file"], skiprows=1)
    design = np.column_stack([signals, np.ones(len(signals))])
    volumes = image.get_fdata().reshape(-1, len(signals)).T
    wanted = np.linalg.lstsq(design, volumes)[0][:3].T.reshape(*SHAPE, 3)
    effect = nib.load(found.effect_file)
    assert effect.get_data_dtype() == nib.load(found.z_file).get_data_dtype() == np.float64
    np.testing.assert_allclose(effect.get_fdata(), wanted, rtol=0, atol=1e-10 * wanted.std())


def test_outside_the_mask_maps_are_zero(tmp_path, rng):
    files, _, image = write_run(tmp_path, rng)
    inside = np.zeros(SHAPE, np.uint8)
    inside[1:3] = 1
    nib.save(nib.Nifti1Image(inside, image.affine), tmp_path / "mask.nii")
    whole = dual_regression(tmp_path, DualRegressionInputs(**files))
    everywhere = nib.load(whole.effect_file).get_fdata()
    inputs = DualRegressionInputs(**files, mask_file=str(tmp_path / "mask.nii"))
    masked = nib.load(dual_regression(tmp_path, inputs).effect_file).get_fdata()
    assert (masked[inside == 0] == 0).all()
    np.testing.assert_array_equal(masked[inside == 1], everywhere[inside == 1])


def test_confounds_line_and_cosines_are_fitted_as_well(tmp_path, rng):
    files, _, _ = write_run(tmp_path, rng)
    table = write_signals(tmp_path / "c.tsv", rng.normal(size=(50, 2)), ["x", "y"])
    inputs = DualRegressionInputs(**files, confounds_files=str(table), high_variance_file=None)
    found = dual_regression(tmp_path, inputs, detrend=True, high_pass=0.01, t_r=2.0)
    assert json.loads(found.summary_file.read_text())["DegreesOfFreedom"] == 50 - 3 - 1 - 2 - 1 - 2


def test_signals_of_another_run_are_refused(tmp_path, rng):
    files, _, _ = write_run(tmp_path, rng)
    other = write_signals(tmp_path / "o.tsv", rng.normal(size=(49, 3)), ["a", "b", "c"])
    with pytest.raises(SignalError, match=r"o\.tsv has 49 rows, where .*bold\.nii\.gz has 50"):
        dual_regression(tmp_path, DualRegressionInputs(**files | {"signals_file": str(other)}))


def test_memory_does_not_grow_with_volumes(tmp_path, rng):
    peaks = []
    for n_volumes in (600, 2400):  # both fill the reader's buffers
        folder = tmp_path / str(n_volumes)
        folder.mkdir()
        files, _, _ = write_run(folder, rng, n_volumes, (20, 20, 20))
        tracemalloc.start()
        dual_regression(folder, DualRegressionInputs(**files))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The longer run has 58 MB more of data, the design a few kB.
    assert peaks[1] < peaks[0] + 1e6
