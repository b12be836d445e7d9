# SPDX-License-Identifier: Apache-2.0
"""Mean images: what is kept of one is what its file says."""

from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.io import means
from nipype_mapsmasker.io.images.reader import read_volumes

GRID = Grid(
    (5, 4, 3), np.array([[-2.1, 0.3, 0, 1 / 3], [0.3, 2.1, 0, 2], [0, 0, 3, 4], [0, 0, 0, 1]])
)


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    means.forget_mean()


def some_mean(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1000, 300, GRID.n_voxels)


def test_what_is_kept_is_what_the_file_holds(tmp_path: Path) -> None:
    path = means.write_mean(tmp_path / "mean.nii.gz", GRID, some_mean())
    kept, kept_affine = means.read_mean(path)
    means.forget_mean()
    read, affine = means.read_mean(path)
    assert kept is not read
    assert kept.dtype == read.dtype == np.float32
    assert kept.strides == read.strides
    np.testing.assert_array_equal(kept, read)
    np.testing.assert_array_equal(kept, read_volumes(path, ndim=3, dtype=np.float32))
    np.testing.assert_array_equal(kept_affine, affine)
    np.testing.assert_allclose(kept_affine, GRID.affine, atol=1e-6)


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = means.write_mean(tmp_path / "mean.nii.gz", GRID, some_mean())
    other = means.write_mean(tmp_path / "other.nii.gz", GRID, some_mean(1))
    expected = some_mean(1).astype(np.float32).reshape(GRID.shape, order="F")
    np.testing.assert_array_equal(means.read_mean(other)[0], expected)
    other.replace(path)
    np.testing.assert_array_equal(means.read_mean(path)[0], expected)


def test_it_is_kept_once_and_cannot_be_changed(tmp_path: Path) -> None:
    path = means.write_mean(tmp_path / "mean.nii.gz", GRID, some_mean())
    first = means.read_mean(path)[0]
    assert means.read_mean(path)[0] is first
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0, 0] = 1.0


def test_large_images_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(means, "KEPT_BYTES", 4 * GRID.n_voxels - 1)
    path = means.write_mean(tmp_path / "mean.nii.gz", GRID, some_mean())
    assert means.read_mean(path)[0] is not means.read_mean(path)[0]
