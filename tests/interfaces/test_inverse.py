# SPDX-License-Identifier: Apache-2.0
"""`InverseTransform`: signals to an image, by files."""

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.interfaces import ExtractSignals, InverseTransform
from nipype_mapsmasker.io.tables.signals import write_signals
from tests.tiny import GRIDS, N_MAPS, N_VOLUMES, values_of


@pytest.fixture
def signals_file(tmp_path, rng):
    """A table of random signals."""
    values = rng.standard_normal((N_VOLUMES, N_MAPS))
    return str(write_signals(tmp_path / "in.tsv", values, ["a", "b", "c"]))


def test_adds_up_the_maps(tiny, signals_file, tmp_path):
    step = InverseTransform(
        signals_file=signals_file, maps_file=tiny.maps_file, t_r=2.5, dtype="float64"
    )
    image = nib.load(step.run(cwd=tmp_path).outputs.out_file)
    maps = np.asarray(nib.load(tiny.maps_file).dataobj, dtype=float)
    np.testing.assert_allclose(np.asarray(image.dataobj), maps @ values_of(signals_file).T)
    assert image.header.get_zooms()[3] == 2.5
    np.testing.assert_allclose(image.affine, GRIDS[0].affine)


def test_extraction_brings_the_signals_back(tiny, fitted, signals_file, tmp_path):
    step = InverseTransform(signals_file=signals_file, maps_file=tiny.maps_file, dtype="float64")
    image = step.run(cwd=tmp_path).outputs.out_file
    outputs = ExtractSignals(in_file=image, operator_files=[fitted.operator_file]).run(
        cwd=tmp_path
    ).outputs  # fmt: skip
    np.testing.assert_allclose(
        values_of(outputs.signals_files[0]), values_of(signals_file), atol=1e-12
    )


def test_is_zero_outside_the_mask(tiny, signals_file, tmp_path):
    step = InverseTransform(
        signals_file=signals_file, maps_file=tiny.maps_file, mask_file=tiny.mask_file
    )
    data = np.asarray(nib.load(step.run(cwd=tmp_path).outputs.out_file).dataobj)
    inside = np.asarray(nib.load(tiny.mask_file).dataobj) > 0
    assert (data[~inside] == 0).all()
    assert (data[inside] != 0).all()


def test_comes_on_the_grid_of_a_reference(tiny, signals_file, tmp_path):
    step = InverseTransform(
        signals_file=signals_file, maps_file=tiny.maps_file, reference_file=tiny.in_files[1]
    )
    image = nib.load(step.run(cwd=tmp_path).outputs.out_file)
    assert image.shape == (*GRIDS[1].shape, N_VOLUMES)


def test_one_row_makes_a_volume(tiny, tmp_path):
    signals = write_signals(tmp_path / "one.tsv", np.ones((1, N_MAPS)), ["a", "b", "c"])
    step = InverseTransform(signals_file=str(signals), maps_file=tiny.maps_file)
    assert nib.load(step.run(cwd=tmp_path).outputs.out_file).ndim == 3


def test_refuses_another_number_of_signals(tiny, tmp_path):
    signals = write_signals(tmp_path / "two.tsv", np.ones((5, 2)), ["a", "b"])
    step = InverseTransform(signals_file=str(signals), maps_file=tiny.maps_file)
    with pytest.raises(SignalError, match=r"two\.tsv has 2 columns, but .*maps\.nii\.gz has 3"):
        step.run(cwd=tmp_path)
