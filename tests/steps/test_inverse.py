# SPDX-License-Identifier: Apache-2.0
"""Inverse transform from file to file, against nilearn's."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiMapsMasker

from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.inverse import inverse_transform
from tests.conftest import AFFINES, SHAPE

AFFINE = AFFINES["anisotropic"]


@pytest.fixture
def files(tmp_path: Path, maps: np.ndarray, signals: np.ndarray) -> dict[str, Path]:
    mask = (np.arange(np.prod(SHAPE)) % 3 > 0).reshape(SHAPE).astype(np.uint8)
    for name, data in (("maps", maps), ("mask", mask)):
        nib.save(nib.Nifti1Image(data, AFFINE), tmp_path / f"{name}.nii")
    reference = nib.Nifti1Image(np.zeros((6, 7, 8)), AFFINES["oblique"])
    nib.save(reference, tmp_path / "reference.nii")
    write_signals(tmp_path / "signals.tsv", signals, list("abc"))
    write_signals(tmp_path / "row.tsv", signals[:1], list("abc"))
    write_signals(tmp_path / "short.tsv", signals[:, :2], list("ab"))
    return {path.stem: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize("masked", [False, True])
def test_equals_nilearn_s(
    tmp_path: Path, files: dict[str, Path], signals: np.ndarray, masked: bool
) -> None:
    mask = files["mask"] if masked else None
    found = nib.load(
        inverse_transform(
            files["signals"], files["maps"], tmp_path / "out.nii.gz", mask_file=mask, t_r=2.5,
            dtype="float64",
        )
    )  # fmt: skip
    masker = NiftiMapsMasker(files["maps"], mask_img=mask, standardize=None).fit()
    expected = masker.inverse_transform(signals)
    assert np.abs(found.get_fdata() - expected.get_fdata()).max() < 1e-12
    assert np.allclose(found.affine, AFFINE)
    assert found.header.get_zooms()[3] == 2.5
    assert found.header.get_xyzt_units() == ("mm", "sec")


def test_on_the_grid_of_the_data(tmp_path: Path, files: dict[str, Path]) -> None:
    out = inverse_transform(
        files["signals"], files["maps"], tmp_path / "out.nii", reference_file=files["reference"]
    )
    found = nib.load(out)
    assert found.shape == (6, 7, 8, 11)
    assert np.allclose(found.affine, AFFINES["oblique"], atol=1e-6)


def test_one_row_is_a_3d_image(tmp_path: Path, files: dict[str, Path]) -> None:
    found = nib.load(inverse_transform(files["row"], files["maps"], tmp_path / "out.nii"))
    whole = nib.load(inverse_transform(files["signals"], files["maps"], tmp_path / "all.nii"))
    assert found.shape == SHAPE
    assert found.get_data_dtype() == np.float32
    assert np.array_equal(found.get_fdata(), whole.get_fdata()[..., 0])


def test_signals_of_other_maps_are_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    out = tmp_path / "out.nii"
    with pytest.raises(SignalError, match=r"short\.tsv has 2 columns, but .* has 3 maps; give"):
        inverse_transform(files["short"], files["maps"], out)
    assert not out.exists()
