# SPDX-License-Identifier: Apache-2.0
"""`ResampleImage`: SciPy's numbers, by files."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import affine_transform

from nipype_mapsmasker.interfaces import ResampleImage
from tests.tiny import GRIDS

ORDERS = {"continuous": 3, "linear": 1, "nearest": 0}
"""Order of SciPy's spline for each interpolation."""


def array_of(path):
    return np.asarray(nib.load(path).dataobj, dtype=float)


@pytest.mark.parametrize("interpolation", ORDERS)
def test_resampling_is_scipys(tiny, tmp_path, interpolation):
    step = ResampleImage(
        in_file=tiny.in_files[0],
        reference_file=tiny.in_files[1],
        interpolation=interpolation,
        dtype="float64",
    )
    image = nib.load(step.run(cwd=tmp_path).outputs.out_file)
    np.testing.assert_allclose(image.affine, GRIDS[1].affine)
    to_source = np.linalg.inv(GRIDS[0].affine) @ GRIDS[1].affine
    data = array_of(tiny.in_files[0])
    expected = np.stack(
        [
            affine_transform(
                data[..., t],
                to_source[:3, :3],
                to_source[:3, 3],
                GRIDS[1].shape,
                order=ORDERS[interpolation],
                mode="constant",
            )
            for t in range(data.shape[-1])
        ],
        axis=-1,
    )
    np.testing.assert_allclose(np.asarray(image.dataobj), expected, atol=1e-8)


def test_resampling_onto_a_named_grid(tiny, tmp_path):
    step = ResampleImage(
        in_file=tiny.mask_file,
        target_affine=GRIDS[1].affine.tolist(),
        target_shape=GRIDS[1].shape,
        interpolation="nearest",
        fill_value=7.0,
    )
    data = array_of(step.run(cwd=tmp_path).outputs.out_file)
    assert data.shape == GRIDS[1].shape
    assert set(np.unique(data)) == {0, 1, 7}


def test_resampling_clips_to_the_range_of_the_input(tiny, tmp_path):
    step = ResampleImage(in_file=tiny.in_files[0], reference_file=tiny.in_files[1], clip=True)
    data, source = array_of(step.run(cwd=tmp_path).outputs.out_file), array_of(tiny.in_files[0])
    assert data.min() >= min(source.min(), 0) - 1e-4
    assert data.max() <= source.max() + 1e-4


@pytest.mark.parametrize("reference", [0, None])
def test_what_is_on_the_grid_is_passed_on(tiny, tmp_path, reference):
    inputs = {} if reference is None else {"reference_file": tiny.in_files[reference]}
    step = ResampleImage(in_file=tiny.in_files[2], **inputs)
    assert step.run(cwd=tmp_path).outputs.out_file == tiny.in_files[2]
    assert not list(tmp_path.iterdir())


def test_no_image_stays_none(tmp_path):
    assert ResampleImage(in_file=None).run(cwd=tmp_path).outputs.out_file is None
